// What an empty conversation shows: a greeting, and things to try that fit the skills.

import { element, mark } from './element.js';

const IDEAS = {
  weather: 'What will the weather be like this weekend?',
  summarize: 'Summarize this page for me: ',
  github: 'Which pull requests are waiting for me?',
  gog: 'What is in my calendar today?',
  notion: 'Find my notes about ',
  trello: 'What is on my boards this week?',
};
const GENERAL_IDEAS = ['Help me plan my week', 'Explain something to me: ', 'Draft a message for me: '];
const IDEAS_MAX = 4;

export class GreetingView {
  #root = document.getElementById('greeting');
  #suggest;
  #shown = '';

  /** `suggest(text)` puts a suggestion into the composer. */
  constructor(suggest) {
    this.#suggest = suggest;
  }

  /** `skills` are the chosen ones, as they are known by now: the suggestions follow them. */
  update(isShown, skills) {
    this.#root.hidden = !isShown;
    if (!isShown) return;
    const own = skills.filter((skill) => skill.usable && IDEAS[skill.key]).map((skill) => IDEAS[skill.key]);
    const ideas = [...own, ...GENERAL_IDEAS].slice(0, IDEAS_MAX);
    const words = greetingFor(new Date().getHours());
    const shown = JSON.stringify([words, ideas]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#root.replaceChildren(
      mark(),
      element('h2', {}, words),
      element('p', {}, 'What can your assistant do for you?'),
      element('div', { class: 'chips' }, ideas.map((idea) => this.#chip(idea))),
    );
  }

  #chip(idea) {
    const words = idea.trim().replace(/:$/, '…');
    return element('button', { type: 'button', class: 'chip', onclick: () => this.#suggest(idea) }, words);
  }
}

/** By the clock of the person; at night it is still the evening before. */
export function greetingFor(hour) {
  if (hour >= 5 && hour < 12) return 'Good morning';
  return hour >= 12 && hour < 18 ? 'Good afternoon' : 'Good evening';
}
