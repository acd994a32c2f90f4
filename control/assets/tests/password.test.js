import assert from 'node:assert/strict';
import test from 'node:test';

import { revealable } from '../password.js';

/** As much of an element as the script touches. */
function stub(extra = {}) {
  const listeners = {};
  return {
    attributes: {},
    children: [],
    setAttribute(name, value) { this.attributes[name] = value; },
    addEventListener(name, listener) { listeners[name] = listener; },
    append(...nodes) { this.children.push(...nodes); },
    replaceWith(node) { this.replacedBy = node; },
    fire(name) { listeners[name](); },
    ...extra,
  };
}

test('a password is shown by its button, and hidden again before it is sent', () => {
  const form = stub();
  const field = stub({ id: 'password', type: 'password', form });
  const button = revealable(field, { createElement: () => stub() });
  assert.deepEqual(field.replacedBy.children, [field, button]);
  assert.equal(button.textContent, 'Show');
  button.fire('click');
  assert.deepEqual([field.type, button.textContent, button.attributes['aria-label']], ['text', 'Hide', 'Hide the password']);
  button.fire('click');
  assert.equal(field.type, 'password');
  button.fire('click');
  form.fire('submit');
  assert.equal(field.type, 'password');
});

test('the button speaks the language of its page', () => {
  const document = { createElement: () => stub(), documentElement: { lang: 'de' } };
  const button = revealable(stub({ id: 'password', type: 'password' }), document);
  assert.deepEqual([button.textContent, button.attributes['aria-label']], ['Zeigen', 'Das Passwort zeigen']);
});
