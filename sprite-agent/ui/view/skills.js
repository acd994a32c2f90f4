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

  constructor() {
    closable(this.#dialog);
    this.#button.addEventListener('click', () => this.#dialog.showModal());
  }

  /** Shows `{chosen, others}`; `known` is false until the assistant has said what it can do. */
  update({ chosen, others }, known) {
    const shown = JSON.stringify([chosen, others, known]);
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
    this.#body.replaceChildren(...sections(chosen, others));
  }
}

function sections(chosen, others) {
  const parts = [
    element('h3', {}, t('skills.yours')),
    chosen.length > 0
      ? element('ul', { class: 'skills' }, chosen.map(row))
      : element('p', { class: 'quiet' }, t('skills.none')),
  ];
  if (others.length > 0) {
    parts.push(element('details', {},
      element('summary', {}, t('skills.others', { count: others.length })),
      element('ul', { class: 'skills' }, others.map(row))));
  }
  return parts;
}

function row({ name, description, usable, reason }) {
  return element('li', { 'data-usable': String(usable) },
    element('span', { class: 'sign' }, icon(usable ? 'check' : 'warning')),
    element('div', {},
      element('p', { class: 'name' }, name, element('span', { class: 'badge' }, t(usable ? 'skill.ready' : 'skill.not'))),
      description && element('p', { class: 'quiet' }, description),
      !usable && element('p', { class: 'reason' }, reason)));
}
