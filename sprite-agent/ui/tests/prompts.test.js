// The assistant's questions can be answered, and a conversation never hangs on one.

import assert from 'node:assert/strict';
import test from 'node:test';

import { RequestError } from '../requests.js';
import { approvalFrom, promptsElsewhere, questionFrom } from '../prompts.js';
import { settled } from './clock.js';
import { KEY } from './run.js';
import { world } from './world.js';

const QUESTION = {
  id: 'q1', status: 'pending', sessionKey: KEY, expiresAtMs: 9_999_999_999,
  questions: [{ questionId: 'colour', header: 'Colour', question: 'Which colour?', options: [{ label: 'Red' }, { label: 'Blue' }] }],
};
const APPROVAL = { id: 'a1', request: { command: 'rm notes', sessionKey: KEY, warningText: 'It deletes.' }, expiresAtMs: 9_999_999_999 };

async function asking() {
  const here = await world();
  here.gateway.answers['chat.send'] = { status: 'started' };
  here.gateway.answers['question.list'] = { questions: [QUESTION] };
  here.gateway.answers['exec.approval.list'] = [APPROVAL];
  here.workspace.send('hello');
  await settled();
  here.ids = () => here.workspace.prompts.map(({ id }) => id);
  return here;
}

test('what a running turn waits for is asked about, and an idle page does not listen', async () => {
  const idle = await world();
  assert.equal(idle.gateway.asked.some(({ method }) => method === 'question.list'), false);
  const here = await asking();
  assert.deepEqual(here.ids(), ['q1', 'a1']);
});

test('a turn that runs elsewhere when the page comes is asked as well', async () => {
  const here = await world();
  here.gateway.answers['sessions.list'] = { sessions: [{ key: 'agent:main:other', hasActiveRun: true }] };
  here.gateway.answers['question.list'] = { questions: [{ ...QUESTION, sessionKey: 'agent:main:other' }] };
  await here.connect();
  assert.deepEqual(here.workspace.asking.prompts.map(({ id }) => id), ['q1']);
});

test('an answer is sent and the question goes', async () => {
  const here = await asking();
  await here.workspace.asking.answer('q1', { colour: ['Blue'] });
  assert.deepEqual(here.gateway.asked.at(-1), { method: 'question.resolve', params: { id: 'q1', answers: { answers: { colour: ['Blue'] } } } });
  await here.workspace.asking.decide('a1', true);
  assert.deepEqual(here.gateway.asked.at(-1).params, { id: 'a1', decision: 'allow-once' });
  assert.deepEqual(here.ids(), []);
});

test('what is written while a question stands says that it waits for the decision', async () => {
  const here = await asking();
  here.workspace.send('and then');
  assert.deepEqual([here.workspace.queueWaits, here.workspace.obstacle], ['decision', 'decision']);
  here.event('question.resolved', { id: 'q1', status: 'answered' });
  here.event('exec.approval.resolved', { id: 'a1', decision: 'allow-once' });
  assert.deepEqual([here.workspace.queueWaits, here.workspace.obstacle], ['answer', 'busy']);
});

test('a question that comes later is shown, and goes when somebody else has answered it', async () => {
  const here = await asking();
  here.event('question.requested', { ...QUESTION, id: 'q2' });
  assert.deepEqual(here.ids(), ['q1', 'a1', 'q2']);
  here.event('question.resolved', { id: 'q2', status: 'answered' });
  here.event('exec.approval.resolved', { id: 'a1', decision: 'deny' });
  assert.deepEqual(here.ids(), ['q1']);
});

test('an answer that did not arrive can be given again, one that came too late is over', async () => {
  const here = await asking();
  here.gateway.answers['question.resolve'] = new RequestError('UNAVAILABLE', 'restarting');
  await here.workspace.asking.skip('q1');
  assert.match(here.workspace.prompts[0].error, /try again/);
  here.gateway.answers['question.resolve'] = new RequestError('INVALID_REQUEST', "question 'q1' was not found");
  await here.workspace.asking.skip('q1');
  assert.deepEqual(here.ids(), ['a1']);
});

test('an answer that comes too late is told to be so', async () => {
  const here = await asking();
  here.gateway.answers['exec.approval.resolve'] = new RequestError('INVALID_REQUEST', 'unknown or expired approval id');
  await here.workspace.asking.decide('a1', true);
  assert.equal(here.late, 1);
});

test('a question belongs to its conversation, which the list says', async () => {
  const here = await asking();
  assert.deepEqual(here.workspace.list().map(({ key, asks }) => [key, asks]), [[KEY, true]]);
  here.workspace.open('agent:main:other', true);
  assert.deepEqual(here.ids(), []);
  assert.deepEqual(promptsElsewhere(here.workspace.asking.prompts, 'agent:main:other').map(({ id }) => id), ['q1', 'a1']);
});

test('a question is open for as long as the assistant gives, whatever its clock and ours say', async () => {
  const here = await asking();
  const minutes = 60_000;
  here.event('question.requested', { ...QUESTION, id: 'q2', createdAtMs: 5, expiresAtMs: 5 + 30 * minutes });
  await here.clock.pass(29 * minutes);
  assert.deepEqual(here.ids(), ['q1', 'a1', 'q2']);
  await here.clock.pass(minutes);
  assert.deepEqual(here.ids(), ['q1', 'a1']);
});

test('a command reads as the machine reads it', () => {
  const turned = { command: 'rm notes #\u202e ;\u2066 ls', sessionKey: KEY, warningText: 'safe\u202d' };
  const { command, warning } = approvalFrom({ id: 'a1', request: turned }, 0);
  assert.deepEqual([command, warning], ['rm notes #\ufffd ;\ufffd ls', 'safe\ufffd']);
});

test('a secret is not asked for here, nor what makes no sense', () => {
  const secret = { ...QUESTION, questions: [{ ...QUESTION.questions[0], isSecret: true }] };
  for (const record of [secret, {}, null, { ...QUESTION, status: 'answered' }]) assert.equal(questionFrom(record), null);
  assert.equal(approvalFrom({ id: 'x', request: {} }), null);
});
