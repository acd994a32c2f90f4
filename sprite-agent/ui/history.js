// The gateway's transcript rows → the messages the page shows. Pure.
//
// One answer can be many rows (text, tool call, tool result, text …). The page
// shows them as one message, as it did while they were streaming.

import { asWritten } from './overrides.js';
import { t } from './words.js';

/** The provider of what the gateway puts in itself, such as the text of an answer that was stopped. */
const GATEWAY = 'openclaw';
/** Stands in rows the gateway writes for the model, not for people; newer ones say so in `provenance`. */
const INTERNAL = '<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>';

/** Parts of a message that are files. */
const MEDIA = ['image', 'audio', 'video', 'file', 'attachment'];

/** Characters of a tool's argument that are shown. */
const DETAIL_MAX = 120;

/** Characters of what a tool was asked for, and of what it gave back. */
export const TOOL_MAX = 8_000;

/** Arguments worth showing, most telling first. */
const TELLING = ['command', 'query', 'url', 'path', 'file_path', 'pattern', 'prompt', 'name'];

export function userId(key) {
  return `user:${key}`;
}

export function runMessageId(runId) {
  return `run:${runId}`;
}

/** The text of a message's content: a string, or the text parts of a list. */
export function textOf(content) {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.filter((part) => part?.type === 'text').map((part) => part.text ?? '').join('\n\n');
}

/** What was thought before the answer, as far as the assistant tells it. */
function thoughtOf(content) {
  if (!Array.isArray(content)) return '';
  const thoughts = content.filter((part) => part?.type === 'thinking' && typeof part.thinking === 'string');
  return shortened(thoughts.map((part) => part.thinking.trim()).filter(Boolean).join('\n\n'));
}

/** Where the gateway keeps what came with a message: a name in one folder. */
const SENT = /^media:\/\/inbound\/([^/]+)$/;

/**
 * The files of a row: `{seq, index, name, type, size, isPicture}`; `seq` and `index` find it at the gateway.
 * One that a person sent has a `source` instead, under which the agent has it.
 */
export function filesOf(row) {
  const sent = row.role === 'user' && row.__openclaw?.media;
  if (Array.isArray(sent)) return sent.map(sentFile);
  if (!Array.isArray(row.content)) return [];
  return row.content
    .filter((part) => MEDIA.includes(part?.type))
    .map((part, index) => {
      const facts = { ...part, ...part.attachment };
      const type = facts.mimeType ?? facts.contentType ?? '';
      return {
        seq: row.__openclaw?.seq ?? null,
        index,
        name: asWritten(facts.fileName ?? facts.label ?? facts.title ?? facts.alt ?? ''),
        type,
        size: facts.sizeBytes ?? facts.bytes ?? null,
        isPicture: part.type === 'image' || facts.kind === 'image' || type.startsWith('image/'),
      };
    });
}

function sentFile({ url, contentType, kind, fileName, sizeBytes }) {
  const type = typeof contentType === 'string' ? contentType : '';
  const source = SENT.exec(url)?.[1] ?? null;
  return { source, name: asWritten(fileName ?? ''), type, size: sizeBytes ?? null, isPicture: kind === 'image' || type.startsWith('image/') };
}

/** Two pieces of one answer as one text; where one begins with the other, the longer one is both. */
export function joined(earlier, later) {
  if (!earlier) return later;
  if (earlier.startsWith(later)) return earlier;
  // Events tell a finished piece without the space at its end, the history with it.
  return later.startsWith(earlier.trimEnd()) ? later : `${earlier}\n\n${later}`;
}

/** Why a run failed, without the gateway's own warning sign: the page has one. */
export function errorText(message) {
  return message?.replace(/^\u26a0\ufe0f?\s*/, '') || t('answer.failed');
}

/** What a tool was called with, in one short line; empty when nothing is telling. */
export function detailOf(args) {
  if (!args || typeof args !== 'object') return '';
  const name = TELLING.find((candidate) => typeof args[candidate] === 'string');
  if (!name) return '';
  const line = asWritten(args[name]).replace(/\s+/g, ' ').trim();
  return line.length > DETAIL_MAX ? `${line.slice(0, DETAIL_MAX - 1)}…` : line;
}

/** What a tool was asked for: all of it, or the one text that it is. */
export function askedOf(args) {
  const values = args && typeof args === 'object' ? Object.values(args) : [];
  return asWritten(shortened(values.length === 1 && typeof values[0] === 'string' ? values[0] : args));
}

/** What a tool was asked for or gave back, as text of a length that a page bears. */
export function shortened(value) {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return text.length > TOOL_MAX ? `${text.slice(0, TOOL_MAX)}\n…` : text;
}

