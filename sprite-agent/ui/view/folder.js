// The panel of the folder that the assistant works in: listed, looked at, saved.
//
// What the assistant has written is not trusted: a text is shown as text, a picture is one by its own
// bytes, and everything else is saved, never opened as a page of this origin.

import { sizeWords } from '../attachments.js';
import { contentOf, downloadUrl, ENTRIES_MAX, ENTRIES_PAGE, rowsOf, wayTo } from '../folder.js';
import { closable } from './dialog.js';
import { element, icon } from './element.js';
import { whileOff } from './focus.js';
import { locale, t } from '../words.js';

const AGENT = { agentId: 'main' };

export class FolderView {
  #dialog = document.getElementById('folder-panel');
  #body = document.getElementById('folder-body');
  #actions;
  /** The folder that is shown, by its path from the top. */
  #path = '';
  #rows = [];
  #total = 0;
  /** What is shown now; an answer to an earlier question comes too late. */
  #asked = 0;
  #pictureUrl = null;
  /** What is read at the next greeting, and whether it is shown already: `{path, read(), isShown}`. */
  #wanted = null;

  /** `actions`: `absence()`, why nothing can be asked now, in words; `request(method, params)`, which may reject. */
  constructor(actions) {
    this.#actions = actions;
    closable(this.#dialog);
    document.getElementById('files').addEventListener('click', () => {
      this.#dialog.showModal();
      this.#open(this.#path);
    });
    this.#dialog.addEventListener('close', () => this.#forgetPicture());
  }

  /** The assistant can be asked, again or for the first time. */
  greeted() {
    if (this.#dialog.open) this.#wanted?.read();
  }

  /** Something about the connection changed. */
  connectionChanged() {
    if (this.#dialog.open && this.#wanted?.isShown === false) this.#showWaiting();
  }

  /** Forgets what was told to somebody who is signed in no more. */
  clear() {
    this.#asked += 1;
    this.#path = '';
    this.#rows = [];
    this.#wanted = null;
    this.#forgetPicture();
    this.#body.replaceChildren();
  }

  async #open(path) {
    const asked = this.#begin(path, () => this.#open(path));
    if (this.#actions.absence()) return;
    try {
      const told = await this.#actions.request('agents.workspace.list', { ...AGENT, path, limit: ENTRIES_PAGE });
      if (asked === this.#asked) this.#showListed(path, told);
    } catch (error) {
      if (asked === this.#asked) this.#show(path, this.#problem(error), path && this.#button(t('folder.top'), 'folder-top', () => this.#open('')));
    }
  }

  /** What is shown may have changed. */
  async #refresh(path) {
    const asked = ++this.#asked;
    try {
      const told = await this.#actions.request('agents.workspace.list', { ...AGENT, path, limit: ENTRIES_PAGE });
      if (asked === this.#asked) this.#showListed(path, told);
    } catch {
      // What was told stays.
    }
  }

  #showListed(path, { entries, totalEntries }) {
    this.#path = path;
    this.#rows = rowsOf(entries);
    this.#total = totalEntries ?? this.#rows.length;
    this.#wanted = { path, read: () => this.#refresh(path), isShown: true };
    this.#showFolder();
  }

  async #more(offset) {
    const asked = ++this.#asked;
    try {
      const { entries } = await this.#actions.request('agents.workspace.list', { ...AGENT, path: this.#path, limit: ENTRIES_PAGE, offset });
      if (asked !== this.#asked) return;
      this.#rows = [...this.#rows, ...rowsOf(entries)];
      // A person who is so far down is not taken back to the first page.
      this.#wanted = null;
      this.#showFolder(offset + ENTRIES_PAGE);
      this.#body.querySelectorAll('.entry')[offset]?.focus();
    } catch (error) {
      if (asked === this.#asked) this.#body.querySelector('[data-testid=folder-more]')?.before(this.#problem(error));
    }
  }

  async #look(row) {
    const asked = this.#begin(row.path, () => this.#look(row));
    if (this.#actions.absence()) return;
    let shown;
    try {
      const { file } = await this.#actions.request('agents.workspace.get', { ...AGENT, path: row.path });
      shown = contentOf(file);
    } catch (error) {
      if (error.uncertain) shown = { error };
    }
    if (asked !== this.#asked) return;
    if (!shown?.error) this.#wanted = null;
    this.#show(row.path,
      element('div', { class: 'about' },
        element('p', { class: 'quiet' }, this.#about(row)),
        this.#saveButton(row, t('file.save'))),
      shown?.error ? this.#problem(shown.error) : this.#content(shown, row.name));
  }

  #content(shown, name) {
    if (shown?.text !== undefined) {
      return element('pre', { class: 'look', dir: 'auto', tabindex: '0', 'aria-label': name, 'data-testid': 'look-text' }, shown.text || t('folder.empty-file'));
    }
    if (!shown?.picture) return element('p', { class: 'quiet', 'data-testid': 'look-nothing' }, t('folder.unshown'));
    const { bytes, type } = shown.picture;
    this.#pictureUrl = URL.createObjectURL(new Blob([bytes], { type }));
    return element('img', { class: 'look', src: this.#pictureUrl, alt: name, 'data-testid': 'look-picture' });
  }

  #begin(path, read) {
    this.#forgetPicture();
    this.#wanted = { path, read, isShown: false };
    this.#showWaiting();
    return ++this.#asked;
  }

  #showWaiting() {
    this.#show(this.#wanted.path, element('p', { class: 'quiet', role: 'status' }, this.#actions.absence() || t('folder.reading')));
  }

  #showFolder(read = ENTRIES_PAGE) {
    const rows = this.#rows;
    const isMore = read < this.#total && read < ENTRIES_MAX;
    this.#show(this.#path,
      rows.length > 0
        ? element('ul', { class: 'entries', 'data-testid': 'entries' }, rows.map((row) => this.#row(row)))
        : element('p', { class: 'quiet', 'data-testid': 'folder-empty' }, t(this.#path ? 'folder.empty' : 'folder.none')),
      isMore && this.#button(t('folder.more', { number: this.#total - read }), 'folder-more', () => this.#more(read)),
      !isMore && read < this.#total && element('p', { class: 'quiet' }, t('folder.rest', { number: this.#total - read })));
  }

  #row(row) {
    const { name, path, isFolder } = row;
    const open = element('button', { type: 'button', class: 'entry', 'data-focus': path, 'data-testid': isFolder ? 'folder' : 'entry', onclick: () => (isFolder ? this.#open(path) : this.#look(row)) },
      icon(isFolder ? 'folder' : 'file'),
      element('span', { class: 'entry-name', dir: 'auto' }, name, isFolder && element('span', { class: 'visually-hidden' }, ` (${t('folder.one')})`)),
      element('span', { class: 'entry-about' }, isFolder ? '' : this.#about(row)));
    return element('li', {}, open, !isFolder && this.#saveButton(row));
  }

  #about({ size, at }) {
    const day = at ? new Date(at).toLocaleDateString(locale, { day: 'numeric', month: 'short', year: 'numeric' }) : '';
    return [sizeWords(size), day].filter(Boolean).join(' · ');
  }

  /** Asks first whether it can be had: a browser says of a refusal only that it failed. */
  #saveButton({ name, path }, words = '') {
    const label = t('file.download', { name });
    const button = element('button', { type: 'button', class: words ? 'button small' : 'icon-button', 'aria-label': label, title: label, 'data-testid': 'save-file' }, icon('save'), words);
    button.addEventListener('click', () => whileOff([button], async () => {
      const problem = await whyNotSaved(path);
      this.#body.querySelector('.problem')?.remove();
      if (problem) this.#body.prepend(element('p', { class: 'problem', role: 'alert' }, problem));
      else element('a', { href: downloadUrl(path), download: name }).click();
    }));
    return button;
  }

  #button(words, testid, onclick) {
    return element('button', { type: 'button', class: 'button small', 'data-testid': testid, onclick }, words);
  }

  #problem(error) {
    return element('p', { class: 'problem', role: 'alert' }, error.uncertain ? t('away') : t('says', { reason: error.message }));
  }

  #show(path, ...parts) {
    const focused = this.#body.contains(document.activeElement) ? document.activeElement : null;
    this.#body.replaceChildren(this.#way(path), ...parts.filter(Boolean));
    if (!focused) return;
    // What was pressed is gone, unless the same is shown again; reading goes on where it has led to.
    const same = [...this.#body.querySelectorAll('[data-focus]')].find(({ dataset }) => dataset.focus === focused.dataset.focus);
    (same ?? this.#body.querySelector('[aria-current]')).focus();
  }

  #way(path) {
    const way = wayTo(path);
    const last = way.length - 1;
    // At the top it would only repeat the panel's title.
    return element('nav', { class: last === 0 ? 'visually-hidden' : 'way', 'aria-label': t('folder.way') }, way.map(({ path: there, name }, at) => {
      const words = name ?? t('folder.title');
      return at === last
        ? element('span', { 'aria-current': 'page', tabindex: '-1', dir: 'auto' }, words)
        : element('button', { type: 'button', dir: 'auto', onclick: () => this.#open(there) }, words);
    }));
  }

  #forgetPicture() {
    if (this.#pictureUrl) URL.revokeObjectURL(this.#pictureUrl);
    this.#pictureUrl = null;
  }
}

async function whyNotSaved(path) {
  try {
    const answer = await fetch(downloadUrl(path), { method: 'HEAD', cache: 'no-store' });
    if (answer.ok) return '';
    if (answer.status === 413) return t('file.large');
    return t(answer.status === 404 ? 'file.gone' : 'away');
  } catch {
    return t('away');
  }
}
