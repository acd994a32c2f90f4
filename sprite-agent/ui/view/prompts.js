// The assistant's questions, above the composer: choices, words of one's own, a command to allow.

import { unmasked } from '../overrides.js';
import { t } from '../words.js';
import { element, icon } from './element.js';

export class PromptsView {
  #root = document.getElementById('prompts');
  #actions;
  /** By id: `{prompt, root}`: what is being typed into a question stays when another one comes. */
  #shown = new Map();

  /** `actions`: `answer(id, answers)`, `skip(id)`, `decide(id, isAllowed)`. */
  constructor(actions) {
    this.#actions = actions;
  }

  update(prompts) {
    const before = this.#shown;
    this.#shown = new Map();
    for (const prompt of prompts) {
      const shown = before.get(prompt.id);
      const root = shown?.prompt === prompt ? shown.root : this.#changed(shown, prompt);
      this.#shown.set(prompt.id, { prompt, root });
    }
    const roots = [...this.#shown.values()].map(({ root }) => root);
    if (roots.length === this.#root.children.length && roots.every((root, at) => root === this.#root.children[at])) return;
    this.#root.replaceChildren(...roots);
    this.#root.hidden = roots.length === 0;
  }

  /** The same question again, sent or refused: what was chosen stays. */
  #changed(shown, prompt) {
    const root = shown?.root ?? (prompt.kind === 'question' ? this.#question(prompt) : this.#approval(prompt));
    for (const control of root.querySelectorAll('button, input')) control.disabled = prompt.isSending;
    root.querySelector('.problem').textContent = prompt.error;
    return root;
  }

  #question({ id, questions }) {
    const fields = questions.map((question, index) => questionField(id, question, index));
    const form = element('form', { class: 'prompt', 'data-testid': 'question' },
      element('p', { class: 'prompt-head' }, icon('question'), t('ask.title')),
      ...fields.map(({ root }) => root),
      element('p', { class: 'problem', role: 'alert' }),
      element('footer', {},
        element('button', { type: 'button', class: 'button small', onclick: () => this.#actions.skip(id) }, t('ask.skip')),
        element('button', { type: 'submit', class: 'button small primary', 'data-testid': 'answer' }, t('ask.answer'))));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const answers = Object.fromEntries(fields.map(({ name, read }) => [name, read()]));
      const missing = fields.find(({ name }) => answers[name].length === 0);
      form.querySelector('.problem').textContent = missing ? t('ask.missing') : '';
      if (missing) missing.root.querySelector('input')?.focus();
      else this.#actions.answer(id, answers);
    });
    return form;
  }

  #approval({ id, command, warning }) {
    const decide = (isAllowed) => () => this.#actions.decide(id, isAllowed);
    return element('section', { class: 'prompt', 'data-testid': 'approval', 'aria-label': t('approve.label') },
      element('p', { class: 'prompt-head' }, icon('tool'), t('approve.title')),
      element('pre', { tabindex: '0', dir: 'ltr' }, command),
      isLong(command) && element('p', { class: 'quiet' }, t('approve.long')),
      warning && element('p', { class: 'quiet' }, warning),
      element('p', { class: 'problem', role: 'alert' }),
      element('footer', {},
        element('button', { type: 'button', class: 'button small', 'data-testid': 'deny', onclick: decide(false) }, t('approve.deny')),
        element('button', { type: 'button', class: 'button small primary', 'data-testid': 'allow', onclick: decide(true) }, t('approve.allow'))));
  }
}

/** Whether some of a command is below what is shown of it at once: six lines, which is some hundred letters on a phone. */
function isLong(command) {
  return command.split('\n').length > 6 || command.length > 200;
}

/** The choices of one question, and a line for another answer; `read()` tells what was chosen. */
function questionField(id, { questionId: name, question, options = [], multiSelect, isOther }, index) {
  const group = `${id}-${index}`;
  const choices = options.map(({ label, description }) =>
    element('label', { class: 'choice' },
      element('input', { type: multiSelect ? 'checkbox' : 'radio', name: group, value: label }),
      element('span', {}, element('strong', { dir: 'auto' }, unmasked(label)), description && element('small', { dir: 'auto' }, unmasked(description)))));
  const isOpen = isOther || options.length === 0;
  const own = element('input', { type: 'text', class: 'own', maxlength: '2000', autocomplete: 'off', 'aria-label': t('ask.own', { question }), placeholder: t(options.length > 0 ? 'ask.else' : 'ask.yours') });
  const root = element('fieldset', {}, element('legend', { dir: 'auto' }, unmasked(question)), ...choices, isOpen && own);
  const read = () => {
    const chosen = [...root.querySelectorAll(`input[name="${CSS.escape(group)}"]:checked`)].map(({ value }) => value);
    const words = own.value.trim();
    if (!words) return chosen;
    return multiSelect ? [...chosen, words] : [words];
  };
  return { name, root, read };
}
