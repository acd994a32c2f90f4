// Where the visitor writes. Keeps a draft per conversation; sends only when something can take it.

const encoder = new TextEncoder();

/** Lines shown before the field scrolls. */
const LINES_MAX = 10;

export class Composer {
  #form = document.getElementById('composer-form');
  #field = document.getElementById('composer');
  #send = document.getElementById('send');
  #stop = document.getElementById('stop');
  #hint = document.getElementById('composer-hint');
  #memory;
  #actions;
  #key = null;
  #obstacle = 'offline';
  #bytesMax = Infinity;

  /** `actions`: `send(text)` → whether it was taken, `stop()`, `enterSends()`. */
  constructor(memory, actions) {
    this.#memory = memory;
    this.#actions = actions;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener('keydown', (event) => this.#pressed(event));
    this.#field.addEventListener('input', () => this.#edited());
    this.#stop.addEventListener('click', () => {
      this.#actions.stop();
      this.#field.focus();
    });
  }

  /** Shows the draft of `key`, and whether something can be sent: `obstacle` is `null`, `busy` or `offline`. */
  update(key, obstacle, bytesMax) {
    this.#obstacle = obstacle;
    this.#bytesMax = bytesMax ?? Infinity;
    if (key !== this.#key) {
      this.#key = key;
      this.#field.value = this.#memory.draft(key);
      this.#grow();
    }
    this.#show();
  }

  focus() {
    this.#field.focus();
  }

  suggest(text) {
    this.#field.value = text;
    this.#edited();
    this.focus();
    this.#field.setSelectionRange(text.length, text.length);
  }

  #pressed(event) {
    if (event.key !== 'Enter' || event.isComposing) return;
    const withModifier = event.ctrlKey || event.metaKey;
    const sends = withModifier || (this.#actions.enterSends() && !event.shiftKey && !event.altKey);
    if (!sends) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    const text = this.#field.value;
    if (this.#obstacle || this.#isTooLong() || !this.#actions.send(text)) return;
    this.#field.value = '';
    this.#edited();
    this.focus();
  }

  #edited() {
    this.#memory.keepDraft(this.#key, this.#field.value);
    this.#grow();
    this.#show();
  }

  #isTooLong() {
    const { value } = this.#field;
    return value.length * 3 > this.#bytesMax && encoder.encode(value).length > this.#bytesMax;
  }

  #show() {
    const busy = this.#obstacle === 'busy';
    const tooLong = this.#isTooLong();
    this.#stop.hidden = !busy;
    this.#send.hidden = busy;
    this.#send.disabled = this.#obstacle !== null || tooLong || this.#field.value.trim() === '';
    const hint = tooLong ? 'This message is too long for your assistant. Please shorten it.' : '';
    if (this.#hint.textContent !== hint) this.#hint.textContent = hint;
  }

  #grow() {
    const { style } = this.#field;
    style.height = 'auto';
    const line = parseFloat(getComputedStyle(this.#field).lineHeight) || 24;
    const padding = 24;
    style.height = `${Math.min(this.#field.scrollHeight, line * LINES_MAX + padding)}px`;
  }
}
