// When the page lets the machine sleep: an open tab must not keep it awake.
//
// The socket is closed when nothing is going on and nobody looks, and opened again by the first
// sign of a person. What happened in the meantime is in the histories, which are read then.

/** A page that cannot be seen rests after this long: long enough to look something up elsewhere. */
export const HIDDEN_MS = 60_000;
/** A page that is seen and not touched rests after this long. */
export const UNTOUCHED_MS = 600_000;
/** While something goes on, it is looked at again after this long. */
const BUSY_LOOK_MS = 5_000;

export class Rest {
  #outside;
  #isHidden;
  #touchedAt;
  #hiddenAt;
  #timer = null;

  /** `outside`: `clock`, `isBusy()`, `sleep()`, `wake()`, and `isHidden` at the beginning. */
  constructor(outside) {
    this.#outside = outside;
    this.#isHidden = outside.isHidden;
    this.#touchedAt = outside.clock.now();
    this.#hiddenAt = this.#touchedAt;
    this.#arm();
  }

  /** A person did something on the page. */
  touched() {
    this.#touchedAt = this.#outside.clock.now();
    this.#outside.wake();
    this.#arm();
  }

  /** The page came into sight, or went out of it. */
  seen(isVisible) {
    this.#isHidden = !isVisible;
    if (isVisible) this.touched();
    else {
      this.#hiddenAt = this.#outside.clock.now();
      this.#arm();
    }
  }

  /** The page was left: a browser may keep it for a way back, with its socket, and let no time pass in it. */
  left() {
    this.#outside.clock.clearTimeout(this.#timer);
    this.#outside.sleep();
  }

  get #restsAt() {
    const untouched = this.#touchedAt + UNTOUCHED_MS;
    return this.#isHidden ? Math.min(untouched, this.#hiddenAt + HIDDEN_MS) : untouched;
  }

  #arm(wait = this.#restsAt - this.#outside.clock.now()) {
    const { clock } = this.#outside;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.#look(), Math.max(0, wait));
  }

  #look() {
    if (this.#restsAt > this.#outside.clock.now()) this.#arm();
    else if (this.#outside.isBusy()) this.#arm(BUSY_LOOK_MS);
    else this.#outside.sleep();
  }
}
