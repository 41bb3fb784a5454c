// What stands left of the stage: the reader's own inbox, or the desk of a
// merchant for whom they act.

import { button, h } from './dom.js';
import { Desk } from './desk.js';

export class Lists {
  #context;
  #inbox;
  #desk = null;
  #open = null;
  // Whether a desk is to be shown as soon as it is known that there is one.
  #wanted = false;

  /** `inbox` is the reader's own. */
  constructor(context, inbox) {
    this.#context = context;
    this.#inbox = inbox;
    this.choice = h('div', { class: 'lists', role: 'group', 'aria-label': 'Whose conversations', hidden: true });
    this.element = h('div', { class: 'left' }, this.choice, inbox.element);
  }

  /** Shows a desk in place of the inbox, if the reader has one. */
  serve() {
    this.#wanted = true;
    this.#serveFirst();
  }

  #serveFirst() {
    const first = this.choice.children[1];
    if (!this.#wanted || !first) return;
    this.#wanted = false;
    first.click();
  }

  /** Finds out whom the reader acts for. */
  async load() {
    const { merchants = [] } = await this.#context.api.get('/v1/merchants').catch(() => ({}));
    this.choice.hidden = merchants.length === 0;
    this.choice.replaceChildren(...[null, ...merchants].map((merchant) => button(merchant?.name ?? 'Inbox', {
      kind: 'quiet', 'aria-pressed': String(merchant === null), onClick: (event) => this.#show(merchant, event.currentTarget),
    })));
    this.#serveFirst();
  }

  #show(merchant, chosen) {
    for (const b of this.choice.children) b.setAttribute('aria-pressed', String(b === chosen));
    this.#desk?.close();
    this.#desk = merchant && new Desk(this.#context, merchant);
    this.#desk?.select(this.#open);
    this.element.replaceChildren(this.choice, (this.#desk ?? this.#inbox).element);
  }

  /** Something was said in a conversation of a merchant for whom the reader acts. */
  heard() {
    this.#desk?.heard();
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
