// Where a person writes. Keeps a draft per conversation; what cannot be sent now waits in the queue.

import { messageSize } from '../attachments.js';
import { namesOf } from '../queue.js';
import { t } from '../words.js';
import { CommandsView } from './commands.js';
import { element } from './element.js';

/** Lines shown before the field scrolls. */
const LINES_MAX = 10;
/**
 * Characters that the field takes at once; what is longer becomes a file of the message. Browsers lay a whole field
 * out with each key: Chromium takes 0.1 s for 100,000 characters and 10 s for a million.
 */
const FIELD_CHARS = 20_000;
/** What Safari says of the Enter that ends a composition, after `isComposing` is false again. */
const COMPOSITION_KEY = 229;

export class Composer {
  #form = document.getElementById('composer-form');
  #field = document.getElementById('composer');
  #send = document.getElementById('send');
  #stop = document.getElementById('stop');
  #hint = document.getElementById('composer-hint');
  #banner = document.getElementById('editing');
  #commands;
  /** The message that is being changed: `{id, hasFiles, text}`. The draft stays in memory meanwhile. */
  #edited = null;
  /** The same of other conversations, by their keys: a change waits until somebody comes back to it. */
  #edits = new Map();
  #memory;
  #attachments;
  #actions;
  #key = null;
  #obstacle = 'offline';
  #refusal = '';

