// A gateway killed in the middle of an answer takes it up again by itself, and other surprises
// of the real one. The frames have the shape of recorded ones.

import assert from 'node:assert/strict';
import test from 'node:test';

import { answerText } from '../answer.js';
import { activeAnswer, initial, reduce } from '../conversations.js';
import { entries } from '../conversation-list.js';
import { Memory } from '../memory.js';
import {
  aborted, acknowledged, after, asked, assistantRow, delta, failed, final, history, KEY, lost, phase, reading, shown,
  thread, userRow,
} from './run.js';
import { listed } from './world.js';

const QUESTION = ['user', 'hello', 'sent'];
const INTERRUPTED = ['assistant', 'tick0', 'interrupted'];
const RESUMES = '[System] Your previous turn was interrupted by a gateway restart.';
const IDLE = { hasActiveRun: false, activeRunIds: [] };

const provenance = { kind: 'internal_system', sourceSessionKey: KEY, sourceTool: 'main_session_restart_recovery' };
const resumingRow = { ...userRow('r2', RESUMES), provenance };
const waitingToResume = {
  items: [{ id: 'p2', state: 'queued', runId: 'r2', message: { role: 'user', content: RESUMES, provenance } }], total: 1,
};
/** Stopped before its first word: the gateway keeps it in this list for ever. */
const cancelled = { items: [{ id: 'p0', state: 'cancelled', runId: 'r0' }], total: 1 };

const KILLED = [asked('r1'), acknowledged('r1'), delta('r1', 5, 'tick0', 'tick0'), lost, reading];

function check(name, actions, expected) {
  test(name, () => assert.deepEqual(shown(after(...actions)), expected));
}

check('a run that the history neither knows as active nor as in flight is over', [
  ...KILLED, history({ messages: [userRow('r1')], pendingInputs: cancelled, sessionInfo: IDLE }),
], [QUESTION, INTERRUPTED]);

check('a resumed run that is named takes the place of the one that died', [
  ...KILLED, history({ messages: [userRow('r1')], sessionInfo: { hasActiveRun: true, activeRunIds: ['r2'] } }),
], [QUESTION, INTERRUPTED, ['assistant', '', 'thinking']]);

check('a resumed run that still waits for its turn is awaited here too', [
  ...KILLED, history({ messages: [userRow('r1')], pendingInputs: waitingToResume, sessionInfo: { hasActiveRun: true } }),
], [QUESTION, INTERRUPTED, ['assistant', '', 'thinking']]);

check('a resumed run is followed from the text it has', [
  ...KILLED,
  history({ messages: [userRow('r1'), resumingRow], inFlightRun: { runId: 'r2', text: 'Once' }, sessionInfo: { hasActiveRun: true } }),
  delta('r2', 9, ' more', 'Once more'),
], [QUESTION, INTERRUPTED, ['assistant', 'Once more', 'streaming']]);

check('the gateway\'s own question is nobody\'s bubble, and its answer stands below the visitor\'s', [
  history({ messages: [userRow('r1'), resumingRow, assistantRow('r2', 'Once more')], sessionInfo: IDLE }),
], [QUESTION, ['assistant', 'Once more', 'done']]);

test('after a resumed run has ended nothing is busy', () => {
  const resumed = history({ messages: [userRow('r1')], sessionInfo: { hasActiveRun: true, activeRunIds: ['r2'] } });
  const state = after(...KILLED, resumed, delta('r2', 3, 'Once', 'Once'), final('r2', 4, 'Once more'));
  assert.equal(activeAnswer(thread(state)), undefined);
  const [entry] = entries({ sessions: listed([]), state, memory: new Memory(null) });
  assert.equal(entry.busy, false);
});

test('a run of unknown fate is looked up when another one ends', () => {
  const unclear = history({ messages: [userRow('r1')], inFlightRun: { runId: 'r2', text: '' }, sessionInfo: { hasActiveRun: true } });
  const state = after(...KILLED, unclear, final('r2', 4, 'Once more'));
  assert.equal(thread(state).stale, true);
  const read = [reading, history({ messages: [userRow('r1'), assistantRow('r2', 'Once more')], sessionInfo: IDLE })].reduce(reduce, state);
  assert.deepEqual(shown(read), [QUESTION, ['assistant', 'Once more', 'done']]);
});

test('the gateway\'s own question is no title', () => {
  const opened = reduce(initial(), { type: 'opened', key: 'agent:main:x' });
  const state = reduce(opened, { ...history({ messages: [resumingRow, assistantRow('r2', 'Done')] }), key: 'agent:main:x' });
  const [entry] = entries({ sessions: listed([]), state, memory: new Memory(null) });
  assert.equal(entry.title, 'New conversation');
});

check('a question asked while the history was on its way is not called interrupted by it', [
  reading, asked('r1'), acknowledged('r1'), history({ messages: [], sessionInfo: IDLE }),
], [QUESTION, ['assistant', '', 'thinking']]);

