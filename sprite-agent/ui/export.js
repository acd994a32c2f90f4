// A conversation as a file to keep: Markdown to read, JSON to go on with. Pure.

import { answerText } from './answer.js';
import { t } from './words.js';

/** One conversation as Markdown. `messages` as the page shows them, oldest first. */
export function toMarkdown({ title, messages }) {
  return [`# ${title}`, ...messages.map(paragraph)].join('\n\n') + '\n';
}

function paragraph(message) {
  const isQuestion = message.role === 'user';
  const time = message.at ? ` · ${new Date(message.at).toISOString()}` : '';
  const head = `**${t(isQuestion ? 'you' : 'assistant')}**${time}`;
  const tools = (message.tools ?? []).map(({ name, args, detail }) => `> ${t('export.used')} \`${name}\`: \`${args || detail}\``);
  const files = (message.files ?? []).map(({ name }) => `> ${t('export.file')}: ${name || t('export.nameless')}`);
  const ends = {
    aborted: `_${t('answer.stopped')}_`,
    error: `_${t('export.failed', { reason: message.error })}_`,
    interrupted: `_${t('export.interrupted')}_`,
  };
  const text = isQuestion ? message.text : answerText(message);
  return [head, ...tools, text, ...files, ends[message.status]].filter(Boolean).join('\n\n');
}

/** Conversations `{key, title, rows}` as JSON, with the rows as the assistant keeps them. */
export function toJson(conversations, now) {
  return `${JSON.stringify({ exported_at: new Date(now).toISOString(), conversations }, null, 2)}\n`;
}

/** A name for the file that every system takes. */
export function fileName(title, ending) {
  const plain = title.normalize('NFC').replace(/[^\p{L}\p{N} ._-]+/gu, ' ').replace(/\s+/g, ' ').replace(/^[. ]+/, '');
  return `${plain.slice(0, 60).trim() || 'conversation'}.${ending}`;
}
