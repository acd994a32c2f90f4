// What can be taken along is complete and reads well.

import assert from 'node:assert/strict';
import test from 'node:test';

import { fileName, toJson, toMarkdown } from '../export.js';
import { messagesOf } from '../history.js';
import { assistantRow, userRow } from './run.js';
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
  const { conversations, exported_at: at } = JSON.parse(toJson([{ key: 'k', title: 'Moons', rows: ROWS }], 0));
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
