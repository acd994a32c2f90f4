// The gateway's list of conversations: read whole, kept up to date, renamed and deleted there.
//
// The gateway's word counts: a name or a deletion holds in every browser. What is asked of it
// shows at once and is taken back when the gateway refuses.

import { titleFrom } from './conversation-list.js';
import { deleteSession, sessionIdOf } from './deletion.js';

/** Rows asked for at a time. */
const PAGE_ROWS = 200;
/** Pages read at most: ten thousand conversations are more than a person has. */
const PAGES_MAX = 50;
/** Characters of a group's name: what fits on its line. */
const GROUP_MAX = 60;
/** Wait before the list is read again after something happened. */
const SOON_MS = 2_000;

export class Sessions {
  rows = [];
  /** Names of groups in the order in which they are shown. */
  groups = [];
  /** Whether the gateway has told all of them since the connection stands. */
  complete = false;
  #request;
  #memory;
  #clock;
  #onChange;
  #onGone;
  #names = new Map();
  /** By key: what of a conversation was changed and is not answered yet; a list that is on its way does not have it. */
  #changes = new Map();
  #removing;
  /** Deletions that go on now: what waits for a greeting is not begun once more by it. */
  #deleting = new Set();
  #reading = null;
  #again = false;
  #timer = null;

  /** `request(method, params)`, `memory`, `clock`, `onChange()`, `onGone(keys)` of what the gateway does not list any more. */
  constructor({ request, memory, clock, onChange, onGone }) {
    this.#request = request;
    this.#memory = memory;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#onGone = onGone;
    this.#removing = new Set(memory.deletions().map(([key]) => key));
  }

  has(key) {
    return this.rows.some((row) => row.key === key);
  }

  isRemoving(key) {
    return this.#removing.has(key);
  }

  /** The name a person gave `key`, whose row is `row`, or `undefined`. */
  name(key, row = this.rows.find((candidate) => candidate.key === key)) {
    return this.#names.get(key) ?? (row?.label || undefined);
  }

  clear() {
    this.rows = [];
    this.groups = [];
    this.complete = false;
    this.#names.clear();
    this.#onChange();
  }

