// The line above a transcript that shows the message pinned last, and leads to
// it.

import { h } from './dom.js';
import { icon } from './icons.js';
import { summary } from './message.js';

export class Pinned {
  #history;
  #number;

  /** `show(number)` goes to a message. */
  constructor(history, show) {
    this.#history = history;
    this.element = h('button', { type: 'button', class: 'pinned', hidden: true, on: { click: () => this.#number !== undefined && show(this.#number) } });
  }

  /** Takes the numbers of what is pinned, the last one at the end. */
  describe(numbers) {
    if (numbers.at(-1) === this.#number) return;
    this.#number = numbers.at(-1);
    this.#draw();
  }

  /** Messages are new or have changed. */
  hear(messages) {
    if (messages.some(({ number }) => number === this.#number)) this.#draw();
  }

  async #draw() {
    const number = this.#number;
    this.element.hidden = number === undefined;
    if (number === undefined) return;
    const message = await this.#history.find(number).catch(() => null);
    if (number !== this.#number) return;
    this.element.replaceChildren(icon('pin'), h('span', { class: 'unseen' }, 'Pinned: '),
      h('span', { class: 'quote-text' }, message ? summary(message) : `Message ${number}`));
  }
}
