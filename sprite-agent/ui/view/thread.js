// The open conversation: its messages, and the place in it that is being read.

import { isLive } from '../answer.js';
import { changeOf } from '../change.js';
import { isUnheard } from '../question.js';
import { Blocks } from './blocks.js';
import { icon } from './element.js';
import { AnswerView, QuestionView } from './message.js';
import { isNearEnd } from './scrolling.js';
import { Speaker } from './speaker.js';
import { t } from '../words.js';

/** This close to the end counts as reading the newest, in CSS pixels. */
const NEAR_END = 64;
/** Earlier messages are asked for when their place is this close to what can be seen. */
const EARLIER_MARGIN = '800px';
/** Rendering may take a quarter of the time: after `t` ms of it, the next waits for three times as long. */
const REST = 3;
/** Milliseconds of one frame in which messages are made; the rest follow in the next frames. */
const FRAME_MS = 12;
/** The newest messages, about a screen full, are made at once however long it takes. */
const AT_ONCE = 6;
/** Others are put into the page so many at a time: each time it lays out the block that they come to. */
const BATCH = 20;

export class ThreadView {
  #scroller = document.getElementById('scroller');
  #list = document.getElementById('thread');
  #rows = new Blocks(this.#list, this.#scroller, (change) => this.#keepPlace(change));
  #loading = document.getElementById('thread-loading');
  #earlier = document.getElementById('earlier');
  #jump = document.getElementById('jump');
  #speaker = new Speaker();
  #actions;
  #thread = null;
  #key = null;
  /** By message id: `{view, message, next}`, the message as it is shown and the row after it; `undefined` before it has a place. */
  #shown = new Map();
  #isWhole = true;
  #atEnd = true;
  #restUntil = 0;
  #width = 0;
  #watcher;

