// What the assistant has planned, out of the gateway's jobs, in a person's words. Pure.

import { locale as browserLocale, t } from './words.js';

/** Jobs asked for at once: the most that the gateway tells. */
export const JOBS_MAX = 200;
const NAME_MAX = 200;
/** Every month has so many days. */
const DAYS_MIN = 28;
const SPANS = [['week', 604_800_000], ['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1_000]];

/**
 * Rows `{id, name, does, often, next, isPaused, isRunning, problem}`: what comes first stands first, what
 * is paused last. `jobs` come from `cron.list`; `at` is the time, in ms since the epoch.
 */
export function plans(jobs, at, locale = browserLocale) {
  return jobs
    .filter(isPlan)
    .map((job) => [nextOf(job) ?? Infinity, plan(job, at, locale)])
    .sort(([a, one], [b, other]) => one.isPaused - other.isPaused || (a === b ? 0 : a - b) || (one.id < other.id ? -1 : 1))
    .map(([, row]) => row);
}

/** What the gateway declares for itself is no plan: nobody has asked the assistant for it. */
export function isPlan(job) {
  return Boolean(job?.id) && !job.declarationKey;
}

function plan(job, at, locale) {
  const isPaused = job.enabled === false;
  const next = nextOf(job);
  const { runningAtMs, lastRunStatus, lastError } = job.state ?? {};
  const does = job.payload?.message ?? job.payload?.text ?? job.description ?? '';
  const name = cut(job.displayName || job.name || does) || t('plan.nameless');
  return {
    id: job.id,
    name,
    does: cut(does) === name ? '' : cut(does),
    often: howOften(job.schedule ?? {}, locale),
    next: isPaused || !next ? '' : moment(next, at, locale),
    isPaused,
    isRunning: Boolean(runningAtMs),
    problem: lastRunStatus === 'error' ? cut(lastError || t('plan.failed-why')) : '',
  };
}

function nextOf({ state, nextRunAtMs }) {
  const next = state?.nextRunAtMs ?? nextRunAtMs;
  return Number.isFinite(next) ? next : null;
}

/** As many as the agent lets be. */
export const PLANS_MAX = 100;

/**
 * When something is to be done, as the agent takes it: `{at}`, or `{rule, zone}`; `null` when the fields say
 * no time to come. `often` is `once`, `daily`, `workdays`, `weekly` or `monthly`, `date` as in 2026-11-28,
 * `time` as in 09:30, both of `zone`, which is the browser's; of the date, a week takes its weekday and a
 * month its day. `now` in ms since the epoch.
 */
export function timing({ often, date, time }, zone, now) {
  const [hour, minute] = /^\d{1,2}:\d{2}/.test(time) ? time.split(':').map(Number) : [];
  const [year, month, day] = /^\d{4}-\d{2}-\d{2}$/.test(date) ? date.split('-').map(Number) : [];
  if (minute === undefined) return null;
  const rule = (fields) => ({ rule: `${minute} ${hour} ${fields}`, zone });
  if (often === 'daily') return rule('* * *');
  if (often === 'workdays') return rule('* * 1-5');
  if (day === undefined) return null;
  const moment = new Date(year, month - 1, day, hour, minute);
  if (often === 'weekly') return rule(`* * ${moment.getDay()}`);
  if (often === 'monthly') return rule(`${day} * *`);
  return moment.getTime() > now ? { at: moment.getTime() } : null;
}

/** The day of each month that a plan of these fields is for when not every month has it, or `null`: the others are left out. */
export function rareDay({ often, date }) {
  const day = Number(/^\d{4}-\d{2}-(\d{2})$/.exec(date)?.[1]);
  return often === 'monthly' && day > DAYS_MIN ? day : null;
}

/** How often something of this `schedule` happens. */
export function howOften(schedule, locale = browserLocale) {
  switch (schedule.kind) {
    case 'at':
      return t('plan.once');
    case 'every':
      return every(schedule.everyMs, locale);
    case 'cron':
      return byRule(String(schedule.expr ?? ''), schedule.tz, locale);
    default:
      return t('plan.event');
  }
}

/** In the largest unit that it is a whole number of. */
function every(ms, locale) {
  const [unit, size] = SPANS.find(([, length]) => ms % length === 0) ?? SPANS.at(-1);
  const count = Math.max(1, Math.round(ms / size));
  if (count === 1) return t(`plan.every-${unit}`);
  return t('plan.every', { span: new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count) });
}

/** Rules that people have; what is rarer is shown as it is written. */
function byRule(rule, zone, locale) {
  const fields = rule.trim().split(/\s+/);
  const steady = fields.length === 5 && steadily(fields, locale);
  if (steady) return steady;
  const often = (fields.length === 5 && atTimes(fields, locale)) || t('plan.rule', { rule: cut(rule) });
  return t('plan.zone', { often, zone: zone ? cut(zone) : t('plan.machine-time') });
}

/** What happens all day long: the time zone makes no difference. */
function steadily([minute, ...rest], locale) {
  if (rest.some((field) => field !== '*')) return null;
  const steps = minute.match(/^\*\/(\d{1,2})$/);
  if (steps && 60 % Number(steps[1]) === 0) return every(Number(steps[1]) * 60_000, locale);
  return isNumber(minute, 59) ? t('plan.hourly', { minute: Number(minute) }) : null;
}

function atTimes([minute, hour, day, month, weekday], locale) {
  if (month !== '*' || !isNumber(minute, 59) || !isNumber(hour, 23)) return null;
  const time = clockTime(Number(hour), Number(minute), locale);
  if (day === '*' && weekday === '*') return t('plan.daily', { time });
  if (day === '*') return onWeekdays(weekday, time, locale);
  if (weekday === '*' && isNumber(day, 31) && Number(day) > 0) return t(Number(day) > DAYS_MIN ? 'plan.monthly-rare' : 'plan.monthly', { day: Number(day), time });
  return null;
}

function isNumber(field, max) {
  return /^\d{1,2}$/.test(field) && Number(field) <= max;
}

function onWeekdays(field, time, locale) {
  const names = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
  const number = (word) => (/^[0-7]$/.test(word) ? Number(word) % 7 : names.indexOf(word.toUpperCase()));
  if (/^(1-5|MON-FRI)$/i.test(field)) return t('plan.workdays', { time });
  const days = [...new Set(field.split(',').map(number))];
  if (days.includes(-1)) return null;
  // The fourth of January 1970 was a Sunday.
  const name = (day) => new Date(Date.UTC(1970, 0, 4 + day)).toLocaleDateString(locale, { weekday: 'long', timeZone: 'UTC' });
  // A week begins on Monday where these are read.
  const list = days.sort((a, b) => (a || 7) - (b || 7)).map(name);
  return t('plan.weekly', { days: new Intl.ListFormat(locale, { type: 'conjunction' }).format(list), time });
}

function clockTime(hour, minute, locale) {
  return new Date(Date.UTC(1970, 0, 1, hour, minute)).toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });
}

/** A time of the next days by its weekday; both in ms since the epoch. */
function moment(next, at, locale) {
  const time = { hour: '2-digit', minute: '2-digit' };
  if (new Date(next).toDateString() === new Date(at).toDateString()) {
    return t('plan.today', { time: new Date(next).toLocaleTimeString(locale, time) });
  }
  const year = new Date(next).getFullYear() === new Date(at).getFullYear() ? {} : { year: 'numeric' };
  return new Date(next).toLocaleString(locale, { weekday: 'short', day: 'numeric', month: 'long', ...year, ...time });
}

function cut(text) {
  const plain = String(text).replace(/\s+/g, ' ').trim();
  return plain.length > NAME_MAX ? `${plain.slice(0, NAME_MAX - 1).trimEnd()}…` : plain;
}
