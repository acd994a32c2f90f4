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

/** The variable that a skill of the shop reads its key from. The gateway does not ask for all of them. */
const KEYS = { 'gh-issues': 'GH_TOKEN', notion: 'NOTION_API_TOKEN', 'openai-whisper-api': 'OPENAI_API_KEY' };

/** Skills that reach an account by a sign-in of their own, of which the gateway knows nothing. */
const SIGN_IN = ['coding-agent', 'github', 'gog', 'himalaya', 'obsidian', 'xurl'];

export const signsInItself = (skill) => SIGN_IN.includes(skill);

export function keyOf(skill) {
  return Object.hasOwn(KEYS, skill) ? KEYS[skill] : undefined;
}

/** `[name, description]` of a skill of the shop, or `undefined`. */
export function skillWords(key) {
  return KNOWN.includes(key) ? [t(`skill.${key}.name`), t(`skill.${key}.does`)] : undefined;
}