check('a history that is refused changes nothing that is shown', [
  asked('r1'), final('r1', 2, 'Good day'), reading, history(null),
], [QUESTION, ['assistant', 'Good day', 'done']]);

test('the second word about a failed run changes nothing, before and after the history', () => {
  const once = after(asked('r1'), failed('r1', 9, 'no model'));
  const again = failed('r1', 1, '\u26a0\ufe0f Agent failed before reply: see `openclaw logs`');
  assert.equal(thread(reduce(once, again)).messages[1].error, 'no model');
  const reason = assistantRow('r1', '\u26a0\ufe0f no model (HTTP 400)', { stopReason: 'error', idempotencyKey: 'r1:terminal-error' });
  const state = [reading, history({ messages: [userRow('r1'), reason], sessionInfo: IDLE }), again].reduce(reduce, once);
  assert.deepEqual(shown(state), [QUESTION, ['assistant', '', 'error']]);
  assert.equal(thread(state).messages[1].error, 'no model (HTTP 400)');
});

test('a run stopped before its first word ends without a message', () => {
  const stop = aborted('r1', 1, '');
  delete stop.payload.message;
  assert.deepEqual(shown(after(asked('r1'), acknowledged('r1'), stop)), [QUESTION, ['assistant', '', 'aborted']]);
});

/** Asked while another answer was being written: the gateway puts it into that run, and ends its own empty. */
const SECOND = ['user', 'and pears', 'sent'];
const emptyFinal = final('r2', 1, '');
delete emptyFinal.payload.message;
const STEERED = [
  asked('r1'), acknowledged('r1'), delta('r1', 5, 'tick0', 'tick0'), asked('r2', 'and pears'), acknowledged('r2'),
];

test('a question put into a running answer ends empty, and is looked up', () => {
  const state = after(...STEERED, emptyFinal);
  assert.equal(thread(state).stale, true);
  assert.equal(activeAnswer(thread(state)).runId, 'r1');
});

check('the run that took a question in stays open while only the other one is named', [
  ...STEERED, reading,
  history({
    messages: [userRow('r1')], inFlightRun: { runId: 'r2', text: '' }, sessionInfo: { hasActiveRun: true },
    pendingInputs: { items: [{ id: 'p2', state: 'queued', runId: 'r2' }], total: 1 },
  }),
], [QUESTION, ['assistant', 'tick0', 'streaming'], SECOND, ['assistant', '', 'thinking']]);

const STEERED_ROWS = [userRow('r1'), assistantRow('r1', 'tick0 '), userRow('r2', 'and pears')];

test('the answer to both goes on in the first, without repeating itself', () => {
  const state = after(...STEERED, emptyFinal, reading,
    history({ messages: STEERED_ROWS, inFlightRun: { runId: 'r1', text: 'tick0' }, sessionInfo: { hasActiveRun: true } }),
    delta('r1', 9, '\n\nPears', 'tick0\n\nPears'));
  assert.deepEqual(shown(state).map(([role]) => role), ['user', 'assistant', 'user']);
  assert.equal(answerText(thread(state).messages[1]), 'tick0\n\nPears');
});

test('at its end each question has its own answer', () => {
  const state = after(...STEERED, emptyFinal, reading,
    history({ messages: STEERED_ROWS, inFlightRun: { runId: 'r1', text: 'tick0' }, sessionInfo: { hasActiveRun: true } }),
    final('r1', 12, 'tick0\n\nPears'));
  assert.equal(thread(state).stale, true);
  const rows = [...STEERED_ROWS, assistantRow('r1', 'Pears', { __openclaw: { id: 'a-2', runId: 'r1' } })];
  const read = [reading, history({ messages: rows, sessionInfo: IDLE })].reduce(reduce, state);
  assert.deepEqual(shown(read), [QUESTION, ['assistant', 'tick0 ', 'done'], SECOND, ['assistant', 'Pears', 'done']]);
  const ids = thread(read).messages.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

test('a run seen from its second piece on is one message', () => {
  const rows = [...STEERED_ROWS, assistantRow('r1', 'Pears', { __openclaw: { id: 'a-2', runId: 'r1' } })];
  const state = after(reading, history({ messages: rows, inFlightRun: { runId: 'r1', text: 'tick0\n\nPears' }, sessionInfo: { hasActiveRun: true } }));
  assert.deepEqual(thread(state).messages.map(({ id }) => id), ['user:r1', 'run:r1', 'user:r2']);
});

check('a status of a run that has ended does not open it again', [
  asked('r1'), final('r1', 4, 'Good day'), reading,
  history({ messages: [userRow('r1'), assistantRow('r1', 'Good day')], sessionInfo: IDLE }), phase('r1', 2, 'starting_model'),
  delta('r1', 4, 'day', 'Good day'),
], [QUESTION, ['assistant', 'Good day', 'done']]);
