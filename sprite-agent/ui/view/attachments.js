// The files that go with the next message: chosen, pasted or dropped, shown, taken out again.

import { refusalOf, sizeWords } from '../attachments.js';
import { newIdentifier } from '../identifier.js';
import { element, icon, iconButton } from './element.js';
import { t } from '../words.js';

/** Refused files that are named, of many that were chosen at once. */
const REFUSALS_TOLD = 2;

export class AttachmentsView {
  #list = document.getElementById('attachments');
  #picker = document.getElementById('picker');
  #button = document.getElementById('attach');
  #drop = document.getElementById('drop');
  #actions;
  /** By conversation: `{id, file, state: 'reading'|'ready', share, content, url}`. */
  #byKey = new Map();
  #key = null;

  /** `actions`: `limits()`, `changed()`, `refused(text)`. */
  constructor(actions) {
    this.#actions = actions;
    this.#button.addEventListener('click', () => this.#picker.click());
    this.#picker.addEventListener('change', () => {
      this.add(this.#picker.files);
      this.#picker.value = '';
    });
    this.#watchDrops();
  }

  /** The files of the conversation that is shown. */
  get items() {
    return this.#byKey.get(this.#key) ?? [];
  }

  get areReady() {
    return this.items.every(({ state }) => state === 'ready');
  }

  /** Shows the files of the conversation `key`. */
  show(key) {
    if (key === this.#key) return;
    this.#key = key;
    this.#render();
  }

  /** Takes the files out, to be sent: `{name, type, size, content, url}`. */
  take() {
    const taken = this.items.map(({ file, content, url }) => ({ name: file.name, type: file.type, size: file.size, content, url }));
    this.#byKey.delete(this.#key);
    this.#render();
    return taken;
  }

  /** Puts files back that were taken. */
  restore(files) {
    const items = files.map((file) => ({ id: newIdentifier(), file, state: 'ready', content: file.content, url: file.url }));
    this.#byKey.set(this.#key, [...this.items, ...items]);
    this.#render();
  }

  /** Returns whether all were taken. */
  add(files) {
    const refused = [];
    for (const file of files) {
      const refusal = refusalOf(file, this.items.map((item) => item.file), this.#actions.limits());
      if (refusal) refused.push(refusal);
      else this.#read(file);
    }
    const others = refused.length - REFUSALS_TOLD;
    const told = [...refused.slice(0, REFUSALS_TOLD), ...(others > 0 ? [t('attach.others', { count: others })] : [])];
    this.#actions.refused(told.join(' '));
    return refused.length === 0;
  }

  #read(file) {
    const url = file.type.startsWith('image/') ? URL.createObjectURL(file) : null;
    const item = { id: newIdentifier(), file, state: 'reading', share: 0, content: null, url };
    const key = this.#key;
    this.#byKey.set(key, [...this.items, item]);
    const reader = new FileReader();
    reader.onprogress = ({ loaded, total }) => this.#change(key, item, { share: total ? loaded / total : 0 });
    reader.onerror = () => {
      this.#remove(key, item);
      this.#actions.refused(t('attach.unreadable', { name: file.name }));
    };
    reader.onload = () => this.#change(key, item, { state: 'ready', content: reader.result.slice(reader.result.indexOf(',') + 1) });
    reader.readAsDataURL(file);
    this.#render();
  }

  #change(key, item, change) {
    Object.assign(item, change);
    if (key === this.#key) this.#render();
  }

  #remove(key, item) {
    this.#byKey.set(key, (this.#byKey.get(key) ?? []).filter((other) => other !== item));
    if (item.url) URL.revokeObjectURL(item.url);
    this.#render();
    this.#button.focus();
  }

  #render() {
    this.#list.hidden = this.items.length === 0;
    this.#list.replaceChildren(...this.items.map((item) => this.#row(item)));
    this.#actions.changed();
  }

  #row(item) {
    const { file, state, share, url } = item;
    const note = state === 'reading' ? `${Math.round(share * 100)} %` : sizeWords(file.size);
    return element('li', { 'data-testid': 'attachment', 'data-state': state },
      url ? element('img', { src: url, alt: '' }) : icon('file'),
      element('span', { class: 'file-name', dir: 'auto' }, file.name),
      element('span', { class: 'file-size' }, note),
      iconButton('close', t('attach.remove', { name: file.name }), { onclick: () => this.#remove(this.#key, item) }));
  }

  #watchDrops() {
    const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes('Files');
    let depth = 0;
    const shown = (change) => (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth = Math.max(0, depth + change);
      this.#drop.hidden = depth === 0;
    };
    addEventListener('dragenter', shown(1));
    addEventListener('dragleave', shown(-1));
    // Without it the browser leaves the page and opens the file.
    addEventListener('dragover', (event) => hasFiles(event) && event.preventDefault());
    addEventListener('drop', (event) => {
      if (!hasFiles(event)) return;
      shown(-depth)(event);
      if (!document.querySelector('dialog[open]')) this.add(event.dataTransfer.files);
    });
  }
}
