// One growing markdown text on the page.
//
// Blocks that more text cannot change are rendered once and left alone, so a long answer
// costs as much per step as a short one, and a selection in it survives.

import { blocksOf, hasDefinitions, rendered, settledCount } from '../markdown.js';
import { copyButton, element } from './element.js';

export class Prose {
  root = element('div', { class: 'prose' });
  #text = '';
  #finished = false;
  #settled = '';
  /** `{raw, nodes}` of the blocks after `#settled`, as they stand on the page. */
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
    for (const { raw } of this.#tail.splice(0, count)) this.#settled += raw;
  }

  #clear() {
    this.#settled = '';
    this.#tail = [];
    this.root.replaceChildren();
  }

  #showTail(blocks) {
    let same = 0;
    while (same < blocks.length && this.#tail[same]?.raw === blocks[same].raw) same += 1;
    for (const { nodes } of this.#tail.splice(same)) nodes.forEach((node) => node.remove());
    for (const block of blocks.slice(same)) {
      const fragment = rendered(Object.assign([block], { links: blocks.links }));
      dress(fragment);
      const nodes = [...fragment.childNodes];
      this.root.append(fragment);
      this.#tail.push({ raw: block.raw, nodes });
    }
  }
}

/** What takes the direction of its own text, whatever the rest of the page is written in. */
const DIRECTED = 'p, li, ul, ol, blockquote, h3, h4, h5, h6, th, td';

/** Gives code its frame and copy button, wide tables room to scroll, and each block its direction. */
function dress(fragment) {
  for (const block of fragment.querySelectorAll(DIRECTED)) block.dir = 'auto';
  for (const pre of fragment.querySelectorAll('pre')) {
    const code = pre.querySelector('code');
    const language = /language-([\w+#.-]+)/.exec(code?.className ?? '')?.[1] ?? '';
    const frame = element('div', { class: 'code' });
    pre.replaceWith(frame);
    // Keyboards can scroll what they can focus.
    pre.tabIndex = 0;
    pre.dir = 'ltr';
    const head = element('div', { class: 'code-head' }, element('span', {}, language || 'text'));
    head.append(copyButton('Copy code', () => pre.textContent.replace(/\n$/, '')));
    frame.append(head, pre);
  }
  for (const table of fragment.querySelectorAll('table')) {
    const frame = element('div', { class: 'table', tabindex: '0', role: 'region', 'aria-label': 'Table' });
    table.replaceWith(frame);
    frame.append(table);
  }
}
