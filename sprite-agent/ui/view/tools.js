// What the assistant did on its way to an answer; each step opens to what it asked for and what came back.

import { element, icon } from './element.js';

/** While it runs, and once it is done. */
const WORDS = {
  exec: ['Running a command', 'Ran a command'],
  process: ['Running a command', 'Ran a command'],
  web_search: ['Searching the web', 'Searched the web'],
  web_fetch: ['Reading a page', 'Read a page'],
  browser: ['Using the browser', 'Used the browser'],
  read: ['Reading a file', 'Read a file'],
  write: ['Writing a file', 'Wrote a file'],
  edit: ['Editing a file', 'Edited a file'],
  apply_patch: ['Editing a file', 'Edited a file'],
  memory_search: ['Looking into its memory', 'Looked into its memory'],
};

export class ToolsView {
  root = element('ul', { class: 'tools', 'aria-label': 'What the assistant did' });
  /** By id: a step that somebody has opened stays open while the next ones come. */
  #rows = new Map();

  update(tools) {
    this.root.hidden = tools.length === 0;
    const rows = new Map(tools.map((tool) => [tool.id, this.#rows.get(tool.id) ?? new Row()]));
    for (const tool of tools) rows.get(tool.id).update(tool);
    this.#rows = rows;
    this.root.replaceChildren(...[...rows.values()].map(({ root }) => root));
  }
}

/** What the assistant thought before it answered: folded, for whoever wants to know. */
export class ThoughtView {
  #words = element('span', {});
  #text = element('div', { class: 'thought', dir: 'auto', tabindex: '0' });
  root = element('details', { class: 'thoughts', 'data-testid': 'thought', hidden: true },
    element('summary', {}, icon('thought'), this.#words), this.#text);

  update(text, isThinking) {
    this.root.hidden = text === '';
    const words = isThinking ? 'Thinking…' : 'What it thought';
    if (this.#words.textContent !== words) this.#words.textContent = words;
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }
}

class Row {
  #words = element('span', {});
  #detail = element('code', { dir: 'ltr' });
  #asked = element('pre', { tabindex: '0', dir: 'ltr' });
  #came = element('pre', { tabindex: '0', dir: 'ltr' });
  #body = element('div', { class: 'tool-body' });
  #details = element('details', {}, element('summary', {}, icon('tool'), this.#words, this.#detail), this.#body);
  root = element('li', {}, this.#details);
  #shown = null;

  update(tool) {
    if (tool === this.#shown) return;
    this.#shown = tool;
    const { name, detail, status, args, result } = tool;
    this.root.dataset.state = status;
    this.#words.textContent = wordsFor(name, status);
    this.#detail.textContent = detail;
    this.#detail.hidden = detail === '';
    this.#asked.textContent = args;
    this.#came.textContent = result;
    this.#body.replaceChildren(
      ...(args ? [element('p', {}, 'Asked for'), this.#asked] : []),
      ...(result ? [element('p', {}, status === 'failed' ? 'Went wrong' : 'Came back'), this.#came] : []),
      ...(args || result ? [] : [element('p', {}, 'Nothing more is known of this step.')]),
    );
  }
}

export function wordsFor(name, status) {
  const readable = name.replace(/[_-]+/g, ' ');
  const [running, done] = WORDS[name] ?? [`Using ${readable}`, `Used ${readable}`];
  if (status === 'running') return `${running}…`;
  return status === 'failed' ? `${done} (did not work)` : done;
}
