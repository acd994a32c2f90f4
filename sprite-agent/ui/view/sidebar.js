// The drawer that the list of conversations lives in on small screens.

export class Sidebar {
  #side = document.getElementById('sidebar');
  #main = document.getElementById('main');
  #menu = document.getElementById('menu');
  #shade = document.getElementById('shade');
  /** The same width as in css/layout.css. */
  #narrow = matchMedia('(max-width: 52rem)');

  constructor() {
    this.#menu.addEventListener('click', () => this.#slide(true));
    document.getElementById('close-menu').addEventListener('click', () => this.close());
    this.#shade.addEventListener('click', () => this.close());
    this.#side.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.isOpen) this.close();
    });
    this.#narrow.addEventListener('change', () => this.#slide(false));
    this.#slide(false);
  }

  get isOpen() {
    return this.#narrow.matches && this.#side.classList.contains('open');
  }

  /** Shows the drawer where there is one, with the search ready. */
  search() {
    if (this.#narrow.matches) this.#slide(true);
    document.getElementById('search').focus();
  }

  /** Closes the drawer and gives the focus back to its button. */
  close() {
    if (!this.isOpen) return;
    this.#slide(false);
    this.#menu.focus();
  }

  /** What is covered cannot be reached, by keyboard or screen reader either. */
  #slide(open) {
    const narrow = this.#narrow.matches;
    this.#side.classList.toggle('open', narrow && open);
    this.#shade.hidden = !(narrow && open);
    this.#side.inert = narrow && !open;
    this.#main.inert = narrow && open;
    this.#menu.setAttribute('aria-expanded', String(narrow && open));
    if (narrow && open) document.getElementById('close-menu').focus();
  }
}
