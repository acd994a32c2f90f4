// Whether the other end of a socket is still there, told by what is heard from it.
//
// Silence is asked about: at once when an answer is being written, later when nothing is expected.
// Until the question is answered the connection is in doubt, and the page says so.

/** Silence after which we ask while nothing is expected: the gateway ticks every 30 s. */
export const SILENCE_MS = 35_000;
/** The same while an answer is being written: words come several times a second. */
export const OWED_SILENCE_MS = 8_000;
/** Our question unanswered for this long: the connection is in doubt. */
export const DOUBT_MS = 3_000;
/** Our question unanswered for this long: the connection is dead. */
export const PROBE_MAX_MS = 8_000;
/** The same while something large is on its way, before or behind our question: 20 MiB at 1 Mbit/s take 168 s. */
export const SLOW_MAX_MS = 180_000;

export class Liveness {
  #outside;
  #heardAt = 0;
  #probedAt = null;
  #isDoubtful = false;
  #timer = null;

  /**
   * `outside`: `clock`; `isOwed()` whether words are expected; `isSlow()` whether something large is on its
   * way; `ask()` sends a question that is answered at once; `onDoubt(doubtful)`; `onDead()`.
   */
  constructor(outside) {
    this.#outside = outside;
  }

  /** The socket is open. */
  start() {
    this.stop();
    this.#heardAt = this.#now();
    this.#arm();
  }

  stop() {
    this.#outside.clock.clearTimeout(this.#timer);
    this.#probedAt = null;
    this.#isDoubtful = false;
  }

  heard() {
    this.#heardAt = this.#now();
    this.#probedAt = null;
    this.#doubt(false);
    this.#arm();
  }

  /** What is expected has changed. */
  rearm() {
    if (this.#probedAt === null) this.#arm();
  }

  /** Asks now, unless something was heard a moment ago; `suspicious` when there is a reason to doubt already. */
  check(suspicious) {
    if (this.#probedAt !== null) return;
    if (suspicious || this.#now() - this.#heardAt > PROBE_MAX_MS) this.#probe();
    if (suspicious) this.#doubt(true);
  }

  #now() {
    return this.#outside.clock.now();
  }

  #later(wait, then) {
    const { clock } = this.#outside;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(then, wait);
  }

  #arm() {
    const limit = this.#outside.isOwed() ? OWED_SILENCE_MS : SILENCE_MS;
    this.#later(Math.max(0, this.#heardAt + limit - this.#now()), () => this.#look(limit));
  }

  #look(limit) {
    if (this.#now() - this.#heardAt >= limit) this.#probe();
    else this.#arm();
  }

  #probe() {
    this.#probedAt = this.#now();
    this.#outside.ask();
    this.#later(DOUBT_MS, () => {
      this.#doubt(true);
      this.#await(PROBE_MAX_MS - DOUBT_MS);
    });
  }

  #await(wait) {
    this.#later(wait, () => {
      const limit = this.#outside.isSlow() ? SLOW_MAX_MS : PROBE_MAX_MS;
      if (this.#now() - this.#probedAt >= limit) this.#outside.onDead();
      else this.#await(PROBE_MAX_MS);
    });
  }

  #doubt(doubtful) {
    if (this.#isDoubtful === doubtful) return;
    this.#isDoubtful = doubtful;
    this.#outside.onDoubt(doubtful);
  }
}
