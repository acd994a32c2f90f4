// The form of the landing page: suggests a free name while the e-mail address is typed, and says
// whether another one is free. Without it the form works just as well.

import { NameCheck, suggestions, words } from './name.js';

const form = document.querySelector('[data-usernames]');
const email = form.elements.email;
const name = form.elements.username;
const said = document.getElementById('username-verdict');
const { usernames, domain } = form.dataset;

// What somebody typed themselves is never overwritten.
let isOurs = name.value === '';

const check = new NameCheck({
  ask: async (typed) => {
    const answer = await fetch(usernames + encodeURIComponent(typed), { headers: { accept: 'application/json' } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  },
  tell: ({ verdict, name: checked, text }) => {
    if (isOurs) suggest(checked);
    said.dataset.verdict = verdict;
    if (verdict === 'free') said.textContent = words.free(`${checked}.${domain}`);
    else if (verdict === 'asking') said.textContent = `${checked}.${domain} …`;
    else said.textContent = text;
    if (verdict !== 'asking') name.setAttribute('aria-invalid', String(verdict === 'refused'));
  },
});

function suggest(text) {
  if (name.value === text) return;
  name.value = text;
  if (document.activeElement === name) name.select();
}

email.addEventListener('input', () => {
  if (!isOurs) return;
  check.suggest(suggestions(email.value));
});

// Whoever types replaces what we suggest.
name.addEventListener('focus', () => {
  if (isOurs) name.select();
});

name.addEventListener('input', () => {
  isOurs = name.value === '';
  // What the server said about the last one does not hold for this one.
  document.getElementById('username-error')?.remove();
  check.typed(name.value);
});

if (name.value !== '' && name.getAttribute('aria-invalid') !== 'true') check.typed(name.value);

// A second click would make a second order. Whoever comes back gets the button back.
form.addEventListener('submit', (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = 'yes';
  remember(name.value);
});
// The browser's Back fills the fields in again, after this script has run; but not the name, of
// which it must not keep a list.
window.addEventListener('pageshow', () => {
  delete form.dataset.sent;
  if (name.value === '' && email.value !== '') name.value = remembered();
  isOurs = name.value === '';
});

/** For as long as this tab is open; a browser may refuse. */
function remember(text) {
  try {
    sessionStorage.setItem('username', text);
  } catch {
    // Typed again, then.
  }
}

function remembered() {
  try {
    return sessionStorage.getItem('username') ?? '';
  } catch {
    return '';
  }
}
