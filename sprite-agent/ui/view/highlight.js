// Colours for code, in their own time: a block is shown plain and dressed when its colours have come.

import { grammarOf } from '../grammars.js';
import { renderedCode } from '../markdown.js';
import { Desk } from './desk.js';

/** Longer code stays plain: nobody reads it for its colours, and it costs a second. */
const CODE_MAX_CHARS = 60_000;

const desk = new Desk('/highlighter.js', { type: 'module' }, (code, html) => code.replaceChildren(renderedCode(html)));

/** Colours the code in `node`, a block of an answer, when it is in a language that is known. */
export function highlight(node) {
  const code = node.querySelector?.(':scope > pre > code, pre > code');
  const grammar = grammarOf(code?.closest('.code')?.dataset.language);
  if (!grammar || code.textContent.length > CODE_MAX_CHARS) return;
  desk.add(code, { code: code.textContent, grammar });
}
