// Work on what is shown, done by a worker one piece after the other: what is not done stays as it is.

/** A worker that has not finished by then is stuck: it is ended. */
const GIVE_UP_MS = 3_000;

export class Desk {
  #script;
  #options;
  #show;
  #worker = null;
  #waiting = [];
  #current = null;

  /** `show(node, html)` puts in place what the worker at `script` has made of a piece of work. */
  constructor(script, options, show) {
    this.#script = script;
    this.#options = options;
    this.#show = show;
  }

  /** Sends `message` to the worker, about `node`. */
  add(node, message) {
    this.#waiting.push({ node, message });
    this.#next();
  }

  #next() {
    if (this.#current || this.#waiting.length === 0) return;
    const { node, message } = this.#waiting.shift();
    if (!node.isConnected && this.#waiting.length > 0) {
      this.#next();
      return;
    }
    try {
      this.#worker ??= this.#begun();
    } catch {
      // A browser without such workers.
      this.#waiting = [];
      return;
    }
    this.#current = { node, timer: setTimeout(() => this.#giveUp(), GIVE_UP_MS) };
    this.#worker.postMessage(message);
  }

  #begun() {
    const made = new Worker(this.#script, this.#options);
    made.onmessage = ({ data: { html } }) => {
      const { node } = this.#current;
      this.#done();
      if (html !== null) this.#show(node, html);
      this.#next();
    };
    made.onerror = () => this.#giveUp();
    return made;
  }

  #giveUp() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#done();
    this.#next();
  }

  #done() {
    clearTimeout(this.#current?.timer);
    this.#current = null;
  }
}
