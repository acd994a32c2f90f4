// Markdown → DOM nodes that are safe to show. The only file that imports the vendored libraries.
//
// What the assistant writes is not trusted: it may repeat a page it has read. Raw HTML is shown
// as text, pictures from elsewhere become links (loading one would tell its server who is reading),
// and DOMPurify lets through nothing but the tags and attributes listed here.

import { Marked } from './vendor/marked.esm.js';
import DOMPurify from './vendor/purify.es.js';
import { unmasked } from './overrides.js';
import { formulas } from './tex.js';
import { t } from './words.js';

const TAGS = [
  'a', 'blockquote', 'br', 'code', 'del', 'em', 'h3', 'h4', 'h5', 'h6', 'hr', 'input', 'li', 'ol', 'p',
  'pre', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul',
];
const ATTRIBUTES = ['align', 'checked', 'class', 'disabled', 'href', 'start', 'title', 'type'];

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text, block }) => (block ? `<p>${escaped(text)}</p>` : escaped(text)),
    image: ({ href, text }) =>
      isSafeLink(href) ? `<a href="${escaped(href)}">${escaped(text || href)}</a>` : escaped(text),
    // One within a list or a quotation is no part of the page's outline.
    heading({ tokens, level }) {
      const words = this.parser.parseInline(tokens);
      return level ? `<h${level}>${words}</h${level}>` : `<p><strong>${words}</strong></p>`;
    },
  },
});

marked.use({ extensions: formulas(escaped) });

/** Whether a link may be followed: an absolute web or mail address, never `javascript:` or our own paths. */
export function isSafeLink(href) {
  if (typeof href !== 'string' || !/^(https?:|mailto:)/i.test(href)) return false;
  try {
    return ['http:', 'https:', 'mailto:'].includes(new URL(href).protocol);
  } catch {
    return false;
  }
}

/** Lists and quotations in one another: no text of a person has as many, and browsers lay them out in quadratic time. */
const NESTED_MAX = 64;

/**
 * The top-level blocks of `text`: `{type, raw}` and what the parser needs; what is nested too deep is plain text.
 * `links` are definitions that stand elsewhere.
 */
export function lexed(text, links = {}) {
  try {
    const lexer = new marked.Lexer(marked.defaults);
    Object.assign(lexer.tokens.links, links);
    const blocks = lexer.lex(text);
    if (!isDeeper(blocks, NESTED_MAX)) return blocks;
  } catch {
    // Deeper than the parser can go.
  }
  const plain = { type: 'text', raw: text, text, escaped: false };
  return Object.assign([{ type: 'paragraph', raw: text, text, tokens: [plain] }], { links: {} });
}

function isDeeper(tokens, levels) {
  const isList = (token) => token.type === 'list';
  return tokens.some((token) => {
    const inner = (isList(token) ? token.items : token.tokens) ?? [];
    return inner.length > 0 && (levels === 0 || isDeeper(inner, isList(token) ? levels : levels - 1));
  });
}

/**
 * How many of `blocks`, from the front, more text cannot change: all but the last one with content.
 * (Link definitions further down are the exception; a finished text is rendered once more whole.)
 */
export function settledCount(blocks) {
  return Math.max(0, blocks.findLastIndex((block) => block.type !== 'space'));
}

/** The page has h1 and h2 of its own, a message begins with an h2. */
const FIRST_LEVEL = 3;
export const NO_HEADING = Object.freeze({ top: null, last: FIRST_LEVEL - 1 });

/**
 * The outline after a heading of `depth`, which stands at its `last`: the first one is the highest, and
 * none leaves a level out, whatever the text does. `outline` is that of the blocks before.
 */
export function outlined(outline, depth) {
  const top = outline.top ?? depth;
  const wanted = Math.max(FIRST_LEVEL, depth - top + FIRST_LEVEL);
  return { top, last: Math.min(6, wanted, outline.last + 1) };
}

