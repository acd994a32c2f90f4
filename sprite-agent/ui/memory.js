// What this browser remembers: settings, titles, drafts. Nothing here leaves it.
//
// Signing out, here or on the site, clears the origin's storage (`Clear-Site-Data`), and this with it.

/** Titles and drafts kept; the least recently written go first. */
const ENTRIES_MAX = 500;

/** Characters of a draft that are kept; a longer one is kept up to here. */
const DRAFT_MAX = 100_000;

export const DEFAULT_SETTINGS = Object.freeze({ theme: 'auto', text: 'medium', enterSends: null });

const CHOICES = {
  theme: ['auto', 'light', 'dark'],
  text: ['small', 'medium', 'large'],
  enterSends: [true, false, null],
};

/** `raw` with everything that is no valid choice replaced by the default. */
export function checkedSettings(raw) {
  const settings = { ...DEFAULT_SETTINGS };
  for (const [name, choices] of Object.entries(CHOICES)) {
    if (choices.includes(raw?.[name])) settings[name] = raw[name];
  }
  return settings;
}

function queueOf(kept) {
  return Array.isArray(kept) ? kept.filter((message) => typeof message?.id === 'string' && typeof message.text === 'string') : [];
}

export class Memory {
  #storage;

  /** `storage` is `localStorage` or has its shape; `null` where the browser refuses it. */
  constructor(storage) {
    this.#storage = storage;
  }

  settings() {
    return checkedSettings(this.#read('arca.settings'));
  }

  keepSettings(settings) {
    this.#write('arca.settings', checkedSettings(settings));
  }

  /** `{title, renamed}` of a conversation, or `undefined`. */
  title(key) {
    return this.#entry('arca.titles', key);
  }

  /** The same of every conversation, by key: reading them one by one would parse all of them each time. */
  titles() {
    return new Map(Object.entries(this.#read('arca.titles') ?? {}));
  }

  keepTitle(key, title, renamed) {
    this.#keepEntry('arca.titles', key, { title, renamed });
  }

  dropTitle(key) {
    this.#keepEntry('arca.titles', key, undefined);
  }

  draft(key) {
    const draft = this.#entry('arca.drafts', key);
    return typeof draft === 'string' ? draft : '';
  }

  /** The same of every conversation that has one, by key. */
  drafts() {
    return new Map(Object.entries(this.#read('arca.drafts') ?? {}).filter(([, draft]) => typeof draft === 'string'));
  }

  keepDraft(key, text) {
    this.#keepEntry('arca.drafts', key, text === '' ? undefined : text.slice(0, DRAFT_MAX));
  }

  /**
   * Messages `{id, text, hadFiles, names, wasSent}` of a conversation that are not with the assistant yet. All tabs of a
   * browser have them in common, so that each is put in and taken out by itself.
   */
  queue(key) {
    return queueOf(this.#entry('arca.queues', key));
  }

  /** The conversations in which something waits. */
  queued() {
    return Object.entries(this.#read('arca.queues') ?? {}).filter(([, kept]) => queueOf(kept).length > 0).map(([key]) => key);
  }

  isQueued(key, id) {
    return this.queue(key).some((message) => message.id === id);
  }

  keepQueued(key, { id, text, hadFiles, names, wasSent }) {
    if (!this.isQueued(key, id)) this.#keepQueue(key, [...this.queue(key), { id, text, hadFiles, names, wasSent }]);
  }

  dropQueued(key, id) {
    this.#keepQueue(key, this.queue(key).filter((message) => message.id !== id));
  }

  #keepQueue(key, messages) {
    this.#keepEntry('arca.queues', key, messages.length > 0 ? messages : undefined);
  }

  /** Whether anything is kept that was written and has not gone to the assistant. */
  keepsWriting() {
    return this.drafts().size > 0 || this.queued().length > 0;
  }

  /** Conversations whose deletion is not finished: `[key, wasAsked]`. */
  deletions() {
    return Object.entries(this.#read('arca.deletions') ?? {});
  }

  keepDeletion(key, wasAsked) {
    this.#keepEntry('arca.deletions', key, wasAsked);
  }

  /** The conversation that was looked at last, or `undefined`. */
  lastOpen() {
    const key = this.#entry('arca.last', 'key');
    return typeof key === 'string' ? key : undefined;
  }

  keepLastOpen(key) {
    this.#keepEntry('arca.last', 'key', key);
  }

  /** What the person wants to be called, or an empty text. */
  name() {
    const name = this.#entry('arca.person', 'name');
    return typeof name === 'string' ? name : '';
  }

  keepName(name) {
    this.#keepEntry('arca.person', 'name', name);
  }

  /** When the last thing of a kind was told that is told once; `null` when none was. */
  lastTold(kind) {
    return this.#entry('arca.told', kind) ?? null;
  }

  keepTold(kind, value) {
    this.#keepEntry('arca.told', kind, value);
  }

  forget(key) {
    this.dropTitle(key);
    this.#keepEntry('arca.drafts', key, undefined);
    this.#keepEntry('arca.queues', key, undefined);
  }

  /** The workspace is gone: nothing of it stays in the browser, and nothing comes to it. */
  end() {
    this.#storage?.clear();
    this.#storage = null;
  }

  #entry(shelf, key) {
    const entries = this.#read(shelf);
    return entries && Object.hasOwn(entries, key) ? entries[key] : undefined;
  }

  #keepEntry(shelf, key, value) {
    const { [key]: _, ...others } = this.#read(shelf) ?? {};
    const entries = Object.entries(others);
    if (value !== undefined) entries.push([key, value]);
    this.#write(shelf, Object.fromEntries(entries.slice(-ENTRIES_MAX)));
  }

  #read(name) {
    try {
      const value = JSON.parse(this.#storage.getItem(name));
      return value && typeof value === 'object' ? value : null;
    } catch {
      return null;
    }
  }

  #write(name, value) {
    try {
      this.#storage.setItem(name, JSON.stringify(value));
    } catch {
      // Storage full or refused: the page works, it only forgets.
    }
  }
}
