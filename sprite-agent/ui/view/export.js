// Taking conversations along: as files, or on paper.

import { archived } from '../archive.js';
import { fileName, filePath, toJson, toMarkdown } from '../export.js';
import { messagesOf } from '../history.js';
import { closable } from './dialog.js';
import { nameOf, save } from './file.js';
import { whileOff } from './focus.js';
import { t } from '../words.js';

/** Bytes of all files of an archive together: a browser keeps them in memory while it is made. */
const FILES_MAX = 256 << 20;

export class ExportView {
  #dialog = document.getElementById('export-panel');
  #form = document.getElementById('export-form');
  #note = document.getElementById('export-note');
  #actions;

  /** `actions`: `current()` and `all()` → `[{key, title}]`, `readAll(key)` → rows, `readFile(key, file)` → `{name, bytes}`, `showWhole()`. */
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

  #run(work) {
    return whileOff([...this.#form.querySelectorAll('button')], async () => {
      try {
        await work();
      } catch {
        this.#note.textContent = t('away');
      }
    });
  }

  async #save() {
    const { what, format, files: hasFiles } = this.#form.elements;
    const isAll = what.value === 'all';
    const wanted = isAll ? this.#actions.all() : [this.#actions.current()];
    const conversations = [];
    for (const { key, title } of wanted) {
      this.#note.textContent = t('export.reading', { number: conversations.length + 1, count: wanted.length });
      const rows = await this.#actions.readAll(key);
      conversations.push({ key, title, rows, messages: messagesOf(rows) });
    }
    const { files, paths, missing } = hasFiles.checked ? await this.#readFiles(conversations) : { files: [], missing: 0 };
    const title = isAll ? t('conversations.label') : wanted[0].title;
    const isJson = format.value === 'json';
    const text = isJson ? toJson(conversations, Date.now(), paths) : conversations.map((one) => toMarkdown(one, paths)).join('\n\n');
    const path = fileName(title, isJson ? 'json' : 'md');
    if (files.length === 0) save(path, new Blob([text], { type: isJson ? 'application/json' : 'text/markdown' }));
    else save(fileName(title, 'zip'), await archived([{ path, bytes: new TextEncoder().encode(text) }, ...files]));
    this.#note.textContent = missing > 0 ? t('export.missing', { count: missing, number: missing }) : t('export.saved');
  }

  /** The files of `conversations`: `{path, bytes}` each, where each stands, and how many cannot be had or are too much. */
  async #readFiles(conversations) {
    const wanted = conversations.flatMap(({ key, messages }) => messages.flatMap(({ files }) => files.map((file) => ({ key, file }))));
    const [files, paths, taken] = [[], new Map(), new Set()];
    let room = FILES_MAX;
    for (const [index, { key, file }] of wanted.entries()) {
      this.#note.textContent = t('export.reading-file', { number: index + 1, count: wanted.length });
      const read = room > 0 && (await this.#actions.readFile(key, file).catch(() => null));
      if (!read || read.bytes.length > room) continue;
      room -= read.bytes.length;
      const path = filePath(file.name || read.name || nameOf(read.bytes), taken);
      files.push({ path, bytes: read.bytes });
      paths.set(file, path);
    }
    return { files, paths, missing: wanted.length - files.length };
  }

  async #print() {
    this.#note.textContent = t('export.whole');
    await this.#actions.showWhole();
    this.#dialog.close();
    print();
  }
}
