import assert from 'node:assert/strict';
import test from 'node:test';

import { KEY, assistantRow, delta, final, userRow } from './run.js';
import { settled } from './clock.js';
import { world } from './world.js';

const HELLO = { server: { boot: 'one' }, features: { methods: ['arca.conversation.rewind', 'arca.conversation.fork'] } };
const HISTORY = { sessionId: 's', messages: [userRow('q1', 'first'), assistantRow('q1', 'one'), userRow('q2', 'second'), assistantRow('q2', 'two')] };

async function rewinding(hello = HELLO) {
  const here = await world();
  here.gateway.answers['chat.history'] = HISTORY;
  await here.lose();
  await here.connect(hello);
  return here;
}

test('a message that is changed takes the place of the old one and of what followed', async () => {
  const here = await rewinding();
  await here.workspace.replace('user:q2', 'second, but better', []);
  await settled();
  const asked = here.gateway.asked.find(({ method }) => method === 'arca.conversation.rewind');
  assert.deepEqual(asked.params, { sessionKey: KEY, entryId: 'u-q2' });
  assert.deepEqual(here.texts(), ['first', 'one', 'second, but better', '']);
});

test('a refusal changes nothing', async () => {
  const here = await rewinding();
  here.gateway.answers['arca.conversation.rewind'] = new Error('a turn is running');
  await assert.rejects(here.workspace.replace('user:q2', 'better', []), /running/);
  assert.deepEqual(here.texts(), ['first', 'one', 'second', 'two']);
  assert.deepEqual(here.gateway.sent(), []);
});

test('another answer is written in the place of the last one, or at the end where nothing can be taken back', async () => {
  const here = await rewinding();
  await here.workspace.answerAnew('run:q2');
  assert.deepEqual(here.texts(), ['first', 'one', 'second', '']);
  const plain = await rewinding({ server: { boot: 'one' } });
  await plain.workspace.answerAnew('run:q2');
  assert.deepEqual(plain.texts(), ['first', 'one', 'second', 'two', 'second', '']);
});

test('a message that was just asked is looked up before it is taken back', async () => {
  const here = await rewinding();
  here.workspace.send('third');
  await settled();
  const [run] = here.gateway.sent();
  here.hear(delta(run, 1, 'three', 'three'));
  here.hear(final(run, 2, 'three'));
  here.gateway.answers['chat.history'] = { ...HISTORY, messages: [...HISTORY.messages, userRow(run, 'third'), assistantRow(run, 'three')] };
  await here.workspace.replace(`user:${run}`, 'third again', []);
  assert.deepEqual(here.gateway.asked.findLast(({ method }) => method.startsWith('arca.')).params.entryId, `u-${run}`);
});

test('a conversation goes on from an earlier message in another one', async () => {
  const here = await rewinding();
  here.gateway.answers['arca.conversation.fork'] = { sessionKey: 'agent:main:fork', editorText: 'second' };
  assert.deepEqual(await here.workspace.rewriting.fork(KEY, 'user:q2'), { key: 'agent:main:fork', text: 'second' });
  assert.deepEqual(here.texts(), ['first', 'one', 'second', 'two']);
});