  /** Reads the list in a moment; many calls read it once. */
  soon() {
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = null;
      this.read();
    }, SOON_MS);
  }

  /** Reads the whole list; while it is being read, one more reading is remembered. */
  async read() {
    if (this.#reading) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#readPages();
    await this.#reading;
    this.#reading = null;
    if (!this.#again) return undefined;
    this.#again = false;
    return this.read();
  }

  async #readPages() {
    const rows = new Map();
    let offset = 0;
    let isWhole = false;
    try {
      for (let page = 0; page < PAGES_MAX; page += 1) {
        const { sessions, hasMore, nextOffset } = await this.#request('sessions.list', {
          limit: PAGE_ROWS,
          offset,
          includeDerivedTitles: true,
        });
        for (const row of Array.isArray(sessions) ? sessions : []) rows.set(row.key, row);
        // What is known of later pages stays until they are read.
        if (!this.complete) this.#show(new Map([...this.rows.map((row) => [row.key, row]), ...rows]));
        isWhole = !hasMore;
        if (!hasMore || !(nextOffset > offset)) break;
        offset = nextOffset;
      }
      // A gateway without groups has conversations all the same.
      await this.#readGroups().catch(() => {});
      this.complete = true;
      const gone = isWhole ? this.rows.map(({ key }) => key).filter((key) => !rows.has(key)) : [];
      this.#show(rows);
      this.#carryNamesOver();
      if (gone.length > 0) this.#onGone(gone);
    } catch {
      // The list that is shown stays; the next greeting or answer reads it again.
    }
  }

  #show(rows) {
    this.rows = [...rows.values()].map((row) => ({ ...row, ...this.#changes.get(row.key) }));
    this.#onChange();
  }

  /** Names that this browser kept while conversations could not be renamed anywhere else. */
  #carryNamesOver() {
    const titles = this.#memory.titles();
    for (const { key, label } of this.rows) {
      const kept = titles.get(key);
      if (kept?.renamed && !label) this.rename(key, kept.title).catch(() => {});
    }
  }

  /** Names a conversation, in every browser. Rejects, and the old name is back, when it cannot be. */
  async rename(key, title) {
    const label = titleFrom(title);
    if (label === '') return;
    if (!this.has(key)) {
      // The gateway does not know it before its first message; the list carries the name over.
      this.#memory.keepTitle(key, label, true);
      this.#onChange();
      return;
    }
    this.#names.set(key, label);
    this.#onChange();
    try {
      await this.#request('sessions.patch', { key, label });
      this.#memory.keepTitle(key, label, false);
      await this.#listed();
      this.rows = this.rows.map((row) => (row.key === key ? { ...row, label } : row));
    } finally {
      if (this.#names.get(key) === label) this.#names.delete(key);
      this.#onChange();
    }
  }

  /** Resolves once no list is on its way: one may be older than what has just been answered. */
  #listed() {
    return this.#reading;
  }

  /** Pins a conversation, or lets it go. Rejects with the gateway's reason. */
  pin(key, pinned) {
    return this.#organise(key, { pinned });
  }

  /** Puts a conversation into the group `name`, which is begun if there is none; '' takes it out. Rejects with the reason. */
  async group(key, name) {
    const category = groupName(name) || null;
    if (category) await this.#begin(category);
    await this.#organise(key, { category });
  }

  /** Names a group anew; where there is one of that name already, both become one. Rejects with the reason. */
  async renameGroup(name, to) {
    const wanted = groupName(to);
    if (!wanted || wanted === name) return;
    await this.#request('sessions.groups.rename', { name, to: wanted });
    this.#regroup(name, wanted);
  }

  /** Ends a group; its conversations stay. Rejects with the reason. */
  async deleteGroup(name) {
    await this.#request('sessions.groups.delete', { name });
    this.#regroup(name, null);
  }

  #regroup(name, to) {
    this.groups = [...new Set(this.groups.map((known) => (known === name ? to : known)).filter(Boolean))];
    this.rows = this.rows.map((row) => (row.category === name ? { ...row, category: to } : row));
    this.#onChange();
  }

  /** The gateway takes the whole list: it is asked for first, so that none of another page's is lost. */
  async #begin(name) {
    if (this.groups.includes(name)) return;
    await this.#readGroups();
    if (this.groups.includes(name)) return;
    const names = [...this.groups, name];
    await this.#request('sessions.groups.put', { names });
    this.groups = names;
  }

  async #readGroups() {
    const { groups } = await this.#request('sessions.groups.list', {});
    this.groups = (Array.isArray(groups) ? groups : []).map(({ name }) => name);
  }

  /** Shows the `change` of a conversation at once, and takes it back when the gateway refuses. */
  async #organise(key, change) {
    const before = this.rows.find((row) => row.key === key) ?? {};
    const show = (fields) => {
      this.rows = this.rows.map((row) => (row.key === key ? { ...row, ...fields } : row));
      this.#onChange();
    };
    const changes = { ...this.#changes.get(key), ...change };
    this.#changes.set(key, changes);
    show(change);
    try {
      await this.#request('sessions.patch', { key, ...change });
      await this.#listed();
    } catch (error) {
      show(Object.fromEntries(Object.keys(change).map((name) => [name, before[name]])));
      throw error;
    } finally {
      // Unless another one has followed, which has this one in it.
      if (this.#changes.get(key) === changes) this.#changes.delete(key);
    }
  }

  /**
   * Deletes a conversation with its messages, in every browser.
   *
   * `wasAsked` says that the gateway has taken a message in it: it may not have written it down yet.
   * `before` is waited for first.
   * Resolves with `done`, or with `later` when the gateway cannot be reached: then it is finished at
   * the next greeting. Rejects with the gateway's reason; then the conversation is in the list again.
   */
  async remove(key, wasAsked, before = null) {
    this.#removing.add(key);
    this.#deleting.add(key);
    this.#memory.keepDeletion(key, wasAsked);
    this.#onChange();
    try {
      await before;
      await this.#delete(key, wasAsked);
      this.rows = this.rows.filter((row) => row.key !== key);
    } catch (error) {
      if (error.uncertain) return 'later';
      this.#forgetDeletion(key);
      throw error;
    } finally {
      this.#deleting.delete(key);
    }
    this.#forgetDeletion(key);
    this.#memory.forget(key);
    return 'done';
  }

  /** Goes on with what was begun before the connection, or the page, was lost. */
  async finishDeletions() {
    const left = this.#memory.deletions().filter(([key]) => !this.#deleting.has(key));
    for (const [key, wasAsked] of left) await this.remove(key, wasAsked).catch(() => {});
  }

  async #delete(key, wasAsked) {
    const request = this.#request;
    const pause = (wait) => new Promise((resolve) => this.#clock.setTimeout(resolve, wait));
    const known = this.rows.find((row) => row.key === key)?.sessionId;
    const id = known ?? (await sessionIdOf({ request, pause, key, wasAsked }));
    if (id) await deleteSession({ request, pause, key, id });
  }

  #forgetDeletion(key) {
    this.#removing.delete(key);
    this.#memory.keepDeletion(key, undefined);
    this.#onChange();
  }
}

function groupName(text) {
  return [...text.replace(/\s+/g, ' ').trim()].slice(0, GROUP_MAX).join('').trim();
}
