import assert from 'node:assert/strict';
import test from 'node:test';

import { delay, LONGEST_MS, SHORTEST_MS } from '../backoff.js';
import { Connection, OPEN_MAX_MS, RECHECK_FIRST_MS, RECHECK_MS, SIGNED_OUT, SUSPENDED_ATTEMPTS, SUSPENDED_WAIT_MS } from '../connection.js';
import { DOUBT_MS, OWED_SILENCE_MS, PROBE_MAX_MS, SILENCE_MS, SLOW_MAX_MS } from '../liveness.js';
import { REACH_MAX_MS } from '../reach.js';
import { Clock, settled } from './clock.js';

class Socket {
  sent = [];
  closed = false;

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  gets(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  challenge() {
    this.gets({ type: 'event', event: 'connect.challenge', payload: { nonce: 'n' } });
  }

  gateway(state, message) {
    this.gets({ type: 'event', event: 'arca.gateway', payload: { state, message } });
  }

  answer(method, frame = { ok: true, payload: {} }) {
    const { id } = this.sent.findLast((request) => request.method === method);
    this.gets({ type: 'res', id, ...frame });
  }
}

/** A started connection, its clock and sockets, and what it has told. `session` is what `/auth/session` says. */
function world({ session = { signed_in: true } } = {}) {
  const told = { states: [], hellos: 0, losses: [], events: [], asked: 0 };
  const sockets = [];
  const clock = new Clock();
  const site = { session, owed: false };
  const connection = new Connection({
    url: 'ws://host/ws',
    sessionUrl: '/auth/session',
    openSocket: () => sockets[sockets.push(new Socket()) - 1],
    fetch: async () => {
      told.asked += 1;
      if (site.session instanceof Error) throw site.session;
      return { ok: true, json: async () => site.session };
    },
    clock,
    random: () => 0,
    isAnswerOwed: () => site.owed,
    onState: (state) => told.states.push(state.doubtful ? 'doubtful' : state.kind),
    onHello: () => (told.hellos += 1),
    onEvent: (name) => told.events.push(name),
    onLost: ({ code }) => told.losses.push(code),
  });
  connection.start();
  return { connection, clock, sockets, told, site, get socket() { return sockets.at(-1); } };
}

async function online(options) {
  const here = world(options);
  here.socket.onopen();
  here.socket.challenge();
  here.socket.answer('connect');
  await settled();
  assert.equal(here.connection.state.kind, 'online');
  return here;
}

test('the wait doubles up to its cap and stays within its spread', () => {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    for (const random of [0, 0.5, 0.999]) {
      const wait = delay(attempt, random);
      assert.ok(wait >= SHORTEST_MS && wait <= LONGEST_MS, `attempt ${attempt}: ${wait} ms`);
    }
  }
  assert.ok(delay(3, 0.5) > delay(1, 0.5));
  assert.equal(delay(1000, 0.999999), LONGEST_MS);
});

test('the greeting carries no secret', async () => {
  const { socket } = await online();
  assert.deepEqual(socket.sent[0], { type: 'req', id: '1', method: 'connect', params: {} });
});

test('a lost network is tried again, and the greeting is repeated', async () => {
  const here = await online({ session: new Error('no network') });
  here.socket.onclose({ code: 1006 });
  await settled();
  assert.equal(here.connection.state.kind, 'reconnecting');
  assert.ok(here.connection.state.retryAt > here.clock.now());
  await here.clock.pass(SHORTEST_MS);
  assert.equal(here.sockets.length, 2);
  here.socket.challenge();
  here.socket.answer('connect');
  await settled();
  assert.equal(here.told.hellos, 2);
});

test('a refused upgrade of somebody signed out ends in signed-out and no further attempt', async () => {
  const here = world({ session: { signed_in: false } });
  here.socket.onclose({ code: 1006 });
  await here.clock.pass(10 * 60_000);
  assert.equal(here.connection.state.kind, 'signed-out');
  assert.equal(here.sockets.length, 1);
  assert.equal(here.told.asked, 1);
});

test('being told to be signed out needs no answer to what else may be wrong', async () => {
  for (const session of [{ signed_in: false, state: 'live' }, new Error('no network')]) {
    const here = await online({ session });
    here.socket.onclose({ code: SIGNED_OUT });
    assert.equal(here.connection.state.kind, 'signed-out');
    await here.clock.pass(10 * 60_000);
    assert.equal(here.connection.state.kind, 'signed-out');
    assert.deepEqual([here.sockets.length, here.told.asked], [1, 1]);
  }
});

