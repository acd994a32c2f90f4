// What stands in place of the page when there is no way in: why, and what comes next.

import { element } from './element.js';
import { t } from '../words.js';

/** Where the link leads, given the site's address, and what is said besides. */
const NOTES = {
  'signed-out': { link: () => '/auth/login?return=/', also: ['shut.kept'] },
  suspended: { link: (site) => `${site}/account`, also: ['shut.kept', 'shut.looks'] },
  locked: { link: (site) => `${site}/account`, also: ['shut.looks'] },
  gone: { link: (site) => `${site}/`, also: ['shut.looks'] },
};

export class ShutView {
  #root = document.getElementById('shut');
  #shown = '';

  /**
   * Whether something is shown for the state `kind`; `siteUrl` is empty while it is not known, `keepsWriting` says
   * whether this browser keeps something that was being written: who signs out has it cleared.
   */
  update(kind, siteUrl, keepsWriting) {
    const note = NOTES[kind];
    this.#root.hidden = !note;
    const shown = note ? `${kind} ${siteUrl} ${keepsWriting}` : '';
    if (this.#shown === shown) return Boolean(note);
    this.#shown = shown;
    if (!note) return false;
    const title = t(`shut.${kind}.title`);
    const isKnown = siteUrl || kind === 'signed-out';
    const link = element('a', { class: 'button primary', href: note.link(siteUrl), 'data-testid': `${kind}-link` }, t(`shut.${kind}.link`));
    const said = [`shut.${kind}.text`, ...note.also].filter((key) => key !== 'shut.kept' || keepsWriting);
    const card = this.#root.querySelector('.card');
    card.replaceChildren(
      card.querySelector('img'),
      element('h1', { tabindex: '-1' }, title),
      element('p', {}, said.map((key) => t(key)).join(' ')),
      ...(isKnown ? [link] : []),
    );
    document.title = `${title} · Arcamatrix`;
    // What had the focus is gone with the page.
    card.querySelector('h1').focus();
    return true;
  }
}
