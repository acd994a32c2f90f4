// Names for workspaces: one out of an e-mail address, and whether one is free. Knows no page.

const SHORTEST = 2;
const LONGEST = 32;
const SUGGESTED_MAX = 24;
const NUMBERS = [2, 3, 4, 5, 6, 7, 8, 9];

const ENGLISH = {
  taken: 'This name is taken.',
  length: `A name has ${SHORTEST} to ${LONGEST} characters.`,
  characters: 'A name has only lower-case letters, digits and hyphens.',
  hyphen: 'A name begins and ends with a letter or a digit.',
  punycode: 'A name cannot begin with xn--.',
  free: (address) => `${address} is free.`,
};

const GERMAN = {
  taken: 'Dieser Name ist vergeben.',
  length: `Ein Name hat ${SHORTEST} bis ${LONGEST} Zeichen.`,
  characters: 'Ein Name hat nur Kleinbuchstaben, Ziffern und Bindestriche.',
  hyphen: 'Ein Name beginnt und endet mit einem Buchstaben oder einer Ziffer.',
  punycode: 'Ein Name kann nicht mit xn-- beginnen.',
  free: (address) => `${address} ist frei.`,
};

/** What is said in the language of the page: as the server says it. */
export const words = globalThis.document?.documentElement?.lang === 'de' ? GERMAN : ENGLISH;

/** How long nobody types before the server is asked. */
export const PAUSE_MS = 350;

/** `Ada.Lovelace+arca@example.com` → `ada-lovelace`; empty where nothing can be made of it. */
export function suggestion(email) {
  const at = email.indexOf('@');
  const local = (at < 0 ? email : email.slice(0, at)).split('+')[0];
  const plain = local.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  const name = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+/, '').slice(0, SUGGESTED_MAX).replace(/-+$/, '');
  return fault(name) === '' ? name : '';
}

/** Names to suggest for an address, the likeliest first, numbered as the server does. */
export function suggestions(email) {
  const stem = suggestion(email);
  return stem === '' ? [] : [stem, ...NUMBERS.map((number) => `${stem}-${number}`)];
}

/** As the server will read it. */
export function read(typed) {
  return typed.trim().toLowerCase();
}

/** What is wrong with the form of a name, or nothing. */
export function fault(name) {
  if (name.length < SHORTEST || name.length > LONGEST) return words.length;
  if (/[^a-z0-9-]/.test(name)) return words.characters;
  if (name.startsWith('-') || name.endsWith('-')) return words.hyphen;
  if (name.startsWith('xn--')) return words.punycode;
  return '';
}

/**
 * Checks what is typed, and tells `{verdict, text}` with a verdict of `none`, `asking`, `free`,
 * `refused` or `unknown`.
 *
 * `ask(name)` promises `{available, reason}`. Only the answer to what was typed last counts.
 */
export class NameCheck {
  #ask;
  #tell;
  #clock;
  #timer = null;
  #latest = 0;

  constructor({ ask, tell, clock = globalThis }) {
    this.#ask = ask;
    this.#tell = tell;
    this.#clock = clock;
  }

  typed(text) {
    const name = read(text);
    const turn = ++this.#latest;
    this.#clock.clearTimeout(this.#timer);
    if (name === '') return this.#tell({ verdict: 'none', name, text: '' });
    const wrong = fault(name);
    if (wrong !== '') return this.#tell({ verdict: 'refused', name, text: wrong });
    this.#tell({ verdict: 'asking', name, text: '' });
    this.#timer = this.#clock.setTimeout(() => this.#find(name, turn), PAUSE_MS);
  }

  /** Tells the first of `names` that is free; before that, and where none is, `none`. */
  suggest(names) {
    const turn = ++this.#latest;
    this.#clock.clearTimeout(this.#timer);
    this.#tell({ verdict: 'none', name: '', text: '' });
    if (names.length > 0) this.#timer = this.#clock.setTimeout(() => this.#findFree(names, turn), PAUSE_MS);
  }

  async #find(name, turn) {
    const said = await this.#said(name);
    if (turn === this.#latest) this.#tell({ name, ...said });
  }

  async #findFree(names, turn) {
    for (const name of names) {
      const said = await this.#said(name);
      if (turn !== this.#latest) return;
      if (said.verdict === 'free') return this.#tell({ name, ...said });
      // A number helps only where somebody else has the name: admin-2 is not for customers.
      if (said.text !== words.taken) return;
    }
  }

  #said(name) {
    return this.#ask(name).then(verdict, () => ({ verdict: 'unknown', text: '' }));
  }
}

function verdict({ available, reason }) {
  if (available) return { verdict: 'free', text: '' };
  return { verdict: 'refused', text: reason || words.taken };
}
