// Says honestly how things stand: a word in the header, and, when something is wrong,
// a notice above the composer with what comes next.

import { isShut } from '../connection.js';
import { element, icon } from './element.js';

const WORDS = {
  connecting: 'Connecting',
  online: 'Online',
  reconnecting: 'Reconnecting',
  starting: 'Assistant starting',
  restarting: 'Assistant restarting',
  failed: 'Assistant unavailable',
  preparing: 'Being prepared',
  'signed-out': 'Signed out',
  suspended: 'Paused',
  locked: 'Locked',
  gone: 'Gone',
};

/** A connection that comes back this quickly gets no notice, only the word in the header. */
const PATIENCE_MS = 600;

export class StatusView {
  #status = document.getElementById('status');
  #word = document.getElementById('status-word');
  #notice = document.getElementById('notice');
  #actions;
  #state = null;
  #timers = [];

  /** `actions`: `tryNow()`; `accountUrl` is where help is found. */
  constructor(actions) {
    this.#actions = actions;
  }

  update(state, accountUrl) {
    if (state === this.#state) return;
    this.#state = state;
    this.#status.dataset.state = state.kind;
    this.#word.textContent = WORDS[state.kind];
    this.#timers.forEach(clearTimeout);
    this.#timers = [];
    if (state.kind === 'online' || state.kind === 'signed-out' || isShut(state.kind)) this.#notice.hidden = true;
    else if (this.#notice.hidden) this.#later(PATIENCE_MS, () => this.#show(state, accountUrl));
    else this.#show(state, accountUrl);
  }

  #show(state, accountUrl) {
    const parts = {
      connecting: () => ['Connecting to your assistant…'],
      reconnecting: () => this.#reconnecting(state),
      preparing: () => ['Your workspace is being prepared. This page opens it by itself when it is ready.'],
      starting: () => ['Your assistant is starting. This can take a minute; you can write in the meantime.'],
      restarting: () => ['Your assistant is restarting. The conversation goes on by itself when it is back.'],
      failed: () => [
        'Your assistant could not be started. ',
        'Please try again in a few minutes. If it stays like this, ',
        accountUrl ? element('a', { href: accountUrl, target: '_blank', rel: 'noopener' }, 'tell us') : 'tell us',
        '.',
      ],
    };
    const button = { reconnecting: state.retryAt && 'Try now', failed: 'Try again' }[state.kind];
    this.#notice.dataset.state = state.kind;
    this.#notice.replaceChildren(
      state.kind === 'failed' ? icon('warning') : element('span', { class: 'spinner', 'aria-hidden': 'true' }),
      element('p', {}, ...parts[state.kind]()),
      ...(button ? [this.#tryNow(button)] : []),
    );
    this.#notice.hidden = false;
  }

  #reconnecting({ retryAt }) {
    if (!retryAt) return ['The connection was lost. Trying again now…'];
    const count = element('span', {});
    const tick = () => {
      const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
      count.textContent = ` Next try in ${seconds} s.`;
      this.#later(500, tick);
    };
    tick();
    return ['The connection was lost; what you write is kept.', count];
  }

  #tryNow(label) {
    return element('button', { type: 'button', class: 'button small', onclick: () => this.#actions.tryNow() }, icon('retry'), label);
  }

  #later(wait, then) {
    this.#timers.push(setTimeout(then, wait));
  }
}
