// The one WebSocket to the assistant: opening, greeting, requests, liveness, reconnecting.
//
// Knows no DOM and no conversation. Everything outside (socket, fetch, clock,
// chance) comes in, so that the tests drive it by hand.

import { delay } from './backoff.js';

/** A socket that has not opened after this long is given up. */
export const OPEN_MAX_MS = 15_000;
/** An answer that has not come after this long counts as lost. Gateways under load take seconds. */
export const ANSWER_MAX_MS = 30_000;
/** Silence after which we ask for a sign of life: the gateway ticks every 30 s. */
export const SILENCE_MS = 45_000;
/** How long a sign of life may take. */
export const PROBE_MAX_MS = 8_000;
/** A connection this old was a good one: the next loss starts with the shortest wait again. */
export const STABLE_MS = 5_000;
/** How long the question "am I still signed in?" may take. */
export const SESSION_MAX_MS = 5_000;
/** How often a page that lost its workspace looks whether it is back. */
export const RECHECK_MS = 60_000;
/** Requests under way at once; a page needs a handful. */
const PENDING_MAX = 64;

/**
 * The edge took the right to this connection away, and could still say so; in the
 * middle of a message it cannot, and the socket just ends (1006).
 */
export const SIGNED_OUT = 4001;
/** Close codes of the agent. */
export const TOO_BIG = 1009;
const TRY_LATER = 1013;

/** What `/auth/session` says of a workspace that nobody gets into, signed in or not. */
const SHUT = ['suspended', 'locked', 'gone'];

/** Whether a state is one of a workspace that nobody gets into. */
export const isShut = (kind) => SHUT.includes(kind);

/** Why a request has no good answer. `code` is the gateway's, or `LOST`, `TIMEOUT`, `OFFLINE`. */
export class RequestError extends Error {
  constructor(code, message, details = null) {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** Whether the request may have been carried out all the same, or can be later. */
  get uncertain() {
    return ['LOST', 'TIMEOUT', 'OFFLINE', 'UNAVAILABLE'].includes(this.code);
  }
}

/** What the answer of `/auth/session` means for this page. */
function verdict({ signed_in: signedIn, state = 'live' }) {
  if (signedIn) return 'in';
  if (state === 'live') return 'out';
  return state === 'preparing' || isShut(state) ? state : 'unknown';
}

/**
 * States, as given to `onState({kind, message?, retryAt?})`:
 * `connecting` first attempt · `online` · `reconnecting` lost, `retryAt` (ms since epoch) or trying now ·
 * `preparing` the same, of a workspace that is not ready yet ·
 * `starting`, `restarting`, `failed` the assistant behind the connection · `signed-out` nothing more is tried ·
 * `suspended`, `locked`, `gone` nothing is tried, but asked once a minute.
 */
export class Connection {
  state = { kind: 'connecting' };
  #outside;
  #socket = null;
  #pending = new Map();
  #lastId = 0;
  #attempt = 0;
  #heardAt = 0;
  #greetedAt = null;
  #retryTimer = null;
  #watchTimer = null;

  /**
   * `outside`: `url`, `sessionUrl`, `openSocket(url)`, `fetch`, `clock {now, setTimeout, clearTimeout}`,
   * `random()`, and the callbacks `onState(state)`, `onHello()`, `onEvent(name, payload)`, `onLost({code})`.
   */
  constructor(outside) {
    this.#outside = outside;
  }

