// Where formulas are in Markdown, as models write them: `$…$`, `\(…\)`, `$$…$$` and `\[…\]`. Pure.
//
// A sum of money is no formula: what a single dollar begins ends on the same line, has no blank at
// either end, and no digit behind it. None reaches over the beginning of another one, so that a text
// of beginnings without an end is read once, and not once for each.

const INLINE = [/^\$(?![\s$])((?:\\[^\n]|[^\\$\n])*?[^\\\s$]|\\[^\s])\$(?!\d)/, /^\\\(((?:(?!\\[()])[^\n])+)\\\)/];
const DISPLAY = [/^\$\$((?:[^$\\]|\\[^])+)\$\$/, /^\\\[((?:(?!\\[[\]])[^])+)\\\]/];
/** As a block of its own, in which the parser looks for no lists and headings. */
const BLOCK = DISPLAY.map(({ source }) => new RegExp(`^ {0,3}${source.slice(1)}[ \\t]*(?:\\n|$)`));

function first(patterns, text) {
  for (const pattern of patterns) {
    const found = pattern.exec(text);
    // A paragraph ends at an empty line, and a formula as well: one that was never closed ends there.
    if (found && !/\n[ \t]*\n/.test(found[1])) return found;
  }
  return null;
}

/** Extensions of the Markdown parser. `escaped` makes text harmless in HTML. */
export function formulas(escaped) {
  const code = ({ tex, display }) => `<code class="${display ? 'math-display' : 'math-inline'}">${escaped(tex)}</code>`;
  const token = (type, found, display) => (found ? { type, display, raw: found[0], tex: found[1].trim() } : undefined);
  return [
    // Without `start`: within a paragraph it is the other one's, as to cut paragraphs makes the parser quadratic.
    {
      name: 'formula',
      level: 'block',
      tokenizer: (text) => token('formula', first(BLOCK, text), true),
      renderer: (formula) => `<p>${code(formula)}</p>`,
    },
    {
      name: 'inlineFormula',
      level: 'inline',
      start: (text) => /\$|\\[([]/.exec(text)?.index,
      tokenizer: (text) => token('inlineFormula', first(DISPLAY, text), true) ?? token('inlineFormula', first(INLINE, text), false),
      renderer: code,
    },
  ];
}
