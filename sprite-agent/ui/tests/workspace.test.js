import assert from 'node:assert/strict';
import test from 'node:test';

import { TOO_BIG } from '../connection.js';
import { Memory } from '../memory.js';
import { RequestError } from '../requests.js';
import { settled } from './clock.js';
import { assistantRow, delta, final, KEY, userRow } from './run.js';
import { Storage, world } from './world.js';

const lostOnTheWay = () => new RequestError('LOST', 'the connection was lost');

test('a greeting reads the history of the open conversation', async () => {
  const here = await world();
  assert.deepEqual(here.gateway.asked[0].method, 'chat.history');
  assert.equal(here.gateway.asked[0].params.sessionKey, KEY);
});

test('what is written while disconnected waits, and is sent with the next greeting', async () => {
  const here = await world();
  await here.lose();
  assert.equal(here.workspace.send('hello'), true);
  assert.deepEqual(here.gateway.sent(), []);
  assert.deepEqual(here.workspace.thread.queue.map(({ text }) => text), ['hello']);
  here.gateway.answers['chat.send'] = { status: 'started' };
  await here.connect();
  assert.equal(here.gateway.sent().length, 1);
});

test('a lost message is sent once more with the same key, after the history was read', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = lostOnTheWay;
  here.workspace.send('hello');
  await here.lose();
  here.gateway.answers['chat.send'] = { runId: 'r1', status: 'started' };
  here.gateway.asked.length = 0;
  await here.connect();
  const relevant = here.gateway.asked.map(({ method }) => method).filter((method) => method.startsWith('chat.'));
  assert.deepEqual(relevant, ['chat.history', 'chat.send']);
  assert.deepEqual(here.gateway.sent(), ['r1']);
  await here.connect();
  assert.deepEqual(here.gateway.sent(), ['r1']);
});

test('a message that arrived before the loss is not sent again', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = lostOnTheWay;
  here.workspace.send('hello');
  await here.lose();
  here.gateway.answers['chat.history'] = { messages: [userRow('r1'), assistantRow('r1', 'Good day')] };
  await here.connect();
  assert.deepEqual(here.gateway.sent(), ['r1']);
  assert.deepEqual(here.texts(), ['hello', 'Good day']);
});

test('an assistant that is not ready yet is asked again after a moment', async () => {
  const here = await world();
  let refusals = 1;
  here.gateway.answers['chat.send'] = () =>
    refusals-- > 0 ? new RequestError('UNAVAILABLE', 'restarting') : { runId: 'r1', status: 'started' };
  here.workspace.send('hello');
  await here.clock.pass(5_000);
  assert.deepEqual(here.gateway.sent(), ['r1', 'r1']);
  assert.equal(here.workspace.thread.messages[0].delivery, 'sent');
});

test('a message too long for the connection is not sent again', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = () => new Promise(() => {});
  here.workspace.send('hello');
  await here.lose(TOO_BIG);
  await here.connect();
  assert.deepEqual(here.gateway.sent(), ['r1']);
  assert.equal(here.workspace.thread.messages[0].delivery, 'failed');
});

test('asking again after a failure uses a new key', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = { status: 'started' };
  here.workspace.send('hello');
  await settled();
  here.hear({ payload: { runId: 'r1', sessionKey: KEY, seq: 3, state: 'error', errorMessage: 'no' } });
  here.workspace.retry('run:r1');
  assert.deepEqual(here.gateway.sent(), ['r1', 'r2']);
});

test('sending a refused message again replaces it', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = new RequestError('INVALID_REQUEST', 'no');
  here.workspace.send('hello');
  await settled();
  here.workspace.retry('user:r1');
  assert.deepEqual(here.texts(), ['hello', '']);
});

