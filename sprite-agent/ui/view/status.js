// Says honestly how things stand: a word in the header, and, when something is wrong,
// a notice above the composer with what comes next.

import { isShut } from '../access.js';
import { element, icon } from './element.js';

const WORDS = {
  connecting: 'Connecting',
  online: 'Online',
  doubtful: 'Checking the connection',
  reconnecting: 'Reconnecting',
  starting: 'Assistant starting',
  restarting: 'Assistant restarting',
  failed: 'Assistant unavailable',
  asleep: 'Asleep',
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
    const kind = state.doubtful ? 'doubtful' : state.kind;
    this.#status.dataset.state = kind;
    this.#word.textContent = WORDS[kind];
    this.#timers.forEach(clearTimeout);
    this.#timers = [];
    if (isQuiet(kind)) this.#notice.hidden = true;
    else if (this.#notice.hidden) this.#later(PATIENCE_MS, () => this.#show(kind, state, accountUrl));
    else this.#show(kind, state, accountUrl);
  }

  #show(kind, state, accountUrl) {
    const parts = {
      connecting: () => ['Connecting to your assistant…'],
      reconnecting: () => this.#reconnecting(state),
      preparing: () => ['Your workspace is being prepared. This page opens it by itself when it is ready.'],
      starting: () => ['Your assistant is starting. This can take a minute; you can write in the meantime.'],
      // It takes up some runs by itself, and not others: only the history will tell.
      restarting: () => ['Your assistant is restarting. An answer that it does not finish by itself can be asked for again.'],
      doubtful: () => ['Nothing has been heard from your assistant for some seconds. The connection is being checked.'],
      failed: () => [
        'Your assistant could not be started. ',
        'Please try again in a few minutes. If it stays like this, ',
        accountUrl ? element('a', { href: accountUrl, target: '_blank', rel: 'noopener' }, 'tell us') : 'tell us',
        '.',
      ],
    };
    const button = { reconnecting: state.retryAt && 'Try now', failed: 'Try again', doubtful: 'Connect anew' }[kind];
    this.#notice.dataset.state = kind;
    this.#notice.replaceChildren(
      kind === 'failed' ? icon('warning') : element('span', { class: 'spinner', 'aria-hidden': 'true' }),
      element('p', {}, ...parts[kind]()),
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

/** States that need no notice: all is well, nothing is to be done, or the page says it elsewhere. */
function isQuiet(kind) {
  return ['online', 'asleep', 'signed-out'].includes(kind) || isShut(kind);
}
