// One file in a message: a picture is shown, anything else is offered as a download.
//
// The bytes come from the assistant and are not trusted: what is shown is a picture by its own bytes,
// what is saved is saved as bytes, and nothing is ever opened as a page of this origin.

import { sizeWords } from '../attachments.js';
import { pictureType } from '../picture.js';
import { element, icon } from './element.js';
import { whileOff } from './focus.js';
import { t } from '../words.js';

/** `fetch(file)` resolves with `{name, bytes}`, rejects when the assistant has it no more. */
export function fileView(file, fetch) {
  const root = element('div', { class: 'file', 'data-testid': 'file' });
  const name = file.name || t(file.isPicture ? 'picture' : 'file');
  if (file.url) showPicture(root, file.url, name);
  else if (file.isPicture && fetch) load(root, file, name, fetch);
  else showChip(root, file, name, fetch);
  return root;
}

function showPicture(root, url, name) {
  root.replaceChildren(element('img', { src: url, alt: name, loading: 'lazy' }));
}

async function load(root, file, name, fetch) {
  root.replaceChildren(element('span', { class: 'file-wait' }, icon('file'), name));
  try {
    const { bytes } = await fetch(file);
    const type = pictureType(bytes);
    if (!type) throw new Error('not a picture');
    const url = URL.createObjectURL(new Blob([bytes], { type }));
    showPicture(root, url, name);
    root.append(saveButton(file.name || nameOf(bytes), async () => bytes));
  } catch {
    showChip(root, file, name, fetch);
  }
}

function showChip(root, file, name, fetch) {
  root.replaceChildren(
    icon('file'),
    element('span', { class: 'file-name', dir: 'auto' }, name),
    file.size ? element('span', { class: 'file-size' }, sizeWords(file.size)) : '',
    fetch ? saveButton(name, async () => (await fetch(file)).bytes) : '',
  );
}

function saveButton(name, bytes) {
  const button = element('button', { type: 'button', class: 'icon-button', 'aria-label': t('file.download', { name }), title: t('file.download', { name }) }, icon('save'));
  button.addEventListener('click', () => whileOff([button], async () => {
    try {
      save(name, new Blob([await bytes()], { type: 'application/octet-stream' }));
    } catch {
      button.replaceChildren(icon('warning'));
      button.title = t('file.gone');
      button.setAttribute('aria-label', button.title);
    }
  }));
  return button;
}

/** What a file is called that has no name: what it is, by its own bytes. */
export function nameOf(bytes) {
  const type = pictureType(bytes);
  return type ? `${t('picture')}.${type.replace('image/', '')}` : t('file');
}

/** Saves `blob` as a file called `name`. */
export function save(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = element('a', { href: url, download: name });
  link.click();
  // Long enough for the browser to have begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
