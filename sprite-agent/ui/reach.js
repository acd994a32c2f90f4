// Who waits for a connection that is being made: the first thing that a person does after a rest wakes it.

import { ANSWER_MAX_MS, PENDING_MAX, RequestError } from './requests.js';

/** As long as for an answer: a machine that has to wake and to start its gateway first takes seconds. */
export const REACH_MAX_MS = ANSWER_MAX_MS;

/** States in which the next greeting is under way, or tried for by itself. */
const COMING = ['connecting', 'reconnecting', 'preparing', 'starting', 'restarting'];

export class Reach {
  #clock;
  #waiting = new Set();

  constructor(clock) {
    this.#clock = clock;
  }

  /** Resolves at the next greeting. Rejects when `kind`, or what comes after it, leads to none, and when none comes in time. */
  wait(kind) {
    if (!COMING.includes(kind)) return Promise.reject(unreached());
    if (this.#waiting.size >= PENDING_MAX) return Promise.reject(new RequestError('BUSY', 'too many requests are waiting'));
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject };
      waiting.timer = this.#clock.setTimeout(() => this.#end(waiting, () => reject(unreached())), REACH_MAX_MS);
      this.#waiting.add(waiting);
    });
  }

  /** The connection is `kind` from now on. */
  became(kind) {
    if (COMING.includes(kind)) return;
    for (const waiting of [...this.#waiting]) {
      this.#end(waiting, () => (kind === 'online' ? waiting.resolve() : waiting.reject(unreached())));
    }
  }

  #end(waiting, settle) {
    this.#clock.clearTimeout(waiting.timer);
    this.#waiting.delete(waiting);
    settle();
  }
}

/** Of who asked where nothing can be asked. */
export function unreached() {
  return new RequestError('OFFLINE', 'not connected to the assistant');
}