/** Of all definitions of one text together: some hundred addresses. */
const DEFINITIONS_CHARS = 16_384;
/** What may define a link: a label has no more characters (CommonMark 0.31, 4.7). */
const DEFINITION = /^ {0,3}\[[^\]\n]{1,999}\]:.+$/gm;

/** The links that `text` defines, which may stand before their definitions; `null` when there are none. */
export function definitionsOf(text) {
  const lines = text.match(DEFINITION)?.join('\n').slice(0, DEFINITIONS_CHARS);
  return lines ? lexed(lines).links : null;
}

/** A safe `DocumentFragment` for blocks out of `blocksOf`. */
export function rendered(blocks) {
  return sanitized(htmlOf(blocks), TAGS, ATTRIBUTES);
}

/** A safe `DocumentFragment` of highlighted code. */
export function renderedCode(html) {
  return sanitized(html, ['span'], ['class']);
}

/** MathML that every browser of today shows; nothing that leads elsewhere. */
const MATH_TAGS = [
  'math', 'mfrac', 'mi', 'mmultiscripts', 'mn', 'mo', 'mover', 'mpadded', 'mphantom', 'mprescripts', 'mroot', 'mrow', 'ms', 'mspace',
  'msqrt', 'mstyle', 'msub', 'msubsup', 'msup', 'mtable', 'mtd', 'mtext', 'mtr', 'munder', 'munderover', 'none',
];
const MATH_ATTRIBUTES = [
  'accent', 'accentunder', 'class', 'columnspan', 'depth', 'display', 'displaystyle', 'fence', 'form', 'height', 'largeop',
  'linethickness', 'lspace', 'mathvariant', 'maxsize', 'minsize', 'movablelimits', 'rowspan', 'rspace', 'scriptlevel', 'separator',
  'stretchy', 'symmetric', 'width',
];

/** A safe `DocumentFragment` of a formula; `null` where what it means is in a look that is not let through. */
export function renderedMath(html) {
  return /<menclose\b/.test(html) ? null : sanitized(html, MATH_TAGS, MATH_ATTRIBUTES);
}

function htmlOf(blocks) {
  try {
    return marked.parser(blocks);
  } catch {
    return `<p>${escaped(blocks.map(({ raw }) => raw).join(''))}</p>`;
  }
}

function sanitized(html, tags, attributes) {
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: tags,
    ALLOWED_ATTR: attributes,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  if (unmasked(html) !== html) unmask(fragment);
  return fragment;
}

function unmask(fragment) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) walker.currentNode.data = unmasked(walker.currentNode.data);
}

function escaped(text) {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Classes of the highlighter, which has no others. */
function isOfHighlighter(classes) {
  return classes.split(' ').every((name) => /^(hljs-[\w-]+|(function|class|inherited)_)$/.test(name));
}

/** A column of equations says to which side it stands. */
function isOfFormula(node) {
  return node.nodeName === 'mtd' && /^tml-(left|right)$/.test(node.getAttribute('class') ?? '');
}

function hardened(node) {
  if (node.nodeName === 'A') {
    if (!isSafeLink(node.getAttribute('href'))) {
      node.removeAttribute('href');
      return;
    }
    node.setAttribute('target', '_blank');
    node.setAttribute('rel', 'noopener noreferrer');
  } else if (node.nodeName === 'INPUT') {
    node.setAttribute('type', 'checkbox');
    node.setAttribute('disabled', '');
    node.setAttribute('aria-label', t(node.hasAttribute('checked') ? 'task.done' : 'task.open'));
  } else if (node.nodeName !== 'CODE' && !(node.nodeName === 'SPAN' && isOfHighlighter(node.className)) && !isOfFormula(node)) {
    // Classes name languages; on anything else they could borrow the page's own looks.
    node.removeAttribute?.('class');
  }
}

if (DOMPurify.isSupported) DOMPurify.addHook('afterSanitizeAttributes', hardened);
