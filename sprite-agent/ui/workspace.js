// The page's one controller: connection and conversations together. No DOM.
//
// Decisions are the reducer's; this file carries them out: it sends, reads histories,
// sends again what got lost, and tells the view that something changed.

import { keyOf } from './address.js';
import { activeAnswer, initial, reduce, unsettled } from './conversations.js';
import { entries, titleFrom } from './conversation-list.js';
import { isShut } from './access.js';
import { Asking } from './asking.js';
import { TOO_BIG } from './connection.js';
import { Histories } from './histories.js';
import { Outbox } from './outbox.js';
import { promptsFor } from './prompts.js';
import { commandsFrom } from './commands.js';
import { undelivered } from './question.js';
import { isBare, waitsFor } from './queue.js';
import { Rewriting } from './rewriting.js';
import { Sessions } from './sessions.js';
import { readSkills } from './skills.js';
import { Waiting } from './waiting.js';
import { t } from './words.js';

/** Wait before looking again after "not now". */
const LOOK_AGAIN_MS = 2_000;

export class Workspace {
  state = initial();
  connectionState = { kind: 'connecting' };
  sessions;
  asking;
  histories;
  skillRows = null;
  /** The gateway's limits, as its greeting told them. */
  policy = null;
  rewriting;
  /** What the assistant can be asked for, as its greeting told. */
  #methods = [];
  /** A promise of the commands, once somebody has asked. */
  #commands = null;
  #connection;
  #memory;
  #clock;
  #newId;
  #onChange;
  #onPlans;
  #isFlushing = false;
  /** Which process the gateway is. */
  #boot = null;
  #waiting;
  #outbox;

