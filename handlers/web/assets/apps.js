// The apps in a conversation: what each may do there, and the way to more.

import { announce, button, failure, h } from './dom.js';
import { openDialog } from './dialogs.js';
import { Directory } from './directory.js';
import { grantList } from './grants.js';
import { openInstall } from './install.js';

export class Apps {
  #context;
  #path;
  #installed = [];

  constructor(context, conversation) {
    this.#context = context;
    this.#path = `/v1/conversations/${conversation}/apps`;
    this.list = h('ul', { class: 'app-list', role: 'list', 'aria-label': 'Apps in this conversation' });
    this.notice = h('div', { class: 'hint panel-note', role: 'status' }, 'One moment');
    this.nodes = [this.list, this.notice,
      button('Browse apps', { kind: 'primary wide', onClick: () => this.#browse() })];
    this.#load();
  }

  async #load() {
    try {
      ({ apps: this.#installed } = await this.#context.api.get(this.#path));
    } catch (problem) {
      return this.notice.replaceChildren(failure(problem, () => this.#load()));
    }
    this.notice.textContent = this.#installed.length === 0 ? 'No app takes part here yet. Apps bring in pictures, sounds, games and more; whoever is here can add one.' : '';
    this.list.replaceChildren(...this.#installed.map((installed) => this.#row(installed)));
  }

  #row({ app, grants, installedBy, suspended }) {
    const { people } = this.#context;
    people.meet({ app });
    return h('li', { class: 'app-row' },
      people.avatar(app.id),
      h('div', { class: 'app-about' },
        h('h4', { class: 'name' }, app.name),
        suspended === null ? null : h('p', { class: 'field-error' }, `Stopped everywhere: ${suspended}`),
        grantList(grants),
        h('p', { class: 'hint' }, 'Added by ', people.label(installedBy, { own: 'you' })),
        h('p', { class: 'app-tools' },
          button(`Change what ${app.name} may do`, { content: 'Change', kind: 'quiet', onClick: () => this.#change(app, grants) }),
          button(`Remove ${app.name}`, { content: 'Remove', kind: 'quiet grave', onClick: () => this.#remove(app) }))));
  }

  #browse() {
    new Directory(this.#context, {
      installed: () => this.#installed,
      choose: (app) => this.#install(app, this.#installed.find((i) => i.app.id === app.id)?.grants),
    }).open();
  }

  async #change({ id }, grants) {
    try {
      this.#install(await this.#context.api.get(`/v1/apps/${id}`), grants);
    } catch (problem) {
      this.notice.replaceChildren(failure(problem));
    }
  }

  #install(app, given) {
    openInstall(this.#context, app, given, async (grants) => {
      await this.#context.api.put(`${this.#path}/${app.id}`, { grants });
      announce(`${app.name} takes part here`);
      this.#load();
    });
  }

  #remove({ id, name }) {
    openDialog(`Remove ${name}?`, h('p', {}, 'It can do nothing here any more. What it shared stays.'), {
      label: 'Remove', grave: true, run: async () => {
        await this.#context.api.delete(`${this.#path}/${id}`);
        announce(`${name} was removed`);
        this.#load();
      },
    });
  }
}
