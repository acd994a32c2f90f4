import assert from 'node:assert/strict';
import test from 'node:test';

import { grammarOf } from '../grammars.js';
import { highlighted } from '../highlighter.js';
import { definitionsOf } from '../markdown.js';
import { CODE_CHARS, PIECE_CHARS, blocksOf, restOf } from '../pieces.js';

const whole = (blocks) => blocks.map(({ raw }) => raw).join('');
/** The text of a block and of all that it hides. */
const shownOf = (block) => block.text + [...restOf(block)].flat().map(({ text }) => text).join('');

test('nothing of a text is lost, however long it is', () => {
  const paragraphs = Array.from({ length: 2_000 }, (_, index) => `Paragraph ${index} with some words in it.`).join('\n\n');
  for (const text of ['', 'short', paragraphs, 'x'.repeat(1 << 20), '- line\n'.repeat(50_000), `${'a '.repeat(40_000)}\n\nafter`]) {
    assert.equal(whole(blocksOf(text)), text, text.slice(0, 20));
  }
  assert.equal(blocksOf(paragraphs).filter(({ type }) => type === 'paragraph').length, 2_000);
  assert.equal(blocksOf(paragraphs).every(({ hidden }) => !hidden), true);
});

test('a megabyte in one line shows its beginning, and the rest when it is asked for', () => {
  const [block] = blocksOf('x'.repeat(1 << 20));
  assert.equal(block.hidden, (1 << 20) - PIECE_CHARS);
  assert.equal(shownOf(block).length, 1 << 20);
});

test('ten thousand rows are shown some at a time, each time below their head', () => {
  const head = '| a | b |\n|---|---|\n';
  const rows = Array.from({ length: 10_000 }, (_, index) => `| ${index} | row |`).join('\n');
  const [table, ...others] = blocksOf(head + rows);
  assert.equal(table.type, 'table');
  assert.deepEqual(others, []);
  const rest = [...restOf(table)].flat();
  assert.equal(rest.every(({ type }) => type === 'table'), true);
  assert.equal(table.rows.length + rest.reduce((sum, { rows: some }) => sum + some.length, 0), 10_000);
});

test('long code is one block, and what follows it is text again', () => {
  const code = 'const a = 1;\n'.repeat(3_000);
  const blocks = blocksOf(`~~~~js\n${code}~~~\n${code}~~~~\n\n# After`);
  assert.deepEqual(blocks.filter(({ type }) => type !== 'space').map(({ type }) => type), ['code', 'heading']);
  assert.equal(blocks[0].lang, 'js');
  assert.equal(blocks[0].text, `${code}~~~\n${code}`.replace(/\n$/, ''));
  const [huge] = blocksOf(`\`\`\`\n${'y'.repeat(CODE_CHARS * 2)}`);
  assert.equal(huge.hidden, CODE_CHARS);
  assert.equal(shownOf(huge).length, CODE_CHARS * 2);
});

test('what is nested too deep to be read is plain text', () => {
  const bomb = Array.from({ length: 100 }, (_, level) => `${'  '.repeat(level)}- a\n`).join('');
  for (const text of [`${'> '.repeat(400)}deep`, `${'1. '.repeat(300)}x`, bomb, `${'> '.repeat(5_000)}deep`]) {
    const [block] = blocksOf(text);
    assert.equal(block.raw, text);
    assert.equal(block.type, 'paragraph');
  }
  assert.equal(blocksOf(`${'> '.repeat(20)}deep`)[0].type, 'blockquote');
});

test('what takes a parser longest is cut before it does', () => {
  // Of a thousand signs the parser makes a thousand things at the most, and looks at each from each.
  for (const unit of ['_a', 'a*', '` ', '[[', '[a](', '![a](', '**a *b ', '<a ', '~a', '- a\n', '| a |\n|---|\n', '> ', '1. ']) {
    const text = unit.repeat(300_000);
    const [block] = blocksOf(text);
    assert.equal(block.raw, text);
    assert.ok(text.length - block.hidden <= 1_001 * unit.length, unit);
  }
});

test('so much of a text is read at once, and the next time it goes on behind that', () => {
  const text = 'a\n\n'.repeat(10_000);
  let [rest, steps] = [text, 0];
  while (rest) {
    const read = whole(blocksOf(rest, 1));
    assert.ok(read.length <= 3_000);
    rest = rest.slice(read.length);
    steps += 1;
  }
  assert.ok(steps > 10);
});

test('a link is known wherever in the text it is defined', () => {
  const text = `[first]\n\n${'word\n\n'.repeat(2_000)}[first]: https://example.com`;
  const [{ tokens }] = blocksOf(text, 1, definitionsOf(text));
  assert.equal(tokens[0].href, 'https://example.com');
  assert.equal(definitionsOf('[a](b) and [c]'), null);
  assert.equal(definitionsOf('[\n'.repeat(300_000)), null);
});

test('code is known by the names that answers give it', async () => {
  assert.deepEqual(['js', 'TypeScript', 'c++', 'html', 'brainfuck', '', undefined].map(grammarOf),
    ['javascript', 'typescript', 'cpp', 'xml', null, null, null]);
  const html = await highlighted('let a = "<b>";', 'javascript');
  assert.match(html, /<span class="hljs-keyword">let<\/span>/);
  assert.match(html, /&lt;b&gt;/);
});
