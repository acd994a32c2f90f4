// The skills panel: what the assistant can do, and what the rest of it is missing.

import { closable } from './dialog.js';
import { element, icon } from './element.js';
import { t } from '../words.js';

export class SkillsView {
  #button = document.getElementById('skills');
  #count = document.getElementById('skills-count');
  #dialog = document.getElementById('skills-panel');
  #body = document.getElementById('skills-body');
  #shown = null;

  #actions;
  /** A change that is under way, or that failed, by skill: `{isSending, error}`. */
  #changes = new Map();
  #last = null;
  /** Keys that were typed and are not with the assistant yet: the form is made anew with each change. */
  #typed = new Map();

  /** `actions`: `canSwitch()`, `canSetKey()`, `turn(key, isOn)`, `setKey(key, text, name)`, `name` of a variable other than its key's own; both may reject. `ask(text)` begins a message. */
  constructor(actions) {
    this.#actions = actions;
    closable(this.#dialog);
    this.#button.addEventListener('click', () => this.#dialog.showModal());
    this.#dialog.addEventListener('close', () => this.#typed.clear());
  }

  /** The assistant can be asked, again or for the first time: what could not be reached can. */
  greeted() {
    for (const [key, { error }] of this.#changes) if (error) this.#note(key, null);
  }

  /** Shows `{chosen, others}`; `known` is false until the assistant has said what it can do. */
  update({ chosen, others }, known) {
    this.#last = [{ chosen, others }, known];
    const can = { turn: this.#actions.canSwitch(), setKey: this.#actions.canSetKey() };
    const shown = JSON.stringify([chosen, others, known, can, [...this.#changes]]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const usable = chosen.filter((skill) => skill.usable).length;
    this.#count.textContent = known && chosen.length > 0 ? t('skills.count', { ready: usable, count: chosen.length }) : '';
    if (!known) {
      const names = chosen.map((skill) => skill.name).join(', ');
      this.#body.replaceChildren(element('p', { class: 'quiet' },
        [names && t('skills.chose', { list: names }), t('skills.unknown')].filter(Boolean).join(' ')));
      return;
    }
    const { activeElement } = document;
    const focused = this.#body.contains(activeElement) ? activeElement.dataset.focus : null;
    this.#body.replaceChildren(...this.#sections(chosen, others, can));
    if (focused) this.#focus(focused);
  }

  #focus(name) {
    [...this.#body.querySelectorAll('[data-focus]')].find(({ dataset }) => dataset.focus === name)?.focus();
  }

  async #change(key, work) {
    const focused = document.activeElement.dataset.focus ?? document.activeElement.closest('form')?.querySelector('[data-focus]')?.dataset.focus;
    this.#note(key, { isSending: true, error: '' });
    try {
      await work();
      this.#note(key, null);
    } catch (error) {
      this.#note(key, { isSending: false, error: error.uncertain ? t('away') : t('says', { reason: error.message }) });
    }
    // What is under way is disabled, and loses the focus.
    if (focused && !this.#body.contains(document.activeElement)) this.#focus(focused);
  }

  #note(key, change) {
    if (change) this.#changes.set(key, change);
    else this.#changes.delete(key);
    this.update(...this.#last);
  }

  #sections(chosen, others, can) {
    const parts = [
      element('h3', {}, t('skills.yours')),
      chosen.length > 0
        ? element('ul', { class: 'skills' }, chosen.map((skill) => this.#row(skill, can)))
        : element('p', { class: 'quiet' }, t('skills.none')),
    ];
    if (others.length > 0) {
      parts.push(element('details', {},
        element('summary', {}, t('skills.others', { count: others.length })),
        element('ul', { class: 'skills' }, others.map((skill) => this.#row(skill, {})))));
    }
    return parts;
  }

  #row(skill, can) {
    const { key, name, description, usable, reason, isOn, keys, signsIn } = skill;
    const { isSending = false, error = '' } = this.#changes.get(key) ?? {};
    const turn = can.turn && isOn !== null && element('input', {
      type: 'checkbox', role: 'switch', class: 'turn', 'aria-label': t('skill.switch', { name }), checked: isOn, disabled: isSending,
      'data-focus': `turn ${key}`, 'data-testid': `switch-${key}`, onchange: (event) => this.#change(key, () => this.#actions.turn(key, event.target.checked)),
    });
    return element('li', { 'data-usable': String(usable) },
      element('span', { class: 'sign' }, icon(usable ? 'check' : 'warning')),
      element('div', {},
        element('p', { class: 'name' }, name, element('span', { class: 'badge' }, t(usable ? (signsIn ? 'skill.account' : 'skill.ready') : 'skill.not'))),
        description && element('p', { class: 'quiet' }, description),
        !usable && element('p', { class: 'reason' }, reason),
        signsIn && element('p', { class: 'quiet' }, t('skill.account.how'), ' ', element('button', {
          type: 'button', class: 'button small quiet', 'data-testid': `ask-${key}`, onclick: () => this.#ask(name),
        }, t('skill.account.ask'))),
        can.setKey && keys.map((variable) => this.#keyForm(skill, variable, isSending)),
        error && element('p', { class: 'reason', role: 'alert' }, error)),
      turn && element('span', { class: 'switch' }, turn));
  }

  #ask(name) {
    this.#dialog.close();
    this.#actions.ask(t('skill.account.question', { name }));
  }

  /** The key stays in the workspace's own machine, and is never shown again. */
  #keyForm({ key, name, usable }, variable, isSending) {
    const label = t('skill.key', { name: variable ? `${name} (${variable})` : name });
    const place = `key ${key} ${variable ?? ''}`;
    const field = element('input', { type: 'password', autocomplete: 'off', maxlength: '4000', 'aria-label': label, placeholder: label, disabled: isSending, 'data-focus': place, 'data-testid': `key-${key}`, oninput: () => this.#typed.set(place, field.value) });
    field.value = this.#typed.get(place) ?? '';
    const form = element('form', { class: 'key' }, field,
      element('button', { type: 'submit', class: 'button small', disabled: isSending, 'data-testid': `connect-${key}` }, t(usable ? 'skill.change' : 'skill.connect')));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const typed = field.value.trim();
      if (!typed) return field.focus();
      return this.#change(key, async () => {
        await this.#actions.setKey(key, typed, variable);
        this.#typed.delete(place);
      });
    });
    return form;
  }
}
