// The history as the gateway tells it, brought together with what the page already shows. Pure.
//
// The history is the truth. The page keeps only what the history cannot know yet: a question
// under way, an answer that began after the history was asked for, an end that was never recorded.

import { isLive, thinking } from './answer.js';
import { isInternalRun, messagesOf } from './history.js';
import { withNewest, withPageBefore } from './rows.js';

/** `thread` after reading `payload`, the newest rows of `chat.history`; `null` when there will be none. */
export function withHistory(thread, payload) {
  if (!payload) return { ...thread, loaded: true, lost: false, awaited: [] };
  const known = withNewest(thread, payload);
  const whole = { ...payload, messages: known.rows };
  const run = runFacts(whole, thread.awaited);
  const messages = told(thread, whole, run);
  return { ...thread, ...known, loaded: true, lost: false, awaited: [], messages, queue: untold(thread.queue, messages, run) };
}

/** What of `queue` the gateway does not have: a page that was left may have sent some of it. */
function untold(queue, messages, run) {
  const has = (id) => run.alive.has(id) || messages.some(({ key }) => key === id);
  return queue.some(({ id }) => has(id)) ? queue.filter(({ id }) => !has(id)) : queue;
}

/** `thread` after reading a page of `chat.history` that lies before what is known. */
export function withEarlier(thread, payload) {
  const known = withPageBefore(thread, payload);
  const earlier = messagesOf(known.rows);
  const shown = new Map(thread.messages.map((message) => [message.id, message]));
  const ids = new Set(earlier.map(({ id }) => id));
  const messages = earlier.map((message) => {
    const before = shown.get(message.id);
    return before && staysAsShown(before, message) ? before : message;
  });
  return { ...thread, ...known, messages: [...messages, ...thread.messages.filter(({ id }) => !ids.has(id))] };
}

/** It may have gone on since its rows were read; or it began on the page before, and grows at its front. */
function staysAsShown(shown, message) {
  if (shown.role === 'user' || isOpen(shown) || shown.seq >= 0) return true;
  return shown.text === message.text && shown.tools.length === message.tools.length;
}

/** The messages of `thread` once the history has told `payload`, and `run` of it. */
function told(thread, payload, run) {
  const rows = withWholeInFlight(messagesOf(payload.messages), run);
  const shown = new Map(thread.messages.map((message) => [message.id, message]));
  const messages = rows.map((message) =>
    message.role === 'assistant' ? answerTold(message, shown.get(message.id), run) : questionTold(message, shown.get(message.id)),
  );
  const ids = new Set(messages.map(({ id }) => id));
  const live = new Set(thread.messages.filter((message) => message.role === 'assistant' && isLive(message)).map(({ runId }) => runId));
  for (const message of thread.messages) {
    if (!ids.has(message.id)) keepUntold(messages, message, live, run);
  }
  addFollowed(messages, run);
  addMissingEnd(messages, run);
  // What says the same is the same, so that the page has nothing to show anew.
  return messages.map((message) => (isSame(message, shown.get(message.id)) ? shown.get(message.id) : message));
}

/** Whether two messages, or two parts of them, say the same. */
function isSame(one, other) {
  if (Object.is(one, other)) return true;
  if (!one || !other || typeof one !== 'object' || typeof other !== 'object') return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => isSame(one[name], other[name]));
}

/**
 * What the gateway says about runs: `alive` are those it names; `followed` those of them that show
 * an answer even without a question; `ended(runId)` whether one that the page waits for is over.
 *
 * `awaited` are the runs whose questions had arrived when the history was asked for.
 */
function runFacts({ messages, inFlightRun, pendingInputs, sessionInfo }, awaited) {
  const someActive = Boolean(sessionInfo?.hasActiveRun ?? inFlightRun);
  // Cancelled inputs stay in this list for ever, and after a stop the last one still says `queued`.
  const waiting = (pendingInputs?.items ?? []).filter(({ state }) => state !== 'cancelled' && someActive);
  const resuming = waiting.filter(({ message }) => message?.provenance?.kind === 'internal_system');
  const active = sessionInfo?.activeRunIds;
  const followed = namesOf([inFlightRun?.runId, ...(active ?? []), ...resuming.map(nameOf)]);
  const alive = new Set([...followed, ...namesOf(waiting.map(nameOf))]);
  // A run that another message was put into goes on unnamed; one that is being resumed does not.
  const isResumed = resuming.length > 0 || isInternalRun(messages, inFlightRun?.runId);
  const allNamed = !someActive || active?.length > 0 || isResumed;
  return {
    inFlight: inFlightRun?.runId ? inFlightRun : null,
    followed,
    alive,
    someActive,
    ended: (runId) => allNamed && !alive.has(runId) && awaited.includes(runId),
  };
}