test('a workspace that is shut is named, and asked for once a minute without a socket', async () => {
  for (const state of ['suspended', 'locked', 'gone']) {
    for (const code of [1006, SIGNED_OUT]) {
      const here = await online({ session: { signed_in: false, state } });
      here.socket.onclose({ code });
      await settled();
      assert.equal(here.connection.state.kind, state);
      await here.clock.pass(10 * RECHECK_MS);
      assert.deepEqual([here.sockets.length, here.told.asked], [1, 11]);
      assert.equal(here.told.states.filter((kind) => kind === state).length, 1);
    }
  }
});

test('a workspace that was shut comes back by itself, to who is still signed in', async () => {
  for (const [session, kind, sockets] of [
    [{ signed_in: true, state: 'live' }, 'connecting', 2],
    [{ signed_in: false, state: 'live' }, 'signed-out', 1],
    [{ signed_in: false, state: 'locked' }, 'locked', 1],
    [{ signed_in: false, state: 'gone' }, 'gone', 1],
    [new Error('no network'), 'suspended', 1],
  ]) {
    const here = await online({ session: { signed_in: false, state: 'suspended' } });
    here.socket.onclose({ code: 1006 });
    await settled();
    here.site.session = session;
    // So soon the first time: what is being deleted is said to be shut before it is gone.
    await here.clock.pass(RECHECK_FIRST_MS);
    assert.deepEqual([here.connection.state.kind, here.sockets.length], [kind, sockets]);
  }
});

test('looking at the page asks at once whether the workspace is open again', async () => {
  const here = await online({ session: { signed_in: false, state: 'suspended' } });
  here.socket.onclose({ code: 1006 });
  await settled();
  here.site.session = { signed_in: true, state: 'live' };
  await here.connection.wake();
  assert.equal(here.sockets.length, 2);
  await here.clock.pass(OPEN_MAX_MS - 1);
  assert.equal(here.sockets.length, 2, 'the minute is over without another one');
});

test('a workspace that is being prepared is tried again and says so all the while', async () => {
  const here = world({ session: { signed_in: false, state: 'preparing' } });
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    here.socket.onclose({ code: 1006 });
    await settled();
    assert.equal(here.connection.state.kind, 'preparing');
    await here.clock.pass(LONGEST_MS);
    assert.equal(here.connection.state.kind, 'preparing');
    assert.equal(here.sockets.length, attempt + 1);
  }
  assert.ok(!here.told.states.includes('reconnecting'));
  here.socket.challenge();
  here.socket.answer('connect');
  await settled();
  assert.equal(here.connection.state.kind, 'online');
});

test('an answer of a later edge that nobody here understands signs nobody out', async () => {
  const here = await online({ session: { signed_in: false, state: 'moved' } });
  here.socket.onclose({ code: 1006 });
  await settled();
  assert.equal(here.connection.state.kind, 'reconnecting');
});

test('who is cut off and let in again at once is back after a moment', async () => {
  const here = await online();
  here.socket.onclose({ code: SIGNED_OUT });
  await here.clock.pass(SHORTEST_MS);
  assert.equal(here.sockets.length, 2);
});

test('who has signed in again elsewhere is back when looking at the page', async () => {
  const here = await online();
  here.socket.onclose({ code: SIGNED_OUT });
  here.site.session = { signed_in: false };
  await here.connection.wake();
  assert.equal(here.connection.state.kind, 'signed-out');
  here.site.session = { signed_in: true };
  await here.connection.wake();
  assert.equal(here.sockets.length, 2);
});

test('the network coming back ends the wait', async () => {
  const here = await online({ session: new Error('no network') });
  here.socket.onclose({ code: 1006 });
  await settled();
  await here.connection.wake();
  assert.equal(here.sockets.length, 2);
  await here.clock.pass(SHORTEST_MS);
  assert.equal(here.sockets.length, 2);
});

test('a restarting assistant keeps the socket, and greets again when it is back', async () => {
  const here = await online();
  here.socket.gateway('restarting', 'stopped unexpectedly');
  assert.equal(here.connection.state.kind, 'restarting');
  assert.deepEqual(here.told.losses, [null]);
  here.socket.gateway('ready');
  assert.equal(here.connection.state.kind, 'restarting');
  here.socket.challenge();
  here.socket.answer('connect');
  await settled();
  assert.equal(here.connection.state.kind, 'online');
  assert.equal(here.sockets.length, 1);
});

test('a failed assistant is reported with its reason', async () => {
  const here = await online();
  here.socket.gateway('failed', 'no memory left');
  assert.deepEqual(here.connection.state, { kind: 'failed', message: 'no memory left' });
});

