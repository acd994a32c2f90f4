// The rows of a long list in blocks, so that what nobody sees costs nothing with each change.
//
// A block out of sight is not laid out and keeps the place that it took last (`content-visibility`).
// One that is far out of sight gives its rows out of the document until somebody comes near again:
// a browser's style and search grow with every element that is there, also with hidden ones.
// Find-in-page and selections reach as far as that; the page's own search reaches everything.

import { element } from './element.js';

/** Rows of one block: few enough that laying out one is not felt, many enough that ten thousand rows are some hundred blocks. */
const BLOCK = 20;

/** Some screens each way, so that who scrolls or pages meets rows that are there. */
const NEAR = '2500px 0px';

export class Blocks {
  #list;
  #keepPlace;
  /** By block: what holds its rows while they are out of the document. */
  #shelves = new Map();
  /** By shelf: its block. */
  #owners = new WeakMap();
  #far = new WeakSet();
  #isWhole = false;
  /** Told once after a block was laid out: from then on its height is known, and nothing moves when it comes into sight. */
  #sizes = new ResizeObserver((entries) => entries.forEach((entry) => this.#settle(entry)));
  #sight;

  /** `scroller` shows a part of `list`; `keepPlace(change)` runs `change` so that what is read stays where it is. */
  constructor(list, scroller, keepPlace) {
    this.#list = list;
    this.#keepPlace = keepPlace;
    this.#sight = new IntersectionObserver((entries) => this.#seen(entries), { root: scroller, rootMargin: NEAR });
  }

  /** All rows may have other heights now: those that are far away are measured when somebody comes near. */
  remeasure() {
    for (const block of this.#list.children) if (!this.#isStored(block)) this.#unsettle(block);
  }

  clear() {
    this.#sizes.disconnect();
    this.#sight.disconnect();
    this.#shelves.clear();
    this.#list.replaceChildren();
  }

  /** The row that stands after `row`, or `null`. */
  after(row) {
    return row.nextSibling ?? this.#firstOf(this.#blockOf(row).nextSibling);
  }

  /** Puts `rows`, which may stand elsewhere, before the row `next`; at the end when that is `null`. */
  insert(rows, next) {
    rows.filter((row) => row.parentNode).forEach((row) => this.remove(row));
    let block = next ? this.#blockOf(next) : this.#list.lastChild;
    let place = next;
    for (const row of next ? rows.toReversed() : rows) {
      if (!block || this.#holder(block).childElementCount >= BLOCK) {
        // In the middle of a full block there is no end to begin another one at.
        if (!block || place === null || place === this.#firstOf(block)) block = this.#block(block, next !== null);
        if (place && this.#blockOf(place) !== block) place = null;
      }
      this.#takeIn(block);
      this.#unsettle(block);
      block.insertBefore(row, place);
      if (next) place = row;
    }
  }

  /** Does nothing where `row` does not stand in the list yet. */
  remove(row) {
    if (!row.parentNode) return;
    const block = this.#blockOf(row);
    row.remove();
    if (this.#holder(block).hasChildNodes()) return;
    this.#sizes.unobserve(block);
    this.#sight.unobserve(block);
    this.#shelves.delete(block);
    block.remove();
  }

  /** The first row that reaches below `top`, in CSS pixels of the window; the place of its block where it is out of the document; `null` when none does. */
  firstBelow(top) {
    const block = firstBelow(this.#list.children, top);
    if (!block || this.#isStored(block)) return block;
    return firstBelow(block.children, top) ?? this.#firstOf(block.nextSibling);
  }

  /** Whether every row is in the document, as to be printed, or only those that are near. */
  set isWhole(isWhole) {
    this.#isWhole = isWhole;
    for (const block of this.#list.children) {
      if (isWhole) this.#takeIn(block);
      else this.#storeIfFar(block);
    }
  }

  /** A new block beside `other`. */
  #block(other, isBefore) {
    const block = element('ul', { class: 'block', role: 'none' });
    if (!other) this.#list.append(block);
    else if (isBefore) other.before(block);
    else other.after(block);
    const shelf = document.createDocumentFragment();
    this.#shelves.set(block, shelf);
    this.#owners.set(shelf, block);
    this.#sight.observe(block);
    return block;
  }

  #blockOf(row) {
    return this.#owners.get(row.parentNode) ?? row.parentNode;
  }

  #holder(block) {
    return this.#isStored(block) ? this.#shelves.get(block) : block;
  }

  #firstOf(block) {
    return block && this.#holder(block).firstChild;
  }

  #isStored(block) {
    return this.#shelves.get(block).hasChildNodes();
  }

  #seen(entries) {
    this.#keepPlace(() => {
      for (const { target, isIntersecting } of entries) {
        // It may have gone since it was seen.
        if (!this.#shelves.has(target)) continue;
        if (isIntersecting) {
          this.#far.delete(target);
          this.#takeIn(target);
        } else {
          this.#far.add(target);
          this.#storeIfFar(target);
        }
      }
    });
  }

  #takeIn(block) {
    if (!this.#isStored(block)) return;
    block.append(this.#shelves.get(block));
    block.classList.remove('stored');
    this.#unsettle(block);
  }

  /** Only what was measured, and is used by nobody. */
  #storeIfFar(block) {
    const isFree = this.#far.has(block) && !this.#isWhole && block !== this.#list.lastChild;
    if (!isFree || !block.classList.contains('settled') || isUsed(block)) return;
    this.#shelves.get(block).append(...block.childNodes);
    block.classList.add('stored');
  }

  #unsettle(block) {
    block.classList.remove('settled');
    // Anew, even if it is observed already.
    this.#sizes.observe(block);
  }

  #settle({ target, contentRect }) {
    this.#sizes.unobserve(target);
    target.style.containIntrinsicBlockSize = `auto ${contentRect.height}px`;
    target.classList.add('settled');
    this.#storeIfFar(target);
  }
}

/** Somebody has the focus there, or has selected something of it. */
function isUsed(block) {
  const selection = getSelection();
  return block.contains(document.activeElement) || (!selection.isCollapsed && selection.containsNode(block, true));
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
