// The list of conversations: read whole, renamed and deleted at the gateway.

import assert from 'node:assert/strict';
import test from 'node:test';

import { entries } from '../conversation-list.js';
import { RequestError } from '../requests.js';
import { Memory } from '../memory.js';
import { settled } from './clock.js';
import { assistantRow, KEY, userRow } from './run.js';
import { listed, Storage, world } from './world.js';

const TWO = 'agent:main:two';
const lost = () => new RequestError('LOST', 'the connection was lost');
const refused = (message) => new RequestError('INVALID_REQUEST', message);

/** What the gateway was asked to do with `TWO`. */
function acts({ gateway }) {
  return gateway.asked
    .filter(({ method }) => ['sessions.patch', 'sessions.delete'].includes(method))
    .map(({ method, params: { key, ...params } }) => (key === TWO ? [method, params] : [method, key]));
}

const ARCHIVED = ['sessions.patch', { expectedSessionId: 's2', archived: true }];
const DELETED = ['sessions.delete', { expectedSessionId: 's2', deleteTranscript: true, archivedOnly: true }];

async function withTwo(memory) {
  const here = await world(memory);
  here.gateway.answers['sessions.list'] = { sessions: [{ key: KEY, sessionId: 's1' }, { key: TWO, sessionId: 's2' }] };
  await here.connect();
  here.gateway.asked.length = 0;
  here.keys = () => here.workspace.list().map(({ key }) => key);
  return here;
}

test('a conversation is put into the archive and deleted from there', async () => {
  const here = await withTwo();
  const removing = here.workspace.remove(TWO);
  assert.deepEqual(here.keys(), [KEY], 'it is gone at once');
  assert.equal(await removing, 'done');
  assert.deepEqual(acts(here), [ARCHIVED, DELETED]);
});

test('a conversation deleted right after its first message is deleted at the gateway too', async () => {
  const here = await withTwo();
  let taken;
  let written = false;
  here.gateway.answers['chat.send'] = () => new Promise((resolve) => (taken = resolve));
  here.gateway.answers['chat.history'] = () => (written ? { sessionId: 's2' } : {});
  here.gateway.answers['sessions.list'] = { sessions: [{ key: KEY, sessionId: 's1' }] };
  await here.connect();
  here.workspace.open(TWO, true);
  here.workspace.send('hello');
  const removing = here.workspace.remove(TWO);
  await settled();
  assert.deepEqual(acts(here), [], 'the message is still on its way');
  taken({ status: 'started' });
  await here.clock.pass(600);
  assert.deepEqual(acts(here), [], 'the gateway has not written it down yet');
  written = true;
  await here.clock.pass(2_000);
  assert.equal(await removing, 'done');
  assert.deepEqual(acts(here), [ARCHIVED, DELETED]);
  assert.deepEqual(here.keys(), [KEY]);
});

test('deleting the open conversation shows another one', async () => {
  const here = await withTwo();
  here.workspace.open(TWO);
  await here.workspace.remove(TWO);
  assert.equal(here.workspace.thread.key, KEY);
});

test('deleting the only conversation begins a new one', async () => {
  const here = await world();
  here.workspace.open(TWO, true);
  await here.workspace.remove(KEY);
  await here.workspace.remove(TWO);
  assert.notEqual(here.workspace.thread, undefined);
  assert.notEqual(here.workspace.thread.key, TWO);
});

test('a run that is being stopped delays the deletion', async () => {
  const here = await withTwo();
  let busy = 2;
  here.gateway.answers['sessions.patch'] = () => (busy-- > 0 ? new RequestError('UNAVAILABLE', 'still active') : {});
  const removing = here.workspace.remove(TWO);
  await here.clock.pass(5_000);
  assert.equal(await removing, 'done');
  assert.deepEqual(acts(here), [ARCHIVED, ARCHIVED, ARCHIVED, DELETED]);
});

test('a conversation that the assistant will not delete is in the list again, and out of the archive', async () => {
  const here = await withTwo();
  here.gateway.answers['sessions.delete'] = refused('no');
  await assert.rejects(here.workspace.remove(TWO), /no/);
  assert.deepEqual(here.keys().sort(), [KEY, TWO]);
  assert.deepEqual(acts(here).at(-1), ['sessions.patch', { expectedSessionId: 's2', archived: false }]);
});

test('what another browser has deleted already is deleted', async () => {
  const here = await withTwo();
  here.gateway.answers['sessions.patch'] = refused(`session not found: ${TWO}`);
  assert.equal(await here.workspace.remove(TWO), 'done');
});

test('what another browser has deleted is not shown any more, and what is being written in it stays', async () => {
  const here = await withTwo();
  const three = 'agent:main:three';
  here.gateway.answers['sessions.list'] = { sessions: [{ key: KEY }, { key: TWO }, { key: three }] };
  here.gateway.answers['chat.history'] = { messages: [userRow('r1', 'a plan'), assistantRow('r1', 'secret')] };
  await here.connect();
  for (const key of [TWO, three]) {
    here.workspace.open(key);
    await settled();
    assert.deepEqual(here.texts(), ['a plan', 'secret']);
  }
  here.memory.keepDraft(three, 'half a thought');
  here.gateway.answers['sessions.list'] = { sessions: [{ key: KEY }] };
  here.gateway.answers['chat.history'] = { messages: [] };
  here.event('sessions.changed', { sessionKey: three, reason: 'delete' });
  await here.clock.pass(2_000);
  assert.deepEqual(here.texts(), []);
  assert.deepEqual(here.keys().sort(), [KEY, three].sort());
  assert.equal(here.workspace.state.threads[TWO], undefined);
  assert.equal(here.memory.draft(three), 'half a thought');
});

