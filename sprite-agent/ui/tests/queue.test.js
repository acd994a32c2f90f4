// Messages that wait: for the running answer, for the connection, for a person.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Memory } from '../memory.js';
import { namesOf } from '../queue.js';
import { RequestError } from '../requests.js';
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

test('what waits is sent by one of two tabs, and by none once one has taken it back', async () => {
  const memory = new Memory(new Storage());
  const one = await busy(memory);
  one.workspace.send('two');
  const [{ id }] = one.workspace.thread.queue;
  // To this one the first answer is over.
  const other = await world(memory);
  await settled();
  assert.deepEqual(other.gateway.sent(), [id]);
  one.hear(final('r1', 3, 'Good day'));
  assert.deepEqual([one.sentTexts(), one.waiting()], [['hello'], []]);

  const third = await busy(memory);
  third.workspace.send('three');
  memory.dropQueued(KEY, third.workspace.thread.queue[0].id);
  third.workspace.queuesChanged();
  assert.deepEqual(third.waiting(), []);
});

test('what another tab queues is shown, and nothing of it is lost when the first one sends', async () => {
  const memory = new Memory(new Storage());
  const here = await busy(memory);
  here.workspace.send('two');
  memory.keepQueued(KEY, { id: 'of another', text: 'three', hadFiles: false });
  here.workspace.queuesChanged();
  assert.deepEqual(here.waiting(), ['two', 'three']);
  here.hear(final('r1', 3, 'Good day'));
  await settled();
  assert.deepEqual(memory.queue(KEY).map(({ text }) => text), ['three']);
});

test('a browser that keeps nothing sends what waits', async () => {
  const here = await busy(new Memory(null));
  here.workspace.send('two');
  here.hear(final('r1', 3, 'Good day'));
  assert.deepEqual(here.sentTexts(), ['hello', 'two']);
});

test('what waited elsewhere when the page was left is in the list, and sent', async () => {
  const memory = new Memory(new Storage());
  memory.keepQueued('agent:main:other', { id: 'q1', text: 'still to go', hadFiles: false });
  const here = await world(memory);
  const sent = here.gateway.asked.filter(({ method }) => method === 'chat.send').map(({ params }) => params);
  assert.deepEqual(sent.map(({ sessionKey, message }) => [sessionKey, message]), [['agent:main:other', 'still to go']]);
  assert.deepEqual(here.workspace.list().map(({ title }) => title).sort(), ['Main conversation', 'still to go']);
});

test('a message that had files is not sent without them by itself', async () => {
  const memory = new Memory(new Storage());
  const here = await busy(memory);
  here.workspace.send('look', [{ name: 'a.png', type: 'image/png', size: 3, content: 'AAAA' }]);
  const reloaded = await world(memory);
  assert.deepEqual([reloaded.gateway.sent(), reloaded.workspace.queueWaits], [[], 'files']);
  reloaded.workspace.sendQueued();
  await settled();
  assert.equal(reloaded.gateway.sent().length, 1);
});

test('at the end of a session what waits is put before the draft, by one tab only', async () => {
  const memory = new Memory(new Storage());
  const [one, other] = [await busy(memory), await busy(memory)];
  one.workspace.send('two');
  other.workspace.queuesChanged();
  assert.deepEqual(other.waiting(), ['two']);
  memory.keepDraft(KEY, 'half a thought');
  one.end('signed-out');
  other.end('signed-out');
  assert.equal(memory.draft(KEY), 'two\n\nhalf a thought');
  assert.deepEqual(memory.queued(), []);
});

const FILE = { name: 'a.png', type: 'image/png', size: 3, content: 'AAAA' };

