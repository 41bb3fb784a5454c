// Orders as they stand, read once however many messages tell of them, and read
// again when something new is told.

import { h } from './dom.js';

const AT_ONCE = 4;
// The view of orders may be a moment behind the conversation that tells of one.
const AGAIN = 250;
const TRIES = 12;

export class Orders {
  #api;
  #known = new Map();
  #asked = new Set();
  #wanted = [];
  #running = 0;

  constructor(api) {
    this.#api = api;
  }

  /** The order with its timeline, or null if it is not known yet: then it is asked for. */
  get(id) {
    if (!this.#asked.has(id)) this.#want(id, () => true);
    return this.#known.get(id) ?? null;
  }

  /** A message has told of an order: it is read until it has the entry told of. */
  hear({ order, orderEntry = 0 }) {
    if (order && this.#asked.has(order)) this.#want(order, ({ timeline }) => timeline.some(({ number }) => number >= orderEntry));
  }

  /** An order was told to have changed: it is read until it has. */
  changed({ id, updatedAt }) {
    if (this.#asked.has(id)) this.#want(id, (order) => Date.parse(order.updatedAt) >= Date.parse(updatedAt));
  }

  /** Takes an order as the server has answered it. */
  put(order) {
    this.#asked.add(order.id);
    const known = this.#known.get(order.id);
    if (known && (known.timeline.length > order.timeline.length || JSON.stringify(known) === JSON.stringify(order))) return;
    this.#known.set(order.id, order);
    for (const element of document.querySelectorAll(`[data-order="${CSS.escape(order.id)}"]`)) {
      element.dispatchEvent(new CustomEvent('order', { detail: order }));
    }
  }

  /**
   * An element that shows an order as it is, now and whenever it changes.
   * `draw(order)` returns nodes; the order is null while it is not known.
   */
  show(id, props, draw) {
    const fill = (order) => {
      const held = element.contains(document.activeElement) ? document.activeElement.textContent : null;
      const open = element.querySelector('details')?.open;
      element.replaceChildren(...[draw(order)].flat(Infinity).filter(Boolean));
      if (open) element.querySelector('details')?.setAttribute('open', '');
      if (held !== null) ([...element.querySelectorAll('button')].find((b) => b.textContent === held) ?? element.querySelector('button'))?.focus();
    };
    const element = h('div', { ...props, data: { order: id }, on: { order: ({ detail }) => fill(detail) } });
    fill(this.get(id));
    return element;
  }

  /** Reads an order until it is `fresh(order)`, a few times at most. */
  #want(id, fresh, tries = TRIES) {
    this.#asked.add(id);
    this.#wanted.push({ id, fresh, tries });
    queueMicrotask(() => this.#work());
  }

  async #work() {
    while (this.#running < AT_ONCE && this.#wanted.length > 0) {
      this.#running++;
      this.#read(this.#wanted.shift()).finally(() => {
        this.#running--;
        this.#work();
      });
    }
  }

  async #read({ id, fresh, tries }) {
    const later = () => tries > 0 && setTimeout(() => this.#want(id, fresh, tries - 1), AGAIN * (TRIES - tries + 1));
    try {
      const order = await this.#api.get(`/v1/orders/${id}`);
      this.put(order);
      if (!fresh(order)) later();
    } catch (problem) {
      if (problem.passing || problem.status === 404) later();
    }
  }
}
