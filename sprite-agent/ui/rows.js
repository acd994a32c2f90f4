// The rows of a history that are known, and where the unknown ones before them begin. Pure.
//
// The gateway counts from the newest row: messages that came in the meantime move a page, so pages
// may overlap, and are joined by the rows' ids.

function idOf(row) {
  return row?.__openclaw?.id;
}

/** Whether the newest rows that were read again begin within the known ones. */
export function overlaps({ rows }, payload) {
  return placeOf(rows, rowsOf(payload)) >= 0;
}

function placeOf(rows, newest) {
  const first = idOf(newest[0]);
  return first === undefined ? -1 : rows.findIndex((row) => idOf(row) === first);
}

/** `{rows, hasMore, offset}` after the newest rows were read again. */
export function withNewest({ rows, hasMore, offset }, payload) {
  const newest = rowsOf(payload);
  const place = placeOf(rows, newest);
  // Nothing in common: the history was rewritten, or more happened than one page tells.
  if (place <= 0) return { rows: newest, ...before(payload) };
  return { rows: [...rows.slice(0, place), ...newest], hasMore, offset };
}

/** `{rows, hasMore, offset}` after a page was read that ends where the known rows begin, or overlaps them. */
export function withPageBefore({ rows, offset }, payload) {
  const known = new Set(rows.map(idOf));
  const earlier = rowsOf(payload).filter((row) => !known.has(idOf(row)));
  const next = before(payload);
  // A page that leads nowhere is the last one, whatever it says.
  return { rows: [...earlier, ...rows], hasMore: next.hasMore && next.offset > offset, offset: next.offset };
}

function rowsOf({ messages }) {
  return Array.isArray(messages) ? messages : [];
}

function before({ hasMore, nextOffset }) {
  return { hasMore: Boolean(hasMore) && Number.isInteger(nextOffset), offset: nextOffset ?? 0 };
}
