// The directory of published apps, to browse and to search.

import { button, failure, h } from './dom.js';
import { openDialog } from './dialogs.js';
import { icon } from './icons.js';

const PAGE = 20;
const SETTLE = 200;
const RANKED = 3;

export class Directory {
  #context;
  #installed;
  #choose;
  #next = null;
  // Answers to questions that were asked before the last one are dropped.
  #asked = 0;
  #timer = 0;

  /** `installed()` are the apps here already; `choose(app)` is told of one to add. */
  constructor(context, { installed, choose }) {
    this.#context = context;
    this.#installed = installed;
    this.#choose = choose;
    this.query = h('input', {
      class: 'input', type: 'search', 'aria-label': 'Search apps', placeholder: 'Search', autocomplete: 'off', maxlength: '200',
      on: { input: () => { clearTimeout(this.#timer); this.#timer = setTimeout(() => this.#search(), SETTLE); } },
    });
    this.ranking = h('section', { class: 'ranking-strip', hidden: true, 'aria-label': 'Fastest-growing apps' });
    this.list = h('ul', { class: 'app-list', role: 'list', 'aria-label': 'Apps' });
    this.notice = h('div', { class: 'hint', role: 'status' }, 'One moment');
    this.more = button('Show more', { kind: 'quiet', hidden: true, onClick: () => this.#ask(this.#next) });
  }

  open() {
    this.close = openDialog('Apps', [
      h('div', { class: 'search directory-search' }, icon('search'), this.query),
      h('div', { class: 'directory' }, this.ranking, this.list, this.notice, this.more),
    ], null);
    this.query.focus();
    this.#rank();
    this.#search();
  }

  #search() {
    const query = this.query.value.trim();
    this.ranking.classList.toggle('aside', query !== '');
    return this.#ask(`/v1/apps?${new URLSearchParams({ q: query, limit: PAGE })}`, true);
  }

  async #ask(path, anew = false) {
    const asked = ++this.#asked;
    try {
      const { apps, next } = await this.#context.api.get(path);
      if (asked !== this.#asked) return;
      const rows = apps.map((app) => this.#row(app));
      if (anew) this.list.replaceChildren(...rows);
      else this.list.append(...rows);
      if (!anew) rows[0]?.querySelector('button').focus();
      this.#next = next;
      this.more.hidden = next === null;
      this.notice.textContent = this.list.childElementCount > 0 ? '' : this.query.value.trim() === '' ? 'No app is published yet.' : 'No app is found by these words.';
    } catch (problem) {
      if (asked === this.#asked) this.notice.replaceChildren(failure(problem, () => this.#ask(path, anew)));
    }
  }

  #row(app) {
    const { people } = this.#context;
    people.meet({ app });
    const here = this.#installed().some((installed) => installed.app.id === app.id);
    return h('li', {}, h('button', { type: 'button', class: 'app-row', on: { click: () => this.#take(app) } },
      people.avatar(app.id),
      h('span', { class: 'app-about' },
        h('span', { class: 'name' }, app.name),
        h('span', { class: 'app-description' }, app.description),
        h('span', { class: 'hint' }, here ? 'Takes part here · ' : '', spread(app.installs)))));
  }

  /** The apps that spread fastest, as chips above the rest. */
  async #rank() {
    const { apps } = await this.#context.api.get(`/v1/apps/ranking?limit=${RANKED}`).catch(() => ({ apps: [] }));
    const growing = apps.filter(({ added }) => added > 0);
    this.ranking.hidden = growing.length === 0;
    this.ranking.replaceChildren(h('h3', {}, 'Fastest-growing'), h('ol', { role: 'list' }, growing.map(({ app, added }) => {
      this.#context.people.meet({ app });
      return h('li', {}, h('button', { type: 'button', class: 'ranked', on: { click: () => this.#takeRanked(app) } },
        this.#context.people.avatar(app.id),
        h('span', { class: 'name' }, app.name),
        h('span', { class: 'hint' }, `+${added.toLocaleString('en')} this month`)));
    })));
  }

  async #takeRanked({ id }) {
    try {
      this.#take(await this.#context.api.get(`/v1/apps/${id}`));
    } catch (problem) {
      this.notice.replaceChildren(failure(problem));
    }
  }

  #take(app) {
    this.close();
    this.#choose(app);
  }
}

function spread(installs) {
  if (installs === 0) return 'In no conversation yet';
  return installs === 1 ? 'In 1 conversation' : `In ${installs.toLocaleString('en')} conversations`;
}
