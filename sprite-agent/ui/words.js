// Everything the page says, in the language of the browser. Each language has one table in `words/`.
//
// A text that counts has one form for each of its language's plurals: `{ one: …, other: … }`, chosen by `count`.

import { de } from './words/de.js';
import { en } from './words/en.js';

const TABLES = { en, de };

/** The first language of `wanted` (as in `navigator.languages`) that there is a table for. */
export function languageOf(wanted) {
  const known = wanted.map((tag) => String(tag).toLowerCase().split('-')[0]).find((tag) => Object.hasOwn(TABLES, tag));
  return known ?? 'en';
}

/** The language that is spoken here. */
export const language = languageOf(globalThis.document ? navigator.languages ?? [] : []);

/** For dates and numbers: as the browser has it where that is the language of the page. */
export const locale = (globalThis.document ? navigator.languages ?? [] : []).find((tag) => tag.toLowerCase().startsWith(language)) ?? language;

/** The text `key` of `table`, with `values` in the place of `{name}`. */
export function said(table, tag, key, values = {}) {
  const text = table[key];
  if (text === undefined) throw new Error(`there is no text ${key}`);
  const form = typeof text === 'string' ? text : text[new Intl.PluralRules(tag).select(values.count)] ?? text.other;
  return form.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The text `key` in the language of the browser. */
export function t(key, values) {
  return said(TABLES[language], language, key, values);
}

/** Puts the texts of `root` in: `data-t` is its text, `data-t-label` and the like an attribute. */
export function translate(root) {
  for (const node of root.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  const attributes = { tLabel: 'aria-label', tTitle: 'title', tPlaceholder: 'placeholder', tContent: 'content' };
  for (const [name, attribute] of Object.entries(attributes)) {
    const selector = `[data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}]`;
    for (const node of root.querySelectorAll(selector)) node.setAttribute(attribute, t(node.dataset[name]));
  }
}
