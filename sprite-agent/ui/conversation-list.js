// The list of conversations: the gateway's sessions, this browser's titles, what is open now. Pure.

import { isConversation, MAIN } from './address.js';
import { isAnswering } from './question.js';
import { namesOf } from './queue.js';
import { t } from './words.js';

const TITLE_MAX = 80;
const DAY_MS = 86_400_000;

/** The title a first message gives its conversation: its first line with words, as written. */
export function titleFrom(text) {
  const line = text.split('\n').find((candidate) => /[\p{L}\p{N}]/u.test(candidate)) ?? text;
  const plain = line.replace(/\s+/g, ' ').trim();
  return plain.length > TITLE_MAX ? `${plain.slice(0, TITLE_MAX - 1).trimEnd()}…` : plain;
}

/**
 * Entries `{key, title, at, current, unread, busy, asks, pinned, group, pinnable, removable}`: pinned ones, then those
 * of groups in their order, then by last activity.
 *
 * `sessions` has the gateway's rows and names; `memory` gives titles of first messages, and drafts: what somebody
 * has begun to write stays within reach. A conversation that is open but has no message yet stands on top.
 */
export function entries({ sessions, state, memory, prompts = [] }) {
  const rows = new Map(
    sessions.rows
      .filter((row) => isConversation(row.key) && !row.isBackground && !row.archived)
      .map((row) => [row.key, row]),
  );
  const open = Object.values(state.threads)
    .filter((thread) => thread.messages.length > 0 || thread.queue.length > 0 || thread.key === state.current)
    .map((thread) => thread.key);
  const drafts = memory.drafts();
  const groups = groupsOf(sessions);
  const titles = memory.titles();
  const asking = new Set(prompts.map(({ sessionKey }) => sessionKey));
  const place = ({ group, pinned }) => (group === null || pinned ? groups.length : groups.indexOf(group));
  return [...new Set([...open, ...drafts.keys(), ...rows.keys()])]
    .filter((key) => !sessions.isRemoving(key))
    .map((key) => ({
      ...entry(key, rows.get(key), state, titleOf(key, rows.get(key), state, sessions, titles, drafts), drafts),
      asks: asking.has(key),
    }))
    .sort((a, b) => b.pinned - a.pinned || place(a) - place(b) || b.at - a.at || (a.key < b.key ? -1 : 1));
}

/** All groups: those that the assistant lists, then what conversations are in besides. */
export function groupsOf({ rows, groups = [] }) {
  const others = rows.map(({ category }) => category).filter(Boolean).sort();
  return [...new Set([...groups, ...others])];
}

function entry(key, row, state, title, drafts) {
  const thread = state.threads[key];
  return {
    key,
    title,
    at: Math.max(lastAt(thread), row?.lastInteractionAt ?? row?.updatedAt ?? 0) || (row ? 0 : Infinity),
    current: key === state.current,
    unread: Boolean(state.unread[key]),
    busy: Boolean(thread && isAnswering(thread)),
    pinned: Boolean(row?.pinned),
    group: row?.category || null,
    pinnable: Boolean(row),
    removable: key !== MAIN && Boolean(row || thread?.messages.length || thread?.queue.length || drafts.has(key)),
  };
}

function titleOf(key, row, { threads, current }, sessions, titles, drafts) {
  const thread = threads[key];
  const kept = sessions.name(key, row) ?? titles.get(key)?.title;
  if (kept) return kept;
  const first = thread?.messages.find((message) => message.role === 'user');
  if (first) return titleFrom(first.text) || t('conversation.one');
  const derived = row?.derivedTitle || row?.autoLabel;
  if (derived) return titleFrom(derived);
  if (key === MAIN) return t('conversation.main');
  const [waiting] = thread?.queue ?? [];
  const unsent = waiting ? waiting.text || namesOf(waiting)[0] : key === current ? undefined : drafts.get(key);
  if (unsent && !row) return titleFrom(unsent);
  return t(row ? 'conversation.untitled' : 'conversation.new');
}

function lastAt(thread) {
  return thread?.messages.findLast(({ at }) => at)?.at ?? 0;
}

/**
 * What a search found, a row for each conversation `{key, title, snippet}`: titles that hold `text`
 * first, then `hits` of the gateway in its order.
 */
export function searched({ list, text, hits }) {
  const titles = new Map(list.map(({ key, title }) => [key, title]));
  const wanted = text.toLocaleLowerCase();
  const found = new Map();
  for (const { key, title } of list) {
    if (title.toLocaleLowerCase().includes(wanted)) found.set(key, { key, title, snippet: '' });
  }
  for (const { sessionKey: key, snippet } of hits) {
    if (!isConversation(key) || !titles.has(key) || found.get(key)?.snippet) continue;
    const title = titles.get(key);
    found.set(key, { key, title, snippet: snippet.trim() === title ? '' : snippet });
  }
  return [...found.values()];
}

/** The heading under which something of time `at` stands; both in ms since the epoch. */
export function ageGroup(at, now) {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (at >= midnight) return t('age.today');
  if (at >= midnight - DAY_MS) return t('age.yesterday');
  if (at >= midnight - 7 * DAY_MS) return t('age.week');
  return t('age.earlier');
}
