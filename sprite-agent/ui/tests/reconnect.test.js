import assert from 'node:assert/strict';
import test from 'node:test';

import { reduce, unsettled } from '../conversations.js';
import { ATTEMPTS_MAX, isAnswering, isUnheard, undelivered } from '../question.js';
import {
  acknowledged, after, asked, assistantRow, delta, final, history, KEY, lost, reading, shown, thread, userRow,
} from './run.js';

const QUESTION = ['user', 'hello', 'sent'];

function check(name, actions, expected) {
  test(name, () => assert.deepEqual(shown(after(...actions)), expected));
}

check('an answer that finished while we were away is shown once', [
  asked('r1'), acknowledged('r1'), delta('r1', 2, 'Good', 'Good'), lost,
  history({ messages: [userRow('r1'), assistantRow('r1', 'Good day')] }),
], [QUESTION, ['assistant', 'Good day', 'done']]);

check('an answer still being written goes on where the gateway is', [
  asked('r1'), acknowledged('r1'), delta('r1', 9, 'Good', 'Good'), lost,
  history({ messages: [userRow('r1')], inFlightRun: { runId: 'r1', text: 'Good day' } }),
  delta('r1', 3, ' to you', 'Good day to you'), final('r1', 4, 'Good day to you'),
], [QUESTION, ['assistant', 'Good day to you', 'done']]);

check('words that overtake the history are not taken back', [
  asked('r1'), lost, delta('r1', 12, ' to you', 'Good day to you'),
  history({ messages: [userRow('r1')], inFlightRun: { runId: 'r1', text: 'Good day' } }),
], [QUESTION, ['assistant', 'Good day to you', 'streaming']]);

check('a page opened in the middle of an answer shows it and goes on', [
  history({ messages: [userRow('r1')], inFlightRun: { runId: 'r1', text: 'Good' } }),
  delta('r1', 7, ' day', 'Good day'),
], [QUESTION, ['assistant', 'Good day', 'streaming']]);

check('an answer whose run died says so and keeps its text', [
  asked('r1'), acknowledged('r1'), delta('r1', 2, 'Good', 'Good'), lost, reading,
  history({ messages: [userRow('r1')], sessionInfo: { hasActiveRun: false } }),
], [QUESTION, ['assistant', 'Good', 'interrupted']]);

check('a run the gateway takes up again after all is not interrupted any more', [
  asked('r1'), delta('r1', 2, 'Good', 'Good'), lost, reading, history({ messages: [userRow('r1')] }),
  delta('r1', 1, 'Good', 'Good day'), final('r1', 2, 'Good day'),
], [QUESTION, ['assistant', 'Good day', 'done']]);

check('a question nobody answers says so when the page is opened', [
  history({ messages: [userRow('r1')] }),
], [QUESTION, ['assistant', '', 'interrupted']]);

check('messages written elsewhere meanwhile are there, in their order', [
  asked('r1'), final('r1', 3, 'one'), lost,
  history({ messages: [userRow('r1'), assistantRow('r1', 'one'), userRow('r2', 'more'), assistantRow('r2', 'two')] }),
], [QUESTION, ['assistant', 'one', 'done'], ['user', 'more', 'sent'], ['assistant', 'two', 'done']]);

test('reading the history twice changes nothing the second time', () => {
  const told = history({ messages: [userRow('r1'), assistantRow('r1', 'Good day')] });
  const once = after(asked('r1'), lost, told);
  assert.deepEqual(shown(reduce(once, told)), shown(once));
});

test('a question without acknowledgement waits for the history', () => {
  const state = after(asked('r1'), lost);
  assert.deepEqual(shown(state)[0], ['user', 'hello', 'unsure']);
  assert.deepEqual(unsettled(state), [KEY]);
});

test('nobody is said to think about a question that waits for the connection', () => {
  const state = after(asked('r1'));
  assert.equal(isAnswering(thread(state)), true);
  const uploading = reduce(state, { type: 'progress', key: KEY, question: 'r1', share: 0.4 });
  assert.equal(isAnswering(thread(uploading)), false);
  const away = reduce(state, lost);
  assert.deepEqual([isUnheard(thread(away).messages[0]), isAnswering(thread(away))], [true, false]);
  const again = reduce(away, { type: 'sent-again', key: KEY, question: 'r1' });
  assert.equal(isAnswering(thread(again)), true);
  assert.equal(isAnswering(thread(after(asked('r1'), acknowledged('r1'), lost))), true);
});

test('a question that the history has is not sent again', () => {
  const state = after(asked('r1'), lost, history({ messages: [userRow('r1')], sessionInfo: { activeRunIds: ['r1'] } }));
  assert.deepEqual(undelivered(thread(state)), []);
  assert.deepEqual(shown(state), [QUESTION, ['assistant', '', 'thinking']]);
});

test('a question that waits in the gateway\'s queue is not sent again', () => {
  const pendingInputs = { items: [{ id: 'p1', state: 'queued', runId: 'r1' }], total: 1 };
  const state = after(asked('r1'), lost, history({ messages: [], pendingInputs, sessionInfo: { hasActiveRun: true } }));
  assert.deepEqual(undelivered(thread(state)), []);
});

test('a question that the history does not have is sent again with its key', () => {
  const state = after(asked('r1'), lost, history({ messages: [] }));
  assert.deepEqual(undelivered(thread(state)).map(({ key }) => key), ['r1']);
  const again = reduce(state, { type: 'sent-again', key: KEY, question: 'r1' });
  assert.deepEqual(shown(again), [['user', 'hello', 'sending'], ['assistant', '', 'thinking']]);
});

test('an acknowledged question that died with the gateway is sent again too', () => {
  const state = after(asked('r1'), acknowledged('r1'), lost, history({ messages: [] }));
  assert.equal(undelivered(thread(state)).length, 1);
});

test('a question is not sent for ever', () => {
  let state = after(asked('r1'));
  for (let attempt = 1; attempt < ATTEMPTS_MAX; attempt += 1) {
    state = [lost, history({ messages: [] }), { type: 'sent-again', key: KEY, question: 'r1' }].reduce(reduce, state);
  }
  assert.deepEqual(shown(reduce(state, lost)), [['user', 'hello', 'failed']]);
});

test('a message that was too long for the connection is not sent again', () => {
  const state = after(asked('r1'), { type: 'lost', error: 'too long' });
  assert.deepEqual(shown(state), [['user', 'hello', 'failed']]);
});

test('an answer that was over before we asked again is read from the history', () => {
  const state = after(asked('r1'), lost, history({ messages: [] }), { type: 'sent-again', key: KEY, question: 'r1' }, acknowledged('r1', 'ok'));
  assert.equal(thread(state).stale, true);
});

test('a refusal while the assistant restarts leaves the question to the history', () => {
  const state = after(asked('r1'), { type: 'refused', key: KEY, question: 'r1', error: 'restarting', uncertain: true });
  assert.deepEqual(unsettled(state), [KEY]);
});

test('nothing is kept of a conversation after signing out', () => {
  assert.deepEqual(after(asked('r1'), { type: 'forgotten' }).threads, {});
});
