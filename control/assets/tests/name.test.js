import assert from 'node:assert/strict';
import test from 'node:test';

import { fault, NameCheck, PAUSE_MS, suggestion, suggestions } from '../name.js';

/** A check, what it told last, and a clock that goes when it is told to. */
function world(answers) {
  const told = [];
  const asked = [];
  let due = null;
  const clock = {
    setTimeout: (then, wait) => {
      assert.equal(wait, PAUSE_MS);
      due = then;
      return 1;
    },
    clearTimeout: () => (due = null),
  };
  const ask = (name) => {
    asked.push(name);
    return answers[name]();
  };
  const check = new NameCheck({ ask, tell: (said) => told.push(said), clock });
  const pause = async () => {
    const then = due;
    due = null;
    await then?.();
  };
  return { check, told, asked, pause };
}

test('a name is made out of an address', () => {
  const check = (email, expected) => assert.equal(suggestion(email), expected, email);
  check('ada@example.com', 'ada');
  check('Ada.Lovelace+arca@example.com', 'ada-lovelace');
  check("__zoë__o'brien__@example.com", 'zoe-o-brien');
  check('ada', 'ada');
  check('a@example.com', '');
  check('漢字@example.com', '');
  check('', '');
  check(`${'a'.repeat(23)}.b@example.com`, 'a'.repeat(23));
});

test('a name that cannot be one is refused without asking', async () => {
  const check = (name, part) => assert.ok(fault(name).includes(part), name);
  check('a', '2 to 32');
  check('a'.repeat(33), '2 to 32');
  check('a_b', 'only lower-case');
  check('-ab', 'begins and ends');
  check('xn--ab', 'xn--');
  assert.equal(fault('ada-2'), '');
  const { check: names, told, asked, pause } = world({});
  names.typed('a_b');
  await pause();
  assert.equal(told.at(-1).verdict, 'refused');
  assert.deepEqual(asked, []);
});

test('the server is asked once when nobody types any more', async () => {
  const { check, told, asked, pause } = world({ ada: async () => ({ available: true }) });
  check.typed('ad');
  check.typed(' Ada ');
  assert.equal(told.at(-1).verdict, 'asking');
  await pause();
  assert.deepEqual(asked, ['ada']);
  assert.deepEqual(told.at(-1), { name: 'ada', verdict: 'free', text: '' });
});

test('the first free name is suggested', async () => {
  const taken = async () => ({ available: false, reason: 'This name is taken.' });
  const { check, told, asked, pause } = world({ ada: taken, 'ada-2': taken, 'ada-3': async () => ({ available: true }) });
  check.suggest(suggestions('ad'));
  check.suggest(suggestions('ada@example.com'));
  await pause();
  assert.deepEqual(asked, ['ada', 'ada-2', 'ada-3']);
  assert.deepEqual(told.at(-1), { name: 'ada-3', verdict: 'free', text: '' });
});

test('nothing is suggested where no name is known to be free', async () => {
  const reserved = async () => ({ available: false, reason: 'This name is reserved.' });
  const { check, told, asked, pause } = world({ admin: reserved, ada: () => Promise.reject(new Error('away')) });
  for (const email of ['admin@example.com', 'ada@example.com', 'a@example.com']) {
    check.suggest(suggestions(email));
    await pause();
    assert.equal(told.at(-1).verdict, 'none', email);
  }
  assert.deepEqual(asked, ['admin', 'ada']);
});

test('who types a name gets no suggestion any more', async () => {
  let answer;
  const { check, told, pause } = world({ ada: () => new Promise((then) => (answer = then)) });
  check.suggest(['ada']);
  const waiting = pause();
  check.typed('b');
  answer({ available: true });
  await waiting;
  assert.equal(told.at(-1).name, 'b');
});

test('a taken name is refused in the words of the server', async () => {
  const { check, told, pause } = world({ ada: async () => ({ available: false, reason: 'This name is reserved.' }) });
  check.typed('ada');
  await pause();
  assert.deepEqual(told.at(-1), { name: 'ada', verdict: 'refused', text: 'This name is reserved.' });
});

test('an answer that comes too late counts for nothing', async () => {
  let answer;
  const { check, told, pause } = world({ ada: () => new Promise((then) => (answer = then)) });
  check.typed('ada');
  const waiting = pause();
  check.typed('');
  answer({ available: true });
  await waiting;
  assert.equal(told.at(-1).verdict, 'none');
});

test('a server that is away refuses nothing', async () => {
  const { check, told, pause } = world({ ada: () => Promise.reject(new Error('away')) });
  check.typed('ada');
  await pause();
  assert.deepEqual(told.at(-1), { name: 'ada', verdict: 'unknown', text: '' });
});
