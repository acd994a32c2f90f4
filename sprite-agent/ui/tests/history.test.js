// Histories longer than a page, and searching in all of them.

import assert from 'node:assert/strict';
import test from 'node:test';

import { messagesOf } from '../history.js';
import { search } from '../lookup.js';
import { RequestError } from '../requests.js';
import { settled } from './clock.js';
import { assistantRow, delta, final, KEY, userRow } from './run.js';
import { world } from './world.js';

/** Rows of `turns` questions and answers, oldest first. */
function rowsOf(turns) {
  return Array.from({ length: turns }, (_, at) => [userRow(`q${at}`, `question ${at}`), assistantRow(`q${at}`, `answer ${at}`)]).flat();
}

/** Answers `chat.history` out of `rows` as the gateway does: pages counted from the newest row. */
function paged(rows) {
  return ({ limit, offset = 0 }) => {
    const end = Math.max(0, rows.length - offset);
    const start = Math.max(0, end - limit);
    return { messages: rows.slice(start, end), hasMore: start > 0, nextOffset: start > 0 ? rows.length - start : undefined };
  };
}

async function long(turns) {
  const rows = rowsOf(turns);
  const here = await world();
  here.gateway.answers['chat.history'] = paged(rows);
  here.rows = rows;
  here.again = async () => {
    await here.lose();
    await here.connect();
  };
  await here.again();
  here.back = async () => {
    here.workspace.readEarlier();
    await settled();
  };
  here.questions = () => here.workspace.thread.messages.filter(({ role }) => role === 'user').map(({ text }) => text);
  return here;
}

const numbered = (from, to) => Array.from({ length: to - from }, (_, at) => `question ${from + at}`);

test('the very first message can be reached, page by page', async () => {
  const here = await long(170);
  assert.deepEqual(here.questions(), numbered(120, 170));
  for (let page = 0; here.workspace.thread.hasMore; page += 1) {
    assert.ok(page < 10, 'it comes to an end');
    await here.back();
  }
  assert.deepEqual(here.questions(), numbered(0, 170));
});

test('what came in the meantime neither hides nor doubles a message', async () => {
  const here = await long(120);
  here.rows.push(...[userRow('late', 'late question'), assistantRow('late', 'late answer')]);
  await here.back();
  here.hear(delta('other', 1, 'x', 'x'));
  here.hear(final('other', 2, 'x'));
  await here.again();
  while (here.workspace.thread.hasMore) await here.back();
  assert.deepEqual(here.questions(), [...numbered(0, 120), 'late question']);
});

test('what is read again and says the same is not shown anew', async () => {
  const here = await long(40);
  const before = new Map(here.workspace.thread.messages.map((message) => [message.id, message]));
  here.rows.push(userRow('late', 'late question'), assistantRow('late', 'late answer'));
  await here.again();
  const anew = here.workspace.thread.messages.filter((message) => before.get(message.id) !== message);
  assert.deepEqual(anew.map(({ text }) => text), ['late question', 'late answer']);
});

test('a picture that was sent keeps its name, which the assistant forgets', async () => {
  const here = await world();
  const media = [{ url: 'media://inbound/1.png', contentType: 'image/png', kind: 'image', sizeBytes: 3 }];
  here.gateway.answers['chat.send'] = { status: 'started' };
  here.workspace.send('look', [{ name: 'cat.png', type: 'image/png', size: 3, content: 'YWJj' }]);
  await settled();
  const [key] = here.gateway.sent();
  const sent = userRow(key, 'look');
  here.gateway.answers['chat.history'] = { messages: [{ ...sent, __openclaw: { ...sent.__openclaw, media } }, assistantRow(key, 'a cat')] };
  for (let time = 0; time < 2; time += 1) {
    await here.lose();
    await here.connect();
    assert.deepEqual(here.workspace.thread.messages[0].files.map(({ name, source }) => [name, source]), [['cat.png', '1.png']]);
  }
});

test('what a tool gave back belongs to the newest call of its name', () => {
  const call = { type: 'toolCall', id: 'same', name: 'exec', arguments: { command: 'date' } };
  const turn = (key, result) => [
    userRow(key, key),
    assistantRow(key, '', { content: [call] }),
    { role: 'toolResult', toolCallId: 'same', content: result },
  ];
  const results = messagesOf([...turn('one', 'monday'), ...turn('two', 'tuesday')]).flatMap(({ tools = [] }) => tools.map(({ result }) => result));
  assert.deepEqual(results, ['monday', 'tuesday']);
});

