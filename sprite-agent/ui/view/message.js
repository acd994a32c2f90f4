// One message in the thread: a question on its way, or an answer being written.

import { answerText, isLive } from '../answer.js';
import { language, locale, t } from '../words.js';
import { copyButton, element, icon, iconButton, mark } from './element.js';
import { fileView } from './file.js';
import { Prose } from './prose.js';
import { restButton } from './rest-button.js';
import { ThoughtView, ToolsView } from './tools.js';

const PHASES = {
  preparing_workspace: 'phase.preparing',
  provisioning_environment: 'phase.preparing',
  preparing_context: 'phase.reading',
  starting_model: 'phase.thinking',
};

/** Characters of a question that are shown; the rest is folded. */
const FOLD_CHARS = 4_000;

// Made once: making one takes longer than the rest of a row.
const WHOLE = new Intl.DateTimeFormat(locale, { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
const TIME = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const DAY_AND_TIME = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** What a question on its way says of itself; nothing once it has arrived. */
function wayOf(delivery, share) {
  if (delivery === 'sending') return share === null ? t('way.sending') : t('way.share', { percent: Math.round(share * 100) });
  return delivery === 'unsure' ? t('way.unsure') : '';
}

/** A question. `actions`: `retry(id)`, called by its button when it could not be sent, and `readFile(file)`. */
export class QuestionView {
  #text = element('div', { class: 'bubble', dir: 'auto' });
  #fold = restButton(() => this.#unfold());
  #files = element('div', { class: 'files' });
  #note = element('div', { class: 'note' });
  #time = element('time', { class: 'at' });
  #edit = iconButton('pencil', '', { 'data-testid': 'edit', onclick: () => this.#actions.edit(this.#id) });
  #fork = iconButton('fork', t('fork'), { 'data-testid': 'fork', onclick: () => this.#actions.fork(this.#id) });
  #acts = element('div', { class: 'acts' }, this.#time, copyButton(t('message.copy'), () => this.#whole ?? ''), this.#edit, this.#fork);
  root = element('li', { role: 'listitem', class: 'message user', 'data-testid': 'message-user' },
    element('h2', { class: 'visually-hidden' }, t('you.said')), this.#files, this.#text, this.#fold, this.#note, this.#acts);
  #actions;
  #id;
  #whole = null;
  #isFolded = true;
  #shownFiles = null;

  constructor(actions) {
    this.#actions = actions;
  }

  update(message) {
    this.#id = message.id;
    // Once the gateway has it, the visitor need not worry; finding out the rest is our business.
    const delivery = message.received && message.delivery === 'unsure' ? 'sent' : message.delivery;
    this.root.dataset.state = delivery;
    this.#acts.hidden = delivery !== 'sent' || message.text === '';
    this.#fork.hidden = !this.#actions.canFork();
    const label = t(this.#actions.canReplace() ? 'edit.button' : 'edit.again');
    if (this.#edit.title !== label) {
      this.#edit.title = label;
      this.#edit.setAttribute('aria-label', label);
    }
    this.#showText(message.text);
    this.#shownFiles = showFiles(this.#files, message.files, this.#shownFiles, this.#actions.readFile);
    showTime(this.#time, message.at);
    if (delivery === 'failed') {
      this.#note.replaceChildren(
        element('span', { class: 'problem' }, icon('warning'), t('sent.failed', { reason: message.error ?? '' })),
        retryButton(t('send.again'), () => this.#actions.retry(this.#id)),
      );
    } else {
      this.#note.replaceChildren(wayOf(delivery, message.share ?? null));
    }
  }

  #showText(text) {
    if (this.#whole === text) return;
    this.#whole = text;
    const isLong = this.#isFolded && text.length > FOLD_CHARS;
    this.#text.textContent = isLong ? `${text.slice(0, FOLD_CHARS)}…` : text;
    this.#text.hidden = text === '';
    this.#fold.hidden = !isLong;
    this.#fold.textContent = t('message.all', { count: text.length, number: text.length.toLocaleString(language) });
  }

  #unfold() {
    const text = this.#whole;
    this.#isFolded = false;
    this.#whole = null;
    this.#showText(text);
  }
}

/** An answer. `update` may be called for each piece of text: it renders only what changed. */
export class AnswerView {
  #thought = new ThoughtView();
  #tools = new ToolsView();
  #prose = new Prose();
  #files = element('div', { class: 'files' });
  #thinking = element('p', { class: 'thinking' });
  #end = element('div', { class: 'end' });
  #time = element('time', { class: 'at' });
  #copy = copyButton(t('answer.copy'), () => answerText(this.#message));
  #anew = iconButton('retry', '', { class: 'icon-button anew', 'data-testid': 'answer-anew', onclick: () => this.#actions.answerAnew(this.#message.id) });
  #by = element('span', { class: 'by' });
  #foot = element('div', { class: 'foot' }, this.#copy, this.#anew, this.#time, this.#by);
  root = element('li', { role: 'listitem', class: 'message assistant', 'data-testid': 'message-assistant' },
    element('div', { class: 'avatar' }, mark()),
    element('div', { class: 'body' },
      element('h2', { class: 'visually-hidden' }, t('assistant.said')),
      this.#thought.root, this.#tools.root, this.#prose.root, this.#files, this.#thinking, this.#end, this.#foot));
  #message = null;
  #actions;

  constructor(actions) {
    this.#actions = actions;
  }

  update(message) {
    const before = this.#message;
    this.#message = message;
    const live = isLive(message);
    const text = answerText(message);
    this.root.dataset.state = message.status;
    this.root.setAttribute('aria-busy', String(live));
    this.#thought.update(message.thought ?? '', live && text === '');
    if (before?.tools !== message.tools) this.#tools.update(message.tools);
    this.#prose.update(text, !live);
    if (before?.files !== message.files) showFiles(this.#files, message.files, before?.files, this.#actions.readFile);
    this.#showThinking(live && (text === '' || message.toolsSinceText), message.phase);
    if (before?.status !== message.status) this.#showEnd(message, text);
    this.#foot.hidden = live || text === '';
    showTime(this.#time, message.at);
    this.#showBy(message);
  }

  #showThinking(isShown, phase) {
    this.#thinking.hidden = !isShown;
    const words = t(PHASES[phase] ?? 'phase.thinking');
    if (!isShown || this.#thinking.lastChild?.textContent === words) return;
    this.#thinking.replaceChildren(element('span', { class: 'dots', 'aria-hidden': 'true' },
      element('i'), element('i'), element('i')), words);
  }

  #showBy({ model, tokens }) {
    const label = t(this.#actions.canReplace() ? 'answer.anew' : 'answer.again');
    this.#anew.title = label;
    this.#anew.setAttribute('aria-label', label);
    const by = [model, tokens > 0 && t('answer.tokens', { count: tokens, number: tokens.toLocaleString(language) })].filter(Boolean).join(' · ');
    if (this.#by.textContent !== by) this.#by.textContent = by;
  }

  #showEnd(message, text) {
    const again = (label) => retryButton(label, () => this.#actions.retry(this.#message.id));
    const ends = {
      aborted: () => [element('span', {}, t('answer.stopped'))],
      error: () => [element('span', { class: 'problem' }, icon('warning'), message.error), again(t('try.again'))],
      interrupted: () => [
        element('span', { class: 'problem' }, icon('warning'),
          t(text ? 'answer.interrupted' : 'answer.none')),
        again(t('ask.again')),
      ],
    };
    this.#end.replaceChildren(...(ends[message.status]?.() ?? []));
  }
}

/** Shows `files` in `root` unless they are there already; returns what is shown. */
function showFiles(root, files, shown, readFile) {
  if (files === shown || (shown && [...files, ...shown].every(isKept) && JSON.stringify(files) === JSON.stringify(shown))) return shown;
  root.hidden = files.length === 0;
  root.replaceChildren(...files.map((file) => fileView(file, isKept(file) ? readFile : null)));
  return files;
}

/** Only the history says where the assistant keeps a file; what is under way has its bytes with it. */
function isKept(file) {
  return Boolean(file.seq || file.source);
}

function retryButton(label, onclick) {
  return element('button', { type: 'button', class: 'button small', 'data-testid': 'retry', onclick }, icon('retry'), label);
}

function showTime(node, at) {
  node.hidden = !at;
  if (!at) return;
  const date = new Date(at);
  const iso = date.toISOString();
  if (node.dateTime === iso) return;
  node.dateTime = iso;
  node.title = WHOLE.format(date);
  const isToday = date.toDateString() === new Date().toDateString();
  node.textContent = (isToday ? TIME : DAY_AND_TIME).format(date);
}
