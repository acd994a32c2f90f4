// @fly/sprites against the fake; started by ./run.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';

import { APIError, ExecError, SpritesClient } from '@fly/sprites';

import { start, waitUntil } from '../fake.js';

const TOKEN = 'sim/1/2/secret';
const QUICK = ['--create', '0', '--exec', '0', '--wake-cold', '0', '--wake-warm', '0'];

const state = process.env.SPRITES_STATE;
let fake;
let client;
let sprite;
let end;

before(async () => {
  const context = { after: (ending) => (end = ending) };
  fake = await start(context, 'fake-sprites', '--token', TOKEN, '--state', `${state}/js`, ...QUICK);
  client = new SpritesClient(TOKEN, { baseURL: fake.url });
  sprite = await client.createSprite('dev-1', {
    urlSettings: { auth: 'public' },
    labels: ['x'],
    waitForCapacity: true,
    environment: { FooBar: '1' },
  });
});

after(() => end());

async function all(stream) {
  const events = [];
  await stream.processAll((event) => void events.push(event));
  return events;
}

test('a sprite is created, shown, listed page by page, changed', async () => {
  assert.equal(sprite.status, 'cold');
  assert.deepEqual(sprite.labels, ['x']);
  for (const name of ['page-1', 'page-2', 'page-3']) await client.createSprite(name);
  const page = await client.listSprites({ prefix: 'page-', maxResults: 2 });
  assert.equal(page.hasMore, true);
  assert.equal((await client.listAllSprites('page-')).length, 3);
  await sprite.updateURLSettings({ auth: 'sprite' });
  const changed = await client.getSprite('dev-1');
  assert.equal(changed.urlSettings.auth, 'sprite');
  await changed.update({ urlSettings: { auth: 'public' }, labels: ['y'] });
  assert.deepEqual((await client.getSprite('dev-1')).labels, ['y']);
  assert.equal((await sprite.check()).status, 'healthy');
});

test('commands: output, exit code, environment, directory, input, signals', async () => {
  const said = await sprite.execFile('sh', ['-c', 'echo out; echo err >&2; echo $FooBar']);
  assert.deepEqual([said.stdout, said.stderr], ['out\n1\n', 'err\n']);
  const failed = await sprite.execFile('sh', ['-c', 'exit 7']).catch((error) => error);
  assert.ok(failed instanceof ExecError);
  assert.equal(failed.exitCode, 7);
  const options = { env: { A: 'b=c d&e' }, cwd: '/tmp' };
  const moved = await sprite.execFile('/bin/sh', ['-c', 'pwd; echo "$A"; echo "$HOME"'], options);
  assert.equal(moved.stdout, '/tmp\nb=c d&e\n\n');
  const missing = await sprite.execFile('no-such-program').catch((error) => error);
  assert.equal(missing.exitCode, 127);

  const cat = sprite.spawn('cat');
  await once(cat, 'spawn');
  cat.stdin.end('piped');
  let piped = '';
  cat.stdout.on('data', (data) => (piped += data));
  assert.equal(await cat.wait(), 0);
  assert.equal(piped, 'piped');

  const sleep = sprite.spawn('sleep', ['600']);
  await once(sleep, 'spawn');
  sleep.kill('SIGTERM');
  assert.equal(await sleep.wait(), 143);
});

test('commands over plain HTTP', async () => {
  // The client takes what one read returns for one frame: on a busy machine
  // two come in one, and it gives up.
  const attempt = (script, options) => () =>
    sprite
      .execFileHTTP('sh', ['-c', script], options)
      .catch((error) => (error instanceof ExecError ? error : undefined));
  const said = await waitUntil('cat answers', attempt('cat', { input: 'piped' }));
  assert.deepEqual([said.stdout, said.exitCode], ['piped', 0]);
  const failed = await waitUntil('sh fails', attempt('echo err >&2; exit 9'));
  assert.deepEqual([failed.stderr, failed.exitCode], ['err\n', 9]);
});

test('sessions are listed and killed', async () => {
  const command = sprite.spawn('sleep', ['600']);
  await once(command, 'spawn');
  const [session] = await sprite.listSessions();
  assert.match(session.command, /sleep 600$/);
  const events = await all(await sprite.killSession(session.id, 'SIGKILL', '5s'));
  assert.equal(events.at(-1).exitCode, 137);
  assert.equal(await command.wait(), 137);
});

test('files', async () => {
  const files = sprite.filesystem('/srv');
  await files.writeFile('deep/a b.sh', '#!/bin/sh\necho run\n', { mode: 0o755 });
  assert.equal((await sprite.execFile('/srv/deep/a b.sh')).stdout, 'run\n');
  assert.equal((await files.stat('deep/a b.sh')).mode, 0o755);
  await files.mkdir('empty');
  assert.deepEqual(await files.readdir('empty'), []);
  assert.deepEqual(await files.readdir('.'), ['deep', 'empty']);
  await files.rename('deep/a b.sh', 'b.sh');
  await files.copyFile('b.sh', 'c.sh');
  await files.chmod('c.sh', 0o600);
  await files.chown('c.sh', { uid: 0 });
  await files.appendFile('c.sh', 'more\n');
  assert.match(await files.readFile('c.sh', 'utf8'), /more\n$/);
  assert.equal(await files.exists('nothing'), false);
  const missing = await files.readFile('nothing').catch((error) => error);
  assert.equal(missing.code, 'ENOENT');
  await files.rm('deep', { recursive: true });
  await files.writeJSON('x.json', { a: [1] });
  assert.deepEqual(await files.readJSON('x.json'), { a: [1] });
});

