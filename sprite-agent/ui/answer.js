// One answer while it is being written: the gateway's events of a run, applied. Pure.

import { askedOf, detailOf, errorText, joined, runMessageId, shortened, textOf, TOOL_MAX } from './history.js';
import { asWritten } from './overrides.js';
import { t } from './words.js';

export function isLive(answer) {
  return answer.status === 'thinking' || answer.status === 'streaming';
}

/** An answer that has been asked for and has no word yet. `at` in ms since the epoch, or `null`. */
export function thinking(runId, at) {
  return {
    role: 'assistant',
    id: runMessageId(runId),
    runId,
    at,
    status: 'thinking',
    phase: null,
    earlier: '',
    text: '',
    thought: '',
    thoughtStart: 0,
    tools: [],
    files: [],
    toolsSinceText: false,
    seq: -1,
    error: null,
  };
}

/** The whole text, including what was written before the last tool was used. */
export function answerText({ earlier = '', text }) {
  return joined(earlier, text);
}

/**
 * `answer` after a `chat` event.
 *
 * Every event carries its number within the run and the whole text so far: an older or
 * repeated one changes nothing. The last delta and the end of a run share a number.
 */
export function advanced(answer, payload) {
  const isEnd = ['final', 'aborted', 'error'].includes(payload.state);
  if (payload.seq < answer.seq || (payload.seq === answer.seq && !isEnd)) return answer;
  const next = { ...answer, seq: payload.seq };
  switch (payload.state) {
    case 'status':
      return { ...next, phase: payload.phase };
    case 'delta':
      return { ...withText(next, textAfter(answer, payload)), status: 'streaming' };
    case 'final':
      return { ...withText(next, endText(answer, payload)), status: 'done' };
    case 'aborted':
      return { ...withText(next, endText(answer, payload)), status: 'aborted' };
    case 'error':
      return { ...next, status: 'error', error: errorText(payload.errorMessage) };
    default:
      return answer;
  }
}

function textAfter(answer, { message, deltaText = '', replace }) {
  const whole = textOf(message?.content);
  if (whole) return whole;
  return replace ? deltaText : answer.text + deltaText;
}

function endText(answer, { message }) {
  return textOf(message?.content) || answer.text;
}

/** After a tool the gateway may count the text from the start again: what stood there stays. */
function withText(answer, text) {
  const restarted = answer.toolsSinceText && !text.startsWith(answer.text);
  const earlier = restarted ? joined(answer.earlier, answer.text) : answer.earlier;
  return { ...answer, earlier, text, toolsSinceText: false };
}

/** `answer` after a `thinking` event, which tells the whole of the present thought; another one stands below it. */
export function withThought(answer, { text = '' }) {
  const { thought, thoughtStart } = answer;
  const present = thought.slice(thoughtStart);
  if (present.startsWith(text) || thought.length > TOOL_MAX) return answer;
  if (text.startsWith(present)) return { ...answer, thought: shortened(thought.slice(0, thoughtStart) + text) };
  return { ...answer, thought: shortened(`${thought}\n\n${text}`), thoughtStart: thought.length + 2 };
}

/** `answer` after a `tool` event: start, update or result of one call. */
export function withTool(answer, { phase, name, toolCallId, args, isError, result }) {
  const known = answer.tools.find((tool) => tool.id === toolCallId);
  if (!known && phase === 'result') return answer;
  if (known && known.status !== 'running') return answer;
  const tool = known ?? { id: toolCallId, name: name ?? t('tool.unknown'), detail: detailOf(args), args: askedOf(args), result: '', status: 'running' };
  const ended = isError ? 'failed' : 'done';
  const now = phase === 'result' ? { ...tool, status: ended, result: asWritten(shortened(textOf(result?.content))) } : tool;
  if (now === known) return answer;
  const tools = known ? answer.tools.map((t) => (t === known ? now : t)) : [...answer.tools, now];
  return { ...answer, tools, toolsSinceText: true };
}
