// What stands in place of the page when there is no way in: why, and what comes next.

import { element } from './element.js';

const KEPT = 'What you were writing is kept in this browser.';
const LOOKS = 'This page looks once a minute whether that has changed.';

/** Title, text, and a link: its words and, given the site's address, where it leads. */
const NOTES = {
  'signed-out': {
    title: 'You are signed out',
    text: `Your conversations are safe with your assistant. ${KEPT}`,
    link: ['Sign in', () => '/auth/login?return=/'],
  },
  suspended: {
    title: 'Your workspace is paused',
    text: `Nothing is lost. Your account page says why, and what opens it again. ${KEPT} ${LOOKS}`,
    link: ['Account and billing', (site) => `${site}/account`],
  },
  locked: {
    title: 'This workspace is locked',
    text: `Nobody can get in for now. If you did not expect this, please tell us. ${LOOKS}`,
    link: ['Your account', (site) => `${site}/account`],
  },
  gone: {
    title: 'This workspace does not exist any more',
    text: `There is nothing at this address. ${LOOKS}`,
    link: ['To the start page', (site) => `${site}/`],
  },
};

export class ShutView {
  #root = document.getElementById('shut');
  #shown = '';

  /** Whether something is shown for the state `kind`; `siteUrl` is empty while it is not known. */
  update(kind, siteUrl) {
    const note = NOTES[kind];
    this.#root.hidden = !note;
    const shown = note ? kind + siteUrl : '';
    if (this.#shown === shown) return Boolean(note);
    this.#shown = shown;
    if (!note) return false;
    const [words, address] = note.link;
    const isKnown = siteUrl || kind === 'signed-out';
    const link = element('a', { class: 'button primary', href: address(siteUrl), 'data-testid': `${kind}-link` }, words);
    const card = this.#root.querySelector('.card');
    card.replaceChildren(
      card.querySelector('img'),
      element('h1', { tabindex: '-1' }, note.title),
      element('p', {}, note.text),
      ...(isKnown ? [link] : []),
    );
    document.title = `${note.title} · Arcamatrix`;
    // What had the focus is gone with the page.
    card.querySelector('h1').focus();
    return true;
  }
}
