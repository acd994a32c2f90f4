// The assistant's skills in plain words. Pure.

import { keyOf, signsInItself, skillWords } from './skill-words.js';
import { language, t } from './words.js';

const OTHERS_MAX = 100;

/** Rows of `skills.status`, with `hasKey`, whether a key is kept for it: the gateway asks only for some. */
export async function readSkills(request) {
  const [{ skills }, { skills: keyed }] = await Promise.all([request('skills.status', {}), request('arca.skill.keys', {})]);
  return (Array.isArray(skills) ? skills : []).map((row) => ({ ...row, hasKey: keyed?.includes(row.skillKey) ?? false }));
}

/**
 * `{chosen, others}` of `{key, name, description, usable, reason, isOn, keys, signsIn}`; `keys` are the variables that
 * can be set for it, `null` for the one that is its key. Whether one that `signsIn` by itself has done so, nobody knows.
 *
 * `names` are the skills the customer chose; `rows` come from `readSkills`. A chosen skill
 * that the assistant does not know is listed and said to be missing: it was paid for.
 */
export function skillList(names, rows) {
  const byKey = new Map(rows.map((row) => [row.skillKey ?? row.name, row]));
  const chosen = names.map((name) => skill(name, byKey.get(name)));
  const others = rows
    .filter((row) => reasonAgainst(row) === '' && !names.includes(row.skillKey ?? row.name) && !isKeptAway(row))
    .slice(0, OTHERS_MAX)
    .map((row) => skill(row.skillKey ?? row.name, row));
  return { chosen, others };
}

function isKeptAway(row) {
  return row.disabled || row.blockedByAllowlist || row.blockedByAgentFilter;
}

function skill(key, row) {
  const [name, description] = skillWords(key) ?? [readable(row?.name ?? key), row?.description ?? ''];
  if (!row) return { key, name, description, usable: false, reason: t('skill.missing'), isOn: null, keys: [], signsIn: false };
  const reason = reasonAgainst(row);
  const isOn = row.blockedByAllowlist || row.blockedByAgentFilter ? null : !row.disabled;
  const { bins = [], anyBins = [], os = [] } = row.missing ?? {};
  // A key alone does not help where a program is missing as well.
  const keys = bins.length + anyBins.length + os.length === 0 && !row.disabled ? keysOf(row) : [];
  return { key, name, description, usable: reason === '', reason, isOn, keys, signsIn: reason === '' && signsInItself(key) };
}

function keysOf(row) {
  const own = row.primaryEnv ?? keyOf(row.skillKey ?? row.name);
  const others = (row.requirements?.env ?? row.missing?.env ?? []).filter((name) => name !== own);
  return own ? [null, ...others] : others;
}

/** The key that the shop says it needs and that is not there, though the gateway does not ask for it. */
function missingKey(row) {
  const key = keyOf(row.skillKey ?? row.name);
  return key && !row.hasKey && !row.requirements?.env?.includes(key) ? key : null;
}

/** `nano-pdf` → `Nano pdf`. */
function readable(key) {
  const words = String(key).replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function reasonAgainst(row) {
  if (row.disabled) return t('skill.off');
  if (row.blockedByAllowlist || row.blockedByAgentFilter) return t('skill.unchosen');
  const key = missingKey(row);
  if (row.eligible && !key) return '';
  const { bins = [], anyBins = [], env = [], config = [], os = [] } = row.missing ?? {};
  const keys = key ? [key, ...env.filter((name) => name !== key)] : env;
  const wants = [
    bins.length > 0 && t('skill.programs', { count: bins.length, list: listed(bins, 'conjunction') }),
    anyBins.length > 0 && t('skill.any', { list: listed(anyBins, 'disjunction') }),
    keys.length > 0 && t('skill.keys', { count: keys.length, list: listed(keys, 'conjunction') }),
    config.length > 0 && t('skill.setting', { list: listed(config, 'conjunction') }),
    os.length > 0 && t('skill.system', { list: listed(os, 'disjunction') }),
  ].filter(Boolean);
  return wants.length > 0 ? t('skill.needs', { list: listed(wants, 'conjunction') }) : t('skill.unready');
}

/** `a, b and c`, or with `or`, as the language has it. */
function listed(items, type) {
  return new Intl.ListFormat(language, { type }).format(items.map(String));
}
