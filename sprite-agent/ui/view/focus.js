// Keeps the focus on the page: what has it may be taken away, and then nothing would be left of it.

/**
 * Does `work` with `buttons` switched off; pressed meanwhile, they do nothing. They are not `disabled`: what is loses the
 * focus, and nothing has it then.
 */
export async function whileOff(buttons, work) {
  if (buttons.some((button) => button.ariaDisabled === 'true')) return;
  buttons.forEach((button) => button.setAttribute('aria-disabled', 'true'));
  try {
    await work();
  } finally {
    buttons.forEach((button) => button.removeAttribute('aria-disabled'));
  }
}

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
