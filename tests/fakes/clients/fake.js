// Starts a fake from the build folder and speaks to its test interface.

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const folder =
  process.env.FAKES_BIN ?? fileURLToPath(new URL('../../../target/debug', import.meta.url));

/** How long a fake may take to open its port, in milliseconds. */
const START_TIMEOUT = 20_000;

/** Runs `name` on a free port until `context` (a node:test context) ends. */
export async function start(context, name, ...options) {
  const child = spawn(`${folder}/${name}`, ['--port', '0', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  context.after(() => child.kill('SIGTERM'));
  return new Fake(await address(child, name));
}

function address(child, name) {
  return new Promise((resolve, reject) => {
    let log = '';
    const timer = setTimeout(() => reject(new Error(`${name} opened no port:\n${log}`)), START_TIMEOUT);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${name} ended with ${code}:\n${log}`)));
    child.stderr.on('data', (data) => {
      log += data;
      const found = log.match(/listening on (http:\/\/[0-9.:]+)/);
      if (found) {
        clearTimeout(timer);
        resolve(found[1]);
      }
    });
  });
}

class Fake {
  constructor(url) {
    this.url = url;
    this.port = Number(new URL(url).port);
  }

  /** Arms one fault. */
  async fault(fault, match = {}, more = {}) {
    await this.post('/_fake/faults', { fault, match, ...more });
  }

  async get(path) {
    return (await fetch(this.url + path)).json();
  }

  async post(path, body) {
    const answer = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  /** What a button of a page does, without following where it leads. */
  press(url, fields) {
    return fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  }
}

/** A server that keeps what it is sent; `statuses` are its first answers. */
export async function sink(context, statuses = []) {
  const received = [];
  const server = createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(pieces) });
      response.writeHead(statuses.shift() ?? 200).end();
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, url: `http://127.0.0.1:${server.address().port}/api/webhook` };
}

/** Resolves with what `look` returns once it is truthy; fails with the last thing seen. */
export async function waitUntil(what, look, timeout = 10_000) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((later) => setTimeout(later, 10));
  }
}
