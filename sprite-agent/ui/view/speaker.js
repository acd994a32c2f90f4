// What a screen reader hears: each answer once it has ended, in the words that are shown.

import { isLive } from '../answer.js';
import { element } from './element.js';
import { t } from '../words.js';

/** Characters of an answer that are read out; the rest is in the thread. */
const SPOKEN_MAX = 1_500;

export class Speaker {
  #region = document.getElementById('spoken');

  /** Says what has ended with a change, `{was, now}`; nothing when a conversation is merely opened. `rootOf(id)` is its view. */
  update({ was, now }, rootOf) {
    const live = new Set(was.filter((message) => message.role === 'assistant' && isLive(message)).map(({ id }) => id));
    for (const message of now) {
      if (!live.has(message.id) || isLive(message)) continue;
      this.#region.replaceChildren(element('p', {}, wordsFor(message, rootOf(message.id))));
    }
  }

  clear() {
    this.#region.replaceChildren();
  }
}

function wordsFor(message, root) {
  switch (message.status) {
    case 'error':
      return t('spoken.failed', { reason: message.error });
    case 'aborted':
      return t('answer.stopped');
    case 'interrupted':
      return t('answer.interrupted');
    default:
      return `${t('assistant.said')}${spokenText(root?.querySelector('.prose'))}`;
  }
}

/** The rendered text, with a pause between blocks, and without the words on buttons. */
export function spokenText(prose) {
  const blocks = [];
  for (const block of prose?.querySelectorAll('p, li, h3, h4, h5, h6, pre, th, td') ?? []) {
    // A list in a list, a paragraph in a quotation: the inner one says it.
    if (block.querySelector('p, li, pre')) continue;
    const text = block.textContent.replace(/\s+/g, ' ').trim();
    if (text) blocks.push(/[.!?:;,]$/.test(text) ? text : `${text}.`);
  }
  return blocks.join(' ').slice(0, SPOKEN_MAX);
}