test('a file that waits without words is there after a reload, by its name, until it is taken back', async () => {
  const memory = new Memory(new Storage());
  const here = await busy(memory);
  here.workspace.send('', [FILE]);
  const reloaded = await world(memory);
  await settled();
  const { workspace, gateway } = reloaded;
  assert.deepEqual(workspace.thread.queue.map(namesOf), [['a.png']]);
  assert.equal(workspace.queueWaits, 'files');
  workspace.sendQueued();
  assert.deepEqual(gateway.sent(), [], 'there is nothing in it to send');
  assert.equal(workspace.isBusy, false, 'nothing goes on for which a machine has to stay awake');
  reloaded.hear(delta('r9', 2, 'Go', 'Go'));
  assert.deepEqual([workspace.queueWaits, workspace.obstacle], ['files', 'busy'], 'the end of an answer does not send it');
  workspace.takeBack();
  assert.deepEqual(memory.queue(KEY), []);
});

test('a session that ends turns what waits into a draft, and keeps files that have no words', async () => {
  const memory = new Memory(new Storage());
  const here = await busy(memory);
  here.workspace.send('two');
  here.workspace.send('', [FILE]);
  here.end('signed-out');
  assert.equal(memory.draft(KEY), 'two');
  assert.deepEqual(memory.queue(KEY).map(({ names }) => names), [['a.png']]);
});

test('what was on its way when the page was left waits for a word after a reload', async () => {
  const memory = new Memory(new Storage());
  const here = await world(memory);
  here.gateway.answers['chat.send'] = () => new Promise(() => {});
  here.workspace.send('hello');
  const [id] = here.gateway.sent();
  const reloaded = await world(memory);
  await settled();
  assert.deepEqual(reloaded.workspace.thread.queue.map(({ text }) => text), ['hello']);
  assert.equal(reloaded.workspace.queueWaits, 'person');
  assert.deepEqual(reloaded.gateway.sent(), []);
  reloaded.gateway.answers['chat.send'] = { status: 'started' };
  reloaded.workspace.sendQueued();
  await settled();
  assert.deepEqual(reloaded.gateway.sent(), [id], 'under its own key, which runs once');
  assert.deepEqual(memory.queue(KEY), []);
});

test('what was on its way and has arrived does not wait after a reload', async () => {
  const told = [
    { messages: [{ role: 'user', content: 'hello', timestamp: 1, idempotencyKey: 'KEY:user', __openclaw: { id: 'e1', seq: 1 } }] },
    { messages: [], sessionInfo: { hasActiveRun: true, activeRunIds: ['KEY'] } },
  ];
  for (const history of told) {
    const memory = new Memory(new Storage());
    memory.keepQueued(KEY, { id: 'KEY', text: 'hello', hadFiles: false, names: [], wasSent: true });
    const reloaded = await world(memory);
    assert.equal(reloaded.workspace.thread.queue.length, 1);
    reloaded.gateway.answers['chat.history'] = history;
    await reloaded.lose();
    await reloaded.connect();
    assert.deepEqual(reloaded.workspace.thread.queue, []);
    assert.deepEqual(memory.queue(KEY), []);
  }
});

test('what could not be sent is there after a reload, too', async () => {
  const memory = new Memory(new Storage());
  const here = await world(memory);
  here.gateway.answers['chat.send'] = new RequestError('INVALID_REQUEST', 'no');
  here.workspace.send('hello');
  await settled();
  const reloaded = await world(memory);
  assert.deepEqual(reloaded.workspace.thread.queue.map(({ text }) => text), ['hello']);
});

test('what one tab is sending is left alone by the others', async () => {
  const memory = new Memory(new Storage());
  const one = await busy(memory);
  const other = await busy(memory);
  one.workspace.send('two');
  other.workspace.queuesChanged();
  assert.deepEqual(other.waiting(), ['two']);
  let taken;
  one.gateway.answers['chat.send'] = () => new Promise((resolve) => (taken = resolve));
  one.hear(final('r1', 3, 'Good day'));
  other.workspace.queuesChanged();
  assert.deepEqual(other.waiting(), []);
  assert.equal(memory.queue(KEY).length, 1, 'it may be gone with the tab');
  taken({ status: 'started' });
  await settled();
  assert.deepEqual(memory.queue(KEY), []);
});
