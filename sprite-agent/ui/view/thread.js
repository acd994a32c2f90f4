// The open conversation: its messages, the scroll position, and what a screen reader hears.

import { answerText, isLive } from '../answer.js';
import { element, icon, mark } from './element.js';
import { AnswerView, QuestionView } from './message.js';

/** This close to the end counts as reading the newest, in CSS pixels. */
const NEAR_END = 64;
/** Characters of an answer that are read out; the rest is in the thread. */
const SPOKEN_MAX = 1_500;
/** Rendering may take a quarter of the time: after `t` ms of it, the next waits for three times as long. */
const REST = 3;

const IDEAS = {
  weather: 'What will the weather be like this weekend?',
  summarize: 'Summarize this page for me: ',
  github: 'Which pull requests are waiting for me?',
  gog: 'What is in my calendar today?',
  notion: 'Find my notes about ',
  trello: 'What is on my boards this week?',
};
const GENERAL_IDEAS = ['Help me plan my week', 'Explain something to me: ', 'Draft a message for me: '];

export class ThreadView {
  #scroller = document.getElementById('scroller');
  #list = document.getElementById('thread');
  #greeting = document.getElementById('greeting');
  #loading = document.getElementById('thread-loading');
  #jump = document.getElementById('jump');
  #spoken = document.getElementById('spoken');
  #actions;
  #thread = null;
  #key = null;
  #views = new Map();
  #atEnd = true;
  #restUntil = 0;

  /** `actions`: `retry(id)`, `suggest(text)`. */
  constructor(actions) {
    this.#actions = actions;
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#jump.append(icon('down'), 'Jump to newest');
    this.#jump.addEventListener('click', () => this.toEnd());
    // Whatever grows or shrinks (text, keyboard, window): who was at the end stays there.
    const stay = new ResizeObserver(() => this.#atEnd && this.#scrollToEnd());
    stay.observe(this.#list);
    stay.observe(this.#scroller);
  }

  /** Shows `thread`. Returns false when it put part of the work off: call again in the next frame. */
  update(thread, { username, skills }) {
    if (thread.key !== this.#key) this.#switch(thread.key);
    if (thread === this.#thread) return true;
    if (performance.now() < this.#restUntil) return false;
    const startedAt = performance.now();
    const before = this.#thread;
    this.#thread = thread;
    const empty = thread.messages.length === 0;
    this.#loading.hidden = thread.loaded || !empty;
    this.#greet(empty && thread.loaded, username, skills);
    this.#showMessages(thread.messages, before);
    this.#speakEnds(thread, before);
    if (thread.messages.at(-1)?.status === 'thinking' && before?.messages.length !== thread.messages.length) this.toEnd();
    this.#restUntil = performance.now() + REST * (performance.now() - startedAt);
    return true;
  }

  /** Forgets everything shown: somebody else may be looking now. */
  clear() {
    this.#switch(null);
    this.#thread = null;
    this.#greeting.hidden = true;
    this.#spoken.replaceChildren();
  }

  toEnd() {
    this.#atEnd = true;
    this.#scrollToEnd();
    this.#jump.hidden = true;
  }

  #switch(key) {
    this.#key = key;
    this.#thread = null;
    this.#views.clear();
    this.#list.replaceChildren();
    this.#restUntil = 0;
    this.#atEnd = true;
    this.#jump.hidden = true;
  }

  #showMessages(messages, before) {
    const shown = new Map(before?.messages.map((message) => [message.id, message]));
    const present = new Set(messages.map((message) => message.id));
    for (const [id, view] of this.#views) {
      if (present.has(id)) continue;
      view.root.remove();
      this.#views.delete(id);
    }
    let place = this.#list.firstChild;
    for (const message of messages) {
      const view = this.#views.get(message.id) ?? this.#newView(message);
      if (shown.get(message.id) !== message) view.update(message);
      if (view.root === place) place = place.nextSibling;
      else this.#list.insertBefore(view.root, place);
    }
  }

  #newView(message) {
    const view = message.role === 'user' ? new QuestionView(this.#actions) : new AnswerView(this.#actions);
    this.#views.set(message.id, view);
    return view;
  }

  /** Says finished answers, never single words; nothing when a conversation is merely opened. */
  #speakEnds(thread, before) {
    for (const message of thread.messages) {
      if (message.role !== 'assistant' || isLive(message)) continue;
      const earlier = before?.messages.find(({ id }) => id === message.id);
      if (!earlier || !isLive(earlier)) continue;
      const words = {
        error: `The assistant could not answer. ${message.error}`,
        aborted: 'Stopped.',
        interrupted: 'The answer was interrupted.',
        done: `The assistant: ${answerText(message).slice(0, SPOKEN_MAX)}`,
      };
      this.#spoken.replaceChildren(element('p', {}, words[message.status]));
    }
  }

  #greet(show, username, skills) {
    this.#greeting.hidden = !show;
    if (!show) return;
    const ideas = skills.filter((skill) => skill.usable && IDEAS[skill.key]).map((skill) => IDEAS[skill.key]);
    const chips = [...ideas, ...GENERAL_IDEAS].slice(0, 4).map((text) =>
      element('button', { type: 'button', class: 'chip', onclick: () => this.#actions.suggest(text) }, text.trim().replace(/:$/, '…')),
    );
    this.#greeting.replaceChildren(
      mark(),
      element('h2', {}, `${greetingFor(new Date().getHours())}${username ? `, ${username}` : ''}`),
      element('p', {}, 'What can your assistant do for you?'),
      element('div', { class: 'chips' }, chips),
    );
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.#jump.hidden = this.#atEnd;
  }

  #scrollToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}

function greetingFor(hour) {
  if (hour < 5) return 'Good night';
  if (hour < 12) return 'Good morning';
  return hour < 18 ? 'Good afternoon' : 'Good evening';
}
