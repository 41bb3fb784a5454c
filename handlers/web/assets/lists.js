// What stands left of the stage: the reader's own inbox, or the desk of a
// merchant for whom they act.

import { button, h } from './dom.js';
import { Desk } from './desk.js';

export class Lists {
  #context;
  #inbox;
  #desk = null;
  #open = null;

  /** `inbox` is the reader's own. */
  constructor(context, inbox) {
    this.#context = context;
    this.#inbox = inbox;
    this.choice = h('div', { class: 'lists', role: 'group', 'aria-label': 'Whose conversations', hidden: true });
    this.element = h('div', { class: 'left' }, this.choice, inbox.element);
  }

  /** Finds out whom the reader acts for. */
  async load() {
    const { merchants = [] } = await this.#context.api.get('/v1/merchants').catch(() => ({}));
    this.choice.hidden = merchants.length === 0;
    this.choice.replaceChildren(...[null, ...merchants].map((merchant) => button(merchant?.name ?? 'Inbox', {
      kind: 'quiet', 'aria-pressed': String(merchant === null), onClick: (event) => this.#show(merchant, event.currentTarget),
    })));
  }

  #show(merchant, chosen) {
    for (const b of this.choice.children) b.setAttribute('aria-pressed', String(b === chosen));
    this.#desk?.close();
    this.#desk = merchant && new Desk(this.#context, merchant);
    this.#desk?.select(this.#open);
    this.element.replaceChildren(this.choice, (this.#desk ?? this.#inbox).element);
  }

  /** Marks the conversation that is open, or none. */
  select(id) {
    this.#open = id;
    this.#inbox.select(id);
    this.#desk?.select(id);
  }

  focus() {
    (this.#desk ?? this.#inbox).focus();
  }

  close() {
    this.#desk?.close();
    this.#inbox.close();
  }
}
