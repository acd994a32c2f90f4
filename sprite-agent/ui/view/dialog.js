// Questions to the visitor in a native dialog: Escape closes it, the focus returns by itself.

import { element, iconButton } from './element.js';
import { t } from '../words.js';

/** Lets a dialog be closed by its ✕ and by a click beside it. */
export function closable(dialog) {
  const close = iconButton('close', t('close'), { class: 'icon-button dialog-close', onclick: () => dialog.close() });
  dialog.querySelector('header').append(close);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
}

/** Shows `dialog` until it closes; resolves with its return value. */
function ask(dialog) {
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    dialog.showModal();
  });
}

function question(title, body, action, dangerous) {
  return element('dialog', { class: 'question', 'aria-labelledby': 'question-title', 'data-testid': 'question' },
    element('form', { method: 'dialog' },
      element('h2', { id: 'question-title' }, title),
      body,
      element('footer', {},
        element('button', { class: 'button', value: '', type: 'button', onclick: (event) => event.target.closest('dialog').close('') }, t('cancel')),
        element('button', { class: `button ${dangerous ? 'danger' : 'primary'}`, value: 'yes', 'data-testid': 'confirm' }, action))));
}

/** Asks for a yes; resolves with whether it came. */
export async function confirmed({ title, text, action, dangerous = false }) {
  return (await ask(question(title, element('p', {}, text), action, dangerous))) === 'yes';
}

/** Tells something that needs no decision. */
export async function told({ title, text }) {
  const dialog = question(title, element('p', {}, text), t('close'), false);
  dialog.querySelector('footer .button').remove();
  await ask(dialog);
}

/**
 * Asks for one line of text; resolves with it, or `null`. `known` are texts to choose from; with `mayBeEmpty`
 * nothing is an answer as well.
 */
export async function answered({ title, label, value, action, known = [], mayBeEmpty = false }) {
  const list = known.length > 0 && element('datalist', { id: 'question-known' }, known.map((text) => element('option', { value: text })));
  const field = element('input', { id: 'question-field', type: 'text', dir: 'auto', maxlength: '80', autocomplete: 'off', value, list: list && 'question-known' });
  const body = element('div', { class: 'field' }, element('label', { for: 'question-field' }, label), field, list);
  const dialog = question(title, body, action, false);
  const asking = ask(dialog);
  field.select();
  if ((await asking) !== 'yes') return null;
  return field.value.trim() || (mayBeEmpty ? '' : null);
}
