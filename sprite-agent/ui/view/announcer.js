// Says what has come: in the title while nobody looks, in a notice where it stands in another conversation.

import { toHash } from '../address.js';
import { arrived, pageTitle } from '../arrivals.js';
import { promptsElsewhere } from '../prompts.js';
import { t } from '../words.js';

export class Announcer {
  #heading = document.getElementById('title');
  #toasts;
  #shown = { threads: {}, current: null, asked: [] };
  /** Answers and questions that have come since somebody looked last. */
  #unseen = 0;

  constructor(toasts) {
    this.#toasts = toasts;
  }

  /** `shown`: `threads`, the key `current` and the questions `asked`, as they are now; `list` has the conversations' titles. */
  update(list, shown) {
    const before = this.#shown;
    this.#shown = shown;
    const titleOf = (key) => list.find((entry) => entry.key === key)?.title ?? t('conversation.one');
    const answers = arrived(before.threads, shown.threads);
    const questions = shown.asked.filter(isMissingIn(before.asked));
    this.#showTitle(titleOf(shown.current));
    if (document.visibilityState !== 'visible') this.#count(this.#unseen + answers.length + questions.length);
    for (const { key } of answers.filter((answer) => answer.key !== shown.current)) {
      this.#toasts.show({ kind: `answer ${key}`, text: t('toast.answer', { title: titleOf(key) }), link: linkTo(key) });
    }
    // A question is told of for as long as it stands and nobody looks there.
    const [was, is] = [before, shown].map(({ asked, current }) => promptsElsewhere(asked, current));
    for (const { id } of was.filter(isMissingIn(is))) this.#toasts.take(`asks ${id}`);
    for (const { id, sessionKey: key } of is.filter(isMissingIn(was))) {
      this.#toasts.show({ kind: `asks ${id}`, text: t('toast.asks', { title: titleOf(key) }), link: linkTo(key), stays: true });
    }
  }

  /** Somebody looks at the page. */
  seen() {
    this.#count(0);
  }

  #count(unseen) {
    if (unseen === this.#unseen) return;
    this.#unseen = unseen;
    this.#showTitle(this.#heading.textContent);
    // Only where the page is installed; a browser may refuse.
    navigator.setAppBadge?.(unseen).catch(() => {});
  }

  #showTitle(title) {
    if (this.#heading.textContent !== title) this.#heading.textContent = title;
    document.title = pageTitle(title, this.#unseen);
  }
}

function isMissingIn(prompts) {
  const ids = new Set(prompts.map(({ id }) => id));
  return ({ id }) => !ids.has(id);
}

function linkTo(key) {
  return { href: toHash(key), words: t('toast.open') };
}
