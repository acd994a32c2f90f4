import assert from 'node:assert/strict';
import test from 'node:test';

import { arrived, pageTitle } from '../arrivals.js';
import { greetingFor, ideasFor } from '../view/greeting.js';
import { after, asked, delta, final, KEY } from './run.js';

test('an answer has arrived when it was being written and is done', () => {
  const [writing, done] = [after(asked('q'), delta('q', 1, 'a', 'a')), after(asked('q'), delta('q', 1, 'a', 'a'), final('q', 2, 'ab'))];
  assert.deepEqual(arrived(writing.threads, done.threads).map(({ key }) => key), [KEY]);
  assert.deepEqual(arrived(done.threads, done.threads), []);
  // Read from the history, it is an old one.
  assert.deepEqual(arrived({}, done.threads), []);
});

test('the title of a page that nobody looks at counts the answers that wait', () => {
  assert.equal(pageTitle('Taxes', 0), 'Taxes · Arcamatrix');
  assert.equal(pageTitle('Taxes', 2), '(2) Taxes · Arcamatrix');
});

test('nobody is wished a good night when they come', () => {
  assert.deepEqual([0, 4, 5, 11, 12, 17, 18, 23].map((hour) => greetingFor(hour)),
    ['Good evening', 'Good evening', 'Good morning', 'Good morning', 'Good afternoon', 'Good afternoon', 'Good evening', 'Good evening']);
  assert.equal(greetingFor(9, 'Ada'), 'Good morning, Ada');
});

test('three things to try fit the skills that can be used', () => {
  const skill = (key, usable = true) => ({ key, usable });
  assert.equal(ideasFor([skill('weather'), skill('gog', false)])[0], 'What will the weather be like this weekend?');
  assert.equal(ideasFor([skill('gog', false)]).some((idea) => idea.includes('calendar')), false);
  for (const skills of [[], [skill('weather')], ['weather', 'gog', 'github', 'notion'].map((key) => skill(key))]) assert.equal(ideasFor(skills).length, 3);
});
