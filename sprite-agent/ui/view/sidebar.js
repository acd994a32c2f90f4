// The list of conversations, and on small screens the drawer it lives in.

import { ageGroup } from '../conversation-list.js';
import { element, iconButton } from './element.js';

export class Sidebar {
  #side = document.getElementById('sidebar');
  #main = document.getElementById('main');
  #list = document.getElementById('conversations');
  #menu = document.getElementById('menu');
  #shade = document.getElementById('shade');
  #narrow = matchMedia('(max-width: 52rem)');
  #actions;
  #shown = '';

  /** `actions`: `open(key)`, `rename(entry)`, `remove(entry)`. */
  constructor(actions) {
    this.#actions = actions;
    this.#menu.addEventListener('click', () => this.#slide(true));
    document.getElementById('close-menu').addEventListener('click', () => this.close());
    this.#shade.addEventListener('click', () => this.close());
    this.#side.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.isOpen) this.close();
    });
    this.#narrow.addEventListener('change', () => this.#slide(false));
    this.#slide(false);
  }

  get isOpen() {
    return this.#narrow.matches && this.#side.classList.contains('open');
  }

  /** Closes the drawer and gives the focus back to its button. */
  close() {
    if (!this.isOpen) return;
    this.#slide(false);
    this.#menu.focus();
  }

  update(entries) {
    const shown = JSON.stringify(entries);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = document.activeElement?.closest?.('[data-key]');
    const focus = focused && this.#list.contains(focused)
      ? { key: focused.dataset.key, part: document.activeElement.dataset.part }
      : null;
    this.#list.replaceChildren(...this.#groups(entries));
    if (focus) this.#focus(focus);
  }

  #focus({ key, part }) {
    const row = [...this.#list.querySelectorAll('[data-key]')].find((candidate) => candidate.dataset.key === key);
    row?.querySelector(`[data-part="${part}"]`)?.focus();
  }

  #groups(entries) {
    const groups = new Map();
    for (const entry of entries) {
      const heading = ageGroup(entry.at, Date.now());
      groups.set(heading, [...(groups.get(heading) ?? []), entry]);
    }
    return [...groups].map(([heading, members], index) =>
      element('section', { 'aria-labelledby': `group-${index}` },
        element('h3', { id: `group-${index}` }, heading),
        element('ul', {}, members.map((entry) => this.#row(entry)))),
    );
  }

  #row(entry) {
    const open = element('button', {
      type: 'button',
      class: 'conversation',
      'data-part': 'open',
      'aria-current': entry.current ? 'true' : null,
      onclick: () => this.#actions.open(entry.key),
    }, element('span', { class: 'title' }, entry.title));
    if (entry.busy) open.append(element('span', { class: 'busy', title: 'Answering' }, element('span', { class: 'visually-hidden' }, '(answering)')));
    else if (entry.unread) open.append(element('span', { class: 'fresh', title: 'New answer' }, element('span', { class: 'visually-hidden' }, '(new answer)')));
    const rename = iconButton('pencil', `Rename “${entry.title}”`, { 'data-part': 'rename', onclick: () => this.#actions.rename(entry) });
    const remove = entry.removable &&
      iconButton('trash', `Delete “${entry.title}”`, { 'data-part': 'remove', onclick: () => this.#actions.remove(entry) });
    return element('li', { 'data-key': entry.key, class: entry.current ? 'current' : null }, open,
      element('span', { class: 'row-actions' }, rename, remove));
  }

  /** What is covered cannot be reached, by keyboard or screen reader either. */
  #slide(open) {
    const narrow = this.#narrow.matches;
    this.#side.classList.toggle('open', narrow && open);
    this.#shade.hidden = !(narrow && open);
    this.#side.inert = narrow && !open;
    this.#main.inert = narrow && open;
    this.#menu.setAttribute('aria-expanded', String(narrow && open));
    if (narrow && open) document.getElementById('close-menu').focus();
  }
}
