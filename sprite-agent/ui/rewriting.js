// Taking a message back with what followed it, so that another one can take its place.
//
// Only an assistant that can rewind its own memory does that. With any other one a message is written
// again at the end of the conversation: nothing is shown as gone that it still has in mind.

const REWIND = 'sessions.rewind';

export class Rewriting {
  #request;
  #apply;
  #state;
  #readNewest;
  #can;

  /** `request(method, params)`, `apply(action)`, `state()`, `readNewest(key)`, `can(method)`. */
  constructor({ request, apply, state, readNewest, can }) {
    this.#request = request;
    this.#apply = apply;
    this.#state = state;
    this.#readNewest = readNewest;
    this.#can = can;
  }

  /** Whether messages can be replaced, and not only written again. */
  get isPossible() {
    return this.#can(REWIND);
  }

  /** Takes the question `id` of `key` back, and all that followed. Rejects with the gateway's reason. */
  async rewind(key, id) {
    let entry = this.#entry(key, id);
    if (!entry) {
      // It was asked since the history was read.
      await this.#readNewest(key);
      entry = this.#entry(key, id);
    }
    if (!entry) throw new Error('the assistant has no note of this message');
    await this.#request(REWIND, { sessionKey: key, entryId: entry });
    this.#apply({ type: 'rewound', key, id });
  }

  #entry(key, id) {
    return this.#state().threads[key]?.messages.find((message) => message.id === id)?.entry ?? null;
  }
}