  /** `actions`: `retry(id)`, `readEarlier()`. */
  constructor(actions) {
    this.#actions = actions;
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#jump.append(icon('down'), t('jump'));
    this.#jump.addEventListener('click', () => this.toEnd());
    this.#earlier.addEventListener('click', () => this.#actions.readEarlier());
    // Whatever grows or shrinks (text, keyboard, window): who was at the end stays there.
    const stay = new ResizeObserver((entries) => this.#resized(entries));
    stay.observe(this.#list);
    stay.observe(this.#scroller);
    // Several may be told at once: the last one counts.
    const near = (entries) => entries.at(-1).isIntersecting && this.#thread?.earlier === 'idle' && this.#actions.readEarlier();
    this.#watcher = new IntersectionObserver(near, { root: this.#scroller, rootMargin: EARLIER_MARGIN });
  }

  /** Shows `thread`. Returns false when it put part of the work off: call again in the next frame. */
  update(thread) {
    if (thread.key !== this.#key) this.#switch(thread.key);
    if (thread === this.#thread && this.#isWhole) return true;
    if (performance.now() < this.#restUntil) return false;
    const startedAt = performance.now();
    const before = this.#thread;
    this.#thread = thread;
    const isLoading = !thread.loaded && thread.messages.length === 0;
    if (this.#loading.hidden === isLoading) this.#loading.hidden = !isLoading;
    const change = changeOf(before?.messages ?? [], thread.messages);
    // What was put off may stand anywhere.
    const { start, end } = this.#isWhole ? change : { start: 0, end: thread.messages.length };
    this.#keepPlace(() => {
      change.gone.forEach(({ id }) => this.#remove(id));
      this.#isWhole = this.#showMessages(thread, start, end, startedAt + FRAME_MS);
      this.#showEarlier(thread);
    });
    this.#speaker.update(change, (id) => this.#shown.get(id)?.view.root);
    const isAsked = thread.messages.at(-1)?.status === 'thinking' && before?.messages.length !== thread.messages.length;
    if (isAsked) this.toEnd();
    this.#restUntil = performance.now() + REST * (performance.now() - startedAt);
    return this.#isWhole;
  }

  /** Puts everything into the document at once, to be printed. */
  showWhole() {
    if (this.#thread) this.#isWhole = this.#showMessages(this.#thread, 0, this.#thread.messages.length, Infinity);
    this.#rows.isWhole = true;
  }

  /** Leaves in the document what is near to what can be seen. */
  showNear() {
    this.#rows.isWhole = false;
  }

  /** Forgets everything shown: somebody else may be looking now. */
  clear() {
    this.#switch(null);
    this.#speaker.clear();
  }

  toEnd() {
    this.#atEnd = true;
    this.#scrollToEnd();
    this.#jump.hidden = true;
  }

  #switch(key) {
    this.#key = key;
    this.#thread = null;
    this.#shown.clear();
    this.#rows.clear();
    this.#earlier.hidden = true;
    this.#isWhole = true;
    this.#restUntil = 0;
    this.#atEnd = true;
    this.#jump.hidden = true;
  }

  /**
   * Those from `start` to `end`, from the newest to the oldest, until `deadline`; returns whether all are shown. The
   * others stand where they stood; that before `start` may be followed by another one than before.
   */
  #showMessages({ messages }, start, end, deadline) {
    let next = end < messages.length ? this.#shown.get(messages[end].id).view.root : null;
    let waiting = [];
    const putWaiting = () => {
      if (waiting.length === 0) return;
      this.#rows.insert(waiting.map(({ view }) => view.root).toReversed(), next);
      for (const shown of waiting) {
        shown.next = next;
        next = shown.view.root;
      }
      waiting = [];
    };
    for (let index = end - 1; index >= Math.max(start - 1, 0); index -= 1) {
      const message = messages[index];
      const isNewest = messages.length - index <= AT_ONCE;
      let shown = this.#shown.get(message.id);
      if (!shown) {
        if (!isNewest && performance.now() >= deadline) {
          if (waiting.length >= BATCH) putWaiting();
          return false;
        }
        shown = this.#made(message);
      }
      if (shown.message !== message) shown.view.update(message);
      shown.message = message;
      const { root } = shown.view;
      const after = messages[index + 1];
      if (after?.role === 'assistant') this.#shown.get(after.id).view.root.hidden = isUnheard(message) && isLive(after);
      if (shown.next === undefined && !isNewest) {
        waiting.push(shown);
        continue;
      }
      putWaiting();
      if (shown.next !== next && (!root.parentNode || this.#rows.after(root) !== next)) this.#rows.insert([root], next);
      shown.next = next;
      next = root;
    }
    putWaiting();
    return true;
  }

  #remove(id) {
    const shown = this.#shown.get(id);
    if (!shown) return;
    this.#rows.remove(shown.view.root);
    this.#shown.delete(id);
  }

  #made(message) {
    const view = message.role === 'user' ? new QuestionView(this.#actions) : new AnswerView(this.#actions);
    const shown = { view, message: null, next: undefined };
    this.#shown.set(message.id, shown);
    return shown;
  }

  /** Runs `change`; what is being read stays where it is when something is put before it. */
  #keepPlace(change) {
    const anchor = this.#atEnd ? null : this.#firstVisible();
    const place = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.isConnected) this.#scroller.scrollTop += anchor.getBoundingClientRect().top - place;
  }

  #firstVisible() {
    return this.#rows.firstBelow(this.#scroller.getBoundingClientRect().top);
  }

  #showEarlier({ hasMore, earlier }) {
    this.#earlier.hidden = !hasMore || !this.#isWhole;
    const words = t(`earlier.${earlier}`);
    if (this.#earlier.textContent !== words) this.#earlier.textContent = words;
    this.#earlier.setAttribute('aria-busy', String(earlier === 'reading'));
    // Watched anew: it tells of changes only, and the place may still be in sight.
    this.#watcher.unobserve(this.#earlier);
    if (hasMore) this.#watcher.observe(this.#earlier);
  }

  #scrolled() {
    this.#atEnd = isNearEnd(this.#scroller, NEAR_END);
    this.#jump.hidden = this.#atEnd;
  }

  #resized(entries) {
    const { width } = entries.find(({ target }) => target === this.#list)?.contentRect ?? { width: this.#width };
    if (width !== this.#width) this.#rows.remeasure();
    this.#width = width;
    if (this.#atEnd) this.#scrollToEnd();
  }

  #scrollToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}
