// A clock that goes when it is told to.

export class Clock {
  #now = 1_000_000;
  #timers = new Map();
  #lastId = 0;

  now = () => this.#now;

  setTimeout = (then, wait) => {
    this.#timers.set(++this.#lastId, { then, at: this.#now + wait });
    return this.#lastId;
  };

  clearTimeout = (id) => this.#timers.delete(id);

  /** Lets `ms` pass, timer by timer, and what they set off come to rest. */
  async pass(ms) {
    const end = this.#now + ms;
    for (;;) {
      await settled();
      const due = [...this.#timers].filter(([, timer]) => timer.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].then();
    }
    this.#now = end;
    await settled();
  }
}

/** Everything that was promised and can happen now has happened. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
