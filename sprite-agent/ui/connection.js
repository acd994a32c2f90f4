// The one WebSocket to the assistant: opening, greeting, reconnecting, sleeping.
//
// Knows no DOM and no conversation. Everything outside (socket, fetch, clock,
// chance) comes in, so that the tests drive it by hand.

import { askAccess, isShut } from './access.js';
import { delay } from './backoff.js';
import { Liveness } from './liveness.js';
import { Reach, unreached } from './reach.js';
import { ANSWER_MAX_MS, Requests } from './requests.js';

/** A socket that has not opened after this long is given up. */
export const OPEN_MAX_MS = 15_000;
/** A connection this old was a good one: the next loss starts with the shortest wait again. */
export const STABLE_MS = 5_000;
/** A gateway that takes nothing new, as for a moment before its machine may sleep, is asked again so soon, so often. */
export const SUSPENDED_WAIT_MS = 300;
export const SUSPENDED_ATTEMPTS = 10;
/** How often a page that lost its workspace looks whether it is back. */
export const RECHECK_MS = 60_000;
/** The first look comes so soon: a workspace that is deleted is closed first, as one that is not paid for is. */
export const RECHECK_FIRST_MS = 3_000;

/**
 * The edge took the right to this connection away, and could still say so; in the
 * middle of a message it cannot, and the socket just ends (1006).
 */
export const SIGNED_OUT = 4001;
/** Close codes of the agent. */
export const TOO_BIG = 1009;
const TRY_LATER = 1013;

/**
 * States, as given to `onState({kind, message?, retryAt?, doubtful?})`:
 * `connecting` first attempt · `online`, `doubtful` while nothing is heard ·
 * `reconnecting` lost, `retryAt` (ms since epoch) or trying now · `preparing` the same, of a workspace that is
 * not ready yet · `starting`, `restarting`, `failed` the assistant behind the connection ·
 * `asleep` closed by us, until somebody looks or types · `signed-out` nothing more is tried ·
 * `suspended`, `locked`, `gone` nothing is tried, but asked once a minute.
 */
export class Connection {
  state = { kind: 'connecting' };
  #outside;
  #socket = null;
  #requests;
  #reach;
  #liveness;
  #attempt = 0;
  #greetedAt = null;
  #retryTimer = null;
  #openTimer = null;

