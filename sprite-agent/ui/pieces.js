// A text in blocks, each small enough to be parsed and shown without holding the page up. Pure.
//
// Parsing is quadratic in some inputs, and recursive in others. What somebody made the assistant write
// must not freeze the page: no more than a piece is parsed at once, and a block that is longer than that
// shows its beginning, and the rest when it is asked for.

import { lexed } from './markdown.js';

/** Characters that are parsed at once: some screens full. */
export const PIECE_CHARS = 16_384;
/**
 * Signs that Markdown may begin something with, and ends of lines, in what is parsed at once. Time grows with their
 * square: at the worst known input a thousand take some 20 ms to parse and show. A piece of prose has half as many.
 */
const SIGNS_MAX = 1_000;
/** Characters of one piece of code; that is not parsed, only laid out. */
export const CODE_CHARS = 131_072;

const SIGNS = new Set([...'\n!$)*+-.<>@[_`~'].map((sign) => sign.charCodeAt(0)));
const FENCE = /^ {0,3}(`{3,}|~{3,})[^\n]*(\n|$)/;

/**
 * The blocks of `text`: tokens of the parser, the last of which may still grow. One that is too long says with
 * `hidden` how many of its characters are not in it. Text after the first `pieces` is left for the next call.
 * `links` are definitions that stand elsewhere.
 */
export function blocksOf(text, pieces = Infinity, links = {}) {
  const blocks = [];
  let rest = text;
  for (let end = pieceEnd(rest); end < rest.length; end = pieceEnd(rest)) {
    if (pieces-- === 0) return Object.assign(blocks, { links });
    const head = lexed(rest.slice(0, end), links);
    // The last one may be cut in two: it is looked at again.
    const whole = head.slice(0, head.findLastIndex(({ type }) => type !== 'space'));
    const taken = whole.reduce((sum, { raw }) => sum + raw.length, 0);
    if (taken > 0) {
      blocks.push(...whole);
      rest = rest.slice(taken);
      continue;
    }
    const block = shortenedBlock(rest, head, end, links);
    blocks.push(block);
    rest = rest.slice(block.raw.length);
  }
  const last = lexed(rest, links);
  return Object.assign([...blocks, ...last], { links: last.links });
}

/** Where the piece of `text` ends that begins at `from`. */
function pieceEnd(text, from = 0) {
  const limit = Math.min(text.length, from + PIECE_CHARS);
  let signs = 0;
  for (let at = from; at < limit; at += 1) {
    if (SIGNS.has(text.charCodeAt(at)) && ++signs > SIGNS_MAX) return at;
  }
  return limit;
}

/** The one block that `text` begins with, which is longer than its first piece; that ends at `end`. */
function shortenedBlock(text, head, end, links) {
  const fence = FENCE.exec(text);
  if (fence) {
    const close = new RegExp(`^ {0,3}\\${fence[1][0]}{${fence[1].length},}[ \\t]*$`, 'm').exec(text.slice(fence[0].length));
    const raw = close ? text.slice(0, fence[0].length + close.index + close[0].length) : text;
    const inner = text.slice(fence[0].length, close ? fence[0].length + close.index : text.length).replace(/\n$/, '');
    const lang = fence[0].trim().slice(fence[1].length).trim();
    const hidden = Math.max(0, inner.length - CODE_CHARS);
    return { type: 'code', lang, text: inner.slice(0, CODE_CHARS), raw, hidden, rest: inner.slice(CODE_CHARS) };
  }
  const blank = text.slice(end).search(/\n[ \t]*\n/);
  const raw = blank < 0 ? text : text.slice(0, end + blank);
  const line = head[0].raw.lastIndexOf('\n') + 1;
  const shown = line > end / 2 ? line : end;
  const first = shown === head[0].raw.length ? head[0] : lexed(raw.slice(0, shown), links)[0];
  const rest = raw.slice(shown);
  // The rows of a table mean nothing without its head.
  const lead = first.type === 'table' ? `${raw.split('\n', 2).join('\n')}\n` : '';
  return { ...first, raw, hidden: rest.length, rest, lead };
}

/** A block that shows nothing of `text` before it is asked for. */
export function hiddenBlock(text) {
  return { type: 'space', raw: text, hidden: text.length, rest: text };
}

/** The blocks of what a shortened block does not show, a piece at a time. */
export function* restOf({ type, lang, rest, lead = '' }, links = {}) {
  for (let at = 0; at < rest.length; ) {
    const limit = type === 'code' ? Math.min(rest.length, at + CODE_CHARS) : pieceEnd(rest, at);
    const line = rest.lastIndexOf('\n', limit) + 1;
    const end = limit < rest.length && line > (at + limit) / 2 ? line : limit;
    const text = rest.slice(at, end);
    yield type === 'code' ? [{ type, lang, text, raw: text }] : lexed(lead + text, links);
    at = end;
  }
}
