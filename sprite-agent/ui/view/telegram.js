// Telegram in the skills panel: connecting a bot, how it stands, who wants to be let in.
//
// The token goes to the workspace's own machine and is never shown again.

import { element, icon } from './element.js';
import { t } from '../words.js';

/** Who writes to the bot for the first time is looked for this often, while the panel is open. */
const LOOK_EVERY_MS = 6_000;

export class TelegramView {
  #dialog = document.getElementById('skills-panel');
  #body = document.getElementById('telegram-body');
  #actions;
  /** What `channels.status` says of the bot; `undefined` until it was asked. */
  #bot;
  #asking = [];
  #isSending = false;
  /** Why the last change, and why the last reading, did not work. */
  #error = '';
  #readError = '';
  #timer = null;

  /** `actions`: `absence()`, why nothing can be asked now, in words; `can()`; `request(method, params)`, which may reject. */
  constructor(actions) {
    this.#actions = actions;
    document.getElementById('skills').addEventListener('click', () => this.#look());
    this.#dialog.addEventListener('close', () => clearTimeout(this.#timer));
  }

  /** The assistant can be asked, again or for the first time: what could not be reached can. */
  greeted() {
    this.#error = '';
    if (this.#dialog.open) this.#look();
  }

  /** Something about the connection changed. */
  connectionChanged() {
    if (this.#dialog.open) this.#show();
  }

  /** Reads how it stands, and again for as long as somebody may be waiting to be let in. */
  async #look() {
    clearTimeout(this.#timer);
    // The next greeting looks again.
    const canRead = !this.#actions.absence() && this.#actions.can();
    if (canRead) await this.#read();
    this.#show();
    clearTimeout(this.#timer);
    if (canRead && this.#dialog.open && this.#bot !== null) this.#timer = setTimeout(() => this.#look(), LOOK_EVERY_MS);
  }

  async #read() {
    try {
      const { channelAccounts } = await this.#actions.request('channels.status', {});
      this.#bot = (channelAccounts?.telegram ?? []).find(({ configured, enabled }) => configured && enabled !== false) ?? null;
      const { requests } = this.#bot ? await this.#actions.request('arca.telegram.waiting', {}) : {};
      this.#asking = Array.isArray(requests) ? requests : [];
      this.#readError = '';
    } catch (error) {
      // It is asked again; what was known stays.
      this.#readError = reason(error);
    }
  }

  async #change(method, params) {
    this.#isSending = true;
    this.#error = '';
    this.#show();
    try {
      await this.#actions.request(method, params);
    } catch (error) {
      this.#error = reason(error);
    }
    this.#isSending = false;
    await this.#look();
  }

  #show() {
    const focused = this.#body.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    const absence = this.#actions.absence();
    const isKnown = this.#bot !== undefined;
    const error = this.#error || (absence || isKnown ? '' : this.#readError);
    const note = absence || (isKnown || error ? '' : t('telegram.reading'));
    const typed = this.#token?.value ?? '';
    const parts = !absence && !this.#actions.can() ? [] : [
      element('h3', {}, 'Telegram'),
      isKnown && (this.#bot ? this.#connected() : this.#form()),
      note && element('p', { class: 'quiet', role: 'status' }, note),
      error && element('p', { class: 'reason', role: 'alert' }, error),
    ];
    this.#body.replaceChildren(...parts.filter(Boolean));
    // A token that is being pasted outlives a look.
    if (this.#token) this.#token.value = typed;
    if (focused) (this.#body.querySelector(`[data-focus="${CSS.escape(focused)}"]`) ?? this.#body.querySelector('[data-focus]'))?.focus();
  }

  get #token() {
    return this.#body.querySelector('[data-testid=telegram-token]');
  }

  #connected() {
    const { running, lastError } = this.#bot;
    const state = running ? 'telegram.on' : 'telegram.starting';
    return element('ul', { class: 'skills' },
      element('li', { 'data-usable': String(Boolean(running)) },
        element('span', { class: 'sign' }, icon(running ? 'check' : 'warning')),
        element('div', {},
          element('p', { class: 'name' }, t('telegram.bot'), element('span', { class: 'badge', 'data-testid': 'telegram-state' }, t(state))),
          lastError && element('p', { class: 'reason' }, t('telegram.bad', { reason: lastError })),
          element('p', { class: 'quiet' }, t('telegram.write'))),
        this.#button('telegram.disconnect', 'telegram-disconnect', () => this.#change('arca.telegram.disconnect', {}))),
      this.#asking.map((request) => this.#request(request)));
  }

  #request({ requestId, senderId, metadata }) {
    const name = [metadata?.firstName, metadata?.lastName].filter(Boolean).join(' ') || String(senderId);
    return element('li', { 'data-testid': 'telegram-request' },
      element('span', { class: 'sign' }, icon('question')),
      element('div', {},
        element('p', { class: 'name', dir: 'auto' }, t('telegram.asks', { name })),
        element('p', { class: 'quiet' }, t('telegram.number', { number: String(senderId) })),
        element('div', { class: 'key' },
          this.#button('telegram.allow', `telegram-allow`, () => this.#change('arca.telegram.allow', { requestId })),
          this.#button('telegram.refuse', 'telegram-refuse', () => this.#change('arca.telegram.dismiss', { requestId })))));
  }

  #button(words, name, onclick) {
    return element('button', { type: 'button', class: 'button small', disabled: this.#isSending, 'data-focus': name, 'data-testid': name, onclick }, t(words));
  }

  #form() {
    const label = t('telegram.token');
    const field = element('input', { type: 'password', autocomplete: 'off', maxlength: '200', 'aria-label': label, placeholder: label, disabled: this.#isSending, 'data-focus': 'telegram-token', 'data-testid': 'telegram-token' });
    const form = element('form', { class: 'key' }, field,
      element('button', { type: 'submit', class: 'button small', disabled: this.#isSending, 'data-focus': 'telegram-connect', 'data-testid': 'telegram-connect' }, t(this.#isSending ? 'telegram.connecting' : 'telegram.connect')));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const token = field.value.trim();
      if (token) this.#change('arca.telegram.connect', { token });
      else field.focus();
    });
    return element('div', {},
      element('p', { class: 'quiet' }, t('telegram.what')),
      element('p', { class: 'quiet' },
        element('a', { href: 'https://t.me/BotFather', target: '_blank', rel: 'noopener noreferrer' }, '@BotFather'), ' ', t('telegram.how')),
      form);
  }
}

function reason(error) {
  return error.uncertain ? t('away') : t('says', { reason: error.message });
}
