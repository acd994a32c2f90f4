// The messages that wait for the running answer, or for the connection.

import { isBare, namesOf } from '../queue.js';
import { t } from '../words.js';
import { element, iconButton } from './element.js';

export class QueueView {
  #section = document.getElementById('queue');
  #label = document.getElementById('queue-label');
  #list = document.getElementById('queued');
  #actions;
  #shown = null;

  /** `actions`: `edit(id)`, `remove(id)`, `sendNow()`. */
  constructor(actions) {
    this.#actions = actions;
  }

  /** `waits` says for what: `answer`, `decision`, `connection`, or `person` or `files` when they are not sent by themselves. */
  update(queued, waits) {
    const shown = JSON.stringify([queued.map(({ id }) => id), waits]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#section.hidden = queued.length === 0;
    const words = waits === 'files' && isBare(queued[0]) ? 'bare' : waits;
    this.#label.textContent = words ? t(`queue.${words}`) : '';
    this.#list.replaceChildren(...queued.map((message, index) => this.#row(message, index === 0 && ['person', 'files'].includes(waits))));
  }

  #row(message, isStuck) {
    const { id, text, lacksFiles } = message;
    const { edit, remove, sendNow } = this.#actions;
    const names = namesOf(message).join(', ') || (lacksFiles && t('file'));
    return element('li', { 'data-testid': 'queued' },
      element('span', { class: 'queued-text', dir: 'auto' }, lacksFiles && text && names ? `${text} · ${names}` : text || names),
      isStuck && !isBare(message) && element('button', { type: 'button', class: 'button small', onclick: sendNow }, t('queue.now')),
      iconButton('pencil', t('queue.edit'), { onclick: () => edit(id) }),
      iconButton('close', t('queue.remove'), { onclick: () => remove(id) }));
  }
}