test('an answer that is cut by the end of a page becomes whole', async () => {
  const rows = rowsOf(60);
  const pieces = [
    userRow('long', 'a long one'),
    ...Array.from({ length: 110 }, (_, at) => assistantRow('long', `piece ${at}`, { __openclaw: { id: `p${at}`, runId: 'long' } })),
  ];
  const here = await world();
  here.gateway.answers['chat.history'] = paged([...rows, ...pieces]);
  await here.lose();
  await here.connect();
  const text = () => here.workspace.thread.messages.find(({ id }) => id === 'run:long')?.text;
  while (here.workspace.thread.hasMore) {
    here.workspace.readEarlier();
    await settled();
  }
  assert.ok(text().startsWith('piece 0\n\npiece 1\n\n') && text().endsWith('piece 109'));
});

test('a page is asked for once, and again after it did not come', async () => {
  const here = await long(120);
  const asked = () => here.gateway.asked.filter(({ params }) => params?.offset > 0).length;
  here.gateway.answers['chat.history'] = () => new Promise(() => {});
  here.workspace.readEarlier();
  here.workspace.readEarlier();
  assert.equal(asked(), 1);
  assert.equal(here.workspace.thread.earlier, 'reading');

  const other = await long(120);
  other.gateway.answers['chat.history'] = new RequestError('UNAVAILABLE', 'restarting');
  await other.back();
  assert.equal(other.workspace.thread.earlier, 'failed');
  other.gateway.answers['chat.history'] = paged(other.rows);
  await other.back();
  assert.deepEqual(other.questions(), numbered(20, 120));
});

test('a history that was rewritten is taken as it is now', async () => {
  const here = await long(170);
  await here.back();
  here.gateway.answers['chat.history'] = paged([userRow('new', 'all new'), assistantRow('new', 'yes')]);
  await here.again();
  assert.deepEqual(here.questions(), ['all new']);
  assert.equal(here.workspace.thread.hasMore, false);
});

test('after a page that did not come in time fewer rows are asked for', async () => {
  const here = await world();
  const limits = () => here.gateway.asked.filter(({ method }) => method === 'chat.history').map(({ params }) => params.limit);
  here.gateway.asked.length = 0;
  here.gateway.answers['chat.history'] = new RequestError('TIMEOUT', 'late');
  here.workspace.open('agent:main:slow');
  await here.clock.pass(5_000);
  here.gateway.answers['chat.history'] = {};
  await here.clock.pass(2_000);
  assert.deepEqual(limits().slice(0, 3), [100, 25, 10]);
});

test('a search finds titles and messages, one row for each conversation', async () => {
  const here = await world();
  const row = (name, label) => ({ key: `agent:main:${name}`, sessionId: name, label });
  here.gateway.answers['sessions.list'] = { sessions: [row('a', 'Lisbon'), row('b', 'Other'), row('c', 'Rome')] };
  await here.connect();
  const hit = (name, snippet) => ({ sessionKey: `agent:main:${name}`, snippet });
  here.gateway.answers['sessions.search'] = { results: [hit('b', 'to Lisbon'), hit('b', 'Lisbon again'), hit('gone', 'Lisbon')] };
  assert.deepEqual(await search((...asked) => here.workspace.request(...asked), here.workspace.list(), 'lisbon'), {
    found: [
      { key: 'agent:main:a', title: 'Lisbon', snippet: '' },
      { key: 'agent:main:b', title: 'Other', snippet: 'to Lisbon' },
    ],
    partial: false,
  });
  here.gateway.answers['sessions.search'] = new RequestError('FORBIDDEN', 'not available here');
  const { found, partial } = await search((...asked) => here.workspace.request(...asked), here.workspace.list(), 'lisbon');
  assert.deepEqual([found.map(({ title }) => title), partial], [['Lisbon'], true]);
});

test('a pinned conversation stands on top', async () => {
  const here = await world();
  here.gateway.answers['sessions.list'] = {
    sessions: [{ key: 'agent:main:a', updatedAt: 2 }, { key: 'agent:main:b', updatedAt: 1 }],
  };
  await here.connect();
  await here.workspace.sessions.pin('agent:main:b', true);
  assert.deepEqual(here.gateway.asked.at(-1), { method: 'sessions.patch', params: { key: 'agent:main:b', pinned: true } });
  assert.equal(here.workspace.list()[0].key, 'agent:main:b');
  here.gateway.answers['sessions.patch'] = new RequestError('INVALID_REQUEST', 'no');
  await assert.rejects(here.workspace.sessions.pin('agent:main:b', false));
  assert.equal(here.workspace.list()[0].pinned, true);
});

