// How far an order is, in words. Knows no page.

/** What a screen reader says of a step. */
export const STATES =
  globalThis.document?.documentElement?.lang === 'de'
    ? { waiting: 'wartet', running: 'läuft', done: 'fertig', failed: 'fehlgeschlagen' }
    : { waiting: 'waiting', running: 'under way', done: 'done', failed: 'failed' };

/** `8 s`, `2 min 5 s`: as the server writes it. */
export function inWords(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** How long a step took, or has taken so far; empty for one that did not begin. */
export function elapsed(step, now) {
  if (step.state === 'waiting' || step.started_at === null) return '';
  return inWords((step.finished_at ?? now) - step.started_at);
}

/** What to say aloud after a change: only what is new, and nothing at first. */
export function news(before, after, labels) {
  if (before === null) return '';
  const changed = after.steps.filter((step, index) => step.state !== before.steps[index]?.state);
  const steps = changed.filter((step) => step.state !== 'waiting').map((step) => `${labels[step.name]}: ${STATES[step.state]}.`);
  const headline = after.headline === before.headline ? [] : [`${after.headline}.`, after.text];
  return [...steps, ...headline].join(' ');
}

/** Whether the way into the workspace is to be shown. */
export function mayOpen(progress) {
  return progress.stage === 'live' && progress.has_password;
}

/** Stages whose page has other buttons than this one: it is loaded again. */
export function needsNewPage(shown, progress) {
  const kind = (stage) => (['preparing', 'stuck', 'live'].includes(stage) ? 'followed' : stage);
  return kind(shown) !== kind(progress.stage);
}
