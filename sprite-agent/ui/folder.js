// The folder that the assistant works in: what the gateway says of it, checked. Pure.

import { asWritten } from './overrides.js';
import { bytesOf, pictureType } from './picture.js';

/** Entries asked for at a time. */
export const ENTRIES_PAGE = 200;
/** Entries of one folder that are shown at most. */
export const ENTRIES_MAX = 2_000;

/** Rows `{path, name, isFolder, size, at}` of `agents.workspace.list`; what has no plain name is left out. */
export function rowsOf(entries) {
  return (Array.isArray(entries) ? entries : [])
    .filter(({ path, name }) => isPlain(path) && typeof name === 'string' && path.endsWith(name))
    .map(({ path, name, kind, size, updatedAtMs }) => ({ path, name: asWritten(name), isFolder: kind === 'directory', size, at: updatedAtMs }));
}

function isPlain(path) {
  return typeof path === 'string' && path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

/** The folders on the way to `path`, from the top: `{path, name}`; the top has the name `null`. */
export function wayTo(path) {
  const names = path.split('/').filter(Boolean);
  return [{ path: '', name: null }, ...names.map((name, at) => ({ path: names.slice(0, at + 1).join('/'), name: asWritten(name) }))];
}

/**
 * What can be shown of a file, out of `agents.workspace.get`: `{text}`, `{picture: {bytes, type}}`, or
 * `null`. A picture is one by its own bytes, whatever the assistant calls it.
 */
export function contentOf(file) {
  if (file?.encoding === 'utf8' && typeof file.content === 'string') return { text: file.content };
  const bytes = file?.encoding === 'base64' ? bytesOf(file.content) : null;
  const type = bytes && pictureType(bytes);
  return type ? { picture: { bytes, type } } : null;
}

/** Where a file is saved from. */
export function downloadUrl(path) {
  return `/files/${path.split('/').map(encodeURIComponent).join('/')}`;
}
