import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import vm from 'node:vm';

import { formulas } from '../tex.js';
import { Marked } from '../vendor/marked.esm.js';

const marked = new Marked({ gfm: true, breaks: true, extensions: [] });
marked.use({ extensions: formulas((text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)) });

const INLINE = (tex) => `<code class="math-inline">${tex}</code>`;
const DISPLAY = (tex) => `<p><code class="math-display">${tex}</code></p>`;

function check(markdown, expected) {
  assert.equal(marked.parse(markdown).trim(), expected, markdown);
}

test('formulas are found as models write them', () => {
  check('So $x^2$ it is.', `<p>So ${INLINE('x^2')} it is.</p>`);
  check('So \\(a_1 * b_1\\) it is.', `<p>So ${INLINE('a_1 * b_1')} it is.</p>`);
  check('$$\n\\frac{a}{b}\n= c\n$$', DISPLAY('\\frac{a}{b}\n= c'));
  check('\\[ a - b \\]', DISPLAY('a - b'));
  check('Before:\n$$\na\n$$\nafter', '<p>Before:<br><code class="math-display">a</code><br>after</p>');
  check('| a |\n|---|\n| $x$ |', `<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody><tr>\n<td>${INLINE('x')}</td>\n</tr>\n</tbody></table>`);
  check('$a < b$', `<p>${INLINE('a &#60; b')}</p>`);
});

test('money, code and what is never closed are no formulas', () => {
  for (const text of ['It costs $5 or $10.', 'from $5 to $10', 'a $ b $ c', '$', '$$', '$5', 'US$ 5, US$ 6']) check(text, `<p>${text}</p>`);
  check('`$x$`', '<p><code>$x$</code></p>');
  check('$$\na\n\nb', '<p>$$<br>a</p>\n<p>b</p>');
  check('\\$x\\$', '<p>$x$</p>');
});

/** What the worker answers, as it runs: the library and the file itself, and nothing else. */
function worker() {
  const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
  const listeners = [];
  const answers = [];
  const scope = vm.createContext({
    importScripts: (path) => vm.runInContext(read(path), scope),
    addEventListener: (_, listener) => listeners.push(listener),
    postMessage: (answer) => answers.push(answer.html),
  });
  vm.runInContext(read('mathematics.js'), scope);
  return (tex, display = false) => {
    listeners[0]({ data: { tex, display } });
    return answers.at(-1);
  };
}

test('the worker sets a formula, and leaves what is none or wants more than a formula may', () => {
  const set = worker();
  assert.match(set('\\frac{a}{b}', true), /^<math [^>]*display="block"[^>]*><mfrac><mi>a<\/mi><mi>b<\/mi><\/mfrac><\/math>$/);
  assert.match(set('x^2'), /<msup>/);
  for (const tex of ['\\frac{', '\\nothing', '\\includegraphics{https://evil.test/x}', '\\def\\a{\\a\\a}\\a', '\\style{x:y}{z}', '\\url{javascript:alert(1)}']) {
    assert.equal(set(tex), null, tex);
  }
  assert.doesNotMatch(set('\\rule{9999em}{9999em}'), /9999/);
});
