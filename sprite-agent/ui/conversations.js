// What the page knows of its conversations: state and action in, state out. Pure.
//
// Thread   {key, loaded, stale, lost, awaited, rows, hasMore, offset, earlier, queue, messages}; `stale` asks for the
//          history to be read again,
//          `lost` says that a connection broke while an answer was being written,
//          `awaited` are the runs that a history being read must know, or they are over,
//          `rows` is the history as far as it was read; when it `hasMore`, that begins at `offset`,
//          `earlier` says how reading it goes: 'idle'|'reading'|'failed',
//          `queue` are messages `{id, text, files, lacksFiles, names, wasSent}` that wait to be sent; `lacksFiles` where
//          another tab, or the page before a reload, has or had them, called `names`; `wasSent` when that page had sent it
// Question {role:'user', id, key, text, files, share, at, delivery:'sending'|'sent'|'unsure'|'failed', received, isSeen, isRisky,
//          attempts, error};
//          `received` once the gateway has said so: it may still have died before writing it down;
//          `share` of a large message that has been sent, 0 to 1; `isSeen` unless it certainly never reached the gateway, `isRisky` once another process would get it again
// Answer   {role:'assistant', id, runId, text, earlier, at, phase, thought, tools, seq, error,
//           status:'thinking'|'streaming'|'done'|'aborted'|'error'|'interrupted'}
//
// A run's id is the key of its question: that is how question and answer find each other.

import { advanced, isLive, thinking, withThought, withTool } from './answer.js';
import { withEarlier, withHistory } from './catchup.js';
import { runMessageId, userId } from './history.js';
import { queued, unqueued } from './queue.js';
import { acknowledged, asked, delivered, lost, progressed, refused, restarted, sentAgain, undelivered } from './question.js';

/** Threads kept in memory; another one is read again when it is opened. */
const THREADS_MAX = 12;

export function initial() {
  return { current: null, threads: {}, unread: {} };
}

/** The answer being written in `thread`, or `undefined`. */
export function activeAnswer(thread) {
  return thread?.messages.findLast((message) => message.role === 'assistant' && isLive(message));
}

/** Keys of the threads that have something to find out as soon as there is a connection. */
export function unsettled(state) {
  return Object.values(state.threads)
    .filter((thread) => thread.lost || undelivered(thread).length > 0 || (thread.stale && (thread.key === state.current || thread.queue.length > 0)))
    .map((thread) => thread.key);
}

/**
 * The state after `action`. Actions about a thread that is not in memory change nothing:
 * its history will be read when it is opened.
 */
export function reduce(state, action) {
  const within = (change) => inThread(state, action.key, change);
  switch (action.type) {
    case 'opened':
      return opened(state, action.key, action.fresh ?? false);
    case 'kept':
      return kept(state, action);
    case 'asked':
      return within((thread) => asked(thread, action));
    case 'queued':
      return within((thread) => queued(thread, action));
    case 'unqueued':
      return within((thread) => unqueued(thread, action.id));
    case 'progress':
      return within((thread) => progressed(thread, action));
    case 'sent-again':
      return within((thread) => sentAgain(thread, action.question));
    case 'acknowledged':
      return within((thread) => acknowledged(thread, action));
    case 'refused':
      return within((thread) => refused(thread, action));
    case 'dropped':
      return within((thread) => ({ ...thread, messages: thread.messages.filter(({ id }) => id !== action.id) }));
    case 'rewound':
      return within((thread) => rewound(thread, action.id));
    case 'reading':
      return within((thread) => ({ ...thread, stale: false, awaited: awaited(thread) }));
    case 'unread':
      return within((thread) => ({ ...thread, stale: true }));
    case 'history':
      return within((thread) => withHistory(thread, action.payload));
    case 'reading-earlier':
      return within((thread) => ({ ...thread, earlier: 'reading' }));
    case 'earlier':
      return within((thread) => (action.payload
        ? { ...withEarlier(thread, action.payload), earlier: 'idle' }
        : { ...thread, earlier: 'failed' }));
    case 'stopped':
      return within((thread) => stopped(thread, action.runIds));
    case 'chat':
      return noted(inThread(state, action.payload.sessionKey, (t) => told(t, action)), action.payload);
    case 'tool':
      return inThread(state, action.payload.sessionKey, (thread) => tooled(thread, action.payload));
    case 'restarted':
      return { ...state, threads: mapped(state.threads, restarted) };
    case 'lost':
      return { ...state, threads: mapped(state.threads, (thread) => lost(thread, action.error)) };
    case 'deleted':
      return { ...state, threads: without(state.threads, action.key), unread: without(state.unread, action.key) };
    case 'forgotten':
      return initial();
    default:
      throw new Error(`unknown action ${action.type}`);
  }
}

function opened(state, key, fresh) {
  const known = state.threads[key];
  const thread = known ?? unread(key, fresh);
  const threads = { ...trimmed(without(state.threads, key)), [key]: thread };
  return { current: key, threads, unread: without(state.unread, key) };
}