  /**
   * `outside`: `url`, `sessionUrl`, `openSocket(url)`, `fetch`, `clock {now, setTimeout, clearTimeout}`,
   * `random()`, `isAnswerOwed()`, and the callbacks `onState(state)`, `onHello(hello)`, `onEvent(name, payload)`,
   * `onLost({code})`.
   */
  constructor(outside) {
    this.#outside = outside;
    this.#requests = new Requests(outside.clock);
    this.#reach = new Reach(outside.clock);
    this.#liveness = new Liveness({
      clock: outside.clock,
      isOwed: () => outside.isAnswerOwed(),
      isSlow: () => this.#requests.areLarge || this.#socket?.bufferedAmount > 0,
      // Any answer is a sign of life, a refusal too.
      ask: () => this.#ask('health', {}).catch(() => {}),
      onDoubt: (doubtful) => this.state.kind === 'online' && this.#become({ kind: 'online', doubtful }),
      onDead: () => this.#drop(),
    });
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
    const mine = (handle) => (event) => this.#socket === socket && handle(event);
    socket.onmessage = mine((event) => this.#heard(event.data));
    socket.onclose = mine((event) => this.#closed(event.code));
    socket.onopen = mine(() => {
      clock.clearTimeout(this.#openTimer);
      this.#liveness.start();
    });
    this.#openTimer = clock.setTimeout(() => this.#drop(), OPEN_MAX_MS);
  }

  /** The network or the visitor is back: tries at once, or checks that the open socket is alive. */
  async wake() {
    if (this.#hasEnded) {
      await this.#lookAgain();
    } else if (!this.#socket) {
      this.start();
    } else if (this.state.kind === 'failed' || this.state.doubtful) {
      this.#drop();
    } else {
      this.#liveness.check(false);
    }
  }

  /** The browser says that its network is gone: believed as far as to ask and to doubt. */
  networkLost() {
    if (this.#socket) this.#liveness.check(true);
  }

  /** Closes the socket, and opens none, until `wake` is called: each attempt would wake the machine as well. */
  sleep() {
    if (this.#hasEnded || this.state.kind === 'asleep') return;
    this.#outside.clock.clearTimeout(this.#retryTimer);
    const socket = this.#leave();
    this.#become({ kind: 'asleep' });
    this.#outside.onLost({ code: null });
    socket?.close(1000);
  }

  /** Bytes that have been given to the socket and have not gone yet. */
  get unsentBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Resolves once the gateway can be asked: at once, or at the greeting of a connection that is being made. Rejects as `request`. */
  async reached() {
    // Another one may have been lost by the time that this one is told.
    while (this.state.kind !== 'online') await this.#reach.wait(this.state.kind);
  }

  /**
   * Asks the gateway, once it is `reached`; resolves with the answer's payload. `waits` is false for what is
   * sent again by itself after a greeting: that is asked now or never.
   *
   * Rejects with `RequestError`; when that is `uncertain`, the gateway may have acted.
   */
  async request(method, params = {}, { waits = true } = {}) {
    const { clock } = this.#outside;
    for (let attempt = 1; ; attempt += 1) {
      if (this.state.kind !== 'online') {
        if (!waits) throw unreached();
        await this.reached();
      }
      try {
        return await this.#ask(method, params);
      } catch (error) {
        if (!error.suspended || attempt === SUSPENDED_ATTEMPTS) throw error;
      }
      await new Promise((resolve) => clock.setTimeout(resolve, SUSPENDED_WAIT_MS));
    }
  }

  #ask(method, params, limit) {
    const asked = this.#requests.ask((text) => this.#socket.send(text), method, params, limit);
    this.#liveness.rearm();
    return asked;
  }

  #heard(text) {
    this.#liveness.heard();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    if (frame?.type === 'res') this.#requests.answered(frame);
    else if (frame?.type === 'event') this.#happened(frame.event, frame.payload ?? {});
  }

  #happened(event, payload) {
    if (event === 'connect.challenge') this.#greet();
    else if (event === 'arca.gateway') this.#gatewayChanged(payload);
    else this.#outside.onEvent(event, payload);
    this.#liveness.rearm();
  }

  async #greet() {
    const socket = this.#socket;
    let hello;
    try {
      hello = await this.#ask('connect', {}, ANSWER_MAX_MS);
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
    this.#outside.onHello(hello);
  }

  #gatewayChanged({ state, message, reason }) {
    // `ready` needs no action: a new challenge follows, and our greeting makes us online.
    if (!['starting', 'restarting', 'failed'].includes(state)) return;
    const wasOnline = this.state.kind === 'online';
    this.#become({ kind: state, message, ...(reason && { reason }) });
    if (wasOnline) this.#outside.onLost({ code: null });
  }

  /** Has no socket any more, and nothing that waits for it; returns the socket that was. */
  #leave() {
    const { clock } = this.#outside;
    const socket = this.#socket;
    clock.clearTimeout(this.#openTimer);
    this.#liveness.stop();
    this.#socket = null;
    if (this.#greetedAt !== null && clock.now() - this.#greetedAt > STABLE_MS) this.#attempt = 0;
    this.#greetedAt = null;
    this.#requests.lost();
    return socket;
  }

  #closed(code) {
    this.#leave();
    this.#outside.onLost({ code });
    if (code === SIGNED_OUT) this.#shutOut();
    else this.#decideRetry(code);
  }

  /** What is shown goes at once; why it had to go is asked afterwards. */
  async #shutOut() {
    this.#become({ kind: 'signed-out' });
    const access = await askAccess(this.#outside);
    if (this.#socket || this.state.kind !== 'signed-out') return;
    if (isShut(access)) this.#shut(access);
    else if (access === 'preparing') this.#retryLater(access);
    // It is open again already. Not at once: it may be taken away as quickly.
    else if (access === 'in') this.#retryLater();
  }

  async #decideRetry(code) {
    this.#becomeTrying();
    const { kind } = this.state;
    // A refused upgrade and a cut cable look alike here (1006): only the edge knows which.
    const access = code === TRY_LATER ? 'in' : await askAccess(this.#outside);
    if (this.#socket || this.state.kind !== kind) return;
    if (access === 'out') this.#become({ kind: 'signed-out' });
    else if (isShut(access)) this.#shut(access);
    else this.#retryLater(access === 'preparing' ? access : 'reconnecting');
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
    const isNews = this.state.kind !== kind;
    if (isNews) this.#become({ kind });
    clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = clock.setTimeout(() => this.#lookAgain(), isNews ? RECHECK_FIRST_MS : RECHECK_MS);
  }

  /** Somebody may have signed in elsewhere, or the workspace be open again. */
  async #lookAgain() {
    const { kind } = this.state;
    const access = await askAccess(this.#outside);
    if (this.state.kind !== kind) return;
    if (isShut(access)) this.#shut(access);
    else if (access === 'in' || access === 'preparing') this.#startAfresh();
    else if (access === 'unknown' && isShut(kind)) this.#shut(kind);
    else if (access === 'out' && isShut(kind)) this.#become({ kind: 'signed-out' });
  }

  #startAfresh() {
    this.#attempt = 0;
    this.#become({ kind: 'connecting' });
    this.start();
  }

  /** Under way again; what is being prepared stays so until something else is known. */
  #becomeTrying() {
    const { kind } = this.state;
    if (kind === 'asleep') this.#become({ kind: 'connecting' });
    else if (kind !== 'connecting') this.#become({ kind: kind === 'preparing' ? kind : 'reconnecting' });
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
    this.#reach.became(this.state.kind);
  }
}
