// The address bar names the conversation: `#/c/<name>` ⇄ session key `agent:main:<name>`.

const PREFIX = 'agent:main:';

/** The conversation every workspace has. */
export const MAIN = `${PREFIX}main`;

/** A key the gateway takes and the list shows; anything else in an address is ignored. */
const NAME = /^[\w.:-]{1,200}$/;

/** The session key for a conversation called `name`. */
export function keyOf(name) {
  return PREFIX + name;
}

/** Whether `key` is a conversation of this workspace, as opposed to one of the gateway's own. */
export function isConversation(key) {
  return typeof key === 'string' && key.startsWith(PREFIX) && NAME.test(key.slice(PREFIX.length));
}

/** The session key in a location hash, or `null` when there is none. */
export function fromHash(hash) {
  const match = /^#\/c\/(.+)$/.exec(hash);
  if (!match) return null;
  let name;
  try {
    name = decodeURIComponent(match[1]);
  } catch {
    return null;
  }
  return NAME.test(name) ? keyOf(name) : null;
}

/** The location hash for `key`. */
export function toHash(key) {
  return `#/c/${encodeURIComponent(key.slice(PREFIX.length))}`;
}
