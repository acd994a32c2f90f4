// The button of what shows only its beginning: for a person, and for the printer.

import { element } from './element.js';

/** `show(isAtOnce)` shows the rest; not at once it may take its time. */
export function restButton(show, attributes = {}) {
  return element('button', {
    type: 'button', class: 'button small rest', ...attributes, onclick: () => show(false), onwhole: () => show(true),
  });
}

/** Shows at once whatever is not shown below `root`. */
export function showRests(root) {
  for (const button of root.querySelectorAll('.rest:not([hidden])')) button.dispatchEvent(new Event('whole'));
}
