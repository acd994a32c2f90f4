// The history as the gateway tells it, brought together with what the page already shows. Pure.
//
// The history is right about everything that is over. The page keeps what the history cannot
// know yet: a question under way, an answer being written, an end that was never recorded.

import { isLive, thinking } from './answer.js';
import { messagesOf } from './history.js';

/** `thread` after reading `payload`, the answer to `chat.history`. */
export function withHistory(thread, payload) {
  const run = runFacts(payload, thread.lost);
  const told = messagesOf(payload.messages);
  const shown = new Map(thread.messages.map((message) => [message.id, message]));
  const messages = told.map((message) =>
    message.role === 'assistant' ? answerTold(message, shown.get(message.id), run) : message,
  );
  for (const message of thread.messages) {
    if (!messages.some(({ id }) => id === message.id)) keepUntold(messages, message, thread, run);
  }
  addInFlight(messages, run);
  addMissingEnd(messages, run);
  return { ...thread, loaded: true, lost: false, messages };
}

/** What the gateway says about runs that are still going on. */
function runFacts({ inFlightRun, pendingInputs, sessionInfo }, lost) {
  const waiting = (pendingInputs?.items ?? []).map((item) => item.idempotencyKey ?? item.runId);
  const running = [inFlightRun?.runId, ...(sessionInfo?.activeRunIds ?? []), ...waiting].filter(Boolean);
  return {
    inFlight: inFlightRun?.runId ? inFlightRun : null,
    alive: new Set(running.map((id) => id.replace(/:user$/, ''))),
    someActive: Boolean(sessionInfo?.hasActiveRun),
    lost,
  };
}

function isOpen(answer) {
  return isLive(answer) || answer.status === 'interrupted';
}

function answerTold(told, shown, run) {
  const isInFlight = run.inFlight?.runId === told.runId;
  // It ended while the history was on its way to us.
  if (isInFlight && shown?.seq >= 0 && !isOpen(shown)) return shown;
  if (isInFlight || (shown && isOpen(shown) && run.alive.has(told.runId))) {
    const base = shown ?? thinking(told.runId, told.at);
    const text = laterText(base.text, isInFlight ? run.inFlight.text : '');
    return { ...base, status: 'streaming', earlier: told.text, text, tools: union(told.tools, base.tools) };
  }
  return shown?.status === 'aborted' ? { ...told, status: 'aborted' } : told;
}

/** Of two states of one growing text, the one that is further on. */
function laterText(shown, told) {
  if (!told) return shown;
  return shown.startsWith(told) ? shown : told;
}

function union(told, shown) {
  const ids = new Set(shown.map((tool) => tool.id));
  return [...told.filter((tool) => !ids.has(tool.id)), ...shown];
}

function keepUntold(messages, message, thread, run) {
  if (message.role === 'user') {
    const kept = questionKept(message, thread, run);
    if (kept) messages.push(kept);
    return;
  }
  const place = messages.findLastIndex((other) => other.role === 'user' && other.key === message.runId);
  const question = messages[place];
  if (!question && !isLive(message)) return;
  if (messages[place + 1]?.role === 'assistant' && question) return;
  messages.splice(question ? place + 1 : messages.length, 0, answerKept(message, question, run));
}

function questionKept(question, thread, run) {
  if (run.alive.has(question.key)) return { ...question, delivery: 'sent' };
  if (question.delivery !== 'sent') return question.key ? question : null;
  const answer = thread.messages.find((message) => message.role === 'assistant' && message.runId === question.key);
  return answer && isLive(answer) ? question : null;
}

function answerKept(answer, question, run) {
  if (!isOpen(answer)) return answer;
  if (run.inFlight?.runId === answer.runId) {
    const text = laterText(answer.text, run.inFlight.text);
    return { ...answer, status: text ? 'streaming' : 'thinking', text };
  }
  const isWaiting = run.alive.has(answer.runId) || run.someActive || (question && question.delivery !== 'sent');
  return isWaiting || !run.lost || !isLive(answer) ? answer : { ...answer, status: 'interrupted' };
}

function addInFlight(messages, { inFlight }) {
  if (!inFlight || messages.some((message) => message.role === 'assistant' && message.runId === inFlight.runId)) return;
  const text = inFlight.text ?? '';
  const answer = { ...thinking(inFlight.runId, inFlight.startedAt ?? null), text };
  messages.push(text ? { ...answer, status: 'streaming' } : answer);
}

/** A question at the end that nobody is answering: says so, instead of waiting for ever. */
function addMissingEnd(messages, { alive, someActive }) {
  const last = messages.at(-1);
  if (last?.role !== 'user' || last.delivery !== 'sent' || someActive || alive.size > 0) return;
  messages.push({ ...thinking(last.key ?? last.id, null), status: 'interrupted' });
}

