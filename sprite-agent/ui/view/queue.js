// The messages that wait for the running answer, or for the connection.

import { element, iconButton } from './element.js';
import { t } from '../words.js';

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

  /** `waits` says for what: `answer`, `connection`, or `person` or `files` when they are not sent by themselves. */
  update(queued, waits) {
    const shown = JSON.stringify([queued.map(({ id }) => id), waits]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#section.hidden = queued.length === 0;
    this.#label.textContent = waits ? t(`queue.${waits}`) : '';
    this.#list.replaceChildren(...queued.map((message, index) => this.#row(message, index === 0 && ['person', 'files'].includes(waits))));
  }

  #row({ id, text, files }, isStuck) {
    const { edit, remove, sendNow } = this.#actions;
    const names = files.map(({ name }) => name).join(', ');
    return element('li', { 'data-testid': 'queued' },
      element('span', { class: 'queued-text', dir: 'auto' }, text || names),
      isStuck && element('button', { type: 'button', class: 'button small', onclick: sendNow }, t('queue.now')),
      iconButton('pencil', t('queue.edit'), { onclick: () => edit(id) }),
      iconButton('close', t('queue.remove'), { onclick: () => remove(id) }));
  }
}
