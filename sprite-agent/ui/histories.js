// Reads the histories of conversations: the newest rows, and page by page what lies before them.

import { overlaps } from './rows.js';

/** Rows of one page: fifty exchanges, which a phone shows at once. */
const ROWS = 100;
/** After a page that did not come in time, fewer rows are asked for, down to these. */
const ROWS_MIN = 10;
/** Rows that are read once an answer has ended: more than one turn has, but for a long search or program. */
const END_ROWS = 20;
/** Characters of one row; the gateway's own default cuts long answers. */
const ROW_CHARS = 200_000;

export class Histories {
  #request;
  #apply;
  #state;
  #rows = ROWS;
  #reading = new Set();

  /** `request(method, params)`, `apply(action)` changes the state that `state()` tells. */
  constructor({ request, apply, state }) {
    this.#request = request;
    this.#apply = apply;
    this.#state = state;
  }

  /**
   * Reads the newest rows of `key`, unless they are being read.
   *
   * Resolves with `read`, `refused` (a clear no, which would be one again), `missing` (try again
   * later) or `busy`.
   */
  async readNewest(key) {
    if (this.#reading.has(key)) return 'busy';
    this.#reading.add(key);
    this.#apply({ type: 'reading', key });
    try {
      const payload = await this.#page(key, {});
      this.#apply({ type: 'history', key, payload });
      return 'read';
    } catch (error) {
      this.#apply(error.uncertain ? { type: 'unread', key } : { type: 'history', key, payload: null });
      return error.uncertain ? 'missing' : 'refused';
    } finally {
      this.#reading.delete(key);
    }
  }

  /**
   * Reads what an answer that has just ended has besides its text: files, model, tokens. Where that
   * cannot be read the answer stands as it was told.
   */
  async readEnd(key) {
    if (this.#reading.has(key)) return;
    const payload = await this.#request('chat.history', { sessionKey: key, limit: END_ROWS, maxChars: ROW_CHARS }).catch(() => null);
    const thread = this.#state().threads[key];
    // Whoever reads more at this moment tells the same.
    if (!payload || !thread || this.#reading.has(key)) return;
    if (payload.hasMore && !overlaps(thread, payload)) await this.readNewest(key);
    else this.#apply({ type: 'history', key, payload });
  }

  /** Reads the page of `key` before what is known; changes nothing when there is none. */
  async readEarlier(key) {
    const thread = this.#state().threads[key];
    if (!thread?.hasMore || thread.earlier === 'reading') return;
    this.#apply({ type: 'reading-earlier', key });
    let payload = null;
    try {
      payload = await this.#page(key, { offset: thread.offset });
    } catch {
      // Said in the thread, with a button that tries again.
    }
    this.#apply({ type: 'earlier', key, payload });
  }

  /** Reads `key` to its very first message, as far as that can be done now. */
  async readWhole(key) {
    for (;;) {
      const { hasMore, earlier } = this.#state().threads[key] ?? {};
      if (!hasMore || earlier !== 'idle') return;
      await this.readEarlier(key);
    }
  }

  /** Reads everything that `key` has, oldest first, for an export: `{rows, sessionId}`. */
  async readAll(key) {
    const rows = new Map();
    let offset = 0;
    for (;;) {
      const page = await this.#page(key, offset > 0 ? { offset } : {});
      const messages = Array.isArray(page.messages) ? page.messages : [];
      for (const row of [...messages].reverse()) rows.set(row.__openclaw?.id ?? rows.size, row);
      if (!page.hasMore || !(page.nextOffset > offset)) return [...rows.values()].reverse();
      offset = page.nextOffset;
    }
  }

  async #page(sessionKey, place) {
    try {
      const payload = await this.#request('chat.history', { sessionKey, limit: this.#rows, maxChars: ROW_CHARS, ...place });
      this.#rows = ROWS;
      return payload;
    } catch (error) {
      if (error.code === 'TIMEOUT' || error.code === 'LOST') this.#rows = Math.max(ROWS_MIN, Math.floor(this.#rows / 4));
      throw error;
    }
  }
}
