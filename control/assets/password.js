// Lets people see the password that they type. Without scripts the field is as it always was.

const WORDS = {
  en: { show: 'Show', hide: 'Hide', showLong: 'Show the password', hideLong: 'Hide the password' },
  de: { show: 'Zeigen', hide: 'Verbergen', showLong: 'Das Passwort zeigen', hideLong: 'Das Passwort verbergen' },
};

/** Puts a button beside `field`, which shows what stands in it and hides it again. */
export function revealable(field, document) {
  const words = WORDS[document.documentElement?.lang] ?? WORDS.en;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'reveal';
  button.setAttribute('aria-controls', field.id);
  const show = (isShown) => {
    field.type = isShown ? 'text' : 'password';
    button.textContent = isShown ? words.hide : words.show;
    button.setAttribute('aria-label', isShown ? words.hideLong : words.showLong);
  };
  button.addEventListener('click', () => show(field.type === 'password'));
  // A shown password would be kept by the browser among what was typed into text fields.
  field.form?.addEventListener('submit', () => show(false));
  show(false);
  const row = document.createElement('div');
  row.className = 'revealable';
  field.replaceWith(row);
  row.append(field, button);
  return button;
}

if (globalThis.document) {
  const { activeElement } = document;
  for (const field of document.querySelectorAll('input[type=password]')) revealable(field, document);
  // Moving a field takes the focus from it.
  if (activeElement?.matches?.('.revealable input')) activeElement.focus();
}
