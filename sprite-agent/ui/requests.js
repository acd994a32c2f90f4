// The requests of one connection that wait for an answer.

/** An answer that has not come after this long counts as lost. Gateways under load take seconds. */
export const ANSWER_MAX_MS = 30_000;
/** The same where request or answer can be large: 20 MiB at 1 Mbit/s take 168 s. */
export const LARGE_MAX_MS = 180_000;
/** Requests under way at once; a page needs a handful. */
export const PENDING_MAX = 64;
/** Methods whose answer, or request, can be megabytes. */
const LARGE = ['chat.history', 'chat.send', 'chat.message.get', 'artifacts.download'];
/** A request of more characters than this takes seconds on a slow line. */
const LARGE_CHARS = 64 << 10;

/** Why a request has no good answer. `code` is the gateway's, or `LOST`, `TIMEOUT`, `OFFLINE`, `BUSY`. */
export class RequestError extends Error {
  constructor(code, message, details = null) {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** Whether the request may have been carried out all the same, or can be later. */
  get uncertain() {
    return ['LOST', 'TIMEOUT', 'OFFLINE', 'UNAVAILABLE'].includes(this.code);
  }

  /** Whether the gateway cannot have seen the request: sending it again cannot act twice. */
  get unseen() {
    return ['OFFLINE', 'BUSY'].includes(this.code) || this.details?.reason === 'not-forwarded' || this.suspended;
  }

  /** Whether the gateway took nothing new just then, as for a moment before its machine may sleep. */
  get suspended() {
    return this.details?.reason === 'gateway-suspending';
  }
}

export class Requests {
  #clock;
  #pending = new Map();
  #lastId = 0;

  constructor(clock) {
    this.#clock = clock;
  }

  /** Whether something is on its way that can take minutes on a slow line. */
  get areLarge() {
    return [...this.#pending.values()].some(({ isLarge }) => isLarge);
  }

  /** Sends a request through `send(text)`; resolves with the payload of its answer. */
  ask(send, method, params, limit = null) {
    if (this.#pending.size >= PENDING_MAX) {
      return Promise.reject(new RequestError('BUSY', 'too many requests are waiting'));
    }
    const id = String(++this.#lastId);
    const text = JSON.stringify({ type: 'req', id, method, params });
    const isLarge = LARGE.includes(method) && (method !== 'chat.send' || text.length > LARGE_CHARS);
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        this.#pending.delete(id);
        reject(new RequestError('TIMEOUT', `the assistant did not answer ${method} in time`));
      }, limit ?? (isLarge ? LARGE_MAX_MS : ANSWER_MAX_MS));
      this.#pending.set(id, { resolve, reject, timer, isLarge });
      send(text);
    });
  }

  /** Settles the request that `frame` answers. */
  answered({ id, ok, payload, error }) {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    this.#pending.delete(id);
    this.#clock.clearTimeout(waiting.timer);
    if (ok) {
      waiting.resolve(payload ?? {});
      return;
    }
    const { code = 'ERROR', message = 'the assistant refused', details = null } = error ?? {};
    waiting.reject(new RequestError(code, message, details));
  }

  /** The connection is gone: nothing that waits will be answered. */
  lost() {
    for (const { reject, timer } of this.#pending.values()) {
      this.#clock.clearTimeout(timer);
      reject(new RequestError('LOST', 'the connection was lost'));
    }
    this.#pending.clear();
  }
}