function nameOf(item) {
  return item.idempotencyKey ?? item.runId;
}

function namesOf(ids) {
  return [...new Set(ids.filter(Boolean).map((id) => id.replace(/:user$/, '')))];
}

/** What is in flight tells the whole text of its run: all that the history has of it is one message. */
function withWholeInFlight(told, { inFlight }) {
  const pieces = told.filter(({ role, runId }) => role === 'assistant' && inFlight && runId === inFlight.runId);
  if (pieces.length < 2) return told;
  const [first, ...others] = pieces;
  const text = pieces.map((piece) => piece.text.trimEnd()).filter(Boolean).join('\n\n');
  const thought = pieces.map((piece) => piece.thought).filter(Boolean).join('\n\n');
  const whole = { ...first, text, thought, tools: pieces.flatMap(({ tools }) => tools), files: pieces.flatMap(({ files }) => files) };
  return told.filter((message) => !others.includes(message)).map((message) => (message === first ? whole : message));
}

/** The gateway forgets what a picture was called; the page that has sent it does not. */
function questionTold(told, shown) {
  if (shown?.files.length !== told.files.length) return told;
  return { ...told, files: told.files.map((file, index) => ({ ...file, name: file.name || shown.files[index].name })) };
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
    const thought = base.thought || told.thought;
    return { ...base, status: 'streaming', earlier: told.text, text, thought, tools: union(told.tools, base.tools) };
  }
  if (!shown || isOpen(shown)) return told;
  // Its number is kept with it: a late word about a run that we saw ending changes nothing.
  const number = shown.seq === undefined ? {} : { seq: shown.seq };
  return { ...told, ...number, status: shown.status === 'aborted' ? 'aborted' : told.status };
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

/** `live` are the runs whose answers are being written on the page. */
function keepUntold(messages, message, live, run) {
  if (message.role === 'user') {
    const kept = questionKept(message, live, run);
    if (kept) messages.push(kept);
    return;
  }
  const place = messages.findLastIndex((other) => other.role === 'user' && other.key === message.runId);
  const question = messages[place];
  if (!question && !isLive(message)) return;
  if (messages[place + 1]?.role === 'assistant' && question) return;
  if (message.status === 'done' && message.text === '' && message.tools.length === 0 && message.files.length === 0) return;
  messages.splice(question ? place + 1 : messages.length, 0, answerKept(message, question, run));
}

function questionKept(question, live, run) {
  if (run.alive.has(question.key)) return { ...question, delivery: 'sent' };
  if (question.delivery !== 'sent') return question.key ? question : null;
  return live.has(question.key) ? question : null;
}

function answerKept(answer, question, run) {
  if (!isOpen(answer)) return answer;
  if (run.inFlight?.runId === answer.runId) {
    const text = laterText(answer.text, run.inFlight.text);
    return { ...answer, status: text ? 'streaming' : 'thinking', text };
  }
  const isUnderWay = question && question.delivery !== 'sent';
  return isUnderWay || !run.ended(answer.runId) ? answer : { ...answer, status: 'interrupted' };
}

/** The runs that are being written and have no answer here yet, such as one that the gateway resumed by itself. */
function addFollowed(messages, { followed, inFlight }) {
  for (const runId of followed) {
    if (messages.some((message) => message.role === 'assistant' && message.runId === runId)) continue;
    const { text = '', startedAt = null } = inFlight?.runId === runId ? inFlight : {};
    const answer = { ...thinking(runId, startedAt), text };
    messages.push(text ? { ...answer, status: 'streaming' } : answer);
  }
}

/** A question at the end that nobody is answering: says so, instead of waiting for ever. */
function addMissingEnd(messages, { alive, someActive }) {
  const last = messages.at(-1);
  if (last?.role !== 'user' || last.delivery !== 'sent' || someActive || alive.size > 0) return;
  messages.push({ ...thinking(last.key ?? last.id, null), status: 'interrupted' });
}