test('a greeting that comes too early leaves the assistant starting', async () => {
  const here = world();
  here.socket.challenge();
  here.socket.answer('connect', { ok: false, error: { code: 'UNAVAILABLE', message: 'starting' } });
  await settled();
  assert.equal(here.connection.state.kind, 'starting');
});

test('a request under way when the connection breaks is told so', async () => {
  const here = await online();
  const request = here.connection.request('chat.send', {});
  here.socket.onclose({ code: 1006 });
  await assert.rejects(request, (error) => error.code === 'LOST' && error.uncertain);
});

test('a refusal is passed on with its code', async () => {
  const here = await online();
  const request = here.connection.request('secrets.read');
  here.socket.answer('secrets.read', { ok: false, error: { code: 'FORBIDDEN', message: 'not available here' } });
  await assert.rejects(request, (error) => error.code === 'FORBIDDEN' && !error.uncertain);
});

test('a gateway that takes nothing new for a moment is asked again', async () => {
  const here = await online();
  const closed = { code: 'UNAVAILABLE', message: 'closed', details: { reason: 'gateway-suspending' } };
  const refuse = async () => {
    here.socket.answer('chat.send', { ok: false, error: closed });
    await settled();
  };
  const request = here.connection.request('chat.send', {});
  await refuse();
  await here.clock.pass(SUSPENDED_WAIT_MS);
  here.socket.answer('chat.send', { ok: true, payload: { status: 'started' } });
  assert.deepEqual(await request, { status: 'started' });

  const refused = here.connection.request('chat.send', {});
  const rejection = assert.rejects(refused, (error) => error.unseen && error.uncertain);
  for (let attempt = 1; attempt <= SUSPENDED_ATTEMPTS; attempt += 1) {
    await refuse();
    await here.clock.pass(SUSPENDED_WAIT_MS);
  }
  await rejection;
});

test('nothing is asked while the assistant is away', async () => {
  const here = world();
  await assert.rejects(here.connection.request('chat.send', {}, { waits: false }), { code: 'OFFLINE' });
  here.socket.onopen();
  here.socket.gateway('failed', 'no model');
  await assert.rejects(here.connection.request('cron.list'), { code: 'OFFLINE' });
  assert.deepEqual(here.socket.sent, []);
});

test('the first thing that a person does after a rest is done once the connection is back', async () => {
  const here = await online();
  here.connection.sleep();
  await assert.rejects(here.connection.request('cron.list'), { code: 'OFFLINE' });
  here.connection.wake();
  const asked = here.connection.request('arca.skill.switch', { skill: 'weather', on: false });
  here.socket.onopen();
  here.socket.challenge();
  await settled();
  assert.deepEqual(here.socket.sent.map(({ method }) => method), ['connect']);
  here.socket.answer('connect');
  await settled();
  here.socket.answer('arca.skill.switch', { ok: true, payload: { done: true } });
  assert.deepEqual(await asked, { done: true });
});

test('what waits for a connection that does not come is told so, in its time or at its end', async () => {
  const late = world();
  const waiting = assert.rejects(late.connection.request('cron.list'), { code: 'OFFLINE' });
  await late.clock.pass(REACH_MAX_MS);
  await waiting;

  const out = world({ session: { signed_in: false } });
  const asked = assert.rejects(out.connection.request('cron.list'), { code: 'OFFLINE' });
  out.socket.onclose({ code: SIGNED_OUT });
  await asked;
  assert.equal(out.connection.state.kind, 'signed-out');
});

test('a silent socket is asked for a sign of life and then given up', async () => {
  const here = await online({ session: new Error('no network') });
  await here.clock.pass(SILENCE_MS);
  assert.equal(here.socket.sent.at(-1).method, 'health');
  await here.clock.pass(PROBE_MAX_MS);
  assert.equal(here.sockets[0].closed, true);
  assert.notEqual(here.connection.state.kind, 'online');
});

test('any sign of life keeps a quiet connection', async () => {
  const here = await online();
  await here.clock.pass(SILENCE_MS);
  here.socket.answer('health', { ok: false, error: { code: 'UNAVAILABLE', message: 'later' } });
  await here.clock.pass(PROBE_MAX_MS);
  assert.equal(here.connection.state.kind, 'online');
});

test('a socket that never opens is given up', async () => {
  const here = world({ session: new Error('no network') });
  await here.clock.pass(OPEN_MAX_MS);
  assert.equal(here.sockets[0].closed, true);
  assert.equal(here.connection.state.kind, 'reconnecting');
});

