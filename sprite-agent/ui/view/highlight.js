// Colours for code, in their own time: a block is shown plain and dressed when its colours have come.

import { grammarOf } from '../grammars.js';
import { renderedCode } from '../markdown.js';

/** Longer code stays plain: nobody reads it for its colours, and it costs a second. */
const CODE_MAX_CHARS = 60_000;
/** A grammar that has not finished by then is stuck: its worker is ended. */
const GIVE_UP_MS = 3_000;

let worker = null;
let waiting = [];
let current = null;

/** Colours the code in `node`, a block of an answer, when it is in a language that is known. */
export function highlight(node) {
  const code = node.querySelector?.(':scope > pre > code, pre > code');
  const grammar = grammarOf(code?.closest('.code')?.dataset.language);
  if (!grammar || code.textContent.length > CODE_MAX_CHARS) return;
  waiting.push({ code, grammar });
  next();
}

function next() {
  if (current || waiting.length === 0) return;
  const [{ code, grammar }, ...others] = waiting;
  waiting = others;
  if (!code.isConnected && others.length > 0) {
    next();
    return;
  }
  try {
    worker ??= begun();
  } catch {
    // A browser without such workers: code stays plain.
    waiting = [];
    return;
  }
  current = { code, timer: setTimeout(giveUp, GIVE_UP_MS) };
  worker.postMessage({ code: code.textContent, grammar });
}

function begun() {
  const made = new Worker('/highlighter.js', { type: 'module' });
  made.onmessage = ({ data: { html } }) => {
    const { code } = current;
    done();
    if (html !== null) code.replaceChildren(renderedCode(html));
    next();
  };
  made.onerror = giveUp;
  return made;
}

function giveUp() {
  worker?.terminate();
  worker = null;
  done();
  next();
}

function done() {
  clearTimeout(current?.timer);
  current = null;
}
