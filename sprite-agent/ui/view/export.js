// Taking conversations along: as files, or on paper.

import { fileName, toJson, toMarkdown } from '../export.js';
import { messagesOf } from '../history.js';
import { closable } from './dialog.js';
import { save } from './file.js';
import { t } from '../words.js';

export class ExportView {
  #dialog = document.getElementById('export-panel');
  #form = document.getElementById('export-form');
  #note = document.getElementById('export-note');
  #actions;

  /** `actions`: `current()` and `all()` → `[{key, title}]`, `readAll(key)` → rows, `showWhole()`. */
  constructor(actions) {
    this.#actions = actions;
    closable(this.#dialog);
    document.getElementById('export').addEventListener('click', () => {
      this.#note.textContent = '';
      this.#dialog.showModal();
    });
    document.getElementById('print').addEventListener('click', () => this.#run(() => this.#print()));
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#run(() => this.#save());
    });
  }

  async #run(work) {
    const buttons = this.#form.querySelectorAll('button');
    buttons.forEach((button) => (button.disabled = true));
    try {
      await work();
    } catch {
      this.#note.textContent = t('away');
    }
    buttons.forEach((button) => (button.disabled = false));
  }

  async #save() {
    const { what, format } = this.#form.elements;
    const isAll = what.value === 'all';
    const wanted = isAll ? this.#actions.all() : [this.#actions.current()];
    const conversations = [];
    for (const { key, title } of wanted) {
      this.#note.textContent = t('export.reading', { number: conversations.length + 1, count: wanted.length });
      conversations.push({ key, title, rows: await this.#actions.readAll(key) });
    }
    const title = isAll ? t('conversations.label') : wanted[0].title;
    const isJson = format.value === 'json';
    const told = ({ title: name, rows }) => toMarkdown({ title: name, messages: messagesOf(rows) });
    const text = isJson ? toJson(conversations, Date.now()) : conversations.map(told).join('\n\n');
    save(fileName(title, isJson ? 'json' : 'md'), new Blob([text], { type: isJson ? 'application/json' : 'text/markdown' }));
    this.#note.textContent = t('export.saved');
  }

  async #print() {
    this.#note.textContent = t('export.whole');
    await this.#actions.showWhole();
    this.#dialog.close();
    print();
  }
}
