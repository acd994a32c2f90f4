// The list of commands above the composer. The focus stays in the field; the list says by
// `aria-activedescendant` which of its options is meant.

import { commandTyped, matching } from '../commands.js';
import { t } from '../words.js';
import { element } from './element.js';

export class CommandsView {
  #field = document.getElementById('composer');
  #list = document.getElementById('commands');
  #spoken = document.getElementById('commands-spoken');
  #commands;
  #shown = [];
  #at = 0;
  /** What was typed when the list was closed by hand: it stays closed for that. */
  #closedFor = null;

  /** `commands()` → a promise of those that there are; `took(text)` puts the chosen one into the field. */
  constructor({ commands, took }) {
    this.#commands = commands;
    this.took = took;
    this.#field.addEventListener('blur', () => this.#show([]));
  }

  /** Looks at what is in the field, after each change. */
  async typed() {
    const typed = commandTyped(this.#field.value, this.#field.selectionStart);
    if (typed === null) this.#closedFor = null;
    if (typed === null || typed === this.#closedFor) {
      this.#show([]);
      return;
    }
    const commands = await this.#commands();
    // More may have been typed in between.
    if (commandTyped(this.#field.value, this.#field.selectionStart) === typed) this.#show(matching(commands, typed));
  }

  /** Takes a key when the list is open; returns whether it did. */
  pressed(event) {
    if (this.#shown.length === 0 || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) this.#choose((this.#at + steps[event.key] + this.#shown.length) % this.#shown.length);
    else if (event.key === 'Enter' || event.key === 'Tab') this.#take(this.#shown[this.#at]);
    else if (event.key === 'Escape') this.#close();
    else return false;
    event.preventDefault();
    return true;
  }

  #close() {
    this.#closedFor = commandTyped(this.#field.value, this.#field.selectionStart);
    this.#show([]);
  }

  #take({ name }) {
    this.#closedFor = name.toLowerCase();
    this.#show([]);
    this.took(`/${name} `);
  }

  #show(commands) {
    const isSame = commands.length === this.#shown.length && commands.every((command, at) => command === this.#shown[at]);
    if (isSame) return;
    this.#shown = commands;
    this.#list.hidden = commands.length === 0;
    this.#list.replaceChildren(...commands.map((command, at) => this.#option(command, at)));
    this.#spoken.textContent = commands.length > 0 ? t('commands.found', { count: commands.length }) : '';
    if (commands.length > 0) this.#choose(0);
    else this.#field.removeAttribute('aria-activedescendant');
  }

  #option(command, at) {
    const option = element('li', { id: `command-${at}`, role: 'option', 'aria-selected': 'false', 'data-testid': 'command' },
      element('span', { class: 'command-name' }, `/${command.name}`),
      element('span', { class: 'command-does', dir: 'auto' }, command.description),
      command.isSkill && element('span', { class: 'badge' }, t('commands.skill')));
    // Before the field would lose the focus.
    option.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      this.#take(command);
    });
    return option;
  }

  #choose(at) {
    this.#at = at;
    for (const [index, option] of [...this.#list.children].entries()) option.setAttribute('aria-selected', String(index === at));
    this.#list.children[at].scrollIntoView({ block: 'nearest' });
    this.#field.setAttribute('aria-activedescendant', `command-${at}`);
  }
}
