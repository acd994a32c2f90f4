// Says honestly how things stand: a word in the header, and, when something is wrong,
// a notice above the composer with what comes next.

import { isShut } from '../access.js';
import { element, icon } from './element.js';
import { t } from '../words.js';

/** Reasons that say more than that it starts or restarts. */
const REASONS = [
  'configuration_refused', 'connection_refused', 'crashing', 'disk_full', 'draining', 'memory_exceeded', 'memory_short', 'processes_exceeded',
  'not_answering', 'port_taken',
];

/** A connection that comes back this quickly gets no notice, only the word in the header. */
const PATIENCE_MS = 600;

export class StatusView {
  #status = document.getElementById('status');
  #word = document.getElementById('status-word');
  #notice = document.getElementById('notice');
  #actions;
  #state = null;
  #reason = '';
  #timers = [];

  /** `actions`: `tryNow()`; `accountUrl` is where help is found. */
  constructor(actions) {
    this.#actions = actions;
  }

  /** `reason` is what the agent says of the assistant, as in `gateway_status.rs`. */
  update(state, accountUrl, reason = '') {
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    const kind = state.doubtful ? 'doubtful' : state.kind;
    this.#status.dataset.state = kind;
    this.#word.textContent = t(`status.${kind}`);
    this.#timers.forEach(clearTimeout);
    this.#timers = [];
    if (isQuiet(kind)) this.#notice.hidden = true;
    else if (this.#notice.hidden) this.#later(PATIENCE_MS, () => this.#show(kind, state, accountUrl));
    else this.#show(kind, state, accountUrl);
  }

  #show(kind, state, accountUrl) {
    const parts = {
      connecting: () => [t('notice.connecting')],
      reconnecting: () => this.#reconnecting(state),
      preparing: () => [t('notice.preparing')],
      starting: () => [this.#why ?? t('notice.starting')],
      // It takes up some runs by itself, and not others: only the history will tell.
      restarting: () => [this.#why ?? t('notice.restarting')],
      doubtful: () => [t('notice.doubtful')],
      failed: () => [
        `${this.#why ?? t('notice.failed')} `,
        accountUrl ? element('a', { href: accountUrl, target: '_blank', rel: 'noopener' }, t('notice.tell')) : '',
      ],
    };
    const button = { reconnecting: state.retryAt && t('notice.try'), failed: t('try.again'), doubtful: t('notice.anew') }[kind];
    this.#notice.dataset.state = kind;
    this.#notice.replaceChildren(
      kind === 'failed' ? icon('warning') : element('span', { class: 'spinner', 'aria-hidden': 'true' }),
      element('p', {}, ...parts[kind]()),
      ...(button ? [this.#tryNow(button)] : []),
    );
    this.#notice.hidden = false;
  }

  /** What is known of the reason, or `null` when that is nothing out of the ordinary. */
  get #why() {
    return REASONS.includes(this.#reason) ? t(`reason.${this.#reason}`) : null;
  }

  #reconnecting({ retryAt }) {
    if (!retryAt) return [t('notice.lost')];
    const count = element('span', {});
    const tick = () => {
      const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
      count.textContent = ` ${t('notice.next', { seconds })}`;
      this.#later(500, tick);
    };
    tick();
    return [t('notice.kept'), count];
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
