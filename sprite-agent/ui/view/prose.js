// One growing markdown text on the page.
//
// Blocks that more text cannot change are rendered once and left alone, so a long answer
// costs as much per step as a short one, and a selection in it survives. What comes at once is
// shown a piece at a time, so that the page can be used in between.

import { definitionsOf, NO_HEADING, outlined, rendered, settledCount } from '../markdown.js';
import { blocksOf, hiddenBlock, restOf } from '../pieces.js';
import { language, t } from '../words.js';
import { copyButton, element } from './element.js';
import { typeset } from './formulas.js';
import { highlight } from './highlight.js';
import { restButton } from './rest-button.js';

/** Blocks that are shown before somebody asks for the rest: more than a book's chapter has; a page is laid out whole. */
const BLOCKS_MAX = 2_000;

export class Prose {
  root = element('div', { class: 'prose' });
  #text = '';
  #finished = false;
  #settled = '';
  #settledBlocks = 0;
  #next;
  /** What a finished text defines, for the links that stand before. */
  #links = {};
  /** The outline of what is settled. */
  #outline = NO_HEADING;
  /** The blocks after `#settled`. */
  #tail = [];

  /** Shows `text`; `finished` when no more will come. */
  update(text, finished) {
    if (text === this.#text && (this.#finished || !finished)) return;
    this.#finished = finished;
    if (!text.startsWith(this.#settled)) this.#clear();
    const links = finished ? definitionsOf(text) : null;
    if (links) this.#clear();
    this.#links = links ?? {};
    this.#text = text;
    this.#show();
  }

  /** One more piece; the others follow. */
  #show() {
    clearTimeout(this.#next);
    const rest = this.#text.slice(this.#settled.length);
    const blocks = this.#settledBlocks < BLOCKS_MAX ? blocksOf(rest, 1, this.#links) : [hiddenBlock(rest)];
    const isAll = blocks.reduce((sum, { raw }) => sum + raw.length, 0) === rest.length;
    this.#showTail(blocks);
    for (const { raw, outline, nodes } of this.#tail.splice(0, isAll ? settledCount(blocks) : blocks.length)) {
      this.#settled += raw;
      this.#settledBlocks += 1;
      this.#outline = outline;
      nodes.forEach(finish);
    }
    if (!isAll) this.#next = setTimeout(() => this.#show());
    else if (this.#finished) this.#tail.forEach(({ nodes }) => nodes.forEach(finish));
  }

  #clear() {
    this.#settled = '';
    this.#settledBlocks = 0;
    this.#outline = NO_HEADING;
    this.#tail = [];
    this.root.replaceChildren();
  }

  #showTail(blocks) {
    let same = 0;
    while (same < blocks.length && this.#tail[same]?.follow(blocks[same])) same += 1;
    for (const { nodes } of this.#tail.splice(same)) nodes.forEach((node) => node.remove());
    let outline = this.#tail.at(-1)?.outline ?? this.#outline;
    for (const block of blocks.slice(same)) {
      if (block.type === 'heading') {
        outline = outlined(outline, block.depth);
        block.level = outline.last;
      }
      const shown = new ShownBlock(block, blocks.links, outline);
      this.root.append(...shown.nodes);
      this.#tail.push(shown);
    }
  }
}

/** A block as it stands on the page. */
class ShownBlock {
  nodes;
  outline;
  #block;
  #links;
  /** Shows, piece by piece, what a long block does not show yet. */
  #more = null;
  /** What is left of the rest, once somebody has asked for it. */
  #pieces = null;

  constructor(block, links, outline) {
    this.#block = block;
    this.#links = links;
    this.outline = outline;
    const fragment = rendered(Object.assign([block], { links }));
    this.#dress(fragment);
    if (block.hidden > 0) {
      this.#more = restButton((isAtOnce) => this.#showRest(isAtOnce), { 'data-testid': 'show-rest' });
      this.#tellRest();
      fragment.append(this.#more);
    }
    this.nodes = [...fragment.childNodes];
  }

  get raw() {
    return this.#block.raw;
  }

  /** Whether this is `block` already, or all of it that is to be seen: what is hidden grows without being shown anew. */
  follow(block) {
    if (block.raw === this.raw) return true;
    if (!this.#more || this.#more.disabled || !(block.hidden > 0) || shownPart(block) !== shownPart(this.#block)) return false;
    this.#block = block;
    this.#tellRest();
    return true;
  }

  #tellRest() {
    const { hidden } = this.#block;
    this.#more.textContent = t('prose.more', { count: hidden, number: hidden.toLocaleString(language) });
  }

  #showRest(isAtOnce) {
    this.#more.disabled = true;
    this.#pieces ??= restOf(this.#block, this.#links);
    for (let { value, done } = this.#pieces.next(); !done; { value, done } = this.#pieces.next()) {
      const fragment = rendered(Object.assign(value, { links: value.links ?? this.#links }));
      this.#dress(fragment);
      [...fragment.childNodes].forEach(finish);
      this.#more.before(fragment);
      // The page stays usable in between.
      if (!isAtOnce) {
        setTimeout(() => this.#showRest(false));
        return;
      }
    }
    this.#more.remove();
  }

  /** Gives code its frame and copy button, wide tables room to scroll, and each block its direction. */
  #dress(fragment) {
    for (const block of fragment.querySelectorAll(DIRECTED)) block.dir = 'auto';
    for (const pre of fragment.querySelectorAll('pre')) {
      const code = pre.querySelector('code');
      const name = /language-([\w+#.-]+)/.exec(code?.className ?? '')?.[1] ?? '';
      const frame = element('div', { class: 'code', 'data-language': name });
      pre.replaceWith(frame);
      // Keyboards can scroll what they can focus.
      pre.tabIndex = 0;
      pre.dir = 'ltr';
      const head = element('div', { class: 'code-head' }, element('span', {}, name || t('code.text')));
      // What is hidden belongs to it as well.
      const whole = ({ hidden, text, rest }) => (hidden ? text + rest : pre.textContent.replace(/\n$/, ''));
      head.append(copyButton(t('code.copy'), () => whole(this.#block)));
      frame.append(head, pre);
    }
    for (const table of fragment.querySelectorAll('table')) {
      const frame = element('div', { class: 'table', tabindex: '0', role: 'group', 'aria-label': t('prose.table') });
      table.replaceWith(frame);
      frame.append(table);
    }
  }
}

/** What a block shows of its text. */
function shownPart({ raw, hidden }) {
  return raw.slice(0, raw.length - hidden);
}

/** What takes the direction of its own text, whatever the rest of the page is written in. */
const DIRECTED = 'p, li, ul, ol, blockquote, h3, h4, h5, h6, th, td';

/** Has a block that more text cannot change dressed, in its own time. */
function finish(node) {
  highlight(node);
  typeset(node);
}
