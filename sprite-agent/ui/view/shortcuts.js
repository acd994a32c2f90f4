// What can be done with the keyboard, listed under `?`.

import { t } from '../words.js';
import { closable } from './dialog.js';
import { element } from './element.js';

const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);
const MOD = isMac ? '⌘' : t('key.control');

/** Keys, and the text that says what they do. */
const SHORTCUTS = [
  [[MOD, 'K'], 'shortcut.new'],
  [[MOD, t('key.shift'), 'K'], 'shortcut.search'],
  [[t('key.shift'), t('key.escape')], 'shortcut.compose'],
  [[t('key.escape')], 'shortcut.stop'],
  [['/'], 'shortcut.commands'],
  [['↑'], 'shortcut.back'],
  [[t('key.shift'), t('key.enter')], 'shortcut.line'],
  [['?'], 'shortcut.help'],
];

export class ShortcutsView {
  #dialog = document.getElementById('shortcuts-panel');

  constructor() {
    closable(this.#dialog);
    document.getElementById('shortcuts').addEventListener('click', () => this.open());
    document.getElementById('shortcuts-list').append(...SHORTCUTS.map(([keys, does]) =>
      element('div', {}, element('dt', {}, ...keys.flatMap((key, at) => [at > 0 && ' + ', element('kbd', {}, key)])), element('dd', {}, t(does)))));
  }

  open() {
    for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
    this.#dialog.showModal();
  }
}
