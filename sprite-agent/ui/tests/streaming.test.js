import assert from 'node:assert/strict';
import test from 'node:test';

import { activeAnswer, initial, reduce } from '../conversations.js';
import {
  aborted, acknowledged, after, asked, delta, failed, final, history, KEY, phase, shown, thread, tool, userRow,
  assistantRow,
} from './run.js';

const QUESTION = ['user', 'hello', 'sent'];

function check(name, actions, expected) {
  test(name, () => assert.deepEqual(shown(after(asked('r1'), ...actions)), expected));
}

check('a question stands there at once, and its answer is awaited', [], [
  ['user', 'hello', 'sending'],
  ['assistant', '', 'thinking'],
]);

check('deltas grow into the final answer', [
  acknowledged('r1'), phase('r1', 1, 'starting_model'), delta('r1', 2, 'Good', 'Good'),
  delta('r1', 3, ' day', 'Good day'), final('r1', 3, 'Good day'),
], [QUESTION, ['assistant', 'Good day', 'done']]);

check('a delta that arrives twice counts once', [
  delta('r1', 2, 'Good', 'Good'), delta('r1', 2, 'Good', 'Good'),
], [QUESTION, ['assistant', 'Good', 'streaming']]);

check('an older delta changes nothing', [
  delta('r1', 3, ' day', 'Good day'), delta('r1', 2, 'Good', 'Good'),
], [QUESTION, ['assistant', 'Good day', 'streaming']]);

check('coalesced deltas lose no text', [
  delta('r1', 2, 'Good', 'Good'), delta('r1', 7, ' everybody', 'Good day to everybody'),
], [QUESTION, ['assistant', 'Good day to everybody', 'streaming']]);

check('a delta after the end changes nothing', [
  final('r1', 4, 'Good day'), delta('r1', 5, '!', 'Good day!'),
], [QUESTION, ['assistant', 'Good day', 'done']]);

check('a stopped answer keeps the text so far', [
  delta('r1', 2, 'tick0', 'tick0'), aborted('r1', 3, 'tick0'), { type: 'stopped', key: KEY, runIds: ['r1'] },
], [QUESTION, ['assistant', 'tick0', 'aborted']]);

check('a run that was stopped before its first word ends too', [
  acknowledged('r1'), { type: 'stopped', key: KEY, runIds: ['r1'] },
], [QUESTION, ['assistant', '', 'aborted']]);

check('a failed run keeps its text and says why', [
  delta('r1', 2, 'Go', 'Go'), failed('r1', 3, 'the model is away'),
], [QUESTION, ['assistant', 'Go', 'error']]);

check('a question that is refused is marked, and nothing is awaited', [
  { type: 'refused', key: KEY, question: 'r1', error: 'no', uncertain: false },
], [['user', 'hello', 'failed']]);

check('text before a tool stays when the text starts again after it', [
  delta('r1', 2, 'Let me look.', 'Let me look.'), tool('r1', 'start'), tool('r1', 'result'),
  delta('r1', 6, 'It is', 'It is'),
], [QUESTION, ['assistant', 'Let me look. | It is', 'streaming']]);

test('a tool is shown while it runs and when it has ended', () => {
  const running = after(asked('r1'), tool('r1', 'start', { args: { command: 'echo hi' } }));
  const [, answer] = thread(running).messages;
  const args = 'echo hi';
  assert.deepEqual(answer.tools, [{ id: 'call-1', name: 'exec', detail: 'echo hi', args, result: '', status: 'running' }]);
  const ended = reduce(running, tool('r1', 'result', { isError: true }));
  assert.equal(thread(ended).messages[1].tools[0].status, 'failed');
});

test('somebody else\'s question appears with its history', () => {
  const started = after(phase('other', 1, 'preparing_context'));
  assert.equal(thread(started).stale, true);
  const read = reduce(started, history({ messages: [userRow('other', 'from my phone')], sessionInfo: { activeRunIds: ['other'] } }));
  assert.deepEqual(shown(read), [['user', 'from my phone', 'sent'], ['assistant', '', 'thinking']]);
});