test('a conversation is put into a group that is kept with the assistant, and taken out again', async () => {
  const here = await world();
  const row = (name, updatedAt, rest) => ({ key: `agent:main:${name}`, sessionId: name, label: name, updatedAt, ...rest });
  here.gateway.answers['sessions.list'] = { sessions: [row('a', 3), row('b', 2, { category: 'Work' }), row('c', 1, { category: 'Old' }), row('d', 9, { pinned: true, category: 'Work' })] };
  here.gateway.answers['sessions.groups.list'] = { groups: [{ name: 'Work', position: 0 }] };
  await here.connect();
  const { sessions } = here.workspace;
  const shown = () => here.workspace.list().filter(({ pinnable }) => pinnable).map(({ title, group }) => [title, group]);
  assert.deepEqual(shown(), [['d', 'Work'], ['b', 'Work'], ['c', 'Old'], ['a', null]]);
  await sessions.group('agent:main:a', '  New   one ');
  const asked = here.gateway.asked.slice(-2);
  assert.deepEqual(asked.map(({ method, params }) => [method, params]), [
    ['sessions.groups.put', { names: ['Work', 'New one'] }],
    ['sessions.patch', { key: 'agent:main:a', category: 'New one' }],
  ]);
  await sessions.renameGroup('New one', 'Work');
  assert.deepEqual(sessions.groups, ['Work']);
  assert.deepEqual(shown().map(([title]) => title), ['d', 'a', 'b', 'c']);
  await sessions.group('agent:main:a', '');
  assert.deepEqual(here.gateway.asked.at(-1).params, { key: 'agent:main:a', category: null });
  await sessions.deleteGroup('Work');
  assert.deepEqual(shown().filter(([, group]) => group === 'Work'), []);
});

test('a list that was on its way does not take a conversation out of the group it was just put into', async () => {
  const here = await world();
  const list = { sessions: [{ key: 'agent:main:a', sessionId: 'a', updatedAt: 1 }] };
  here.gateway.answers['sessions.list'] = list;
  here.gateway.answers['sessions.groups.list'] = { groups: [{ name: 'Work', position: 0 }] };
  await here.connect();
  const { sessions } = here.workspace;
  const group = () => here.workspace.list().find(({ pinnable }) => pinnable).group;
  let patched;
  here.gateway.answers['sessions.patch'] = () => new Promise((resolve) => (patched = resolve));
  const asking = sessions.group('agent:main:a', 'Work');
  await settled();
  await sessions.read();
  assert.equal(group(), 'Work');
  patched({ ok: true });
  await asking;
  await sessions.read();
  assert.equal(group(), null, 'once it is answered the word of the gateway counts');
});

test('a list that is older than an answered change does not undo it', async () => {
  const here = await world();
  const old = { sessions: [{ key: KEY, label: 'Old' }] };
  here.gateway.answers['sessions.list'] = old;
  await here.connect();
  let groups;
  here.gateway.answers['sessions.groups.list'] = () => new Promise((resolve) => (groups = resolve));
  const read = here.workspace.sessions.read();
  await settled();
  const changed = Promise.all([here.workspace.sessions.pin(KEY, true), here.workspace.sessions.rename(KEY, 'New')]);
  await settled();
  here.gateway.answers['sessions.groups.list'] = {};
  here.gateway.answers['sessions.list'] = { sessions: [{ key: KEY, label: 'New', pinned: true }] };
  const seen = [];
  const shown = () => here.workspace.list().map(({ title, pinned }) => [title, pinned])[0];
  here.changed = () => seen.push(shown());
  groups({ groups: [] });
  await Promise.all([read, changed]);
  assert.deepEqual(seen.filter(([title, pinned]) => title !== 'New' || !pinned), []);
});

test('a group that is refused leaves the conversation where it was', async () => {
  const here = await world();
  here.gateway.answers['sessions.list'] = { sessions: [{ key: 'agent:main:a', sessionId: 'a', category: 'Work', updatedAt: 1 }] };
  here.gateway.answers['sessions.groups.list'] = { groups: [{ name: 'Work', position: 0 }, { name: 'Other', position: 1 }] };
  await here.connect();
  here.gateway.answers['sessions.patch'] = new RequestError('INVALID_REQUEST', 'no');
  await assert.rejects(here.workspace.sessions.group('agent:main:a', 'Other'));
  assert.equal(here.workspace.list().find(({ pinnable }) => pinnable).group, 'Work');
});

test('the main conversation is not offered for deletion', async () => {
  const here = await world();
  here.gateway.answers['sessions.list'] = { sessions: [{ key: 'agent:main:main', sessionId: 'm', updatedAt: 1 }, { key: 'agent:main:a', sessionId: 'a', updatedAt: 2 }] };
  await here.connect();
  assert.deepEqual(here.workspace.list().map(({ key, removable }) => [key, removable]), [['agent:main:a', true], ['agent:main:main', false]]);
});
