// Messages that wait: for the running answer, for the connection, for a person.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Memory } from '../memory.js';
import { settled } from './clock.js';
import { aborted, delta, failed, final, KEY } from './run.js';
import { Storage, world } from './world.js';

/** A workspace in which `hello` is being answered, by run r1. */
async function busy(memory) {
  const here = await world(memory);
  here.gateway.answers['chat.send'] = { status: 'started' };
  here.workspace.send('hello');
  await settled();
  here.hear(delta('r1', 2, 'Go', 'Go'));
  here.sentTexts = () => here.gateway.asked.filter(({ method }) => method === 'chat.send').map(({ params }) => params.message);
  here.waiting = () => here.workspace.thread.queue.map(({ text }) => text);
  return here;
}

test('messages go one after another, each when the answer before it is there', async () => {
  const here = await busy();
  here.workspace.send('two');
  here.workspace.send('three');
  assert.deepEqual(here.waiting(), ['two', 'three']);
  here.hear(final('r1', 3, 'Good day'));
  assert.deepEqual([here.sentTexts(), here.waiting()], [['hello', 'two'], ['three']]);
});

test('a waiting message can be changed or taken back', async () => {
  const here = await busy();
  here.workspace.send('two');
  here.workspace.send('three');
  assert.equal(here.workspace.takeBack().text, 'three');
  assert.equal(here.workspace.takeBack(here.workspace.thread.queue[0].id).text, 'two');
  assert.equal(here.workspace.takeBack(), null);
  here.hear(final('r1', 3, 'Good day'));
  assert.deepEqual(here.sentTexts(), ['hello']);
});

test('after a stopped answer the next message goes, after a failed one it waits for a word', async () => {
  const stopped = await busy();
  stopped.workspace.send('two');
  stopped.hear(aborted('r1', 3, 'Go'));
  assert.deepEqual(stopped.sentTexts(), ['hello', 'two']);

  const here = await busy();
  here.workspace.send('two');
  here.hear(failed('r1', 3, 'no model'));
  assert.deepEqual(here.sentTexts(), ['hello']);
  assert.equal(here.workspace.queueWaits, 'person');
  here.workspace.sendQueued();
  assert.deepEqual(here.sentTexts(), ['hello', 'two']);
});

test('what waits is there after a reload, and in its own conversation', async () => {
  const memory = new Memory(new Storage());
  const here = await busy(memory);
  here.workspace.send('two');
  here.workspace.open('agent:main:other', true);
  assert.deepEqual(here.waiting(), []);
  const reloaded = await world(memory);
  await settled();
  const sent = reloaded.gateway.asked.filter(({ method }) => method === 'chat.send').map(({ params }) => params);
  assert.deepEqual(sent.map(({ message, sessionKey }) => [message, sessionKey]), [['two', KEY]]);
  assert.deepEqual(memory.queue(KEY), []);
});

test('a message with files carries them as attachments, and again when it is sent again', async () => {
  const here = await world();
  const file = { name: 'a.png', type: 'image/png', size: 3, content: 'AAAA', url: 'blob:x' };
  here.gateway.answers['chat.send'] = { status: 'started' };
  here.workspace.send('', [file]);
  await settled();
  const { message, attachments } = here.gateway.asked.at(-1).params;
  assert.equal(message, '');
  assert.deepEqual(attachments, [{ type: 'image', mimeType: 'image/png', fileName: 'a.png', content: 'AAAA' }]);
  assert.equal(here.workspace.list()[0].title, 'a.png');
  here.hear(failed('r1', 3, 'no model'));
  here.workspace.retry('run:r1');
  await settled();
  assert.equal(here.gateway.asked.at(-1).params.attachments.length, 1);
});
