// What the tests share: frames as the gateway sends them, and a state to apply them to.

import { initial, reduce } from '../conversations.js';

export const KEY = 'agent:main:main';

/** The state after `actions`, with the conversation `KEY` open. */
export function after(...actions) {
  const open = reduce(initial(), { type: 'opened', key: KEY, fresh: true });
  return actions.reduce(reduce, open);
}

export function thread(state) {
  return state.threads[KEY];
}

/** `[role, text, state]` of each message: what a visitor sees. */
export function shown(state) {
  return thread(state).messages.map((message) => [
    message.role,
    [message.earlier, message.text].filter(Boolean).join(' | '),
    message.delivery ?? message.status,
  ]);
}

export function asked(question, text = 'hello') {
  return { type: 'asked', key: KEY, question, text, at: 1 };
}

export function acknowledged(question, status = 'started') {
  return { type: 'acknowledged', key: KEY, question, status };
}

export function history(payload) {
  return { type: 'history', key: KEY, payload };
}

/** The history is being asked for: it must know every run that is under way now. */
export const reading = { type: 'reading', key: KEY };

export const lost = { type: 'lost' };

function chat(runId, seq, rest) {
  return { type: 'chat', at: 2, payload: { runId, sessionKey: KEY, agentId: 'main', seq, ...rest } };
}

function message(text) {
  return { role: 'assistant', content: [{ type: 'text', text }], timestamp: 2 };
}

export function phase(runId, seq, name) {
  return chat(runId, seq, { state: 'status', phase: name });
}

/** A delta: `deltaText` and, as the gateway does, the whole text so far. */
export function delta(runId, seq, deltaText, whole) {
  return chat(runId, seq, { state: 'delta', deltaText, message: message(whole) });
}

export function final(runId, seq, text) {
  return chat(runId, seq, { state: 'final', stopReason: 'stop', message: message(text) });
}

export function aborted(runId, seq, text) {
  return chat(runId, seq, { state: 'aborted', stopReason: 'rpc', message: message(text) });
}

export function failed(runId, seq, errorMessage) {
  return chat(runId, seq, { state: 'error', errorMessage });
}

export function tool(runId, phaseName, rest = {}) {
  const data = { phase: phaseName, name: 'exec', toolCallId: 'call-1', ...rest };
  return { type: 'tool', payload: { runId, sessionKey: KEY, stream: 'tool', seq: 5, data } };
}

/** Rows of `chat.history`. */
export function userRow(question, text = 'hello') {
  return { role: 'user', content: text, timestamp: 1, idempotencyKey: `${question}:user`, __openclaw: { id: `u-${question}` } };
}

export function assistantRow(runId, text, rest = {}) {
  return { role: 'assistant', content: [{ type: 'text', text }], timestamp: 2, stopReason: 'stop', __openclaw: { id: `a-${runId}`, runId }, ...rest };
}
