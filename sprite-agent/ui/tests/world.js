// A workspace with a gateway that answers as it is told.

import { SIGNED_OUT } from '../connection.js';
import { Memory } from '../memory.js';
import { Workspace } from '../workspace.js';
import { Clock, settled } from './clock.js';
import { KEY } from './run.js';

export class Storage {
  items = {};
  getItem = (name) => this.items[name] ?? null;
  setItem = (name, value) => (this.items[name] = value);
  clear = () => (this.items = {});
}

/** Answers requests out of `answers` (by method; a function is called with the params), and keeps them. */
class Gateway {
  asked = [];
  answers = { 'chat.history': {}, 'sessions.list': { sessions: [] }, 'skills.status': { skills: [] } };

  async request(method, params) {
    this.asked.push({ method, params });
    const answer = this.answers[method];
    const value = typeof answer === 'function' ? await answer(params) : answer;
    if (value instanceof Error) throw value;
    return value ?? {};
  }

  async reached() {}

  sent() {
    return this.asked.filter(({ method }) => method === 'chat.send').map(({ params }) => params.idempotencyKey);
  }
}

/** A workspace that is connected and shows `KEY`; `memory` is what its browser remembers. */
export async function world(memory = new Memory(new Storage())) {
  const gateway = new Gateway();
  const clock = new Clock();
  let keys = 0;
  const workspace = new Workspace({ memory, clock, newId: () => `r${++keys}`, onChange: () => here.changed?.(), onLate: () => (here.late += 1) });
  workspace.use(gateway);
  const callbacks = workspace.callbacks();
  const here = {
    workspace, gateway, memory, clock,
    late: 0,
    connect: async (hello = { server: { boot: 'one' } }) => {
      callbacks.onState({ kind: 'online' });
      callbacks.onHello(hello);
      await settled();
    },
    lose: async (code = 1006, kind = 'reconnecting') => {
      callbacks.onState({ kind });
      callbacks.onLost({ code });
      await settled();
    },
    end: (kind) => {
      callbacks.onLost({ code: SIGNED_OUT });
      callbacks.onState({ kind });
    },
    hear: ({ payload }) => callbacks.onEvent('chat', payload),
    event: (name, payload) => callbacks.onEvent(name, payload),
    texts: () => workspace.thread.messages.map(({ text }) => text),
  };
  workspace.open(KEY);
  await here.connect();
  return here;
}

/** A list of conversations with these rows, that nobody renames or deletes. */
export const listed = (rows) => ({ rows, isRemoving: () => false, name: () => undefined });
