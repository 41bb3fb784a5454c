// What opens beside a transcript: one panel at a time, each with a button that
// shows and hides it.

import { button, h } from './dom.js';
import { icon } from './icons.js';

export class Side {
  #panels;
  #open = null;
  #argument;
  // What had the focus before a panel took it.
  #from = null;

  /**
   * `panels` are by name `{label, sign, make}`: `make(argument)` returns the
   * panel's contents as nodes. One without a sign has no button of its own.
   */
  constructor(panels) {
    this.#panels = panels;
    this.element = h('aside', { class: 'side', hidden: true, on: { keydown: (event) => this.#key(event) } });
    this.buttons = Object.entries(panels).filter(([, { sign }]) => sign).map(([name, { label, sign }]) => button(label, {
      content: icon(sign), kind: 'tool', 'aria-expanded': 'false', data: { panel: name }, onClick: () => this.toggle(name),
    }));
  }

  /** Shows a panel; `argument` is what it is about. */
  open(name, argument, { focus = true } = {}) {
    if (this.#open === null) this.#from = document.activeElement;
    this.#open = name;
    this.#argument = argument;
    this.#draw();
    if (focus) this.element.querySelector('h3').focus();
  }

  toggle(name) {
    if (this.#open === name) this.close();
    else this.open(name);
  }

  close() {
    const panel = this.#open;
    this.#open = null;
    this.#draw();
    const back = this.#from?.isConnected ? this.#from : this.buttons.find((b) => b.dataset.panel === panel);
    back?.focus();
  }

  /** Draws a panel again if it is the one that is open. */
  redraw(name) {
    if (this.#open === name) this.#draw();
  }

  /** Whether a panel's button is there at all. */
  offer(name, offered) {
    this.buttons.find((b) => b.dataset.panel === name).hidden = !offered;
  }

  #draw() {
    for (const b of this.buttons) b.setAttribute('aria-expanded', String(b.dataset.panel === this.#open));
    this.element.hidden = this.#open === null;
    if (this.#open === null) return this.element.replaceChildren();
    const { label, make } = this.#panels[this.#open];
    this.element.setAttribute('aria-label', label);
    this.element.replaceChildren(h('div', { class: 'panel' },
      h('header', { class: 'panel-head' },
        h('h3', { tabindex: '-1' }, label),
        button(`Close ${label.toLowerCase()}`, { content: icon('close'), kind: 'tool', onClick: () => this.close() })),
      h('div', { class: 'panel-body' }, make(this.#argument))));
  }

  #key(event) {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.close();
  }
}
