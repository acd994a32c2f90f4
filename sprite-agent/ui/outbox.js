// Messages on their way to the gateway.

/** How often the progress of an upload is looked at. */
const LOOK_MS = 300;

export class Outbox {
  #request;
  #apply;
  #clock;
  #unsentBytes;
  /** What is under way, by conversation. */
  #sending = new Map();

  /** `request(method, params)`, `apply(action)`, `clock`, `unsentBytes()` of the socket. */
  constructor({ request, apply, clock, unsentBytes }) {
    this.#request = request;
    this.#apply = apply;
    this.#clock = clock;
    this.#unsentBytes = unsentBytes;
  }

  /** Sends a question; resolves with whether its fate is unknown. */
  send(key, question, text, files) {
    const sending = this.#sending.get(key) ?? new Set();
    const delivery = this.#sendNow(key, question, text, files).finally(() => sending.delete(delivery));
    this.#sending.set(key, sending.add(delivery));
    return delivery;
  }

  /** Resolves when nothing of `key` is under way any more. */
  settled(key) {
    return Promise.allSettled(this.#sending.get(key) ?? []);
  }

  async #sendNow(key, question, message, files) {
    const watch = files.length > 0 ? this.#watch(key, question) : null;
    try {
      const { status } = await this.#request('chat.send', {
        sessionKey: key,
        message,
        idempotencyKey: question,
        ...(files.length > 0 && { attachments: files.map(attachmentOf) }),
      });
      this.#apply({ type: 'acknowledged', key, question, status });
      return false;
    } catch (error) {
      const { message: reason, uncertain = false, unseen = false } = error;
      this.#apply({ type: 'refused', key, question, error: reason, uncertain, unseen });
      return true;
    } finally {
      watch?.stop();
    }
  }

  /** Tells how much of a large message has gone, while it goes. */
  #watch(key, question) {
    let timer = null;
    let whole = 0;
    const look = () => {
      const left = this.#unsentBytes();
      whole = Math.max(whole, left);
      if (whole > 0) this.#apply({ type: 'progress', key, question, share: 1 - left / whole });
      timer = this.#clock.setTimeout(look, LOOK_MS);
    };
    timer = this.#clock.setTimeout(look, LOOK_MS);
    return { stop: () => this.#clock.clearTimeout(timer) };
  }
}

function attachmentOf({ name, type, content }) {
  return { type: type.startsWith('image/') ? 'image' : 'file', mimeType: type || 'application/octet-stream', fileName: name, content };
}
