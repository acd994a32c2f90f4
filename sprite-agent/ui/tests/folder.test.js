import assert from 'node:assert/strict';
import test from 'node:test';

import { contentOf, downloadUrl, rowsOf, wayTo } from '../folder.js';
import { askedOf, detailOf, filesOf } from '../history.js';

test('only entries with a plain name are listed', () => {
  const entry = (path, rest) => ({ path, name: path?.split?.('/').at(-1), kind: 'file', size: 1, updatedAtMs: 2, ...rest });
  const rows = rowsOf([entry('a.txt'), entry('in/b', { kind: 'directory' }), entry('../x'), entry('in//x'), entry('.'), entry(7), entry('a', { name: 'b' })]);
  assert.deepEqual(rows.map(({ path, name, isFolder }) => [path, name, isFolder]), [['a.txt', 'a.txt', false], ['in/b', 'b', true]]);
  assert.deepEqual(rowsOf(undefined), []);
});

test('the way to a file begins at the top', () => {
  assert.deepEqual(wayTo(''), [{ path: '', name: null }]);
  assert.deepEqual(wayTo('a/b c').map(({ path }) => path), ['', 'a', 'a/b c']);
});

test('a name reads as the machine reads it, and the file is found by its own', () => {
  const name = 'bill\u202efdp.exe';
  assert.deepEqual(rowsOf([{ path: name, name }]).map((row) => [row.path, row.name]), [[name, 'bill\ufffdfdp.exe']]);
  assert.deepEqual(wayTo(name).at(-1), { path: name, name: 'bill\ufffdfdp.exe' });
  assert.equal(filesOf({ content: [{ type: 'file', attachment: { label: name } }] })[0].name, 'bill\ufffdfdp.exe');
  assert.equal(askedOf({ command: 'rm \u2066a' }), 'rm \ufffda');
  assert.equal(detailOf({ command: 'rm \u2066a' }), 'rm \ufffda');
});

test('a text is shown as it is, a picture only when its bytes are one', () => {
  const base64 = (bytes) => ({ encoding: 'base64', mimeType: 'image/png', content: Buffer.from(bytes).toString('base64') });
  assert.deepEqual(contentOf({ encoding: 'utf8', content: '<script>' }), { text: '<script>' });
  assert.deepEqual(contentOf({ encoding: 'utf8', content: '' }), { text: '' });
  assert.equal(contentOf(base64([0x89, 0x50, 0x4e, 0x47, 1])).picture.type, 'image/png');
  for (const file of [base64('<svg onload=alert(1)>'), { encoding: 'base64', content: '%' }, { content: 'x' }, null, undefined]) assert.equal(contentOf(file), null);
});

test('a name cannot lead the download anywhere else', () => {
  assert.equal(downloadUrl('notes/ä #1?.md'), '/files/notes/%C3%A4%20%231%3F.md');
  assert.equal(downloadUrl('a\\b%2f..'), '/files/a%5Cb%252f..');
});