test('what an answer has besides its text is there once it has ended', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = { status: 'started' };
  here.workspace.send('a picture, please');
  await settled();
  const content = [{ type: 'text', text: 'here' }, { type: 'image', mimeType: 'image/png', fileName: 'square.png' }];
  const rows = [userRow('r1', 'a picture, please'), assistantRow('r1', '', { content, model: 'scripted' })];
  here.gateway.answers['chat.history'] = { messages: rows };
  here.hear(final('r1', 1, 'here'));
  await settled();
  const [, answer] = here.workspace.thread.messages;
  assert.deepEqual([answer.text, answer.model, answer.files.map(({ name }) => name)], ['here', 'scripted', ['square.png']]);
  // Where the history cannot be read, the answer stands as it was told.
  here.workspace.send('again');
  await settled();
  here.gateway.answers['chat.history'] = new Error('away');
  here.hear(final('r2', 1, 'once more'));
  await settled();
  assert.deepEqual(here.texts(), ['a picture, please', 'here', 'again', 'once more']);
});

test('a second message waits until the answer is there', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = { status: 'started' };
  here.workspace.send('hello');
  here.hear(delta('r1', 2, 'Go', 'Go'));
  here.workspace.send('more');
  assert.deepEqual(here.gateway.sent(), ['r1']);
  here.hear(final('r1', 3, 'Good day'));
  assert.deepEqual(here.texts(), ['hello', 'Good day', 'more', '']);
  assert.deepEqual(here.workspace.thread.queue, []);
});

test('stopping names the run, and believes the gateway that it is over', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = { status: 'started' };
  here.gateway.answers['chat.abort'] = { ok: true, aborted: true, runIds: ['r1'] };
  here.workspace.send('hello');
  await here.workspace.stop();
  assert.deepEqual(here.gateway.asked.at(-1).params, { sessionKey: KEY, runId: 'r1' });
  assert.equal(here.workspace.thread.messages[1].status, 'aborted');
});

test('a history that cannot be read now is read later', async () => {
  const here = await world();
  here.gateway.answers['chat.history'] = lostOnTheWay;
  here.workspace.open('agent:main:other');
  await settled();
  here.gateway.answers['chat.history'] = { messages: [userRow('x'), assistantRow('x', 'there')] };
  await here.clock.pass(5_000);
  assert.deepEqual(here.texts(), ['hello', 'there']);
});

test('whoever is shut out sees nothing more, and finds what was not sent as a draft', async () => {
  for (const kind of ['signed-out', 'suspended', 'locked']) {
    const here = await world();
    here.gateway.answers['chat.send'] = () => new Promise(() => {});
    here.workspace.send('not there yet');
    here.end(kind);
    assert.deepEqual(here.texts(), []);
    assert.deepEqual(here.workspace.sessions.rows, []);
    assert.equal(here.memory.draft(KEY), 'not there yet');
    assert.deepEqual(here.workspace.thread.queue, []);
  }
});

test('of a workspace that is gone nothing stays in the browser, and nothing comes to it', async () => {
  const storage = new Storage();
  const here = await world(new Memory(storage));
  here.memory.keepTitle(KEY, 'Plans for May', false);
  here.workspace.send('not there yet');
  here.end('gone');
  here.memory.keepDraft(KEY, 'and more');
  assert.deepEqual(Object.keys(storage.items), []);
  assert.deepEqual([here.texts(), here.memory.draft(KEY)], [[], '']);
});

test('a message that a restarted gateway has no note of is not run twice by itself', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = { status: 'started' };
  here.workspace.send('pay the bill');
  await settled();
  await here.lose();
  await here.connect({ server: { boot: 'another' } });
  assert.deepEqual(here.gateway.sent(), ['r1']);
  const [question] = here.workspace.thread.messages;
  assert.equal(question.delivery, 'failed');
  assert.match(question.error, /look before you send it again/);
});

test('a message that never reached the gateway is sent to the restarted one', async () => {
  const here = await world();
  here.gateway.answers['chat.send'] = new RequestError('UNAVAILABLE', 'restarting', { reason: 'not-forwarded' });
  here.workspace.send('hello');
  await settled();
  here.gateway.answers['chat.send'] = { status: 'started' };
  await here.lose();
  await here.connect({ server: { boot: 'another' } });
  assert.deepEqual(here.gateway.sent(), ['r1', 'r1']);
});
