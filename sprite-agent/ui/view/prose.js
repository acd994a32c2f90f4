// One growing markdown text on the page.
//
// Blocks that more text cannot change are rendered once and left alone, so a long answer
// costs as much per step as a short one, and a selection in it survives.

import { hasDefinitions, NO_HEADING, outlined, rendered, settledCount } from '../markdown.js';
import { blocksOf, restOf } from '../pieces.js';
import { language, t } from '../words.js';
import { copyButton, element } from './element.js';
import { typeset } from './formulas.js';
import { highlight } from './highlight.js';

export class Prose {
  root = element('div', { class: 'prose' });
  #text = '';
  #finished = false;
  #settled = '';
  /** The outline of what is settled. */
  #outline = NO_HEADING;
  /** `{raw, nodes, outline}` of the blocks after `#settled`, as they stand on the page. */
  #tail = [];

  /** Shows `text`; `finished` when no more will come. */
  update(text, finished) {
    if (text === this.#text && (this.#finished || !finished)) return;
    this.#finished = finished;
    if (!text.startsWith(this.#settled)) this.#clear();
    if (finished && text !== '' && this.#settled && hasDefinitions(text)) this.#clear();
    this.#text = text;
    const blocks = blocksOf(text.slice(this.#settled.length));
    this.#showTail(blocks);
    const count = settledCount(blocks);
    for (const { raw, outline, nodes } of this.#tail.splice(0, count)) {
      this.#settled += raw;
      this.#outline = outline;
      nodes.forEach(finish);
    }
    if (finished) this.#tail.forEach(({ nodes }) => nodes.forEach(finish));
  }

  #clear() {
    this.#settled = '';
    this.#outline = NO_HEADING;
    this.#tail = [];
    this.root.replaceChildren();
  }

  #showTail(blocks) {
    let same = 0;
    while (same < blocks.length && this.#tail[same]?.raw === blocks[same].raw) same += 1;
    for (const { nodes } of this.#tail.splice(same)) nodes.forEach((node) => node.remove());
    let outline = this.#tail.at(-1)?.outline ?? this.#outline;
    for (const block of blocks.slice(same)) {
      if (block.type === 'heading') {
        outline = outlined(outline, block.depth);
        block.level = outline.last;
      }
      const fragment = rendered(Object.assign([block], { links: blocks.links }));
      dress(fragment, block);
      if (block.hidden > 0) fragment.append(unfolding(block));
      const nodes = [...fragment.childNodes];
      this.root.append(fragment);
      this.#tail.push({ raw: block.raw, nodes, outline });
    }
  }
}

/** Has a block that more text cannot change dressed, in its own time. */
function finish(node) {
  highlight(node);
  typeset(node);
}

/** What takes the direction of its own text, whatever the rest of the page is written in. */
const DIRECTED = 'p, li, ul, ol, blockquote, h3, h4, h5, h6, th, td';

/** Shows, piece by piece, what a long block does not show yet. */
function unfolding(block) {
  const button = element('button', { type: 'button', class: 'button small', 'data-testid': 'show-rest' },
    t('prose.more', { count: block.hidden, number: block.hidden.toLocaleString(language) }));
  button.addEventListener('click', () => {
    const pieces = restOf(block);
    const next = () => {
      const { value, done } = pieces.next();
      if (done) button.remove();
      if (done) return;
      const fragment = rendered(Object.assign(value, { links: value.links ?? {} }));
      dress(fragment, block);
      [...fragment.childNodes].forEach(finish);
      button.before(fragment);
      // The page stays usable in between.
      setTimeout(next);
    };
    button.disabled = true;
    next();
  });
  return button;
}

/** Gives code its frame and copy button, wide tables room to scroll, and each block its direction. */
function dress(fragment, block) {
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
    head.append(copyButton(t('code.copy'), () => (block.hidden ? block.text + block.rest : pre.textContent.replace(/\n$/, ''))));
    frame.append(head, pre);
  }
  for (const table of fragment.querySelectorAll('table')) {
    const frame = element('div', { class: 'table', tabindex: '0', role: 'group', 'aria-label': t('prose.table') });
    table.replaceWith(frame);
    frame.append(table);
  }
}
