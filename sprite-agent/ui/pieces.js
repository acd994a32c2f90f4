// A text in blocks, each small enough to be parsed and shown without holding the page up. Pure.
//
// Parsing is quadratic in some inputs, and recursive in others. What somebody made the assistant write
// must not freeze the page: no more than a piece is parsed at once, and a block that is longer than that
// shows its beginning, and the rest when it is asked for.

import { lexed } from './markdown.js';

/** Characters that are parsed at once. At the worst known input that takes a quarter of a second. */
export const PIECE_CHARS = 16_384;
/** Characters of one piece of code; that is not parsed, only laid out. */
export const CODE_CHARS = 131_072;

const FENCE = /^ {0,3}(`{3,}|~{3,})[^\n]*(\n|$)/;

/**
 * The blocks of `text`: tokens of the parser, the last of which may still grow. One that is too long says with
 * `hidden` how many of its characters are not in it.
 */
export function blocksOf(text) {
  const blocks = [];
  let rest = text;
  while (rest.length > PIECE_CHARS) {
    const head = lexed(rest.slice(0, PIECE_CHARS));
    // The last one may be cut in two: it is looked at again.
    const whole = head.slice(0, head.findLastIndex(({ type }) => type !== 'space'));
    const taken = whole.reduce((sum, { raw }) => sum + raw.length, 0);
    if (taken > 0) {
      blocks.push(...whole);
      rest = rest.slice(taken);
      continue;
    }
    const block = shortenedBlock(rest, head);
    blocks.push(block);
    rest = rest.slice(block.raw.length);
  }
  const last = lexed(rest);
  return Object.assign([...blocks, ...last], { links: last.links });
}

/** The one block that `text` begins with, which is longer than a piece. */
function shortenedBlock(text, head) {
  const fence = FENCE.exec(text);
  if (fence) {
    const close = new RegExp(`^ {0,3}\\${fence[1][0]}{${fence[1].length},}[ \\t]*$`, 'm').exec(text.slice(fence[0].length));
    const end = close ? fence[0].length + close.index + close[0].length : text.length;
    const inner = text.slice(fence[0].length, close ? fence[0].length + close.index : text.length).replace(/\n$/, '');
    const lang = fence[0].trim().slice(fence[1].length).trim();
    const hidden = Math.max(0, inner.length - CODE_CHARS);
    return { type: 'code', lang, text: inner.slice(0, CODE_CHARS), raw: text.slice(0, end), hidden, rest: inner.slice(CODE_CHARS) };
  }
  const blank = text.slice(PIECE_CHARS).search(/\n[ \t]*\n/);
  const raw = blank < 0 ? text : text.slice(0, PIECE_CHARS + blank);
  const line = head[0].raw.lastIndexOf('\n') + 1;
  const shown = line > PIECE_CHARS / 2 ? line : PIECE_CHARS;
  const first = lexed(raw.slice(0, shown))[0];
  const rest = raw.slice(shown);
  // The rows of a table mean nothing without its head.
  const lead = first.type === 'table' ? `${raw.split('\n', 2).join('\n')}\n` : '';
  return { ...first, raw, hidden: rest.length, rest, lead };
}

/** The blocks of what a shortened block does not show, a piece at a time. */
export function* restOf({ type, lang, rest, lead = '' }) {
  const size = type === 'code' ? CODE_CHARS : PIECE_CHARS;
  for (let at = 0; at < rest.length; ) {
    const line = rest.lastIndexOf('\n', at + size) + 1;
    const end = at + size >= rest.length ? rest.length : line > at + size / 2 ? line : at + size;
    const text = rest.slice(at, end);
    yield type === 'code' ? [{ type, lang, text, raw: text }] : lexed(lead + text);
    at = end;
  }
}
