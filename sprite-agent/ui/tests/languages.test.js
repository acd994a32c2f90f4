import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

import { languageOf, said } from '../words.js';
import { de } from '../words/de.js';
import { en } from '../words/en.js';

const folder = new URL('..', import.meta.url);
const sources = ['', 'view/'].flatMap((part) =>
  readdirSync(new URL(part || '.', folder)).filter((name) => name.endsWith('.js')).map((name) => part + name));
const text = Object.fromEntries([...sources, 'index.html'].map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));

/** Keys as they are written; one that is put together stands for all that begin and end like it. */
function keysIn(source) {
  const plain = [...source.matchAll(/\bt\(\s*'([^']+)'/g), ...source.matchAll(/data-t(?:-[a-z]+)?="([^"]+)"/g)].map(([, key]) => key);
  const chosen = [...source.matchAll(/'([a-z-]+(?:\.[\w-]+)+)'/g)].map(([, key]) => key).filter((key) => key in en);
  const patterns = [...source.matchAll(/`([a-z]+\.[^`\s]*\$\{[^`\s]*)`/g)].map(([, key]) => key.replace(/\$\{[^}]*\}/g, '*'));
  const simple = [...source.matchAll(/\bt\([^()]*\?[^()]*\)/g)].flatMap(([call]) => [...call.matchAll(/'([\w.-]+)'/g)].map(([, key]) => key)).filter((key) => key in en);
  return { plain, patterns, all: [...plain, ...chosen, ...simple] };
}

const found = Object.values(text).map(keysIn);
const matches = (pattern, key) => new RegExp(`^${pattern.replace(/[.-]/g, '\\$&').replaceAll('*', '.+')}$`).test(key);

test('every language says everything, with the same values in it', () => {
  assert.deepEqual(Object.keys(de), Object.keys(en));
  const values = (entry) => [...new Set(JSON.stringify(entry).match(/\{\w+\}/g))].sort();
  for (const key of Object.keys(en)) {
    assert.deepEqual(values(de[key]), values(en[key]), key);
    assert.equal(typeof de[key], typeof en[key], key);
  }
});

test('every text that is asked for is there, and every one that is there is asked for', () => {
  for (const { plain, patterns } of found) {
    for (const key of plain) assert.ok(key in en, key);
    for (const pattern of patterns) assert.ok(Object.keys(en).some((key) => matches(pattern, key)), pattern);
  }
  const used = new Set(found.flatMap(({ all }) => all));
  const patterns = found.flatMap((one) => one.patterns);
  const unused = Object.keys(en).filter((key) => !used.has(key) && !patterns.some((pattern) => matches(pattern, key)));
  assert.deepEqual(unused, []);
});

test('one thing has one word in German', () => {
  const others = Object.entries(de).filter(([, entry]) => /Gespräch/.test(JSON.stringify(entry)));
  assert.deepEqual(others, [], 'a conversation is an "Unterhaltung"');
});

test('no text stands outside the tables', () => {
  const page = text['index.html'].replace(/<noscript>[\s\S]*<\/noscript>/, '').replace(/<title>.*<\/title>|<svg[\s\S]*?<\/svg>|<kbd>.*?<\/kbd>|<!--[\s\S]*?-->/g, '');
  const words = page.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();
  assert.deepEqual(words.split(' ').filter((word) => word !== 'Arcamatrix'), []);
  assert.deepEqual(page.match(/ (aria-label|title|placeholder)="[^"]*"/g), null);
  for (const [name, source] of Object.entries(text)) {
    const shown = source.match(/(?:textContent = |, )'[A-Z][a-z]+(?: [a-z]+)+[.…]?'/g);
    assert.equal(shown, null, name);
  }
});

test('the language is the first of the browser\'s that is spoken here', () => {
  for (const [wanted, language] of [[['de-AT', 'en'], 'de'], [['fr', 'de'], 'de'], [['en-GB'], 'en'], [['fr'], 'en'], [[], 'en'], [['constructor'], 'en']]) {
    assert.equal(languageOf(wanted), language, wanted.join());
  }
});

test('a text counts in the forms of its language, and puts values in as they are', () => {
  const table = { few: { one: '{count} thing', other: '{count} things' }, name: 'Hello {name}' };
  assert.deepEqual([0, 1, 2].map((count) => said(table, 'en', 'few', { count })), ['0 things', '1 thing', '2 things']);
  assert.equal(said(table, 'en', 'name', { name: '$& {count}' }), 'Hello $& {count}');
  assert.throws(() => said(table, 'en', 'nothing'));
});
