// The assistant's skills in plain words. Pure.

import { SKILL_WORDS } from './skill-words.js';

const OTHERS_MAX = 100;

/**
 * `{chosen, others}` of `{name, description, usable, reason}`.
 *
 * `names` are the skills the customer chose; `rows` come from `skills.status`. A chosen skill
 * that the assistant does not know is listed and said to be missing: it was paid for.
 */
export function skillList(names, rows) {
  const byKey = new Map(rows.map((row) => [row.skillKey ?? row.name, row]));
  const chosen = names.map((name) => skill(name, byKey.get(name)));
  const others = rows
    .filter((row) => row.eligible && !names.includes(row.skillKey ?? row.name) && !isKeptAway(row))
    .slice(0, OTHERS_MAX)
    .map((row) => skill(row.skillKey ?? row.name, row));
  return { chosen, others };
}

function isKeptAway(row) {
  return row.disabled || row.blockedByAllowlist || row.blockedByAgentFilter;
}

function skill(key, row) {
  const [name, description] = SKILL_WORDS[key] ?? [readable(row?.name ?? key), row?.description ?? ''];
  if (!row) return { key, name, description, usable: false, reason: 'your assistant does not have it' };
  const reason = reasonAgainst(row);
  return { key, name, description, usable: reason === '', reason };
}

/** `nano-pdf` → `Nano pdf`. */
function readable(key) {
  const words = String(key).replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function reasonAgainst(row) {
  if (row.disabled) return 'switched off';
  if (row.blockedByAllowlist || row.blockedByAgentFilter) return 'not among the skills you chose';
  if (row.eligible) return '';
  const { bins = [], anyBins = [], env = [], config = [], os = [] } = row.missing ?? {};
  const wants = [];
  if (bins.length > 0) wants.push(`${bins.length === 1 ? 'the program' : 'the programs'} ${listed(bins, 'and')}`);
  if (anyBins.length > 0) wants.push(`one of the programs ${listed(anyBins, 'or')}`);
  if (env.length > 0) wants.push(`${env.length === 1 ? 'the key' : 'the keys'} ${listed(env, 'and')}`);
  if (config.length > 0) wants.push(`the setting ${listed(config, 'and')}`);
  if (os.length > 0) wants.push(`another operating system (${listed(os, 'or')})`);
  return wants.length > 0 ? `needs ${listed(wants, 'and')}` : 'not ready on your assistant';
}

function listed(items, word) {
  const words = items.map(String);
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${word} ${words.at(-1)}`;
}
