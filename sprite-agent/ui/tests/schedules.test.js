import assert from 'node:assert/strict';
import test from 'node:test';

import { howOften, plans, rareDay, timing } from '../schedules.js';

const NOW = new Date(2026, 10, 27, 14, 0).getTime();
const job = (rest) => ({ id: 'j', name: 'Report', enabled: true, schedule: { kind: 'every', everyMs: 3_600_000 }, payload: { kind: 'agentTurn', message: 'Write it' }, state: {}, ...rest });
const often = (schedule) => howOften(schedule, 'en-GB');

test('how often something happens is said in words', () => {
  const rule = (expr, tz) => often({ kind: 'cron', expr, tz });
  assert.equal(often({ kind: 'at', at: '2026-12-01T09:00:00Z' }), 'Once');
  assert.equal(often({ kind: 'every', everyMs: 86_400_000 }), 'Every day');
  assert.equal(often({ kind: 'every', everyMs: 5_400_000 }), 'Every 90 minutes');
  assert.equal(often({ kind: 'on-exit', command: 'make' }), 'When something happens');
  assert.equal(rule('0 9 * * *', 'Europe/Berlin'), 'Every day at 09:00 (Europe/Berlin)');
  assert.equal(rule('30 7 * * 1-5', 'UTC'), 'Monday to Friday at 07:30 (UTC)');
  assert.equal(rule('0 9 * * 0,MON', 'UTC'), 'Every Monday and Sunday at 09:00 (UTC)');
  assert.equal(rule('0 9 1 * *'), 'On day 1 of each month, at 09:00 (by the clock of your machine)');
  assert.equal(rule('0 9 28 * *', 'UTC'), 'On day 28 of each month, at 09:00 (UTC)');
  assert.equal(rule('0 9 29 * *', 'UTC'), 'On day 29 of each month that has one, at 09:00 (UTC)');
  assert.equal(rule('*/15 * * * *'), 'Every 15 minutes');
  assert.equal(rule('5 * * * *'), 'Every hour, at minute 5');
});

test('a rule that has no words is shown as it is written', () => {
  for (const expr of ['0 9 * 2 *', '*/7 * * * *', '0 9 1 * 1', '0 0 9 * * *', '99 9 * * *', '0 9 * * MON#2', 'nonsense', '']) {
    assert.equal(often({ kind: 'cron', expr, tz: 'UTC' }), `By the rule ${expr} (UTC)`);
  }
});

test('what comes first stands first, what is paused last, and what the gateway does for itself not at all', () => {
  const at = (id, nextRunAtMs, rest) => job({ id, state: { nextRunAtMs }, ...rest });
  const rows = plans([
    at('late', NOW + 90_000_000), at('never'), at('paused', NOW, { enabled: false }), at('soon', NOW + 3_600_000),
    at('beat', NOW, { declarationKey: 'heartbeat:main', payload: { kind: 'heartbeat' } }), null, {},
  ], NOW, 'en-GB');
  assert.deepEqual(rows.map(({ id, next, isPaused }) => [id, next.replace(/(,| at) 15:00$/, ''), isPaused]), [
    ['soon', 'Today', false], ['late', 'Sat 28 November', false], ['never', '', false], ['paused', '', true],
  ]);
});

test('a plan says what it does and why it did not work, shortened', () => {
  const long = 'x '.repeat(300);
  const [row] = plans([job({ name: '', payload: { message: long }, state: { lastRunStatus: 'error', lastError: 'model\nis away' } })], NOW);
  assert.ok(row.name.length <= 200 && row.does === '');
  assert.equal(row.problem, 'model is away');
  const [other] = plans([job({ state: { runningAtMs: NOW } })], NOW);
  assert.deepEqual([other.name, other.does, other.isRunning, other.problem], ['Report', 'Write it', true, '']);
});

test('a time to come is said as the agent takes it', () => {
  const said = (often, date, time) => timing({ often, date, time }, 'Europe/Berlin', NOW);
  const zone = 'Europe/Berlin';
  assert.deepEqual(said('once', '2026-11-27', '14:01'), { at: NOW + 60_000 });
  assert.deepEqual(said('daily', '', '09:05'), { rule: '5 9 * * *', zone });
  assert.deepEqual(said('workdays', '', '09:00'), { rule: '0 9 * * 1-5', zone });
  assert.deepEqual(said('weekly', '2026-11-29', '21:30'), { rule: '30 21 * * 0', zone });
  assert.deepEqual(said('monthly', '2026-11-30', '00:00'), { rule: '0 0 30 * *', zone });
  for (const [often, date, time] of [['once', '2026-11-27', '14:00'], ['once', '', '15:00'], ['weekly', '', '15:00'], ['daily', '', '']]) {
    assert.equal(said(often, date, time), null);
  }
});

test('a day that not every month has is known before it is planned', () => {
  const rare = (often, date) => rareDay({ often, date });
  assert.deepEqual(['29', '30', '31'].map((day) => rare('monthly', `2026-12-${day}`)), [29, 30, 31]);
  for (const [often, date] of [['monthly', '2026-12-28'], ['monthly', ''], ['weekly', '2026-12-31'], ['once', '2026-12-31']]) {
    assert.equal(rare(often, date), null, `${often} ${date}`);
  }
});
