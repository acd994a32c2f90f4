// The list of conversations: links, grouped by age, as many as fit on the screen and then more.

import { toHash } from '../address.js';
import { ageGroup } from '../conversation-list.js';
import { element, iconButton } from './element.js';
import { isNearEnd, ROWS } from './scrolling.js';
import { t } from '../words.js';

export class ConversationsView {
  #list = document.getElementById('conversations');
  #actions;
  #entries = [];
  #shown = '';
  /** By key: `{row, facts}`, so that only what has changed is made anew. */
  #made = new Map();
  #rows = ROWS;
  #first = document.getElementById('new-conversation');

  /** `actions`: `opened()`, `rename(entry)`, `pin(entry)`, `group(entry)`, `remove(entry)`, `renameGroup(name)`, `deleteGroup(name)`. */
  constructor(actions) {
    this.#actions = actions;
    this.#list.addEventListener('scroll', () => this.#scrolled(), { passive: true });
  }

  update(entries) {
    this.#entries = entries;
    const visible = entries.slice(0, this.#rows);
    const shown = JSON.stringify([visible, entries.length]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { activeElement } = document;
    const focused = this.#list.contains(activeElement) ? activeElement.closest('[data-key]') : null;
    const place = [...this.#list.querySelectorAll('[data-key]')].indexOf(focused);
    const focus = focused && { key: focused.dataset.key, part: activeElement.dataset.part, place };
    const keys = new Set(visible.map(({ key }) => key));
    for (const key of this.#made.keys()) if (!keys.has(key)) this.#made.delete(key);
    this.#list.replaceChildren(...this.#groups(visible));
    if (focus) this.focus(focus.key, focus.part, focus.place);
  }

  /** Puts the focus on a part of the row of `key`, or on what is there in its `place`. */
  focus(key, part = 'open', place = 0) {
    const rows = [...this.#list.querySelectorAll('[data-key]')];
    const row = rows.find((candidate) => candidate.dataset.key === key) ?? rows[Math.min(place, rows.length - 1)];
    (row?.querySelector(`[data-part="${part}"]`) ?? this.#first).focus();
  }

  #scrolled() {
    if (this.#rows >= this.#entries.length || !isNearEnd(this.#list)) return;
    this.#rows += ROWS;
    this.update(this.#entries);
  }

  #groups(entries) {
    const groups = entries.reduce((map, entry) => map.set(placeOf(entry), [...(map.get(placeOf(entry)) ?? []), entry]), new Map());
    return [...groups.values()].map((members, index) =>
      element('section', { 'aria-labelledby': `group-${index}` },
        this.#heading(headingOf(members[0]), index, members[0]),
        element('ul', {}, members.map((entry) => this.#kept(entry)))),
    );
  }

  /** A group of the person's own can be named anew and ended where its name stands. */
  #heading(heading, index, { group, pinned }) {
    const title = element('h2', { id: `group-${index}`, dir: 'auto' }, heading);
    if (!group || pinned) return title;
    const act = (image, label, action) => iconButton(image, t(`group.${label}`, { name: group }), { 'data-testid': `group-${label}`, onclick: () => action(group) });
    return element('header', { class: 'group' }, title,
      element('span', { class: 'row-actions' }, act('pencil', 'rename', this.#actions.renameGroup), act('trash', 'delete', this.#actions.deleteGroup)));
  }

  #kept(entry) {
    const facts = JSON.stringify(entry);
    const made = this.#made.get(entry.key);
    if (made?.facts === facts) return made.row;
    const row = this.#row(entry);
    this.#made.set(entry.key, { row, facts });
    return row;
  }

  #row(entry) {
    const open = element('a', {
      href: toHash(entry.key),
      class: 'conversation',
      'data-part': 'open',
      'aria-current': entry.current ? 'page' : null,
      onclick: (event) => this.#clicked(event),
    }, element('span', { class: 'title', dir: 'auto' }, entry.title), badgeOf(entry));
    const { rename, pin, group, remove } = this.#actions;
    const act = (part, image, label, action) =>
      iconButton(image, t(`row.${label}`, { title: entry.title }), { 'data-part': part, onclick: () => action(entry) });
    return element('li', { 'data-key': entry.key, class: entry.current ? 'current' : null }, open,
      element('span', { class: 'row-actions' },
        entry.pinnable && act('pin', entry.pinned ? 'unpin' : 'pin', entry.pinned ? 'unpin' : 'pin', pin),
        entry.pinnable && act('group', 'folder', 'group', group),
        act('rename', 'pencil', 'rename', rename),
        entry.removable && act('remove', 'trash', 'delete', remove)));
  }

  /** Other clicks (with a modifier, with another button) open a tab, as they do with any link. */
  #clicked(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    this.#actions.opened();
  }
}

/** Where an entry stands: a person may call a group as the page calls an age. */
function placeOf(entry) {
  return `${entry.pinned ? 'pinned' : entry.group ? 'group' : 'age'} ${headingOf(entry)}`;
}

function headingOf({ pinned, group, at }) {
  return pinned ? t('group.pinned') : group ?? ageGroup(at, Date.now());
}

function badgeOf({ busy, unread, asks }) {
  const badge = (name, words) =>
    element('span', { class: name, title: words }, element('span', { class: 'visually-hidden' }, `(${words})`));
  if (asks) return badge('asks', t('badge.asks'));
  if (busy) return badge('busy', t('badge.busy'));
  return unread && badge('fresh', t('badge.fresh'));
}
