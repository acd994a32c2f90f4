// What is not with the assistant yet, as all tabs of a browser and a page that is loaded again have it in common.

import { namesOf } from './queue.js';

export class Waiting {
  #memory;
  /** By id, whether it was sent: messages that the browser keeps. Where it keeps nothing, only this tab has them. */
  #kept = new Map();

  constructor(memory) {
    this.#memory = memory;
  }

  /** Whether another tab has sent the message `id` of the conversation `key`, or taken it back. */
  isElsewhere(key, id) {
    if (!this.#kept.has(id)) return false;
    const message = this.#memory.queue(key).find((candidate) => candidate.id === id);
    return !message || Boolean(message.wasSent) !== this.#kept.get(id);
  }

  /** `[key, messages]` of every conversation in which something waits; `withSent` also what a page has sent that may be gone. */
  all({ withSent }) {
    const messages = (key) => this.#memory.queue(key).map(messageOf).filter(({ wasSent }) => withSent || !wasSent);
    // What was sent was written before what waited for it.
    return this.#memory.queued().map((key) => [key, messages(key).sort((one, other) => other.wasSent - one.wasSent)]);
  }

  /** Keeps what came to `threads` and is not with the assistant since they were `before`, and drops what is. */
  keep(before, threads) {
    for (const [key, thread] of Object.entries(threads)) {
      const known = before[key];
      if (known?.queue === thread.queue && known.messages === thread.messages) continue;
      const open = openIn(thread);
      const ids = new Set(open.map(({ id }) => id));
      for (const { id } of known ? openIn(known) : []) if (!ids.has(id)) this.#drop(key, id);
      for (const message of open) this.#keep(key, message);
    }
  }

  /** Takes everything of `thread` out that has words, and returns what no other tab has taken. */
  takeAll(thread) {
    const { key } = thread;
    const taken = openIn(thread).filter(({ id, text }) => text !== '' && !this.isElsewhere(key, id));
    for (const { id } of taken) this.#drop(key, id);
    return taken;
  }

  /** Nothing of the conversation `key` is to be sent any more. */
  drop(key) {
    for (const { id } of this.#memory.queue(key)) this.#memory.dropQueued(key, id);
  }

  #keep(key, { id, text, files, lacksFiles, names = namesOf({ files }), wasSent = false }) {
    const hadFiles = lacksFiles || files.length > 0;
    if (this.#kept.has(id) || (text === '' && !hadFiles)) return;
    this.#memory.keepQueued(key, { id, text, hadFiles, names, wasSent });
    if (this.#memory.isQueued(key, id)) this.#kept.set(id, wasSent);
  }

  #drop(key, id) {
    if (!this.isElsewhere(key, id)) this.#memory.dropQueued(key, id);
    this.#kept.delete(id);
  }
}

/** What of `thread` waits, and what was asked and is not known to be with the assistant. */
function openIn({ queue, messages }) {
  const isOpen = ({ delivery, received }) => delivery === 'failed' || (delivery !== 'sent' && !received);
  const asked = messages.filter((message) => message.role === 'user' && isOpen(message));
  return [...asked.map(({ key, text, files }) => ({ id: key, text, files, lacksFiles: false, wasSent: true })), ...queue];
}

/** The files themselves are kept nowhere. */
function messageOf({ id, text, hadFiles, names, wasSent }) {
  return { id, text, files: [], lacksFiles: Boolean(hadFiles), names: namesOf({ names }), wasSent: Boolean(wasSent) };
}
