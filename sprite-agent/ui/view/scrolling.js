// Lists that make more rows as somebody scrolls to their end.

/** Rows made at first, and with each step further down: some screens full. */
export const ROWS = 100;
/** CSS pixels above the end of a list at which its next rows are made. */
const NEAR_END = 400;

/** Is what `scroller` shows at most `pixels` above its end? */
export function isNearEnd({ scrollHeight, scrollTop, clientHeight }, pixels = NEAR_END) {
  return scrollHeight - scrollTop - clientHeight < pixels;
}
