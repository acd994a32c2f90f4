// Searching in all conversations: what is found stands in place of the list.

import { toHash } from '../address.js';
import { element } from './element.js';
import { isNearEnd, ROWS } from './scrolling.js';
import { t } from '../words.js';

/** Typing pauses this long before the assistant is asked, in milliseconds. */
const PAUSE_MS = 250;

export class SearchView {
  #field = document.getElementById('search');
  #results = document.getElementById('results');
  #list = document.getElementById('conversations');
  #actions;
  #timer = null;
  /** Counts the searches, so that a late answer does not replace a newer one. */
  #search = 0;
  /** What is found and has no row yet. */
  #rest = [];

  /** `actions`: `search(text)` → `{found, partial}`, `opened()`. */
  constructor(actions) {
    this.#actions = actions;
    this.#field.addEventListener('input', () => this.#typed());
    this.#field.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || this.#field.value === '') return;
      event.stopPropagation();
      this.clear();
    });
    this.#results.addEventListener('scroll', () => this.#scrolled(), { passive: true });
  }

  clear() {
    this.#field.value = '';
    this.#typed();
  }

  #typed() {
    clearTimeout(this.#timer);
    const text = this.#field.value.trim();
    const isSearching = text !== '';
    this.#list.hidden = isSearching;
    this.#results.hidden = !isSearching;
    this.#search += 1;
    this.#rest = [];
    if (isSearching) this.#timer = setTimeout(() => this.#find(text, this.#search), PAUSE_MS);
    else this.#results.replaceChildren();
  }

  async #find(text, search) {
    const { found, partial } = await this.#actions.search(text);
    if (search !== this.#search) return;
    const summary = found.length === 0 ? t('search.none') : t('search.count', { count: found.length });
    this.#rest = found;
    this.#results.replaceChildren(
      element('p', { class: 'quiet', role: 'status' }, partial ? `${summary} ${t('search.partial')}` : summary),
      element('ul', {}),
    );
    this.#showMore();
  }

  #showMore() {
    this.#results.querySelector('ul').append(...this.#rest.splice(0, ROWS).map((hit) => this.#row(hit)));
  }

  #scrolled() {
    if (this.#rest.length > 0 && isNearEnd(this.#results)) this.#showMore();
  }

  #row({ key, title, snippet }) {
    return element('li', {}, element('a', { href: toHash(key), class: 'conversation hit', onclick: () => this.#actions.opened() },
      element('span', { class: 'title', dir: 'auto' }, title),
      snippet && element('span', { class: 'snippet', dir: 'auto' }, snippet)));
  }
}