  /** Opens the connection. Calling it while one is open or opening changes nothing. */
  start() {
    if (this.#socket) return;
    const { clock } = this.#outside;
    clock.clearTimeout(this.#retryTimer);
    this.#becomeTrying();
    let socket;
    try {
      socket = this.#outside.openSocket(this.#outside.url);
    } catch {
      this.#retryLater();
      return;
    }
    this.#socket = socket;
    this.#heardAt = clock.now();
    const mine = (handle) => (event) => this.#socket === socket && handle(event);
    socket.onmessage = mine((event) => this.#heard(event.data));
    socket.onclose = mine((event) => this.#closed(event.code));
    socket.onopen = mine(() => this.#watch(SILENCE_MS));
    this.#watchTimer = clock.setTimeout(() => this.#drop(), OPEN_MAX_MS);
  }

  /** The network or the visitor is back: tries at once, or checks that the open socket is alive. */
  async wake() {
    if (this.#hasEnded) {
      await this.#lookAgain();
    } else if (!this.#socket) {
      this.start();
    } else if (this.state.kind === 'failed') {
      this.#drop();
    } else if (this.#outside.clock.now() - this.#heardAt > PROBE_MAX_MS) {
      this.#probe();
    }
  }

  /**
   * Asks the gateway; resolves with the answer's payload.
   *
   * Rejects with `RequestError`; when that is `uncertain`, the gateway may have acted.
   */
  request(method, params = {}) {
    if (this.state.kind !== 'online') {
      return Promise.reject(new RequestError('OFFLINE', 'not connected to the assistant'));
    }
    return this.#ask(method, params, ANSWER_MAX_MS);
  }

  #ask(method, params, limit) {
    if (this.#pending.size >= PENDING_MAX) {
      return Promise.reject(new RequestError('BUSY', 'too many requests are waiting'));
    }
    const { clock } = this.#outside;
    const id = String(++this.#lastId);
    return new Promise((resolve, reject) => {
      const timer = clock.setTimeout(() => {
        this.#pending.delete(id);
        reject(new RequestError('TIMEOUT', `the assistant did not answer ${method} in time`));
      }, limit);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ type: 'req', id, method, params }));
    });
  }

  #heard(text) {
    this.#heardAt = this.#outside.clock.now();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    if (frame?.type === 'res') this.#answered(frame);
    else if (frame?.type === 'event') this.#happened(frame.event, frame.payload ?? {});
  }

  #answered(frame) {
    const waiting = this.#pending.get(frame.id);
    if (!waiting) return;
    this.#pending.delete(frame.id);
    this.#outside.clock.clearTimeout(waiting.timer);
    if (frame.ok) waiting.resolve(frame.payload ?? {});
    else {
      const { code = 'ERROR', message = 'the assistant refused', details = null } = frame.error ?? {};
      waiting.reject(new RequestError(code, message, details));
    }
  }

  #happened(event, payload) {
    if (event === 'connect.challenge') this.#greet();
    else if (event === 'arca.gateway') this.#gatewayChanged(payload);
    else this.#outside.onEvent(event, payload);
  }

  async #greet() {
    const socket = this.#socket;
    try {
      await this.#ask('connect', {}, ANSWER_MAX_MS);
    } catch (error) {
      if (this.#socket !== socket) return;
      if (error.code === 'TIMEOUT') this.#drop();
      else if (error.code === 'UNAVAILABLE') this.#become({ kind: 'starting' });
      else this.#become({ kind: 'failed', message: error.message });
      return;
    }
    if (this.#socket !== socket) return;
    this.#greetedAt = this.#outside.clock.now();
    this.#become({ kind: 'online' });
    this.#outside.onHello();
  }

  #gatewayChanged({ state, message }) {
    // `ready` needs no action: a new challenge follows, and our greeting makes us online.
    if (!['starting', 'restarting', 'failed'].includes(state)) return;
    const wasOnline = this.state.kind === 'online';
    this.#become({ kind: state, message });
    if (wasOnline) this.#outside.onLost({ code: null });
  }

