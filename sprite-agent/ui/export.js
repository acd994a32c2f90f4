// A conversation as a file to keep: Markdown to read, JSON to go on with. Pure.

import { answerText } from './answer.js';
import { t } from './words.js';

/**
 * One conversation as Markdown. `messages` as the page shows them, oldest first; `paths` says of each of their files
 * that is taken along where it stands.
 */
export function toMarkdown({ title, messages }, paths = new Map()) {
  return [`# ${title}`, ...messages.map((message) => paragraph(message, paths))].join('\n\n') + '\n';
}

function paragraph(message, paths) {
  const isQuestion = message.role === 'user';
  const time = message.at ? ` · ${new Date(message.at).toISOString()}` : '';
  const head = `**${t(isQuestion ? 'you' : 'assistant')}**${time}`;
  const tools = (message.tools ?? []).map(({ name, args, detail }) => `> ${t('export.used')} \`${name}\`: \`${args || detail}\``);
  const files = (message.files ?? []).map((file) => `> ${t('export.file')}: ${reference(file.name || t('export.nameless'), paths.get(file))}`);
  const ends = {
    aborted: `_${t('answer.stopped')}_`,
    error: `_${t('export.failed', { reason: message.error })}_`,
    interrupted: `_${t('export.interrupted')}_`,
  };
  const text = isQuestion ? message.text : answerText(message);
  return [head, ...tools, text, ...files, ends[message.status]].filter(Boolean).join('\n\n');
}

function reference(name, path) {
  return path ? `[${name.replace(/[[\]\\]/g, '\\$&')}](<${path}>)` : name;
}

/** Conversations `{key, title, rows, messages}` as JSON, with the rows as the assistant keeps them; `paths` as above. */
export function toJson(conversations, now, paths = new Map()) {
  const told = conversations.map(({ key, title, rows, messages }) => {
    const files = messages.flatMap((message) => message.files).filter((file) => paths.has(file));
    return { key, title, rows, files: files.map((file) => ({ ...file, path: paths.get(file) })) };
  });
  return `${JSON.stringify({ exported_at: new Date(now).toISOString(), conversations: told }, null, 2)}\n`;
}

/** A name for the file that every system takes. */
export function fileName(title, ending) {
  return `${plainName(title) || 'conversation'}.${ending}`;
}

/** Where a file called `name` stands in an archive; `taken` has the paths of others in lower case. */
export function filePath(name, taken) {
  const [, stem, ending = ''] = /^(.*?)(\.[a-z0-9]{1,10})?$/is.exec(name);
  const plain = plainName(stem) || 'file';
  let path = `files/${plain}${ending}`;
  for (let at = 2; taken.has(path.toLowerCase()); at += 1) path = `files/${plain} ${at}${ending}`;
  taken.add(path.toLowerCase());
  return path;
}

function plainName(text) {
  const plain = text.normalize('NFC').replace(/[^\p{L}\p{N} ._-]+/gu, ' ').replace(/\s+/g, ' ').replace(/^[. ]+/, '');
  return plain.slice(0, 60).trim();
}
