// What an empty conversation shows: a greeting, and three things to try that fit the skills. The first
// time it asks for a name, which the assistant is told in a first message that the person sends.

import { t } from '../words.js';
import { element, mark } from './element.js';

/** Skills that there is something to try with, the most telling first. */
const WITH_IDEAS = [
  'weather', 'gog', 'himalaya', 'summarize', 'notion', 'trello', 'github', 'visualize', 'obsidian', 'openai-whisper-api', 'nano-pdf',
  'coding-agent', 'gh-issues', 'xurl', 'tmux', 'healthcheck',
];
const GENERAL = ['plan', 'draft', 'explain'];
const IDEAS_SHOWN = 3;
const NAME_MAX = 60;

/** Texts of what to try, for `skills` as they are known. What has to be connected first is not among them. */
export function ideasFor(skills) {
  const usable = skills.filter(({ usable: isUsable }) => isUsable).map(({ key }) => key);
  const own = WITH_IDEAS.filter((key) => usable.includes(key));
  return [...own, ...GENERAL].slice(0, IDEAS_SHOWN).map((key) => t(`idea.${key}`));
}

/** By the clock of the person; at night it is still the evening before. */
export function greetingFor(hour, name = '') {
  const time = hour >= 5 && hour < 12 ? 'morning' : hour >= 12 && hour < 18 ? 'afternoon' : 'evening';
  return name ? t(`greeting.${time}-name`, { name }) : t(`greeting.${time}`);
}

export class GreetingView {
  #root = document.getElementById('greeting');
  #suggest;
  #memory;
  #shown = '';

  /** `suggest(text)` puts a suggestion into the composer; `memory` knows the name. */
  constructor(suggest, memory) {
    this.#suggest = suggest;
    this.#memory = memory;
  }

  /** `skills` are the chosen ones, as they are known by now; `isFirst` when nothing was ever said here. */
  update(isShown, skills, isFirst) {
    this.#root.hidden = !isShown;
    if (!isShown) return;
    const ideas = ideasFor(skills);
    const name = this.#memory.name();
    const words = greetingFor(new Date().getHours(), name);
    const asks = isFirst && !name;
    const shown = JSON.stringify([words, ideas, asks]);
    // A name that is being typed stays.
    if (shown === this.#shown || (asks && this.#root.contains(document.activeElement))) return;
    this.#shown = shown;
    this.#root.replaceChildren(
      mark(),
      element('h2', { dir: 'auto' }, words),
      asks ? this.#question() : element('p', {}, t('greeting.ask')),
      element('div', { class: 'ideas' }, ideas.map((idea) => this.#idea(idea))),
    );
  }

  #question() {
    const field = element('input', { id: 'name', type: 'text', maxlength: String(NAME_MAX), autocomplete: 'given-name', placeholder: t('greeting.name'), dir: 'auto', 'data-testid': 'name' });
    const form = element('form', { class: 'who' },
      element('label', { for: 'name' }, t('greeting.who')),
      element('div', {}, field, element('button', { type: 'submit', class: 'button primary' }, t('greeting.go'))));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const name = field.value.trim().slice(0, NAME_MAX);
      if (!name) {
        field.focus();
        return;
      }
      this.#memory.keepName(name);
      this.#suggest(t('greeting.introduce', { name }));
    });
    return form;
  }

  #idea(idea) {
    const isOpen = idea !== idea.trim();
    const words = isOpen ? `${idea.trim().replace(/:$/, '')}…` : idea;
    return element('button', { type: 'button', class: 'idea', 'data-testid': 'idea', onclick: () => this.#suggest(idea) }, words);
  }
}
