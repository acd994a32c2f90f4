// Keeps the focus on the page: what has it may be taken away, and then nothing would be left of it.

/** Calls `elsewhere` when what had the focus is gone or hidden, after changes to the page and after dialogs. */
export class FocusKeeper {
  #last = null;
  #elsewhere;

  constructor(elsewhere) {
    this.#elsewhere = elsewhere;
    document.addEventListener('focusin', ({ target }) => (this.#last = target));
    document.addEventListener('close', () => setTimeout(() => this.check()), true);
    document.addEventListener('click', () => setTimeout(() => this.check()));
  }

  check() {
    const { activeElement, body } = document;
    const isLost = !activeElement || activeElement === body;
    if (!isLost || !this.#last || document.querySelector('dialog[open]')) return;
    if (this.#last.isConnected && this.#last.checkVisibility() && !this.#last.disabled) return;
    this.#last = null;
    this.#elsewhere();
  }
}