  /**
   * `onChange()` is called after every change; it may be called many times in one task. `onPlans()` is
   * called when something that the assistant has planned began, ended or was changed, `onLate()` when an answer to
   * the assistant's question came too late.
   */
  constructor({ memory, clock, newId, onChange, onPlans = () => {}, onLate = () => {} }) {
    this.#memory = memory;
    this.#waiting = new Waiting(memory);
    this.#clock = clock;
    this.#newId = newId;
    this.#onChange = onChange;
    this.#onPlans = onPlans;
    const request = (method, params) => this.#connection.request(method, params);
    this.sessions = new Sessions({ request, memory, clock, onChange, onGone: (keys) => this.#goneElsewhere(keys) });
    this.asking = new Asking({ request, clock, onChange, onLate });
    const apply = (action) => this.#apply(action);
    this.histories = new Histories({ request, apply, state: () => this.state });
    this.rewriting = new Rewriting({
      request, apply, state: () => this.state, readNewest: (key) => this.histories.readNewest(key), can: (method) => this.can(method),
    });
    // What was not sent is sent again after the next greeting.
    const requestNow = (method, params) => this.#connection.request(method, params, { waits: false });
    this.#outbox = new Outbox({ request: requestNow, apply, clock, unsentBytes: () => this.#connection.unsentBytes ?? 0 });
  }

  /** The callbacks a `Connection` is made with. */
  callbacks() {
    return {
      onState: (state) => this.#connectionChanged(state),
      isAnswerOwed: () => this.#isOwed,
      onHello: (hello) => this.#greeted(hello),
      onEvent: (name, payload) => this.#happened(name, payload),
      onLost: ({ code }) => this.#lost(code),
    };
  }

  use(connection) {
    this.#connection = connection;
  }

  get thread() {
    return this.state.threads[this.state.current];
  }

  get isOnline() {
    return this.connectionState.kind === 'online';
  }

  get #isOwed() {
    return Object.values(this.state.threads).some(activeAnswer);
  }

  /** Why a message would wait now, or `null`: `offline`, `busy` or `decision`. */
  get obstacle() {
    const waits = this.queueWaits;
    if (waits === 'connection') return 'offline';
    if (waits === 'decision') return waits;
    return activeAnswer(this.thread) || waits === 'answer' ? 'busy' : null;
  }

  /** What the queue of the current conversation waits for; `null` when nothing is in its way. */
  get queueWaits() {
    return waitsFor(this.thread, this.isOnline, this.prompts.length > 0);
  }

  /** What the assistant waits for, in the current conversation. */
  get prompts() {
    return promptsFor(this.asking.prompts, this.thread.key);
  }

  /** Whether something goes on for which the connection must stay: an answer, a message, a question. */
  get isBusy() {
    // What waits for a person goes on no sooner for a machine that is awake.
    const goesOn = (thread) => thread.queue.length > 0 && !['person', 'files'].includes(waitsFor(thread, true));
    const hasWork = (thread) => activeAnswer(thread) || undelivered(thread).length > 0 || goesOn(thread);
    return this.asking.prompts.length > 0 || Object.values(this.state.threads).some(hasWork);
  }

  list() {
    return entries({ sessions: this.sessions, state: this.state, memory: this.#memory, prompts: this.asking.prompts });
  }

  /** Shows the conversation `key`; `fresh` when it cannot have a history yet. */
  open(key, fresh = false) {
    this.#apply({ type: 'opened', key, fresh });
    this.queuesChanged({ withSent: true });
    this.#settle();
  }

  /** What waits may have been changed by another tab, or have waited since the page was left; `withSent` as of `Waiting.all`. */
  queuesChanged({ withSent = false } = {}) {
    for (const { key, queue } of Object.values(this.state.threads)) {
      for (const { id } of queue.filter((message) => this.#waiting.isElsewhere(key, message.id))) this.#apply({ type: 'unqueued', key, id });
    }
    for (const [key, messages] of this.#waiting.all({ withSent })) this.#apply({ type: 'kept', key, messages });
  }

  /**
   * Sends `text` with `files` in the current conversation, or keeps it until it can be sent. Returns
   * whether there was anything to send. `files`: `{name, type, size, content (base64), url?}`.
   */
  send(text, files = []) {
    if (text.trim() === '' && files.length === 0) return false;
    const { key, queue } = this.thread;
    if (this.obstacle || queue.length > 0) this.#apply({ type: 'queued', key, id: this.#newId(), text, files });
    else this.#ask(key, text, files);
    return true;
  }

  /** Takes a message out of the queue of the current conversation, the last one unless `id` names another. */
  takeBack(id = null) {
    const { key, queue } = this.thread;
    const message = id ? queue.find((waiting) => waiting.id === id) : queue.at(-1);
    if (message) this.#apply({ type: 'unqueued', key, id: message.id });
    return message ?? null;
  }

  /** Sends the first message of the queue although the last one failed. */
  sendQueued() {
    const [first] = this.thread.queue;
    if (first && !isBare(first) && this.isOnline && !activeAnswer(this.thread)) this.#sendNext(this.thread);
  }

  /** Asks again: what was never taken is replaced, what failed while being answered is asked anew. */
  retry(id) {
    const { key } = this.thread;
    const question = this.#questionOf(id);
    if (this.obstacle || !question) return;
    if (question.delivery === 'failed') this.#apply({ type: 'dropped', key, id: question.id });
    this.#ask(key, question.text, question.files);
  }

  /** The question of the message `id`, where the page has its files no more: the person has to attach them again. */
  withoutFiles(id) {
    const question = this.#questionOf(id);
    return question?.files.every(({ content }) => content) ? null : question;
  }

  /** Whether the assistant can be asked for `method`. */
  can(method) {
    return this.#methods.includes(method);
  }

  /** Has the agent change a skill, and reads how it stands then. Rejects with the reason. */
  async changeSkill(method, params) {
    await this.#connection.request(method, params);
    await this.#readSkills();
  }

  /** The commands that can be typed, read when they are first wanted; none while the assistant is away. */
  commands() {
    this.#commands ??= this.#connection.request('commands.list', { scope: 'text', includeArgs: false }).then(commandsFrom, () => {
      this.#commands = null;
      return [];
    });
    return this.#commands;
  }

  /** Has the answer `id` written anew, in the place of the one that there is where that can be done. */
  async answerAnew(id) {
    const question = this.#questionOf(id);
    if (this.obstacle || !question) return;
    if (this.rewriting.isPossible) await this.replace(question.id, question.text, question.files);
    else this.retry(id);
  }

  /** Sends `text` and `files`, or what they give once it is certain, in the place of the question `id`. Rejects with the reason; then nothing has changed. */
  async replace(id, text, files) {
    const { key } = this.thread;
    await this.rewriting.rewind(key, id);
    this.#ask(key, text, typeof files === 'function' ? files() : files);
  }

  #questionOf(id) {
    const { messages } = this.thread;
    return messages.slice(0, messages.findIndex((message) => message.id === id) + 1).findLast(({ role }) => role === 'user');
  }

  #ask(key, text, files, question = this.#newId()) {
    const title = titleFrom(text || files[0].name);
    if (!this.#memory.title(key)) this.#memory.keepTitle(key, title, false);
    this.#apply({ type: 'asked', key, question, text, files, at: this.#clock.now() });
    // Only a turn that runs asks: an idle page needs no ear for it.
    this.asking.read();
    this.#deliver(key, question, text, files);
  }

  /** With the id that it waited under: two tabs that send it at the same moment send one message. */
  #sendNext({ key, queue: [{ id, text, files }] }) {
    const isElsewhere = this.#waiting.isElsewhere(key, id);
    this.#apply({ type: 'unqueued', key, id });
    if (!isElsewhere) this.#ask(key, text, files, id);
  }

  /** Sends what has waited long enough, in every conversation. */
  #sendQueues() {
    for (const thread of Object.values(this.state.threads)) {
      if (thread.queue.length > 0 && waitsFor(thread, this.isOnline) === null) this.#sendNext(thread);
    }
  }

  /** Stops the answer that is being written in the current conversation. */
  async stop() {
    const { key } = this.thread;
    const answer = activeAnswer(this.thread);
    if (!answer || !this.isOnline) return;
    try {
      const { aborted, runIds } = await this.#connection.request('chat.abort', {
        sessionKey: key,
        runId: answer.runId,
      });
      if (aborted) this.#apply({ type: 'stopped', key, runIds: runIds ?? [answer.runId] });
      else this.#readAgain(key);
    } catch {
      this.#readAgain(key);
    }
  }

  /** Reads what was said before the first message that is shown. */
  async readEarlier() {
    const { key } = this.thread;
    if (this.isOnline || (await this.reached())) this.histories.readEarlier(key);
  }

  /** Resolves with whether the assistant can be asked now, after waiting for a connection that is being made. */
  reached() {
    return this.#connection.reached().then(() => true, () => false);
  }

  /** Asks the gateway; see `Connection.request`. */
  request(method, params) {
    return this.#connection.request(method, params);
  }

  /** A conversation that nobody has written in yet. */
  newKey() {
    return keyOf(this.#newId());
  }

  /**
   * Deletes a conversation, here and at the assistant; another one is shown when it was open.
   *
   * Resolves with `done`, or with `later` when the assistant cannot be reached now. Rejects with
   * the gateway's words when it will not; then the conversation is there again.
   */
  async remove(key) {
    const thread = this.state.threads[key];
    const wasAsked = this.sessions.has(key) || Boolean(thread?.messages.length);
    this.#waiting.drop(key);
    if (key === this.state.current) this.open(this.#another(key) ?? this.newKey());
    this.#apply({ type: 'deleted', key });
    if (!wasAsked) {
      this.#memory.forget(key);
      return 'done';
    }
    // A message that is on its way would begin the conversation again.
    const sent = this.#outbox.settled(key);
    return this.sessions.remove(key, wasAsked, sent);
  }

  /** Another browser has deleted them: what was in them is not shown any more. What is being written in one stays. */
  #goneElsewhere(keys) {
    for (const key of keys) {
      this.#memory.dropTitle(key);
      const thread = this.state.threads[key];
      const isNeeded = key === this.state.current || (thread && (activeAnswer(thread) || thread.queue.length > 0));
      this.#apply({ type: isNeeded ? 'unread' : 'deleted', key });
    }
    this.#settle();
  }

  /** The conversation to show in place of `key`. */
  #another(key) {
    return this.list().find((entry) => entry.key !== key)?.key;
  }

  #apply(action) {
    const before = this.state;
    this.state = reduce(before, action);
    if (this.state === before) return;
    this.#waiting.keep(before.threads, this.state.threads);
    this.#onChange();
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#sendQueues();
    this.#isFlushing = false;
  }

  #connectionChanged(state) {
    this.connectionState = state;
    if (state.kind === 'signed-out' || isShut(state.kind)) {
      this.sessions.clear();
      this.skillRows = null;
      this.asking.clear();
      this.#keepUnsent();
      const { current } = this.state;
      this.#apply({ type: 'forgotten' });
      if (current) this.#apply({ type: 'opened', key: current });
    }
    if (state.kind === 'gone') this.#memory.end();
    this.#onChange();
  }

  /** What was never acknowledged becomes a draft again: it is there after signing in. Files without words go on waiting. */
  #keepUnsent() {
    for (const thread of Object.values(this.state.threads)) {
      const { key } = thread;
      const texts = this.#waiting.takeAll(thread).map(({ text }) => text);
      if (texts.length > 0) this.#memory.keepDraft(key, [...texts, this.#memory.draft(key)].filter(Boolean).join('\n\n'));
    }
  }

  #lost(code) {
    const error = code === TOO_BIG ? t('sent.long') : undefined;
    this.#apply({ type: 'lost', error });
  }

  #greeted({ server, policy, features } = {}) {
    // Another process: it does not remember which messages it has taken.
    if (this.#boot && server?.boot !== this.#boot) this.#apply({ type: 'restarted' });
    this.#boot = server?.boot ?? null;
    this.policy = policy ?? null;
    this.#methods = Array.isArray(features?.methods) ? features.methods : [];
    this.#commands = null;
    this.#settle();
    this.sessions.finishDeletions();
    this.sessions.read().then(() => this.#askOfTurns());
    this.#readSkills();
    // Without it a change in another browser shows at the next answer.
    this.#connection.request('sessions.subscribe', {}).catch(() => {});
  }

  /** A turn that began before this page may wait for a person, in a conversation that is not open here. */
  #askOfTurns() {
    if (!this.#isOwed && this.sessions.rows.some(({ hasActiveRun }) => hasActiveRun)) this.asking.read();
  }

  #happened(name, payload) {
    if (this.asking.happened(name, payload)) return;
    if (name === 'chat' && payload.runId) this.#chatted(payload);
    else if (name === 'agent' || name === 'session.tool') this.#apply({ type: 'tool', payload });
    else if (name === 'session.message' && payload.message?.openclawAutomation) this.#reminded(payload.sessionKey);
    else if (name === 'skills.changed') this.#skillsChanged();
    else if (name === 'sessions.changed') this.sessions.soon();
    else if (name === 'cron') this.#onPlans();
  }

  /** What comes of a plan stands in the history at once; nothing of it was streamed. */
  #reminded(key) {
    if (this.state.threads[key]) this.#apply({ type: 'unread', key });
    this.sessions.soon();
    this.#settle();
  }

  #chatted(payload) {
    const wasOwed = this.#isOwed;
    this.#apply({ type: 'chat', payload, at: this.#clock.now() });
    if (!wasOwed && this.#isOwed) this.asking.read();
    if (this.thread?.stale) this.#settle();
    if (payload.state === 'final' && this.state.threads[payload.sessionKey]) this.histories.readEnd(payload.sessionKey);
    const isEnd = ['final', 'aborted', 'error'].includes(payload.state);
    if (isEnd || !this.sessions.has(payload.sessionKey)) this.sessions.soon();
  }

  async #deliver(key, question, text, files) {
    const isUnsure = await this.#outbox.send(key, question, text, files);
    // Still connected and no answer: look again in a moment. Otherwise the next greeting does.
    if (isUnsure && this.isOnline) this.#settleLater();
    if (this.thread?.stale) this.#settle();
  }

  /** Reads the history of every thread that has something to find out, then sends what is missing there. */
  #settle() {
    if (!this.isOnline) return;
    for (const key of unsettled(this.state)) this.#catchUp(key);
  }

  async #catchUp(key) {
    const outcome = await this.histories.readNewest(key);
    if (outcome === 'read') this.#sendAgain(key);
    if (this.#isOwed) this.asking.read();
    const isLate = outcome === 'missing' && this.isOnline;
    // Something happened while the answer was on its way; a moment lets more of it happen.
    if (isLate || (outcome !== 'busy' && this.state.threads[key]?.stale && this.isOnline)) this.#settleLater();
  }

  #settleLater() {
    this.#clock.setTimeout(() => this.#settle(), LOOK_AGAIN_MS);
  }

  #sendAgain(key) {
    const thread = this.state.threads[key];
    for (const { key: question, text, files, isRisky } of thread ? undelivered(thread) : []) {
      if (isRisky) {
        this.#apply({ type: 'refused', key, question, error: t('sent.restarted'), uncertain: false });
        continue;
      }
      this.#apply({ type: 'sent-again', key, question });
      this.#deliver(key, question, text, files);
    }
  }

  #readAgain(key) {
    this.#apply({ type: 'unread', key });
    this.#settle();
  }

  #skillsChanged() {
    this.#commands = null;
    this.#readSkills();
  }

  async #readSkills() {
    try {
      this.skillRows = await readSkills((method, params) => this.#connection.request(method, params));
      this.#onChange();
    } catch {
      // Shown as unknown; read again at the next greeting.
    }
  }
}
