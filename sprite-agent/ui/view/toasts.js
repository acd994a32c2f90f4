// Short notices that need no answer: an answer elsewhere is ready, something was repaired, a payment is due.

import { t } from '../words.js';
import { element, iconButton } from './element.js';

/** Notices at once; the oldest goes first. */
const SHOWN_MAX = 3;
/** One that leads somewhere goes by itself after this long, unless it is being pointed at or has the focus. */
const SHOWN_MS = 12_000;

export class Toasts {
  #root = document.getElementById('toasts');

  /** Shows `text` with a link `{href, words, isOutside}`; another one of the same `kind` is replaced. It `stays` until it is closed. */
  show({ kind, text, link = null, stays = false, closed = () => {} }) {
    this.take(kind);
    const toast = element('div', { class: 'toast', 'data-kind': kind, 'data-testid': 'toast' });
    const gone = () => {
      toast.remove();
      closed();
    };
    toast.append(
      element('p', { dir: 'auto' }, text),
      link ? element('a', { class: 'button small', href: link.href, ...(link.isOutside && { target: '_blank', rel: 'noopener' }), onclick: gone }, link.words) : '',
      iconButton('close', t('close'), { onclick: gone }));
    this.#root.append(toast);
    while (this.#root.children.length > SHOWN_MAX) this.#root.firstElementChild.remove();
    if (!stays) this.#later(toast);
  }

  has(kind) {
    return [...this.#root.children].some((toast) => toast.dataset.kind === kind);
  }

  /** Takes the notice of `kind` away. */
  take(kind) {
    for (const toast of [...this.#root.children]) if (toast.dataset.kind === kind) toast.remove();
  }

  #later(toast) {
    setTimeout(() => {
      if (toast.matches(':hover, :focus-within')) this.#later(toast);
      else toast.remove();
    }, SHOWN_MS);
  }
}
