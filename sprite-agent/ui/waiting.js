// What waits to be sent, as all tabs of a browser and a page that is loaded again have it in common.

export class Waiting {
  #memory;
  /** Ids of messages that the browser keeps: where it keeps nothing, only this tab has them. */
  #kept = new Set();

  constructor(memory) {
    this.#memory = memory;
  }

  /** Whether another tab has sent the message `id` of the conversation `key`, or taken it back. */
  isElsewhere(key, id) {
    return this.#kept.has(id) && !this.#memory.isQueued(key, id);
  }

  /** `[key, messages]` of every conversation in which something waits. */
  all() {
    return this.#memory.queued().map((key) => [key, this.#memory.queue(key).map(messageOf)]);
  }

  /** Keeps what came to the queues of `threads` since they were `before`, and drops what has left them. */
  keep(before, threads) {
    for (const { key, queue } of Object.values(threads)) {
      const known = before[key]?.queue ?? [];
      if (known === queue) continue;
      for (const { id } of known.filter((message) => !queue.includes(message))) this.#memory.dropQueued(key, id);
      for (const message of queue) this.#keep(key, message);
    }
  }

  /** Takes everything of `thread` out, and returns what no other tab has taken. */
  takeAll({ key, queue }) {
    const taken = queue.filter(({ id }) => !this.isElsewhere(key, id));
    for (const { id } of taken) this.#memory.dropQueued(key, id);
    return taken;
  }

  /** Nothing of the conversation `key` is to be sent any more. */
  drop(key) {
    for (const { id } of this.#memory.queue(key)) this.#memory.dropQueued(key, id);
  }

  #keep(key, { id, text, files, lacksFiles }) {
    if (this.#kept.has(id) || text === '') return;
    this.#memory.keepQueued(key, { id, text, hadFiles: lacksFiles || files.length > 0 });
    if (this.#memory.isQueued(key, id)) this.#kept.add(id);
  }
}

/** The files themselves are kept nowhere. */
function messageOf({ id, text, hadFiles }) {
  return { id, text, files: [], lacksFiles: Boolean(hadFiles) };
}