test('services, in all their calls', async () => {
  const config = { cmd: 'python3', args: ['-m', 'http.server', '8080'], dir: '/srv', httpPort: 8080 };
  const started = await all(await sprite.createService('web', config, '500ms'));
  assert.deepEqual([started[0].type, started.at(-1).type], ['started', 'complete']);
  assert.equal(started.at(-1).logFiles.combined, '/.sprite/logs/services/web.log');
  assert.equal((await sprite.getService('web')).httpPort, 8080);
  await assert.rejects(sprite.createService('web', { cmd: 'sleep', args: ['1'] }), /conflict/i);
  await assert.rejects(sprite.createService('two', { cmd: 'sleep', httpPort: 1 }), /HTTP port/);
  await waitUntil('its URL answers', async () => (await fetch(sprite.url)).ok);
  await sprite.signalService('web', 'KILL');
  await waitUntil('it is restarted', async () => {
    const { state } = await sprite.getService('web');
    return state.restartCount === 1 && state.status === 'running';
  });
  await all(await sprite.restartService('web', '100ms'));
  const stopped = await all(await sprite.stopService('web', '5s'));
  assert.deepEqual(stopped.map((event) => event.type), ['stopping', 'stopped', 'complete']);
  await assert.rejects(sprite.stopService('web'), /not running/i);
  await all(await sprite.startService('web', '100ms'));
  assert.equal((await all(await sprite.getServiceLogs('web', { lines: 3 }))).at(-1).type, 'complete');
  assert.equal((await sprite.listServices()).length, 1);
  await sprite.deleteService('web');
  await assert.rejects(sprite.getService('web'), /not found/i);
});

test('checkpoints', async () => {
  const files = sprite.filesystem('/home/sprite');
  await files.writeFile('base', 'base');
  const made = await all(await sprite.createCheckpoint('clean'));
  assert.equal(made.at(-1).type, 'complete');
  const row = (await sprite.listCheckpoints()).find((one) => one.comment === 'clean');
  assert.equal((await sprite.getCheckpoint(row.id)).comment, 'clean');
  await files.writeFile('later', 'later');
  const restored = await all(await sprite.restoreCheckpoint(row.id));
  assert.equal(restored.at(-1).type, 'complete');
  assert.deepEqual([await files.exists('base'), await files.exists('later')], [true, false]);
  const failed = await all(await sprite.restoreCheckpoint('v99'));
  assert.equal(failed.at(-1).type, 'error');
});

test('policies', async () => {
  const rules = [{ include: 'defaults' }, { domain: '*', action: 'deny' }];
  await sprite.updateNetworkPolicy({ rules });
  assert.deepEqual((await sprite.getNetworkPolicy()).rules, rules);
  await assert.rejects(sprite.updateNetworkPolicy({ rules: [{ domain: 'a' }] }), /Invalid policy/);
  await sprite.updatePrivilegesPolicy({ profile: 'minimal' });
  assert.equal((await sprite.getPrivilegesPolicy()).profile, 'minimal');
  await sprite.deletePrivilegesPolicy();
  await sprite.updateResourcesPolicy({ memory: { limitMB: 512 } });
  assert.equal((await sprite.getResourcesPolicy()).memory.limitMB, 512);
});

test('a port of the sprite through the proxy', async () => {
  await sprite.filesystem('/srv').writeFile('index.html', 'hello');
  const server = sprite.spawn('python3', ['-m', 'http.server', '8765'], { cwd: '/srv' });
  const proxy = await sprite.proxyPort(0, 8765);
  const port = proxy.server.address().port;
  const answer = () =>
    new Promise((resolve) => {
      let page = '';
      const socket = connect(port, 'localhost', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
      socket.on('data', (data) => (page += data));
      socket.on('error', () => resolve(''));
      socket.on('close', () => resolve(page));
    });
  await waitUntil('the page comes', async () => (await answer()).endsWith('hello'));
  proxy.close();
  server.kill('SIGKILL');
  await server.wait();
});

test('refusals are told apart', async () => {
  const exists = await client.createSprite('dev-1').catch((error) => error);
  assert.equal(exists.statusCode, 409);
  const unknown = await client.getSprite('nobody').catch((error) => error);
  assert.deepEqual([unknown.statusCode, unknown.errorCode], [404, 'sprite not found']);
  const stranger = new SpritesClient('wrong', { baseURL: fake.url });
  const refused = await stranger.getSprite('dev-1').catch((error) => error);
  assert.deepEqual([refused.statusCode, refused.errorCode], [401, 'authentication failed']);
  await fake.fault('status:429', { method: 'POST', path: '/v1/sprites' });
  const limited = await client.createSprite('more').catch((error) => error);
  assert.ok(limited instanceof APIError && limited.isCreationRateLimited());
  assert.equal(limited.getRetryAfterSeconds(), 1);
});

test('a deleted sprite is gone', async () => {
  await sprite.delete();
  await assert.rejects(client.getSprite('dev-1'), /not found/);
});
