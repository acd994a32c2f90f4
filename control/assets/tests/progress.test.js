import assert from 'node:assert/strict';
import test from 'node:test';

import { elapsed, inWords, mayOpen, needsNewPage, news } from '../progress.js';

const labels = { payment: 'Payment', start: 'Starting it' };

function progress(payment, start, headline = 'Your workspace is being prepared') {
  return { headline, text: 'A text.', steps: [{ name: 'payment', state: payment }, { name: 'start', state: start }] };
}

test('time is told in seconds, then in minutes', () => {
  assert.equal(inWords(0), '0 s');
  assert.equal(inWords(59_999), '59 s');
  assert.equal(inWords(125_000), '2 min 5 s');
  assert.equal(inWords(-5), '0 s');
});

test('a step that runs is counted until now, and one that is done until its end', () => {
  assert.equal(elapsed({ state: 'running', started_at: 1_000, finished_at: null }, 9_000), '8 s');
  assert.equal(elapsed({ state: 'done', started_at: 1_000, finished_at: 3_000 }, 9_000), '2 s');
  assert.equal(elapsed({ state: 'waiting', started_at: null, finished_at: null }, 9_000), '');
  assert.equal(elapsed({ state: 'done', started_at: null, finished_at: 1 }, 9_000), '');
});

test('only what changed is said aloud', () => {
  assert.equal(news(null, progress('done', 'running'), labels), '');
  assert.equal(news(progress('done', 'running'), progress('done', 'running'), labels), '');
  assert.equal(news(progress('running', 'waiting'), progress('done', 'running'), labels), 'Payment: done. Starting it: under way.');
  const ready = progress('done', 'done', 'Your workspace is ready');
  assert.equal(news(progress('done', 'running'), ready, labels), 'Starting it: done. Your workspace is ready. A text.');
});

test('a workspace opens when it is live and has a password', () => {
  assert.equal(mayOpen({ stage: 'live', has_password: true }), true);
  assert.equal(mayOpen({ stage: 'live', has_password: false }), false);
  assert.equal(mayOpen({ stage: 'preparing', has_password: true }), false);
});

test('a page with other buttons is loaded anew, and never while somebody types a password', () => {
  assert.equal(needsNewPage('unpaid', { stage: 'preparing' }), true);
  assert.equal(needsNewPage('pending', { stage: 'preparing' }), true, 'it asks for a password');
  assert.equal(needsNewPage('preparing', { stage: 'live' }), false);
  assert.equal(needsNewPage('preparing', { stage: 'stuck' }), false);
  assert.equal(needsNewPage('preparing', { stage: 'suspended' }), true);
});
