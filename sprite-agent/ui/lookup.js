// Finding things at the gateway: words in all conversations, files and plans in one.

import { searched } from './conversation-list.js';
import { bytesOf } from './picture.js';
import { RequestError } from './requests.js';
import { isPlan, JOBS_MAX } from './schedules.js';

/** Places found in one search: the most that the gateway tells. */
const HITS = 25;

/** What holds `text`, in all conversations of `list`; `partial` when only titles could be looked at. */
export async function search(request, list, text) {
  try {
    const { results } = await request('sessions.search', { query: text, limit: HITS });
    return { found: searched({ list, text, hits: results ?? [] }), partial: false };
  } catch {
    return { found: searched({ list, text, hits: [] }), partial: true };
  }
}

/** The bytes of a file in a conversation. Rejects when the assistant has it no more. */
export async function readFile(request, sessionKey, file) {
  if (file.source !== undefined) return readSent(file);
  const { artifacts = [] } = await request('artifacts.list', { sessionKey });
  const artifact = artifacts.filter(({ messageSeq }) => messageSeq === file.seq)[file.index];
  if (!artifact) throw new RequestError('NOT_FOUND', 'there is no such file');
  const { data } = await request('artifacts.download', { sessionKey, artifactId: artifact.id });
  const bytes = typeof data === 'string' ? bytesOf(data) : null;
  if (!bytes) throw new RequestError('NOT_FOUND', 'the file cannot be had');
  return { name: artifact.title, bytes };
}

/** Of a file that a person sent: the gateway gives it to its own pages only, so the agent has it. */
async function readSent({ source, name }) {
  const answer = source && (await fetch(`/attachments/${encodeURIComponent(source)}`, { cache: 'no-store' }));
  if (!answer?.ok) throw new RequestError('NOT_FOUND', 'there is no such file');
  return { name, bytes: new Uint8Array(await answer.arrayBuffer()) };
}

/** How many plans speak in the conversation `key`; none while the assistant cannot say. */
export async function plannedIn(request, key) {
  try {
    const { jobs } = await request('cron.list', { limit: JOBS_MAX });
    return jobs.filter((job) => isPlan(job) && job.sessionKey === key).length;
  } catch {
    return 0;
  }
}
