// Whether this browser may use the workspace: the edge knows, and is asked when a socket is refused.

/** How long the question "am I still signed in?" may take. */
export const SESSION_MAX_MS = 5_000;

/** What `/auth/session` says of a workspace that nobody gets into, signed in or not. */
const SHUT = ['suspended', 'locked', 'gone'];

/** Whether a state is one of a workspace that nobody gets into. */
export const isShut = (kind) => SHUT.includes(kind);

/**
 * `in`, `out`, `preparing`, `suspended`, `locked`, `gone`, or `unknown` when nobody
 * answered: only a clear "no" signs out.
 */
export async function askAccess({ fetch, sessionUrl, clock }) {
  const limit = new AbortController();
  const timer = clock.setTimeout(() => limit.abort(), SESSION_MAX_MS);
  try {
    const answer = await fetch(sessionUrl, { cache: 'no-store', signal: limit.signal });
    if (!answer.ok) return 'unknown';
    return accessIn(await answer.json());
  } catch {
    return 'unknown';
  } finally {
    clock.clearTimeout(timer);
  }
}

function accessIn({ signed_in: signedIn, state = 'live' }) {
  if (signedIn) return 'in';
  if (state === 'live') return 'out';
  return state === 'preparing' || isShut(state) ? state : 'unknown';
}