  #closed(code) {
    const { clock } = this.#outside;
    clock.clearTimeout(this.#watchTimer);
    this.#socket = null;
    if (this.#greetedAt !== null && clock.now() - this.#greetedAt > STABLE_MS) this.#attempt = 0;
    this.#greetedAt = null;
    for (const { reject, timer } of this.#pending.values()) {
      clock.clearTimeout(timer);
      reject(new RequestError('LOST', 'the connection was lost'));
    }
    this.#pending.clear();
    this.#outside.onLost({ code });
    if (code === SIGNED_OUT) this.#shutOut();
    else this.#decideRetry(code);
  }

  /** What is shown goes at once; why it had to go is asked afterwards. */
  async #shutOut() {
    this.#become({ kind: 'signed-out' });
    const session = await this.#askSession();
    if (this.#socket || this.state.kind !== 'signed-out') return;
    if (isShut(session)) this.#shut(session);
    else if (session === 'preparing') this.#retryLater(session);
    // It is open again already. Not at once: it may be taken away as quickly.
    else if (session === 'in') this.#retryLater();
  }

  async #decideRetry(code) {
    this.#becomeTrying();
    const { kind } = this.state;
    // A refused upgrade and a cut cable look alike here (1006): only the edge knows which.
    const session = code === TRY_LATER ? 'in' : await this.#askSession();
    if (this.#socket || this.state.kind !== kind) return;
    if (session === 'out') this.#become({ kind: 'signed-out' });
    else if (isShut(session)) this.#shut(session);
    else this.#retryLater(session === 'preparing' ? session : 'reconnecting');
  }

  #retryLater(kind = 'reconnecting') {
    const { clock, random } = this.#outside;
    const wait = delay(this.#attempt++, random());
    this.#become({ kind, retryAt: clock.now() + wait });
    clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = clock.setTimeout(() => this.start(), wait);
  }

  get #hasEnded() {
    return this.state.kind === 'signed-out' || isShut(this.state.kind);
  }

  #shut(kind) {
    const { clock } = this.#outside;
    if (this.state.kind !== kind) this.#become({ kind });
    clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = clock.setTimeout(() => this.#lookAgain(), RECHECK_MS);
  }

  /** Somebody may have signed in elsewhere, or the workspace be open again. */
  async #lookAgain() {
    const { kind } = this.state;
    const session = await this.#askSession();
    if (this.state.kind !== kind) return;
    if (isShut(session)) this.#shut(session);
    else if (session === 'in' || session === 'preparing') this.#startAfresh();
    else if (session === 'unknown' && isShut(kind)) this.#shut(kind);
    else if (session === 'out' && isShut(kind)) this.#become({ kind: 'signed-out' });
  }

  #startAfresh() {
    this.#attempt = 0;
    this.#become({ kind: 'connecting' });
    this.start();
  }

  /** Under way again; what is being prepared stays so until something else is known. */
  #becomeTrying() {
    const { kind } = this.state;
    if (kind !== 'connecting') this.#become({ kind: kind === 'preparing' ? kind : 'reconnecting' });
  }

  /**
   * `in`, `out`, `preparing`, `suspended`, `locked`, `gone`, or `unknown` when nobody
   * answered: only a clear "no" signs out.
   */
  async #askSession() {
    const { fetch, sessionUrl, clock } = this.#outside;
    const limit = new AbortController();
    const timer = clock.setTimeout(() => limit.abort(), SESSION_MAX_MS);
    try {
      const answer = await fetch(sessionUrl, { cache: 'no-store', signal: limit.signal });
      if (!answer.ok) return 'unknown';
      return verdict(await answer.json());
    } catch {
      return 'unknown';
    } finally {
      clock.clearTimeout(timer);
    }
  }

  #watch(wait) {
    const { clock } = this.#outside;
    clock.clearTimeout(this.#watchTimer);
    this.#watchTimer = clock.setTimeout(() => {
      const silence = clock.now() - this.#heardAt;
      if (silence < SILENCE_MS) this.#watch(SILENCE_MS - silence);
      else this.#probe();
    }, wait);
  }

  /** Any answer is a sign of life, a refusal too: only silence means that the socket is dead. */
  async #probe() {
    const socket = this.#socket;
    const askedAt = this.#heardAt;
    this.#ask('health', {}, PROBE_MAX_MS).catch(() => {});
    const { clock } = this.#outside;
    clock.clearTimeout(this.#watchTimer);
    this.#watchTimer = clock.setTimeout(() => {
      if (this.#socket !== socket) return;
      if (this.#heardAt === askedAt) this.#drop();
      else this.#watch(SILENCE_MS);
    }, PROBE_MAX_MS);
  }

  /** Gives the socket up without waiting for a closing handshake that may never come. */
  #drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#closed(1006);
    socket.close();
  }

  #become(state) {
    this.state = state;
    this.#outside.onState(state);
  }
}
