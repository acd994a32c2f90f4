// The assistant's questions to a person, carried between gateway and page.

import { approvalFrom, changedPrompt, openAt, questionFrom, withListed, withoutPrompt, withPrompt } from './prompts.js';
import { t } from './words.js';

/** A browser's timers take no longer wait. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class Asking {
  prompts = [];
  #request;
  #clock;
  #onChange;
  #onLate;
  #timer = null;

  /** `request(method, params)`, `clock`, `onChange()`, `onLate()` when an answer came too late. */
  constructor({ request, clock, onChange, onLate }) {
    this.#request = request;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#onLate = onLate;
  }

  clear() {
    this.#show([]);
  }

  /** Reads what is open. The agent tells of new ones from then on. */
  async read() {
    await Promise.all([
      this.#list('question', 'question.list', ({ questions }) => (questions ?? []).map((record) => questionFrom(record, this.#clock.now()))),
      this.#list('approval', 'exec.approval.list', (answer) => listIn(answer).map((record) => approvalFrom(record, this.#clock.now()))),
    ]);
  }

  async #list(kind, method, promptsIn) {
    try {
      const answer = await this.#request(method, {});
      this.#show(withListed(this.prompts, kind, promptsIn(answer)));
    } catch {
      // An assistant without questions; or one that is away, and asked again at the next greeting.
    }
  }

  /** Takes an event; returns whether it was one about questions. */
  happened(name, payload) {
    switch (name) {
      case 'question.requested':
        this.#show(withPrompt(this.prompts, questionFrom(payload.question ?? payload, this.#clock.now())));
        return true;
      case 'exec.approval.requested':
        this.#show(withPrompt(this.prompts, approvalFrom(payload, this.#clock.now())));
        return true;
      case 'question.resolved':
      case 'exec.approval.resolved':
        this.#show(withoutPrompt(this.prompts, payload.id));
        return true;
      default:
        return false;
    }
  }

  /** Answers a question: `answers` are lists of texts by question. */
  answer(id, answers) {
    return this.#resolve(id, 'question.resolve', { id, answers: { answers } });
  }

  /** Leaves a question unanswered; the assistant goes on without. */
  skip(id) {
    return this.#resolve(id, 'question.resolve', { id, cancel: true });
  }

  /** Lets the assistant run a command once, or not. */
  decide(id, isAllowed) {
    return this.#resolve(id, 'exec.approval.resolve', { id, decision: isAllowed ? 'allow-once' : 'deny' });
  }

  async #resolve(id, method, params) {
    this.#show(changedPrompt(this.prompts, id, { isSending: true, error: '' }));
    try {
      await this.#request(method, params);
      this.#show(withoutPrompt(this.prompts, id));
    } catch (error) {
      const isOver = /not found|expired|already/i.test(error.message);
      const reason = error.uncertain ? t('away') : t('says', { reason: error.message });
      if (isOver) this.#onLate();
      this.#show(isOver ? withoutPrompt(this.prompts, id) : changedPrompt(this.prompts, id, { isSending: false, error: reason }));
    }
  }

  #show(prompts) {
    if (prompts === this.prompts) return;
    this.prompts = prompts;
    this.#arm();
    this.#onChange();
  }

  /** What nobody has answered in its time goes by itself. */
  #arm() {
    this.#clock.clearTimeout(this.#timer);
    const ends = this.prompts.map(({ expiresAt }) => expiresAt).filter((end) => end !== null);
    if (ends.length === 0) return;
    const wait = Math.min(...ends) - this.#clock.now();
    this.#timer = this.#clock.setTimeout(() => this.#show(openAt(this.prompts, this.#clock.now())), Math.min(Math.max(0, wait), TIMER_MAX_MS));
  }
}

function listIn(answer) {
  if (Array.isArray(answer)) return answer;
  return answer.approvals ?? answer.pending ?? [];
}
