// What a skill is called and does for a person, in the words of the shop; the assistant's own are written for models.

import { t } from './words.js';

const KNOWN = [
  'weather',
  'summarize',
  'visualize',
  'nano-pdf',
  'healthcheck',
  'tmux',
  'github',
  'gh-issues',
  'coding-agent',
  'gog',
  'himalaya',
  'notion',
  'trello',
  'obsidian',
  'openai-whisper-api',
  'xurl',
];

/** `[name, description]` of a skill of the shop, or `undefined`. */
export function skillWords(key) {
  return KNOWN.includes(key) ? [t(`skill.${key}.name`), t(`skill.${key}.does`)] : undefined;
}
