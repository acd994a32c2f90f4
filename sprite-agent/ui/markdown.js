// Markdown → DOM nodes that are safe to show. The only file that imports the vendored libraries.
//
// What the assistant writes is not trusted: it may repeat a page it has read. Raw HTML is shown
// as text, pictures from elsewhere become links (loading one would tell its server who is reading),
// and DOMPurify lets through nothing but the tags and attributes listed here.

import { Marked } from './vendor/marked.esm.js';
import DOMPurify from './vendor/purify.es.js';

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
    // The page has h1 and h2 of its own.
    heading({ tokens, depth }) {
      const level = Math.min(6, depth + 2);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
  },
});

/** Whether a link may be followed: an absolute web or mail address, never `javascript:` or our own paths. */
export function isSafeLink(href) {
  if (typeof href !== 'string' || !/^(https?:|mailto:)/i.test(href)) return false;
  try {
    return ['http:', 'https:', 'mailto:'].includes(new URL(href).protocol);
  } catch {
    return false;
  }
}

/** The top-level blocks of `text`: `{type, raw}` and what the parser needs. */
export function blocksOf(text) {
  return marked.lexer(text);
}

/**
 * How many of `blocks`, from the front, more text cannot change: all but the last one with content.
 * (Link definitions further down are the exception; a finished text is rendered once more whole.)
 */
export function settledCount(blocks) {
  return Math.max(0, blocks.findLastIndex((block) => block.type !== 'space'));
}

/** Whether a definition in `text` can give a link to a block before it. */
export function hasDefinitions(text) {
  return /^ {0,3}\[[^\]]+\]:/m.test(text);
}

/** A safe `DocumentFragment` for blocks out of `blocksOf`. */
export function rendered(blocks) {
  return DOMPurify.sanitize(marked.parser(blocks), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}

function escaped(text) {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
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
  } else if (node.nodeName !== 'CODE') {
    // Classes name languages; on anything else they could borrow the page's own looks.
    node.removeAttribute?.('class');
  }
}

if (DOMPurify.isSupported) DOMPurify.addHook('afterSanitizeAttributes', hardened);
