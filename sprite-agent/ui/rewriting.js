// Taking a message back with what followed it, so that another one can take its place.
//
// Only an assistant that can rewind its own memory does that. With any other one a message is written
// again at the end of the conversation: nothing is shown as gone that it still has in mind.

const REWIND = 'arca.conversation.rewind';
const FORK = 'arca.conversation.fork';

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

  /** Whether a conversation can go on from an earlier message in another one. */
  get canFork() {
    return this.#can(FORK);
  }

  /** A new conversation with all that stood before the question `id`: `{key, text}`, the text of that question. */
  async fork(key, id) {
    const entry = await this.#entryOf(key, id);
    const { sessionKey, editorText = '' } = await this.#request(FORK, { sessionKey: key, entryId: entry });
    return { key: sessionKey, text: editorText };
  }

  /** Takes the question `id` of `key` back, and all that followed. Rejects with the gateway's reason. */
  async rewind(key, id) {
    const entry = await this.#entryOf(key, id);
    await this.#request(REWIND, { sessionKey: key, entryId: entry });
    this.#apply({ type: 'rewound', key, id });
  }

  async #entryOf(key, id) {
    const known = this.#entry(key, id);
    // It was asked since the history was read.
    if (!known) await this.#readNewest(key);
    const entry = known ?? this.#entry(key, id);
    if (!entry) throw new Error('the assistant has no note of this message');
    return entry;
  }

  #entry(key, id) {
    return this.#state().threads[key]?.messages.find((message) => message.id === id)?.entry ?? null;
  }
}
