import assert from 'node:assert/strict';
import test from 'node:test';

import { changeOf } from '../change.js';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => ({ id }));
const ids = (messages) => messages.map(({ id }) => id).join('');

function check(before, after, { start, end, was, now, gone = '' }) {
  const change = changeOf(before, after);
  assert.deepEqual({ ...change, was: ids(change.was), now: ids(change.now), gone: ids(change.gone) }, { start, end, was, now, gone });
}

test('what is the same at either end is no change', () => {
  check([a, b, c], [a, b, c], { start: 3, end: 3, was: '', now: '' });
  check([], [], { start: 0, end: 0, was: '', now: '' });
  check([a, b], [a, b, c, d], { start: 2, end: 4, was: '', now: 'cd' });
  check([c, d], [a, b, c, d], { start: 0, end: 2, was: '', now: 'ab' });
  check([a, d], [a, b, c, d], { start: 1, end: 3, was: '', now: 'bc' });
});

test('a message that was made anew has changed and is not gone', () => {
  check([a, b, c], [a, { ...b }, c], { start: 1, end: 2, was: 'b', now: 'b' });
  check([a, b, c], [{ ...a }, { ...b }, { ...c }], { start: 0, end: 3, was: 'abc', now: 'abc' });
});

test('what stands nowhere any more is gone', () => {
  check([a, b, c, d], [a, d], { start: 1, end: 1, was: 'bc', now: '', gone: 'bc' });
  check([a, b, c], [a, c, b], { start: 1, end: 3, was: 'bc', now: 'cb' });
  check([a, b], [], { start: 0, end: 0, was: 'ab', now: '', gone: 'ab' });
});
