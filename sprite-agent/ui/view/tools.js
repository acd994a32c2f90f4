// What the assistant did on its way to an answer; each step opens to what it asked for and what came back.

import { unmasked } from '../overrides.js';
import { t } from '../words.js';
import { element, icon } from './element.js';

/** Tools that have words of their own, and those that do the same. */
const KNOWN = { exec: 'exec', process: 'exec', web_search: 'web_search', web_fetch: 'web_fetch', browser: 'browser', read: 'read', write: 'write', edit: 'edit', apply_patch: 'edit', memory_search: 'memory_search' };

export class ToolsView {
  root = element('ul', { class: 'tools', 'aria-label': t('tools.label') });
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
    const words = t(isThinking ? 'thought.now' : 'thought.done');
    if (this.#words.textContent !== words) this.#words.textContent = words;
    const shown = unmasked(text);
    if (this.#text.textContent !== shown) this.#text.textContent = shown;
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
      ...(args ? [element('p', {}, t('tool.asked')), this.#asked] : []),
      ...(result ? [element('p', {}, t(status === 'failed' ? 'tool.wrong' : 'tool.came')), this.#came] : []),
      ...(args || result ? [] : [element('p', {}, t('tool.nothing'))]),
    );
  }
}

export function wordsFor(name, status) {
  const tool = Object.hasOwn(KNOWN, name) ? KNOWN[name] : 'other';
  const time = status === 'running' ? 'now' : 'done';
  const what = t(`tool.${tool}.${time}`, { name: name.replace(/[_-]+/g, ' ') });
  if (status === 'running') return t('tool.running', { what });
  return status === 'failed' ? t('tool.failed', { what }) : what;
}