test('an answer made with tools is read again from the history', () => {
  const state = after(asked('r1'), tool('r1', 'start'), final('r1', 6, 'hi'));
  assert.equal(thread(state).stale, true);
});

test('an answer that ends before the history does is not revived by it', () => {
  const late = history({ messages: [userRow('r1')], inFlightRun: { runId: 'r1', text: 'Good' } });
  const state = after(asked('r1'), delta('r1', 2, 'Good', 'Good'), final('r1', 3, 'Good day'), late);
  assert.deepEqual(shown(state), [QUESTION, ['assistant', 'Good day', 'done']]);
});

test('an answer elsewhere marks its conversation until it is opened', () => {
  const elsewhere = final('r9', 3, 'done');
  elsewhere.payload.sessionKey = 'agent:main:other';
  const state = after(elsewhere);
  assert.deepEqual(state.unread, { 'agent:main:other': true });
  assert.deepEqual(reduce(state, { type: 'opened', key: 'agent:main:other' }).unread, {});
});

test('only so many conversations stay in memory, and never one that is being answered leaves', () => {
  let state = after(asked('r1'));
  for (let i = 0; i < 30; i += 1) state = reduce(state, { type: 'opened', key: `agent:main:${i}` });
  assert.equal(Object.keys(state.threads).length, 12);
  assert.ok(activeAnswer(state.threads[KEY]));
});

test('an action about a conversation that is not in memory changes nothing', () => {
  const state = initial();
  assert.equal(reduce(state, asked('r1')), state);
});

test('an answer in many rows is one message', () => {
  const rows = [
    userRow('r1'),
    assistantRow('r1', 'Let me look.', {
      content: [{ type: 'text', text: 'Let me look.' }, { type: 'toolCall', id: 't', name: 'exec', arguments: { command: 'ls' } }],
      stopReason: 'toolUse',
    }),
    { role: 'toolResult', toolCallId: 't', isError: true, content: [] },
    assistantRow('r1', 'It is empty.'),
  ];
  const state = after(history({ messages: rows }));
  assert.deepEqual(shown(state), [QUESTION, ['assistant', 'Let me look.\n\nIt is empty.', 'done']]);
  const args = 'ls';
  assert.deepEqual(thread(state).messages[1].tools, [{ id: 't', name: 'exec', detail: 'ls', args, result: '', status: 'failed' }]);
});

test('the history tells a stopped answer and a failed one', () => {
  const stopped = assistantRow('r1', 'tick0', { openclawAbort: { aborted: true, origin: 'rpc', runId: 'r1' } });
  const broken = assistantRow('r2', '', { stopReason: 'error', errorMessage: '\u26a0\ufe0f no model' });
  const state = after(history({ messages: [userRow('r1'), stopped, userRow('r2'), broken] }));
  assert.deepEqual(shown(state).map(([, , status]) => status), ['sent', 'aborted', 'sent', 'error']);
  assert.equal(thread(state).messages.at(-1).error, 'no model');
});

test('thoughts grow, stand below each other, and do not change what is answered', () => {
  const thought = (text) => ({ type: 'tool', payload: { runId: 'q', sessionKey: KEY, stream: 'thinking', data: { text, delta: '' } } });
  const told = (...texts) => thread(after(asked('q'), ...texts.map(thought))).messages.at(-1);
  assert.equal(told('First', 'First I look', 'First I look').thought, 'First I look');
  assert.equal(told('First I look', 'First').thought, 'First I look');
  assert.equal(told('First I look', 'Then', 'Then I write').thought, 'First I look\n\nThen I write');
  assert.equal(told('x'.repeat(50_000)).thought.length < 10_000, true);
  assert.equal(told('First').text, '');
});

test('thoughts of the history stand with their answer, and one that is withheld is not shown', () => {
  const content = [{ type: 'thinking', thinking: 'I look first.' }, { type: 'redacted_thinking', data: 'x' }, { type: 'text', text: 'Done.' }];
  const answer = thread(after(history({ messages: [userRow('q'), assistantRow('q', '', { content })] }))).messages.at(-1);
  assert.deepEqual([answer.thought, answer.text], ['I look first.', 'Done.']);
});
