// Slash commands and skills, completed while they are typed. Pure.

import { t } from './words.js';

/** Suggestions shown at once; typing on narrows them down. */
const SHOWN_MAX = 8;

/**
 * Commands with a use in a conversation, the most wanted first, in words of ours. What the gateway has besides
 * is for operators: it would answer that it may not, or do what the page has a button for.
 */
const OURS = ['help', 'status', 'model', 'models', 'think', 'compact', 'context', 'usage', 'new', 'reset', 'stop', 'tools', 'skill', 'tasks', 'btw', 'verbose', 'reasoning'];

/** `{name, description, takesMore, isSkill, aliases}` out of an answer to `commands.list`, in the order to show. */
export function commandsFrom({ commands } = {}) {
  return (Array.isArray(commands) ? commands : [])
    .map(command)
    .filter(({ name, isSkill, isOther }) => name && (isSkill || isOther || OURS.includes(name)))
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

function command({ name, textAliases = [], description = '', acceptsArgs, source }) {
  const plain = String(name ?? '').replace(/^\//, '');
  const isOurs = OURS.includes(plain);
  return {
    name: plain,
    description: isOurs ? t(`command.${plain}`) : description,
    takesMore: Boolean(acceptsArgs),
    isSkill: source === 'skill',
    isOther: ['plugin', 'custom'].includes(source),
    aliases: textAliases.map((alias) => alias.replace(/^\//, '').toLowerCase()),
  };
}

/** Skills first: they are what was chosen and paid for. */
function rank({ name, isSkill }) {
  if (isSkill) return -1;
  const place = OURS.indexOf(name);
  return place < 0 ? OURS.length : place;
}

/** What is being typed of a command, without its slash; `null` when `text` up to `caret` is none. */
export function commandTyped(text, caret) {
  const match = /^\/([\w:-]{0,60})$/.exec(text.slice(0, caret));
  return match && !/^\S/.test(text.slice(caret)) ? match[1].toLowerCase() : null;
}

/** The commands that begin with `typed`, then those that have it in them. */
export function matching(commands, typed) {
  const names = ({ name, aliases }) => [name.toLowerCase(), ...aliases];
  const begins = commands.filter((one) => names(one).some((name) => name.startsWith(typed)));
  const has = commands.filter((one) => !begins.includes(one) && names(one).some((name) => name.includes(typed)));
  return [...begins, ...has].slice(0, SHOWN_MAX);
}
