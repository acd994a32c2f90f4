// Formulas, in their own time: one is shown as it was written, and set when that is done.

import { renderedMath } from '../markdown.js';
import { Desk } from './desk.js';
import { element } from './element.js';

/** Longer than any formula of a person. */
const TEX_MAX_CHARS = 4_000;
/** Formulas of one block of an answer; those after them stay as they were written. */
const FORMULAS = 200;

const desk = new Desk('/mathematics.js', {}, (code, html) => {
  const formula = renderedMath(html);
  if (!formula) return;
  const display = code.classList.contains('math-display');
  const frame = element('span', { class: display ? 'formula display' : 'formula', dir: 'ltr', 'data-testid': 'formula' });
  // What is wider than the page can be scrolled, also from the keyboard.
  if (display) frame.tabIndex = 0;
  frame.append(formula);
  code.replaceWith(frame);
});

/** Sets the formulas in `node`, a block of an answer. */
export function typeset(node) {
  const found = node.querySelectorAll?.('code.math-inline, code.math-display') ?? [];
  for (const code of [...found].slice(0, FORMULAS)) {
    if (code.textContent.length > TEX_MAX_CHARS) continue;
    desk.add(code, { tex: code.textContent, display: code.classList.contains('math-display') });
  }
}
