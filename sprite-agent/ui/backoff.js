// How long to wait before the next attempt to connect.

/** The shortest wait, in milliseconds: a blip is over before anyone notices. */
export const SHORTEST_MS = 500;

/** The longest wait, in milliseconds: somebody watching the page does not give up. */
export const LONGEST_MS = 15_000;

/**
 * The wait before attempt number `attempt` (0 is the first), in milliseconds.
 *
 * Doubles each time. `random` in [0, 1) spreads pages that lost the same
 * server over the upper half of the step, so that they do not return at once.
 */
export function delay(attempt, random) {
  const step = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(attempt, 10));
  return Math.max(SHORTEST_MS, Math.round(step / 2 + (step / 2) * random));
}
