// What can be taken along is complete and reads well.

import assert from 'node:assert/strict';
import test from 'node:test';

import { archived } from '../archive.js';
import { fileName, filePath, toJson, toMarkdown } from '../export.js';
import { messagesOf } from '../history.js';
import { assistantRow, userRow } from './run.js';
import { unzipSync } from '../vendor/fflate.js';
import { world } from './world.js';

const ROWS = [
  userRow('q1', 'How many moons?'),
  {
    role: 'assistant', timestamp: 2, stopReason: 'toolUse', __openclaw: { id: 'a1', runId: 'q1' },
    content: [{ type: 'toolCall', id: 't1', name: 'exec', arguments: { command: 'count moons' } }],
  },
  { role: 'toolResult', toolCallId: 't1', content: [{ type: 'text', text: 'two' }], isError: false },
  assistantRow('q1', '**Two**', { __openclaw: { id: 'a2', runId: 'q1' } }),
];

test('a conversation reads as Markdown, with who said what and what was used', () => {
  const text = toMarkdown({ title: 'Moons', messages: messagesOf(ROWS) });
  assert.match(text, /^# Moons\n\n\*\*You\*\* · 1970-01-01T00:00:00.001Z\n\nHow many moons\?\n\n\*\*Assistant\*\*/);
  assert.match(text, /> Used `exec`: `count moons`/);
  assert.ok(text.endsWith('\n\n**Two**\n'));
});

test('a conversation as JSON has every row as it is kept', () => {
  const { conversations, exported_at: at } = JSON.parse(toJson([{ key: 'k', title: 'Moons', rows: ROWS, messages: messagesOf(ROWS) }], 0));
  assert.deepEqual(conversations[0].rows, ROWS);
  assert.equal(at, '1970-01-01T00:00:00.000Z');
});

test('all pages of a history are in an export, in their order', async () => {
  const here = await world();
  const rows = Array.from({ length: 250 }, (_, at) => userRow(`q${at}`, `${at}`));
  here.gateway.answers['chat.history'] = ({ limit, offset = 0 }) => {
    const end = rows.length - offset;
    const start = Math.max(0, end - limit);
    return { messages: rows.slice(start, end), hasMore: start > 0, nextOffset: rows.length - start };
  };
  assert.deepEqual((await here.workspace.histories.readAll('k')).map(({ content }) => Number(content)), rows.map((_, at) => at));
});

test('a step tells what it was asked for and what came back', () => {
  const [, answer] = messagesOf(ROWS);
  const [tool] = answer.tools;
  assert.deepEqual([tool.status, tool.result], ['done', 'two']);
  assert.match(tool.args, /count moons/);
});

test('a file is called what every system takes', () => {
  assert.equal(fileName('Größe: 1/2 "<x>"', 'md'), 'Größe 1 2 x.md');
  assert.equal(fileName('../../etc', 'json'), 'etc.json');
  assert.equal(fileName('???', 'md'), 'conversation.md');
});

test('files that are taken along are found from where they are named', () => {
  const media = [{ url: 'media://inbound/1', contentType: 'text/plain', fileName: 'a [b].txt' }, { url: 'media://inbound/2', contentType: 'text/plain' }];
  const rows = [{ ...userRow('q1', 'look'), __openclaw: { id: 'u1', media } }];
  const messages = messagesOf(rows);
  const paths = new Map([[messages[0].files[0], 'files/a b.txt']]);
  const text = toMarkdown({ title: 'Files', messages }, paths);
  assert.ok(text.includes('> File: [a \\[b\\].txt](<files/a b.txt>)\n'), text);
  assert.ok(text.includes('> File: without a name\n'), text);
  const [{ files }] = JSON.parse(toJson([{ key: 'k', title: 'Files', rows, messages }], 0, paths)).conversations;
  assert.deepEqual(files.map(({ name, path }) => [name, path]), [['a [b].txt', 'files/a b.txt']]);
});

test('no two files stand at one place, on any system, nor outside of their folder', () => {
  const taken = new Set();
  const paths = ['photo.png', 'Photo.PNG', 'photo.png', '../../etc/passwd', '.hidden', '', 'noend', 'x'.repeat(300) + '.pdf'].map((name) => filePath(name, taken));
  assert.deepEqual(paths, [
    'files/photo.png', 'files/Photo 2.PNG', 'files/photo 3.png', 'files/etc passwd', 'files/file.hidden', 'files/file', 'files/noend', `files/${'x'.repeat(60)}.pdf`,
  ]);
});

test('an archive has every file as it was', async () => {
  const bytes = (text) => new TextEncoder().encode(text);
  const blob = await archived([{ path: 'Größe.md', bytes: bytes('# Größe') }, { path: 'files/empty.txt', bytes: bytes('') }]);
  const files = unzipSync(new Uint8Array(await blob.arrayBuffer()));
  const texts = Object.entries(files).map(([path, content]) => [path, new TextDecoder().decode(content)]);
  assert.deepEqual(texts, [['Größe.md', '# Größe'], ['files/empty.txt', '']]);
});
