// The assistant's skills in plain words. Pure.

import { skillWords } from './skill-words.js';
import { language, t } from './words.js';

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
  const [name, description] = skillWords(key) ?? [readable(row?.name ?? key), row?.description ?? ''];
  if (!row) return { key, name, description, usable: false, reason: t('skill.missing'), isOn: null, wantsKey: false };
  const reason = reasonAgainst(row);
  const isOn = row.blockedByAllowlist || row.blockedByAgentFilter ? null : !row.disabled;
  const { env = [], bins = [], anyBins = [], os = [] } = row.missing ?? {};
  // A key alone does not help where a program is missing as well.
  const wantsKey = Boolean(row.primaryEnv ?? env[0]) && bins.length + anyBins.length + os.length === 0 && !row.disabled;
  return { key, name, description, usable: reason === '', reason, isOn, wantsKey };
}

/** `nano-pdf` → `Nano pdf`. */
function readable(key) {
  const words = String(key).replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function reasonAgainst(row) {
  if (row.disabled) return t('skill.off');
  if (row.blockedByAllowlist || row.blockedByAgentFilter) return t('skill.unchosen');
  if (row.eligible) return '';
  const { bins = [], anyBins = [], env = [], config = [], os = [] } = row.missing ?? {};
  const wants = [
    bins.length > 0 && t('skill.programs', { count: bins.length, list: listed(bins, 'conjunction') }),
    anyBins.length > 0 && t('skill.any', { list: listed(anyBins, 'disjunction') }),
    env.length > 0 && t('skill.keys', { count: env.length, list: listed(env, 'conjunction') }),
    config.length > 0 && t('skill.setting', { list: listed(config, 'conjunction') }),
    os.length > 0 && t('skill.system', { list: listed(os, 'disjunction') }),
  ].filter(Boolean);
  return wants.length > 0 ? t('skill.needs', { list: listed(wants, 'conjunction') }) : t('skill.unready');
}

/** `a, b and c`, or with `or`, as the language has it. */
function listed(items, type) {
  return new Intl.ListFormat(language, { type }).format(items.map(String));
}
