// One question on its way to the assistant: sent, acknowledged, lost, sent again. Pure.
//
// A question carries a key. The gateway runs each key once and writes it into the history,
// so a question of unknown fate is looked up there before it is sent again.

import { isLive, thinking } from './answer.js';
import { runMessageId, userId } from './history.js';

/** How often one question is sent before the visitor is asked what to do. */
export const ATTEMPTS_MAX = 3;

/** `thread` with a new question at its end, and the place where the answer will stand. */
export function asked(thread, { question, text, at }) {
  const message = {
    role: 'user',
    id: userId(question),
    key: question,
    text,
    at,
    delivery: 'sending',
    received: false,
    attempts: 1,
    error: null,
  };
  return { ...thread, messages: [...thread.messages, message, thinking(question, at)] };
}

/** Questions to send again, once the history has been read and does not have them. */
export function undelivered(thread) {
  return thread.messages.filter((message) => message.delivery === 'unsure');
}

export function sentAgain(thread, question) {
  const messages = [];
  for (const message of thread.messages) {
    if (message.id === runMessageId(question)) continue;
    if (message.id !== userId(question)) {
      messages.push(message);
      continue;
    }
    messages.push({ ...message, delivery: 'sending', attempts: message.attempts + 1 }, thinking(question, null));
  }
  return { ...thread, messages };
}

/** The gateway has taken the question; `status` is `started`, `in_flight` or `ok`. */
export function acknowledged(thread, { question, status }) {
  const sent = delivered(thread, question);
  // `ok`: that run was over before we asked again. Its answer is in the history.
  return status === 'ok' ? { ...sent, stale: true } : sent;
}

/** Any word about a run proves that its question has arrived. */
export function delivered(thread, question) {
  const id = userId(question);
  if (!thread.messages.some((message) => message.id === id && message.delivery !== 'sent')) return thread;
  return withMessage(thread, id, (message) => ({
    ...message,
    delivery: 'sent',
    received: true,
    error: null,
  }));
}

/** The question was refused; `uncertain` when the gateway may have it all the same. */
export function refused(thread, { question, error, uncertain }) {
  const mine = thread.messages.find((message) => message.id === userId(question));
  if (!mine || mine.delivery === 'sent') return thread;
  if (uncertain && mine.attempts < ATTEMPTS_MAX) {
    return withMessage(thread, mine.id, (message) => ({ ...message, delivery: 'unsure' }));
  }
  return failed(thread, question, error);
}

/**
 * The connection is gone: every question without a finished answer may or may not have arrived.
 * `error` is set when the loss itself says that the question cannot be taken.
 */
export function lost(thread, error) {
  const open = new Set(thread.messages.filter(isLive).map((answer) => answer.runId));
  let changed = { ...thread, stale: thread.loaded || open.size > 0, lost: thread.lost || open.size > 0 };
  for (const message of thread.messages) {
    if (message.role !== 'user' || !open.has(message.key)) continue;
    if (message.delivery === 'sending' && (error || message.attempts >= ATTEMPTS_MAX)) {
      changed = failed(changed, message.key, error ?? 'The connection was lost again and again.');
    } else {
      changed = withMessage(changed, message.id, (question) => ({ ...question, delivery: 'unsure' }));
    }
  }
  // The next connection may count a run's events from the start again.
  const messages = changed.messages.map((message) => (isLive(message) ? { ...message, seq: -1 } : message));
  return { ...changed, messages };
}

function failed(thread, question, error) {
  const messages = thread.messages.filter((message) => message.id !== runMessageId(question));
  return withMessage({ ...thread, messages }, userId(question), (message) => ({
    ...message,
    delivery: 'failed',
    error,
  }));
}

function withMessage(thread, id, change) {
  const messages = thread.messages.map((message) => (message.id === id ? change(message) : message));
  return { ...thread, messages };
}
