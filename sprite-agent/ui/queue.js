// The messages of one conversation that wait to be sent. Pure.

import { isLive } from './answer.js';

/** `thread` with one more message at the end of its queue. */
export function queued(thread, { id, text, files }) {
  return { ...thread, queue: [...thread.queue, { id, text, files, lacksFiles: false }] };
}

/** What the files of a message are called, as far as anybody knows. */
export function namesOf({ files = [], names }) {
  const known = Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  return files.length > 0 ? files.map(({ name }) => name) : known;
}

/** Whether nothing of a message can be sent before its files are attached again. */
export function isBare({ text, lacksFiles }) {
  return lacksFiles && text === '';
}

/** `thread` without the message `id`: it was sent, or taken back. */
export function unqueued(thread, id) {
  return { ...thread, queue: thread.queue.filter((message) => message.id !== id) };
}

/**
 * What the queue of `thread` waits for: `answer`, `decision` of a person for which the answer waits (`isAsking`),
 * `connection`, `person`, or `files` for a person to attach them again; `null` when its first message can be sent.
 * After a failure nothing is sent by itself: the next message would fail as well, or build on an answer that is not
 * there. Nor is what a page had sent that was left then: an assistant that has started anew since may have begun
 * with it.
 */
export function waitsFor(thread, isOnline, isAsking = false) {
  const isUnderWay = ({ delivery }) => delivery === 'sending' || delivery === 'unsure';
  // What waited over a loss or a reload goes once the history has told whether an answer is under way.
  if (!isOnline || thread.lost || (!thread.loaded && thread.queue.length > 0)) return 'connection';
  // It waits for its files, whatever goes on.
  if (thread.queue.length > 0 && isBare(thread.queue[0])) return 'files';
  if (thread.messages.some((message) => isUnderWay(message) || (message.role === 'assistant' && isLive(message)))) return isAsking ? 'decision' : 'answer';
  if (thread.queue[0]?.lacksFiles) return 'files';
  if (thread.queue[0]?.wasSent) return 'person';
  const last = thread.messages.at(-1);
  const hasFailed = last?.delivery === 'failed' || ['error', 'interrupted'].includes(last?.status);
  return hasFailed ? 'person' : null;
}
