// Who answers a customer: an app that speaks for the merchant, or the agents,
// who may take the thread over and hand it back.

import { announce, button, h } from './dom.js';
import { openDialog } from './dialogs.js';
import { openMenu } from './menu.js';

// What happens at once is read once.
const SETTLE = 150;

export class Handover {
  #context;
  #path;
  #control = null;
  #asked = 0;
  #soon = 0;

  /** `context` has `api` and `people`; the reader serves in the conversation as an agent once this is loaded. */
  constructor({ api, people }, conversation) {
    this.#context = { api, people };
    this.#path = `/v1/conversations/${conversation}/control`;
    this.words = h('div', { class: 'handover-words', role: 'status' });
    this.tools = h('div', { class: 'handover-tools' });
    this.element = h('section', { class: 'handover', hidden: true, 'aria-label': 'Who answers' }, this.words, this.tools);
  }

  async load() {
    const asked = ++this.#asked;
    try {
      const control = await this.#context.api.get(this.#path);
      if (asked === this.#asked) this.#draw(control);
    } catch {
      // Whatever is wrong shows in the conversation; it is read again when the server is back.
    }
  }

  /** Somebody else answers, or an app asks to. */
  changed() {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.load(), SETTLE);
  }

  close() {
    clearTimeout(this.#soon);
    this.#asked++;
  }

  #draw(control) {
    if (JSON.stringify(control) === JSON.stringify(this.#control)) return;
    this.#control = control;
    const { app, requests, apps } = control;
    const held = this.tools.contains(document.activeElement);
    for (const one of apps) this.#context.people.meet({ app: one });
    this.element.hidden = apps.length === 0;
    this.element.classList.toggle('asked', requests.length > 0);
    this.words.replaceChildren(
      h('p', { class: 'handover-owner' }, app ? [this.#context.people.avatar(app.id), named(app), ' answers here'] : 'You and your colleagues answer here'),
      ...requests.map((one) => h('p', { class: 'handover-request' }, named(one), ' asks to answer')));
    this.tools.replaceChildren(...this.#buttons(control));
    if (held) (this.tools.querySelector('button') ?? this.element).focus();
  }

  #buttons({ app, requests, apps }) {
    const others = apps.filter(({ id }) => id !== app?.id && requests.every((one) => one.id !== id));
    return [
      ...requests.map((one) => button(`Let ${one.name} answer`, { kind: 'quiet', onClick: () => this.#give(one) })),
      app ? button('Take over', { kind: requests.length > 0 ? 'quiet' : '', onClick: () => this.#give(null) }) : null,
      others.length === 1 && !app ? button(`Hand to ${others[0].name}`, { kind: 'quiet', onClick: () => this.#give(others[0]) }) : null,
      others.length > 1 || others.length === 1 && app ? button('Hand over', { kind: 'quiet', 'aria-haspopup': 'menu', onClick: (event) => this.#choose(event.currentTarget, others) }) : null,
    ].filter(Boolean);
  }

  #choose(anchor, others) {
    openMenu(anchor, 'Who is to answer', others.map((one) => ({ label: one.name, sign: 'apps', act: () => this.#give(one) })));
  }

  /** Has an app answer, or the agents if it is null. */
  async #give(app) {
    for (const b of this.tools.children) b.disabled = true;
    try {
      const control = await this.#context.api.put(this.#path, { appId: app?.id ?? null });
      this.#asked++;
      announce(app ? `${app.name} answers now` : 'You answer now');
      this.#draw(control);
    } catch (problem) {
      openDialog(problem.title, h('p', {}, problem.explanation), null);
      this.#control = null;
      this.load();
    }
    for (const b of this.tools.children) b.disabled = false;
  }
}

const named = ({ name }) => h('strong', { class: 'name', dir: 'auto' }, name);