/** The messages told by `rows`, oldest first, each with a stable `id`. */
export function messagesOf(rows) {
  const messages = [];
  // By the id of a call, the newest answer that has it; and the ids that are taken.
  const callers = new Map();
  const taken = new Set();
  let asked = null;
  for (const [index, row] of (Array.isArray(rows) ? rows : []).entries()) {
    if (row?.role === 'user') {
      asked = keyOf(row) ?? (isInternal(row) ? asked : null);
      if (!isInternal(row)) messages.push(userMessage(row, index));
    } else if (row?.role === 'assistant') {
      const answer = addAnswer(messages, row, asked, index, taken);
      for (const { id } of answer.tools) callers.set(id, answer);
    } else if (row?.role === 'toolResult') {
      settleTool(callers.get(row.toolCallId), row);
    }
  }
  return messages.filter((message) => message.role === 'user' || isWorthShowing(message));
}

function isWorthShowing({ text, thought, tools, files, status }) {
  return text !== '' || thought !== '' || tools.length > 0 || files.length > 0 || status !== 'done';
}

function rowId(row, index) {
  return `row:${row.__openclaw?.id ?? row.timestamp ?? index}`;
}

/** Whether the gateway wrote this row itself, to resume a turn for example: it is nobody's question. */
function isInternal(row) {
  return row.provenance?.kind === 'internal_system' || textOf(row.content).includes(INTERNAL);
}

/** Whether `runId` is a turn that the gateway asked for itself, by a row of `rows`. */
export function isInternalRun(rows, runId) {
  return (Array.isArray(rows) ? rows : []).some((row) => row?.role === 'user' && keyOf(row) === runId && isInternal(row));
}

function keyOf(row) {
  const stored = row.idempotencyKey ?? row.__openclaw?.idempotencyKey ?? '';
  return stored.endsWith(':user') ? stored.slice(0, -':user'.length) : null;
}

function userMessage(row, index) {
  const key = keyOf(row);
  return {
    role: 'user',
    id: key ? userId(key) : rowId(row, index),
    key,
    entry: row.__openclaw?.id ?? null,
    text: textOf(row.content),
    files: filesOf(row),
    at: row.timestamp ?? null,
    delivery: 'sent',
  };
}

/** The answer that `row` belongs to, which may be a new one of `messages`. */
function addAnswer(messages, row, asked, index, taken) {
  const runId = row.__openclaw?.runId ?? asked;
  const id = runId ? runMessageId(runId) : rowId(row, index);
  const piece = { text: textOf(row.content), thought: thoughtOf(row.content), tools: toolsOf(row.content), files: filesOf(row), ...costOf(row), ...outcome(row) };
  const last = messages.at(-1);
  if (last?.role === 'assistant' && (last.id === id || !runId)) {
    last.text = last.text && piece.text ? `${last.text}\n\n${piece.text}` : last.text || piece.text;
    last.thought = shortened(joined(last.thought, piece.thought));
    last.tools = [...last.tools, ...piece.tools];
    last.files = [...last.files, ...piece.files];
    last.model = piece.model ?? last.model;
    last.tokens += piece.tokens;
    last.status = piece.status;
    last.error = piece.error;
    return last;
  }
  const answer = {
    role: 'assistant',
    id: taken.has(id) ? rowId(row, index) : id,
    runId: runId ?? null,
    at: row.timestamp ?? null,
    ...piece,
  };
  taken.add(answer.id);
  messages.push(answer);
  return answer;
}

/** Which model wrote a piece, and how many tokens it wrote; of what it read, most is read again each time. */
function costOf({ provider, model, usage }) {
  if (provider === GATEWAY) return { model: null, tokens: 0 };
  return { model: typeof model === 'string' && model ? model : null, tokens: usage?.output > 0 ? usage.output : 0 };
}

function outcome(row) {
  if (row.openclawAbort?.aborted || row.stopReason === 'aborted') return { status: 'aborted', error: null };
  // The gateway's own last word on a failed run: a reason, not an answer.
  if (row.idempotencyKey?.endsWith(':terminal-error')) return { text: '', status: 'error', error: errorText(textOf(row.content)) };
  if (row.stopReason === 'error') return { status: 'error', error: errorText(row.errorMessage) };
  return { status: 'done', error: null };
}

function toolsOf(content) {
  if (!Array.isArray(content)) return [];
  return content
    .filter((part) => part?.type === 'toolCall')
    .map((part) => ({
      id: part.id ?? part.toolCallId ?? '',
      name: part.name ?? t('tool.unknown'),
      detail: detailOf(part.arguments ?? part.args),
      args: askedOf(part.arguments ?? part.args),
      result: '',
      status: 'done',
    }));
}

function settleTool(answer, row) {
  if (!answer) return;
  const settled = { status: row.isError ? 'failed' : 'done', result: asWritten(shortened(textOf(row.content))) };
  answer.tools = answer.tools.map((tool) => (tool.id === row.toolCallId ? { ...tool, ...settled } : tool));
}