/** What waited in a conversation when the page was left; it need not be the one that is shown. */
function kept(state, { key, messages }) {
  const thread = state.threads[key] ?? unread(key, false);
  const more = messages.filter(({ id }) => !isKnown(thread, id));
  if (more.length === 0) return state;
  const queue = [...thread.queue, ...more];
  return { ...state, threads: { ...state.threads, [key]: { ...thread, queue } } };
}

/** A message keeps its id from the queue on. */
function isKnown(thread, id) {
  return thread.queue.some((message) => message.id === id) || thread.messages.some(({ key }) => key === id);
}

function unread(key, fresh) {
  const history = { rows: [], hasMore: false, offset: 0, earlier: 'idle' };
  return { key, loaded: fresh, stale: !fresh, lost: false, awaited: [], ...history, queue: [], messages: [] };
}

/** Runs being answered whose questions, if they are ours, the gateway has taken. */
function awaited(thread) {
  const underWay = new Set(thread.messages.filter(({ delivery }) => delivery === 'sending').map(({ key }) => key));
  const live = thread.messages.filter((message) => message.role === 'assistant' && isLive(message));
  return live.map(({ runId }) => runId).filter((runId) => !underWay.has(runId));
}

/** Without the longest unvisited threads, so that one more fits; none with something under way leaves. */
function trimmed(threads) {
  const hasWork = (thread) => activeAnswer(thread) || undelivered(thread).length > 0 || thread.queue.length > 0;
  const idle = Object.values(threads).filter((thread) => !hasWork(thread));
  const surplus = Object.keys(threads).length - (THREADS_MAX - 1);
  return idle.slice(0, Math.max(0, surplus)).reduce((kept, { key }) => without(kept, key), threads);
}

function told(thread, { payload, at }) {
  const { runId } = payload;
  const id = runMessageId(runId);
  const known = thread.messages.find((message) => message.id === id);
  if (known && !canGoOn(known, payload)) return thread;
  const before = known ? goingOn(known) : thinking(runId, at);
  const answer = advanced(before, payload);
  if (answer === before && known) return thread;
  const messages = known
    ? thread.messages.map((message) => (message.id === id ? answer : message))
    : [...thread.messages, answer];
  return delivered({ ...thread, messages, stale: thread.stale || needsHistory(thread, known, answer) }, runId);
}

/** An answer that we saw ending has ended; one that only the history calls finished may have more to say. */
function canGoOn(answer, payload) {
  if (isLive(answer) || answer.status === 'interrupted') return true;
  return answer.seq === undefined && payload.state !== 'status';
}

function goingOn(answer) {
  if (answer.seq !== undefined) return answer;
  const { text: earlier, thought, tools } = answer;
  return { ...thinking(answer.runId, answer.at), earlier, thought, thoughtStart: thought.length, tools };
}

/**
 * Somebody else's question, and an answer in several pieces, stand whole only in the history.
 * An end with another answer still open tells nothing of that one: the history does.
 */
function needsHistory(thread, known, answer) {
  const foreign = !known && !thread.messages.some((message) => message.id === userId(answer.runId));
  if (isLive(answer)) return foreign;
  const inPieces = answer.status === 'done' && (answer.tools.length > 0 || answer.text === '');
  const others = thread.messages.filter((message) => message.id !== answer.id);
  const steered = thread.messages.at(-1)?.role === 'user';
  return foreign || inPieces || steered || others.some((message) => message.role === 'assistant' && isLive(message));
}

function tooled(thread, { runId, stream, data }) {
  const change = { tool: data?.toolCallId && withTool, thinking: data?.text && withThought }[stream];
  if (!change) return thread;
  const id = runMessageId(runId);
  const answer = thread.messages.find((message) => message.id === id);
  if (!answer || !isLive(answer)) return thread;
  const changed = change(answer, data);
  if (changed === answer) return thread;
  return { ...thread, messages: thread.messages.map((message) => (message.id === id ? changed : message)) };
}

/** The gateway says that `runIds` are stopped; usually their `aborted` events have come before. */
function stopped(thread, runIds) {
  const messages = thread.messages.map((message) =>
    message.role === 'assistant' && isLive(message) && runIds.includes(message.runId)
      ? { ...message, status: 'aborted' }
      : message,
  );
  return { ...thread, messages };
}

/** `thread` up to the message `id`, which is gone with all that followed. */
function rewound(thread, id) {
  const place = thread.messages.findIndex((message) => message.id === id);
  if (place < 0) return thread;
  const { entry } = thread.messages[place];
  const row = thread.rows.findIndex((candidate) => candidate.__openclaw?.id === entry);
  return { ...thread, messages: thread.messages.slice(0, place), rows: row < 0 ? [] : thread.rows.slice(0, row) };
}

/** Marks a finished answer in a conversation that is not being looked at. */
function noted(state, { sessionKey, state: phase }) {
  if (phase !== 'final' || sessionKey === state.current || state.unread[sessionKey]) return state;
  return { ...state, unread: { ...state.unread, [sessionKey]: true } };
}

function inThread(state, key, change) {
  const thread = state.threads[key];
  if (!thread) return state;
  const changed = change(thread);
  return changed === thread ? state : { ...state, threads: { ...state.threads, [key]: changed } };
}

function mapped(record, change) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function without(record, key) {
  const { [key]: _, ...others } = record;
  return others;
}
