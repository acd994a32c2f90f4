// The settings panel: looks, keys, account.

import { closable } from './dialog.js';

export class SettingsView {
  #dialog = document.getElementById('settings-panel');
  #form = document.getElementById('settings-form');
  #memory;

  constructor(memory) {
    this.#memory = memory;
    closable(this.#dialog);
    document.getElementById('settings').addEventListener('click', () => {
      this.#fill();
      this.#dialog.showModal();
    });
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#form.addEventListener('change', () => this.#keep());
  }

  /** Whether Enter sends. Unless chosen: yes with a keyboard, no on a touch screen, where Enter is a new line. */
  get enterSends() {
    return this.#memory.settings().enterSends ?? !matchMedia('(pointer: coarse)').matches;
  }

  /** Shows whose workspace this is, and where the account page lives. */
  update({ username, accountUrl }) {
    for (const node of document.querySelectorAll('[data-username]')) node.textContent = username;
    const link = document.getElementById('account-link');
    link.hidden = !accountUrl;
    if (accountUrl && link.href !== accountUrl) link.href = accountUrl;
  }

  #fill() {
    const { theme, text } = this.#memory.settings();
    this.#form.elements.theme.value = theme;
    this.#form.elements.text.value = text;
    this.#form.elements.enterSends.checked = this.enterSends;
  }

  #keep() {
    const { theme, text, enterSends } = this.#form.elements;
    this.#memory.keepSettings({ theme: theme.value, text: text.value, enterSends: enterSends.checked });
    const root = document.documentElement.dataset;
    chosen(root, 'theme', theme.value, 'auto');
    chosen(root, 'text', text.value, 'medium');
  }
}

function chosen(dataset, name, value, usual) {
  if (value === usual) delete dataset[name];
  else dataset[name] = value;
}
