// The rows of a long list in blocks, so that what nobody sees is not laid out with each change.
//
// A block out of sight keeps the place that it took when it was laid out last (`content-visibility`);
// find-in-page, screen readers and printers still get what is in it.

import { element } from './element.js';

/** Rows of one block: few enough that laying out one is not felt, many enough that ten thousand rows are some hundred blocks. */
const BLOCK = 20;

export class Blocks {
  #list;
  /** Told once after a block was laid out: from then on its height is known, and nothing moves when it comes into sight. */
  #observer = new ResizeObserver((entries) => entries.forEach((entry) => this.#settle(entry)));

  constructor(list) {
    this.#list = list;
  }

  /** All rows may have other heights now. */
  remeasure() {
    for (const block of this.#list.children) this.#unsettle(block);
  }

  clear() {
    this.#observer.disconnect();
    this.#list.replaceChildren();
  }

  /** The row that stands after `row`, or `null`. */
  after(row) {
    return row.nextSibling ?? row.parentNode.nextSibling?.firstChild ?? null;
  }

  /** Puts `rows`, which may stand elsewhere, before the row `next`; at the end when that is `null`. */
  insert(rows, next) {
    rows.filter((row) => row.isConnected).forEach((row) => this.remove(row));
    let block = next?.parentNode ?? this.#list.lastChild;
    let place = next;
    for (const row of next ? rows.toReversed() : rows) {
      if (!block || block.childElementCount >= BLOCK) {
        // In the middle of a full block there is no end to begin another one at.
        if (!block || place === null || place === block.firstChild) block = this.#block(block, next !== null);
        if (place?.parentNode !== block) place = null;
      }
      this.#unsettle(block);
      block.insertBefore(row, place);
      if (next) place = row;
    }
  }

  /** Does nothing where `row` does not stand in the list yet. */
  remove(row) {
    const block = row.parentNode;
    row.remove();
    if (!block || block.hasChildNodes()) return;
    this.#observer.unobserve(block);
    block.remove();
  }

  /** The first row that reaches below `top`, in CSS pixels of the window; `null` when none does. */
  firstBelow(top) {
    const block = firstBelow(this.#list.children, top);
    return block && (firstBelow(block.children, top) ?? this.after(block.lastChild));
  }

  /** A new block beside `other`. */
  #block(other, isBefore) {
    const block = element('ul', { class: 'block', role: 'none' });
    if (!other) this.#list.append(block);
    else if (isBefore) other.before(block);
    else other.after(block);
    return block;
  }

  #unsettle(block) {
    block.classList.remove('settled');
    // Anew, even if it is observed already.
    this.#observer.observe(block);
  }

  #settle({ target, contentRect }) {
    this.#observer.unobserve(target);
    target.style.containIntrinsicBlockSize = `auto ${contentRect.height}px`;
    target.classList.add('settled');
  }
}

/** `rows` stand one below the other. */
function firstBelow(rows, top) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].getBoundingClientRect().bottom > top) high = middle;
    else low = middle + 1;
  }
  return rows[low] ?? null;
}