test('a session that was begun again under the same key is asked for and deleted', async () => {
  const here = await withTwo();
  here.gateway.answers['sessions.patch'] = ({ expectedSessionId }) =>
    expectedSessionId === 's2' ? refused(`Session ${TWO} changed before patch. Retry.`) : {};
  here.gateway.answers['chat.history'] = { sessionId: 's3' };
  const removing = here.workspace.remove(TWO);
  await here.clock.pass(1_000);
  assert.equal(await removing, 'done');
  assert.equal(acts(here).at(-1)[1].expectedSessionId, 's3');
});

test('a deletion that the connection interrupts is finished at the next greeting, also by another page', async () => {
  const memory = new Memory(new Storage());
  const here = await withTwo(memory);
  here.gateway.answers['sessions.delete'] = lost();
  assert.equal(await here.workspace.remove(TWO), 'later');
  assert.deepEqual(here.keys(), [KEY]);
  const later = await withTwo(memory);
  await later.clock.pass(10_000);
  assert.deepEqual(later.keys(), [KEY]);
  assert.deepEqual(memory.deletions(), []);
});

test('a deletion that waits for the greeting is not begun once more by it', async () => {
  const here = await withTwo();
  await here.lose();
  let greeted;
  const greeting = new Promise((resolve) => (greeted = resolve));
  here.gateway.answers['sessions.patch'] = () => greeting;
  const removing = here.workspace.remove(TWO);
  await here.connect();
  greeted({});
  assert.equal(await removing, 'done');
  assert.deepEqual(acts(here), [ARCHIVED, DELETED]);
});

test('a name is kept with the assistant and goes before the first message', async () => {
  const here = await withTwo();
  await here.workspace.sessions.rename(TWO, ' Taxes ');
  assert.deepEqual(acts(here), [['sessions.patch', { label: 'Taxes' }]]);
  assert.equal(here.workspace.list().find(({ key }) => key === TWO).title, 'Taxes');
  here.gateway.answers['sessions.list'] = { sessions: [{ key: TWO, label: 'Taxes 2025', derivedTitle: 'hello' }] };
  await here.connect();
  assert.equal(here.workspace.list().find(({ key }) => key === TWO).title, 'Taxes 2025');
});

test('a name that is refused is taken back', async () => {
  const here = await withTwo();
  here.gateway.answers['sessions.patch'] = refused('label already in use: Taxes');
  const renaming = here.workspace.sessions.rename(TWO, 'Taxes');
  assert.equal(here.workspace.sessions.name(TWO), 'Taxes', 'shown at once');
  await assert.rejects(renaming);
  assert.equal(here.workspace.sessions.name(TWO), undefined);
});

test('a name given before the first message reaches the assistant with it', async () => {
  const here = await withTwo();
  await here.workspace.sessions.rename('agent:main:new', 'Plans');
  assert.deepEqual(acts(here), []);
  here.gateway.answers['sessions.list'] = { sessions: [{ key: 'agent:main:new', sessionId: 's' }] };
  await here.workspace.sessions.read();
  assert.deepEqual(acts(here), [['sessions.patch', 'agent:main:new']]);
  assert.equal(here.gateway.asked.find(({ method }) => method === 'sessions.patch').params.label, 'Plans');
});

test('every conversation is listed, however many', async () => {
  const here = await world();
  const all = Array.from({ length: 450 }, (_, index) => ({ key: `agent:main:${index}`, updatedAt: index }));
  here.gateway.answers['sessions.list'] = ({ offset = 0, limit }) => {
    const sessions = all.slice(offset, offset + limit);
    const next = offset + sessions.length;
    return { sessions, hasMore: next < all.length, nextOffset: next < all.length ? next : null };
  };
  await here.connect();
  assert.equal(here.workspace.list().filter(({ key }) => key !== KEY).length, 450);
});

test('what a browser remembers is read once for a whole list', () => {
  const storage = new Storage();
  const memory = new Memory(storage);
  memory.keepTitle('agent:main:7', 'Seven', false);
  const rows = Array.from({ length: 300 }, (_, index) => ({ key: `agent:main:${index}`, updatedAt: index }));
  let reads = 0;
  const { getItem } = storage;
  storage.getItem = (name) => (reads += 1, getItem(name));
  const list = entries({ sessions: listed(rows), state: { current: null, threads: {}, unread: {} }, memory });
  assert.equal(list.find(({ key }) => key === 'agent:main:7').title, 'Seven');
  assert.ok(reads <= 2, `${reads} reads`);
});

test('a list that cannot be read to its end keeps what it had', async () => {
  const here = await withTwo();
  here.gateway.answers['sessions.list'] = lost();
  await here.connect();
  assert.deepEqual(here.keys().sort(), [KEY, TWO]);
});
