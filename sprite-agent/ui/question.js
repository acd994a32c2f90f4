// One question on its way to the assistant: sent, acknowledged, lost, sent again. Pure.
//
// A question carries a key. A gateway runs each key once for as long as its process lives, and
// writes it into the history. A question of unknown fate is looked up there before it is sent again
// with the same key; after a restart of the gateway it is not sent again by itself, because the new
// process would run it a second time.

import { isLive, thinking } from './answer.js';
import { runMessageId, userId } from './history.js';
import { t } from './words.js';

/** How often one question is sent before the visitor is asked what to do. */
export const ATTEMPTS_MAX = 3;

/** `thread` with a new question at its end, and the place where the answer will stand. */
export function asked(thread, { question, text, files = [], at }) {
  const message = {
    role: 'user',
    id: userId(question),
    key: question,
    text,
    files,
    share: null,
    at,
    delivery: 'sending',
    received: false,
    isSeen: true,
    isRisky: false,
    attempts: 1,
    error: null,
  };
  return { ...thread, messages: [...thread.messages, message, thinking(question, at)] };
}

/** Whether nobody can be thinking about `question` yet: it waits for a connection, or its files are on their way. */
export function isUnheard(question) {
  if (!question || question.received) return false;
  return question.delivery === 'unsure' || (question.delivery === 'sending' && question.share !== null);
}

/** Whether an answer in `thread` is being written, as far as is known. */
export function isAnswering({ messages }) {
  return messages.some((message, at) => isLive(message) && !isUnheard(messages[at - 1]));
}

/** Questions to send again, once the history has been read and does not have them. */
export function undelivered(thread) {
  return thread.messages.filter((message) => message.delivery === 'unsure');
}

/** `thread` after the gateway was started anew: what the old process may have seen is not sent to the new one. */
export function restarted(thread) {
  const messages = thread.messages.map((message) =>
    message.delivery === 'unsure' && message.isSeen ? { ...message, isRisky: true } : message,
  );
  return { ...thread, messages };
}

export function sentAgain(thread, question) {
  const messages = [];
  for (const message of thread.messages) {
    if (message.id === runMessageId(question)) continue;
    if (message.id !== userId(question)) {
      messages.push(message);
      continue;
    }
    messages.push({ ...message, delivery: 'sending', isSeen: true, attempts: message.attempts + 1 }, thinking(question, null));
  }
  return { ...thread, messages };
}

/** `thread` when `share` of a large question has been sent. */
export function progressed(thread, { question, share }) {
  const id = userId(question);
  const isUnderWay = thread.messages.some((message) => message.id === id && message.delivery === 'sending');
  return isUnderWay ? withMessage(thread, id, (message) => ({ ...message, share })) : thread;
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
export function refused(thread, { question, error, uncertain, unseen = false }) {
  const mine = thread.messages.find((message) => message.id === userId(question));
  if (!mine || mine.delivery === 'sent') return thread;
  if (uncertain && mine.attempts < ATTEMPTS_MAX) {
    return withMessage(thread, mine.id, (message) => ({ ...message, delivery: 'unsure', isSeen: !unseen }));
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
      changed = failed(changed, message.key, error ?? t('sent.lost'));
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
