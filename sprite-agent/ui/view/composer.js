// Where a person writes. Keeps a draft per conversation; what cannot be sent now waits in the queue.

import { messageSize } from '../attachments.js';

/** Lines shown before the field scrolls. */
const LINES_MAX = 10;
/** What Safari says of the Enter that ends a composition, after `isComposing` is false again. */
const COMPOSITION_KEY = 229;

export class Composer {
  #form = document.getElementById('composer-form');
  #field = document.getElementById('composer');
  #send = document.getElementById('send');
  #stop = document.getElementById('stop');
  #hint = document.getElementById('composer-hint');
  #memory;
  #attachments;
  #actions;
  #key = null;
  #obstacle = 'offline';
  #refusal = '';

  /**
   * `actions`: `send(text, files)` → whether it was taken, `stop()`, `takeBack()` → the last message of the
   * queue, `enterSends()`, `limits()`.
   */
  constructor(memory, attachments, actions) {
    this.#memory = memory;
    this.#attachments = attachments;
    this.#actions = actions;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener('keydown', (event) => this.#pressed(event));
    this.#field.addEventListener('input', () => this.#edited());
    this.#field.addEventListener('paste', (event) => this.#pasted(event));
    this.#stop.addEventListener('click', () => {
      this.#actions.stop();
      this.#field.focus();
    });
  }

  /** Shows the draft of `key`; `obstacle` is `null`, `busy` or `offline`. */
  update(key, obstacle) {
    this.#obstacle = obstacle;
    if (key !== this.#key) {
      this.#key = key;
      this.#refusal = '';
      this.#field.value = this.#memory.draft(key);
      this.#attachments.show(key);
      this.#grow();
    }
    this.show();
  }

  focus() {
    this.#field.focus();
  }

  suggest(text) {
    this.#field.value = text;
    this.#edited();
    this.focus();
    this.#field.setSelectionRange(text.length, text.length);
  }

  /** Puts a message that was queued before what is being written. */
  restore({ text, files }) {
    this.#attachments.restore(files);
    this.suggest([text, this.#field.value].filter(Boolean).join('\n'));
  }

  /** Says why a file was not attached; an empty text takes that back. */
  refuse(text) {
    this.#refusal = text;
    this.show();
  }

  #pressed(event) {
    // Of a composition: Enter takes a suggestion, Escape leaves it.
    if (event.isComposing || event.keyCode === COMPOSITION_KEY) return;
    if (event.key === 'ArrowUp' && this.#field.value === '') {
      const message = this.#actions.takeBack();
      if (!message) return;
      event.preventDefault();
      this.restore(message);
    }
    if (event.key !== 'Enter') return;
    const withModifier = event.ctrlKey || event.metaKey;
    const sends = withModifier || (this.#actions.enterSends() && !event.shiftKey && !event.altKey);
    if (!sends) return;
    event.preventDefault();
    this.#submit();
  }

  #pasted(event) {
    const { files } = event.clipboardData;
    // A copied table comes as a picture too: the text is what was meant.
    if (files.length === 0 || event.clipboardData.types.includes('text/plain')) return;
    event.preventDefault();
    this.#attachments.add(files);
  }

  get #isEmpty() {
    return this.#field.value.trim() === '' && this.#attachments.items.length === 0;
  }

  #submit() {
    if (this.#isEmpty || this.#isTooLong() || !this.#attachments.areReady) return;
    if (!this.#actions.send(this.#field.value, this.#attachments.take())) return;
    this.#field.value = '';
    this.#refusal = '';
    this.#edited();
    this.focus();
  }

  #edited() {
    this.#memory.keepDraft(this.#key, this.#field.value);
    this.#grow();
    this.show();
  }

  #isTooLong() {
    const files = this.#attachments.items.map(({ file }) => file);
    return messageSize(this.#field.value, files) > this.#actions.limits().messageMaxBytes;
  }

  show() {
    const tooLong = this.#isTooLong();
    this.#stop.hidden = this.#obstacle !== 'busy';
    this.#send.disabled = this.#isEmpty || tooLong || !this.#attachments.areReady;
    const label = { busy: 'Send when the answer is finished', offline: 'Send when connected' }[this.#obstacle] ?? 'Send';
    this.#send.title = label;
    this.#send.setAttribute('aria-label', label);
    const hint = tooLong ? 'This message is too long for your assistant. Please shorten it.' : this.#refusal;
    if (this.#hint.textContent !== hint) this.#hint.textContent = hint;
  }

  #grow() {
    const { style } = this.#field;
    style.height = 'auto';
    const line = parseFloat(getComputedStyle(this.#field).lineHeight) || 24;
    const padding = 24;
    style.height = `${Math.min(this.#field.scrollHeight, line * LINES_MAX + padding)}px`;
  }
}
