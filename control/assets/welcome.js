// Follows an order on the page after the payment. Without it, the page loads itself again.

import { STATES, elapsed, mayOpen, needsNewPage, news } from './progress.js';

const page = document.getElementById('welcome');
const find = (id) => document.getElementById(id);
const rows = new Map([...document.querySelectorAll('[data-step]')].map((row) => [row.dataset.step, row]));
const labels = Object.fromEntries([...rows].map(([name, row]) => [name, row.querySelector('.what').firstChild.data]));

let shown = null;
// By how much our clock differs from the server's.
let skew = 0;

const stream = new EventSource(page.dataset.events);
stream.onmessage = ({ data }) => {
  const progress = JSON.parse(data);
  skew = progress.now - Date.now();
  if (needsNewPage(page.dataset.stage, progress)) {
    stream.close();
    location.reload();
    return;
  }
  show(progress);
  if (progress.is_final) stream.close();
  if (mayOpen(progress) && location.hash === '#opens') {
    // Whoever comes back to this page finds the button.
    history.replaceState(null, '', location.pathname + location.search);
    location.assign(find('open').href);
  }
};
setInterval(tick, 1000);

function show(progress) {
  find('spoken').textContent = news(shown, progress, labels);
  shown = progress;
  page.dataset.stage = progress.stage;
  document.title = `${progress.headline} · Arcamatrix`;
  put(find('headline'), progress.headline);
  put(find('text'), progress.text);
  put(find('fine'), progress.fine);
  for (const step of progress.steps) {
    const row = rows.get(step.name);
    if (!row) continue;
    row.dataset.state = step.state;
    put(row.querySelector('.is'), `: ${STATES[step.state]}`);
    put(row.querySelector('.word'), step.word);
  }
  find('opens').hidden = !mayOpen(progress);
  if (mayOpen(progress)) find('password-note')?.remove();
  tick();
}

function tick() {
  if (shown === null) return;
  const now = Date.now() + skew;
  for (const step of shown.steps) {
    const row = rows.get(step.name);
    if (row) put(row.querySelector('time'), elapsed(step, now));
  }
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
