// How a conversation is deleted at the gateway.
//
// With the rights that the page has, it is put into the archive first, which stops an answer that
// is being written, and deleted from there. Both name the session that is meant: a conversation
// that was begun again under the same key in the meantime is another one.

/** Tries, with growing pauses (7.5 s in all): a run that is being stopped takes the gateway some seconds. */
const TRIES = 6;
const PAUSE_MS = 500;

/** The id of the session behind `key`; `null` when the gateway has none, after waiting for one that must come. */
export async function sessionIdOf({ request, pause, key, wasAsked }) {
  for (let attempt = 1; ; attempt += 1) {
    const { sessionId } = await request('chat.history', { sessionKey: key, limit: 1 });
    if (sessionId) return sessionId;
    if (!wasAsked || attempt === TRIES) return null;
    await pause(PAUSE_MS * attempt);
  }
}

/** Deletes the session `id` of `key`; twice is once. Rejects with the last reason, and it is in the list again. */
export async function deleteSession({ request, pause, key, id }) {
  let sessionId = id;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const expected = { key, expectedSessionId: sessionId };
      await request('sessions.patch', { ...expected, archived: true });
      await request('sessions.delete', { ...expected, deleteTranscript: true, archivedOnly: true });
      return;
    } catch (error) {
      if (isGone(error)) return;
      if (attempt === TRIES || !(error.code === 'UNAVAILABLE' || hasChanged(error))) {
        if (!error.uncertain) await restore(request, key, sessionId);
        throw error;
      }
      await pause(PAUSE_MS * attempt);
      if (!hasChanged(error)) continue;
      sessionId = await sessionIdOf({ request, pause, key, wasAsked: false });
      if (!sessionId) return;
    }
  }
}

function isGone({ message }) {
  return /session not found/i.test(message);
}

/** What cannot be deleted must not stay in the archive, where nobody would find it. */
async function restore(request, key, sessionId) {
  await request('sessions.patch', { key, expectedSessionId: sessionId, archived: false }).catch(() => {});
}

function hasChanged({ message }) {
  return /\bchanged before\b/i.test(message);
}
