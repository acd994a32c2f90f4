// An open tab lets the machine sleep.

import assert from 'node:assert/strict';
import test from 'node:test';

import { HIDDEN_MS, Rest, UNTOUCHED_MS } from '../rest.js';
import { Clock } from './clock.js';

function world({ isHidden = false } = {}) {
  const clock = new Clock();
  const here = { clock, isAwake: true, isBusy: false, wakings: 0 };
  here.rest = new Rest({
    clock,
    isHidden,
    isBusy: () => here.isBusy,
    sleep: () => (here.isAwake = false),
    wake: () => {
      if (!here.isAwake) here.wakings += 1;
      here.isAwake = true;
    },
  });
  return here;
}

test('a page that nobody touches sleeps after ten minutes, and stays asleep', async () => {
  const here = world();
  await here.clock.pass(UNTOUCHED_MS - 1);
  assert.equal(here.isAwake, true);
  await here.clock.pass(24 * 3_600_000);
  assert.deepEqual([here.isAwake, here.wakings], [false, 0]);
});

test('a page that cannot be seen sleeps after a minute, also one that was opened so', async () => {
  const here = world();
  here.rest.seen(false);
  await here.clock.pass(HIDDEN_MS - 1);
  assert.equal(here.isAwake, true);
  await here.clock.pass(1);
  assert.equal(here.isAwake, false);
  const behind = world({ isHidden: true });
  await behind.clock.pass(HIDDEN_MS);
  assert.equal(behind.isAwake, false);
});

test('the first sign of a person wakes it', async () => {
  for (const sign of [(rest) => rest.touched(), (rest) => rest.seen(true)]) {
    const here = world({ isHidden: true });
    await here.clock.pass(HIDDEN_MS);
    sign(here.rest);
    assert.deepEqual([here.isAwake, here.wakings], [true, 1]);
  }
});

test('a page that was left sleeps at once, whatever goes on in it, and wakes when somebody comes back', async () => {
  const here = world();
  here.isBusy = true;
  here.rest.left();
  assert.equal(here.isAwake, false);
  here.rest.seen(false);
  await here.clock.pass(UNTOUCHED_MS);
  assert.deepEqual([here.isAwake, here.wakings], [false, 0]);
  here.rest.seen(true);
  assert.deepEqual([here.isAwake, here.wakings], [true, 1]);
});

test('touching puts the sleep off', async () => {
  const here = world();
  for (let time = 0; time < 5; time += 1) {
    await here.clock.pass(UNTOUCHED_MS - 1);
    here.rest.touched();
  }
  assert.equal(here.isAwake, true);
});

test('while an answer is written nothing sleeps; once it is there, it does', async () => {
  const here = world({ isHidden: true });
  here.isBusy = true;
  await here.clock.pass(10 * HIDDEN_MS);
  assert.equal(here.isAwake, true);
  here.isBusy = false;
  await here.clock.pass(HIDDEN_MS);
  assert.equal(here.isAwake, false);
});