  /**
   * `actions`: `send(text, files)` → whether it was taken, `replace(id, text, files)`, `stop()`, `takeBack()` → the
   * last message of the queue, `enterSends()`, `limits()`, `commands()`.
   */
  constructor(memory, attachments, actions) {
    this.#memory = memory;
    this.#attachments = attachments;
    this.#actions = actions;
    this.#commands = new CommandsView({ commands: actions.commands, took: (text) => this.suggest(text) });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener('keydown', (event) => this.#pressed(event));
    this.#field.addEventListener('input', () => this.#changed());
    this.#field.addEventListener('paste', (event) => this.#inserted(event, event.clipboardData));
    this.#field.addEventListener('drop', (event) => this.#inserted(event, event.dataTransfer));
    this.#stop.addEventListener('click', () => {
      this.#actions.stop();
      this.#field.focus();
    });
  }

  /** Shows the draft of `key`; `obstacle` is `null`, `busy`, `decision` or `offline`. */
  update(key, obstacle) {
    this.#obstacle = obstacle;
    if (key !== this.#key) {
      if (this.#edited) this.#edits.set(this.#key, { ...this.#edited, text: this.#field.value });
      this.#key = key;
      this.#edited = this.#edits.get(key) ?? null;
      this.#edits.delete(key);
      this.#showEditing();
      this.#refusal = '';
      this.#field.value = this.#edited?.text ?? this.#memory.draft(key);
      this.#attachments.show(key);
      this.#grow();
    }
    this.show();
  }

  focus() {
    this.#field.focus();
  }

  suggest(text) {
    this.#field.value = text.length > FIELD_CHARS && this.#attach(text) ? '' : text;
    this.#changed();
    this.focus();
    const { length } = this.#field.value;
    this.#field.setSelectionRange(length, length);
  }

  /** Puts a message before what is being written. */
  restore(message) {
    const { text, files, lacksFiles } = message;
    this.#attachments.restore(files);
    this.suggest([text, this.#field.value].filter(Boolean).join('\n'));
    const names = namesOf(message).join(', ');
    if (lacksFiles) this.refuse(names ? t('edit.files-named', { names }) : t('edit.files'));
  }

  /** Puts a message that was sent into the field, to be changed; its place is kept where `isReplaced`. */
  edit({ id, text, files }, isReplaced) {
    if (!isReplaced) {
      this.suggest([text, this.#field.value].filter(Boolean).join('\n'));
      if (files.length > 0) this.refuse(t('edit.files'));
      return;
    }
    this.#edited = { id, hasFiles: files.length > 0, text };
    this.#showEditing();
    this.suggest(text);
  }

  /** The draft is back in the field. */
  #endEditing() {
    this.#edited = null;
    this.#showEditing();
    this.suggest(this.#memory.draft(this.#key));
  }

  #showEditing() {
    this.#banner.hidden = !this.#edited;
    if (!this.#edited) return;
    const words = this.#edited.hasFiles ? `${t('edit.banner')} ${t('edit.files')}` : t('edit.banner');
    const cancel = element('button', { type: 'button', class: 'button small', 'data-testid': 'edit-cancel', onclick: () => this.#endEditing() }, t('cancel'));
    this.#banner.replaceChildren(element('p', {}, words), cancel);
  }

  /** Says why a file was not attached; an empty text takes that back. */
  refuse(text) {
    this.#refusal = text;
    this.show();
  }

  #pressed(event) {
    // Of a composition: Enter takes a suggestion, Escape leaves it.
    if (event.isComposing || event.keyCode === COMPOSITION_KEY) return;
    if (this.#commands.pressed(event)) return;
    if (event.key === 'Escape' && this.#edited) {
      event.preventDefault();
      this.#endEditing();
      return;
    }
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

  /** Pasted or dropped. */
  #inserted(event, data) {
    const text = data.getData('text/plain');
    const { selectionStart, selectionEnd, value } = this.#field;
    if (value.length - (selectionEnd - selectionStart) + text.length > FIELD_CHARS) {
      event.preventDefault();
      this.#attach(text);
    } else if (event.type === 'paste' && text === '' && data.files.length > 0) {
      event.preventDefault();
      this.#attachments.add(data.files);
    }
  }

  /** Returns whether `text` is a file of the message now. */
  #attach(text) {
    return this.#attachments.add([new File([text], t('attach.text'), { type: 'text/plain' })]);
  }

  get #isEmpty() {
    return this.#field.value.trim() === '' && this.#attachments.items.length === 0;
  }

  #submit() {
    if (this.#isEmpty || this.#isTooLong() || !this.#attachments.areReady) return;
    if (this.#edited) {
      this.#replace();
      return;
    }
    if (!this.#actions.send(this.#field.value, this.#attachments.take())) return;
    this.#field.value = '';
    this.#refusal = '';
    this.#changed();
    this.focus();
  }

  /** The old message stays, and the new one in the field, until the assistant has taken the old one back. */
  async #replace() {
    if (this.#obstacle) return;
    const { id } = this.#edited;
    const key = this.#key;
    const text = this.#field.value;
    try {
      this.#field.readOnly = true;
      await this.#actions.replace(id, text, () => this.#attachments.take());
    } catch (error) {
      this.refuse(error.uncertain ? t('away') : t('edit.failed', { reason: error.message }));
      return;
    } finally {
      this.#field.readOnly = false;
    }
    this.#edits.delete(key);
    if (key !== this.#key) return;
    this.#refusal = '';
    this.#endEditing();
  }

  #changed() {
    this.#commands.typed();
    if (!this.#edited) this.#memory.keepDraft(this.#key, this.#field.value);
    this.#grow();
    this.show();
  }

  #isTooLong() {
    const files = this.#attachments.items.map(({ file }) => file);
    return messageSize(this.#field.value, files) > this.#actions.limits().messageMaxBytes;
  }

  show() {
    const tooLong = this.#isTooLong();
    this.#stop.hidden = !['busy', 'decision'].includes(this.#obstacle);
    // One round button is enough as long as there is nothing to send.
    this.#send.hidden = !this.#stop.hidden && this.#isEmpty;
    this.#send.disabled = this.#isEmpty || tooLong || !this.#attachments.areReady || Boolean(this.#edited && this.#obstacle);
    const label = t(this.#obstacle ? `send.${this.#obstacle}` : 'send');
    this.#send.title = label;
    this.#send.setAttribute('aria-label', label);
    const hint = tooLong ? t('composer.long') : this.#refusal;
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
