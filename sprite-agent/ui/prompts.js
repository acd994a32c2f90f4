// What the assistant waits for a person to say: its questions, and commands it may not run unasked. Pure.
//
// Prompt {id, kind: 'question'|'approval', sessionKey, expiresAt (ms since the epoch, or null),
//         questions (of a question), command, warning (of an approval), isSending, error}

import { asWritten, unmasked } from './overrides.js';

/** Prompts that are kept; more at once nobody could answer. */
const PROMPTS_MAX = 20;

/** The prompt told at `now` by a record of `question.list` or a `question.requested` event; `null` when there is none. */
export function questionFrom(record, now) {
  const questions = (record?.questions ?? []).filter(isAnswerable);
  if (!record?.id || questions.length === 0 || (record.status ?? 'pending') !== 'pending') return null;
  return { ...base(record, 'question', now), sessionKey: record.sessionKey ?? null, questions };
}

/** The prompt told by a record of `exec.approval.list` or an `exec.approval.requested` event. */
export function approvalFrom(record, now) {
  const request = record?.request ?? {};
  const command = request.command ?? request.commandText ?? request.systemRunPlan?.commandText;
  if (!record?.id || typeof command !== 'string') return null;
  const told = { command: asWritten(command), warning: unmasked(request.warningText ?? '') };
  return { ...base(record, 'approval', now), sessionKey: request.sessionKey ?? null, ...told };
}

/** A secret belongs into the assistant's own store, not into a conversation. */
function isAnswerable({ questionId, question, isSecret, secretStore }) {
  return Boolean(questionId && question) && !isSecret && !secretStore;
}

/** The times are of the assistant's clock, which need not be ours: what it calls open is so for as long as it gives. */
function base({ id, createdAtMs, expiresAtMs }, kind, now) {
  const expiresAt = createdAtMs && expiresAtMs ? now + expiresAtMs - createdAtMs : (expiresAtMs ?? null);
  return { id, kind, expiresAt, isSending: false, error: '' };
}

/** `prompts` with one more, or the same one anew. */
export function withPrompt(prompts, prompt) {
  if (!prompt) return prompts;
  return [...prompts.filter(({ id }) => id !== prompt.id), prompt].slice(-PROMPTS_MAX);
}

/** `prompts` of one kind as a list tells them; what is being answered is kept as it is. */
export function withListed(prompts, kind, listed) {
  const known = new Map(prompts.map((prompt) => [prompt.id, prompt]));
  const told = listed.filter(Boolean).map((prompt) => known.get(prompt.id) ?? prompt);
  return [...prompts.filter((prompt) => prompt.kind !== kind), ...told].slice(0, PROMPTS_MAX);
}

export function withoutPrompt(prompts, id) {
  return prompts.some((prompt) => prompt.id === id) ? prompts.filter((prompt) => prompt.id !== id) : prompts;
}

/** `prompts` whose time is not over. */
export function openAt(prompts, now) {
  return prompts.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
}

export function changedPrompt(prompts, id, change) {
  return prompts.map((prompt) => (prompt.id === id ? { ...prompt, ...change } : prompt));
}

/** The prompts to show in the conversation `key`: its own, and those that name none. */
export function promptsFor(prompts, key) {
  return prompts.filter(({ sessionKey }) => sessionKey === null || sessionKey === key);
}

/** The prompts that other conversations than `key` have. */
export function promptsElsewhere(prompts, key) {
  return prompts.filter(({ sessionKey }) => sessionKey !== null && sessionKey !== key);
}