test('what a forsaken socket still says is not heard', async () => {
  const here = await online({ session: new Error('no network') });
  const old = here.socket;
  await here.clock.pass(SILENCE_MS + PROBE_MAX_MS + SHORTEST_MS);
  old.gets({ type: 'event', event: 'chat', payload: {} });
  assert.deepEqual(here.told.events, []);
});

test('a frame that is no JSON is passed over', async () => {
  const here = await online();
  here.socket.onmessage({ data: '{' });
  here.socket.onmessage({ data: 'null' });
  assert.equal(here.connection.state.kind, 'online');
});

test('silence in the middle of an answer is asked about, doubted and given up within seconds', async () => {
  const here = await online();
  here.site.owed = true;
  here.socket.gets({ type: 'event', event: 'chat', payload: {} });
  await here.clock.pass(OWED_SILENCE_MS);
  assert.equal(here.socket.sent.at(-1).method, 'health');
  assert.equal(here.connection.state.doubtful, undefined);
  await here.clock.pass(DOUBT_MS);
  assert.deepEqual(here.connection.state, { kind: 'online', doubtful: true });
  await here.clock.pass(PROBE_MAX_MS - DOUBT_MS);
  assert.equal(here.connection.state.kind, 'reconnecting');
});

test('an answer that goes on ends the doubt', async () => {
  const here = await online();
  here.site.owed = true;
  here.socket.gets({ type: 'event', event: 'chat', payload: {} });
  await here.clock.pass(OWED_SILENCE_MS + DOUBT_MS);
  here.socket.gets({ type: 'event', event: 'chat', payload: {} });
  assert.equal(here.connection.state.doubtful, false);
  assert.equal(here.told.hellos, 1, 'it is the same connection');
  assert.equal(here.sockets.length, 1);
});

test('a request makes silence matter at once', async () => {
  const here = await online();
  await here.clock.pass(OWED_SILENCE_MS + 1);
  here.site.owed = true;
  here.connection.request('chat.send', { message: 'hello' }).catch(() => {});
  await here.clock.pass(1);
  assert.equal(here.socket.sent.at(-1).method, 'health');
});

test('a large history on a slow line is waited for, in doubt, and asked for once', async () => {
  const here = await online();
  here.connection.request('chat.history', {}).catch(() => {});
  await here.clock.pass(SILENCE_MS + 100_000);
  assert.equal(here.connection.state.doubtful, true);
  assert.equal(here.sockets.length, 1);
  here.socket.answer('chat.history');
  assert.equal(here.connection.state.doubtful, false);
  here.connection.request('chat.history', {}).catch(() => {});
  await here.clock.pass(SILENCE_MS + SLOW_MAX_MS + PROBE_MAX_MS);
  assert.equal(here.connection.state.kind, 'reconnecting');
});

test('an upload on a slow line is waited for as well', async () => {
  const here = await online();
  here.socket.bufferedAmount = 1_000_000;
  here.site.owed = true;
  here.connection.request('chat.send', { message: 'x'.repeat(1_000_000) }).catch(() => {});
  await here.clock.pass(100_000);
  assert.equal(here.sockets.length, 1);
});

test('a network that the browser says is gone is doubted at once', async () => {
  const here = await online();
  here.connection.networkLost();
  assert.equal(here.connection.state.doubtful, true);
  here.socket.answer('health');
  assert.equal(here.connection.state.doubtful, false);
});

test('a connection in doubt is made anew when a person asks for it', async () => {
  const here = await online();
  here.connection.networkLost();
  here.connection.wake();
  await here.clock.pass(SHORTEST_MS);
  assert.equal(here.sockets.length, 2);
});

test('a connection that sleeps is closed, silent, and comes back when it is woken', async () => {
  const here = await online();
  here.connection.sleep();
  assert.equal(here.connection.state.kind, 'asleep');
  assert.equal(here.socket.closed, true);
  await here.clock.pass(24 * 3_600_000);
  assert.deepEqual([here.sockets.length, here.told.asked], [1, 0]);
  here.connection.wake();
  assert.equal(here.connection.state.kind, 'connecting');
  here.socket.onopen();
  here.socket.challenge();
  here.socket.answer('connect');
  await settled();
  assert.deepEqual([here.connection.state.kind, here.told.hellos], ['online', 2]);
});

test('a page that sleeps does not try to reconnect', async () => {
  const here = await online();
  here.socket.onclose({ code: 1006 });
  await settled();
  here.connection.sleep();
  await here.clock.pass(3_600_000);
  assert.deepEqual([here.connection.state.kind, here.sockets.length], ['asleep', 1]);
});
