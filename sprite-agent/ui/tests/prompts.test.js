// The assistant's questions can be answered, and a conversation never hangs on one.

import assert from 'node:assert/strict';
import test from 'node:test';

import { RequestError } from '../requests.js';
import { approvalFrom, promptsFor, questionFrom } from '../prompts.js';
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

test('an answer is sent and the question goes', async () => {
  const here = await asking();
  await here.workspace.asking.answer('q1', { colour: ['Blue'] });
  assert.deepEqual(here.gateway.asked.at(-1), { method: 'question.resolve', params: { id: 'q1', answers: { answers: { colour: ['Blue'] } } } });
  await here.workspace.asking.decide('a1', true);
  assert.deepEqual(here.gateway.asked.at(-1).params, { id: 'a1', decision: 'allow-once' });
  assert.deepEqual(here.ids(), []);
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

test('a question belongs to its conversation and ends with its time', async () => {
  const prompts = [questionFrom(QUESTION), { ...approvalFrom(APPROVAL), expiresAt: 5 }];
  assert.deepEqual(promptsFor(prompts, KEY, 10).map(({ id }) => id), ['q1']);
  assert.deepEqual(promptsFor(prompts, 'agent:main:other', 1), []);
});

test('a secret is not asked for here, nor what makes no sense', () => {
  const secret = { ...QUESTION, questions: [{ ...QUESTION.questions[0], isSecret: true }] };
  for (const record of [secret, {}, null, { ...QUESTION, status: 'answered' }]) assert.equal(questionFrom(record), null);
  assert.equal(approvalFrom({ id: 'x', request: {} }), null);
});
