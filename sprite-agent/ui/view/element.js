// Makes DOM elements without markup: nothing here ever parses HTML.

import { t } from '../words.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An element `tag` with `attributes` and `children` (nodes, strings, or nothing).
 *
 * `onclick` and the like become listeners; `true` sets an empty attribute; `false`, `null` and
 * `undefined` set none.
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const PATHS = {
  menu: ['M4 7h16', 'M4 12h16', 'M4 17h16'],
  close: ['M6 6l12 12', 'M18 6L6 18'],
  plus: ['M12 5v14', 'M5 12h14'],
  send: ['M12 19V5', 'M6 11l6-6 6 6'],
  down: ['M12 5v14', 'M6 13l6 6 6-6'],
  copy: ['M9 9h10v11H9z', 'M15 9V4H5v11h4'],
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  pin: ['M9 4h6l-1 7 3 3H7l3-3z', 'M12 14v6'],
  unpin: ['M9 4h6l-1 7 3 3H7l3-3z', 'M12 14v6', 'M4 4l16 16'],
  clip: ['M19 11l-7.5 7.5a4.2 4.2 0 0 1-6-6L13 5a2.8 2.8 0 0 1 4 4l-7.5 7.5a1.4 1.4 0 0 1-2-2L14 8'],
  clock: ['M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16', 'M12 8v4.500l3 2'],
  pause: ['M9 6v12', 'M15 6v12'],
  folder: ['M4 6h6l2 2.500h8V19H4z'],
  file: ['M6 3h8l4 4v14H6z', 'M14 3v4h4'],
  save: ['M12 4v11', 'M7 11l5 5 5-5', 'M5 20h14'],
  question: ['M9 9a3 3 0 1 1 4 2.8c-.8.4-1 1-1 2', 'M12 17.4v.2'],
  pencil: ['M4 20l1-4L16.5 4.5l3 3L8 19z', 'M14 7l3 3'],
  trash: ['M5 7h14', 'M10 7V4h4v3', 'M7 7l1 13h8l1-13'],
  fork: ['M7 5v14', 'M7 14c6 0 10-1 10-6', 'M5 5a2 2 0 1 0 4 0 2 2 0 1 0-4 0', 'M5 19a2 2 0 1 0 4 0 2 2 0 1 0-4 0', 'M15 6.500a2 2 0 1 0 4 0 2 2 0 1 0-4 0'],
  thought: ['M9 18h6', 'M10 21h4', 'M8.5 15a6 6 0 1 1 7 0c-.6.5-.9 1-.9 1.600V17H9.400v-.4c0-.6-.3-1.100-.9-1.600z'],
  gear: ['M4 7h9', 'M17 7h3', 'M4 17h3', 'M11 17h9', 'M15 5v4', 'M9 15v4'],
  spark: ['M12 3l2.2 6.8L21 12l-6.8 2.2L12 21l-2.2-6.8L3 12l6.8-2.2z'],
  warning: ['M12 4l9 16H3z', 'M12 10v4.5', 'M12 17.2v.3'],
  retry: ['M19 12a7 7 0 1 1-2-5', 'M19 4v4h-4'],
  out: ['M14 4H5v16h9', 'M10 12h10', 'M17 9l3 3-3 3'],
  tool: ['M5 7l4 5-4 5', 'M12 17h7'],
};

/** A 24-unit drawing that screen readers skip: a path for each of `paths`, `{d, class}`. */
function drawing(name, paths) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', name);
  for (const attributes of paths) {
    const path = document.createElementNS(SVG, 'path');
    for (const [key, value] of Object.entries(attributes)) path.setAttribute(key, value);
    svg.append(path);
  }
  return svg;
}

/** A line icon; its button carries the words. All its lines are one path: a long conversation has tens of thousands. */
export function icon(name) {
  return drawing('icon', [{ d: PATHS[name].join('') }]);
}

/** The mark of the product: an arch of dots, one of them lit. */
export function mark() {
  const dot = (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0 ${r} ${r} 0 1 0-${2 * r} 0`;
  const arch = [[5, 18], [5, 12], [8.2, 6.6], [12, 5], [15.8, 6.6], [19, 12], [19, 18]].map(([x, y]) => dot(x, y, 1.7));
  return drawing('mark', [{ d: arch.join('') }, { d: dot(12, 14, 2.6), class: 'lit' }]);
}

/** A button with an icon only; `label` is its name and its tooltip. */
export function iconButton(name, label, attributes = {}) {
  return element('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, ...attributes }, icon(name));
}

/** Copies `text`; the button says whether it worked. Clipboard access can be refused. */
export function copyButton(label, text) {
  const button = iconButton('copy', label, { class: 'icon-button copy' });
  let timer;
  button.addEventListener('click', async () => {
    let done = true;
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      done = false;
    }
    button.replaceChildren(icon(done ? 'check' : 'warning'));
    button.setAttribute('aria-label', t(done ? 'copied' : 'copy.refused'));
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.replaceChildren(icon('copy'));
      button.setAttribute('aria-label', label);
    }, 2_000);
  });
  return button;
}
