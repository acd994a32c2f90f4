// Which answers have come since the page was looked at last. Pure.

import { isLive } from './answer.js';

/** `{key, id}` of each answer that was being written in `before` and is done in `after`; both are `threads`. */
export function arrived(before, after) {
  const found = [];
  for (const [key, thread] of Object.entries(after)) {
    if (before[key] === thread || !before[key]) continue;
    const live = new Set(before[key].messages.filter((message) => message.role === 'assistant' && isLive(message)).map(({ id }) => id));
    for (const { id, role, status } of thread.messages) {
      if (role === 'assistant' && status === 'done' && live.has(id)) found.push({ key, id });
    }
  }
  return found;
}

/** The title of the page: how many answers and questions wait to be seen, then what is open. */
export function pageTitle(title, waiting) {
  return waiting > 0 ? `(${waiting}) ${title} · Arcamatrix` : `${title} · Arcamatrix`;
}
