// The customer's card, for agents: who it is, what waits, what they bought and
// for how much.

import { button, failure, h } from './dom.js';
import { Cases } from './cases.js';
import { money } from './money.js';
import { openSale } from './sale.js';
import { standingOf } from './order_timeline.js';
import { toTheMinute } from './time.js';

/** The contents of the panel. `openOrder(id)` shows an order in full. */
export function customerPanel(context, conversation, openOrder) {
  const card = new CustomerCard(context, conversation, openOrder);
  const sale = button('Offer or sell something', { kind: 'wide', onClick: () => openSale(context, conversation) });
  return [card.element, h('section', {}, sale), new Cases(context, conversation).element, card.orders];
}

class CustomerCard {
  #context;
  #path;
  #openOrder;

  constructor(context, { merchantId, participants }, openOrder) {
    this.#context = context;
    this.#openOrder = openOrder;
    const customer = participants[0]?.userId ?? '';
    this.#path = `/v1/merchants/${merchantId}/customers/${customer}`;
    this.element = h('div', { class: 'customer-card' }, h('p', { class: 'hint', role: 'status' }, 'One moment'));
    this.orders = h('section', { hidden: true });
    const heard = () => (this.element.isConnected ? this.load() : context.service.removeEventListener('changed', heard));
    context.service.addEventListener('changed', heard);
    this.load();
  }

  async load() {
    try {
      this.#draw(await this.#context.api.get(this.#path));
    } catch (problem) {
      this.element.replaceChildren(failure(problem, problem.passing ? () => this.load() : null));
    }
  }

  #draw({ customerId, linkedAt, leftAt, consent, spending, openOrders, orders }) {
    const { people } = this.#context;
    this.element.replaceChildren(
      h('div', { class: 'customer-who' }, people.avatar(customerId), h('div', {},
        h('h4', {}, people.label(customerId, { own: 'name' })), people.handle(customerId))),
      h('p', { class: 'hint' }, leftAt === null ? 'Customer since ' : 'Left ', h('time', { datetime: leftAt ?? linkedAt }, toTheMinute(new Date(leftAt ?? linkedAt)))),
      consent ? h('blockquote', { class: 'consent' }, h('span', { class: 'unseen' }, 'They agreed to: '), consent) : null,
      ...spending.map((spent) => figures(spent)));
    this.element.append(...(spending.length === 0 ? [h('p', { class: 'hint' }, 'Has bought nothing yet.')] : []));
    const rest = orders.orders.filter((order) => openOrders.every(({ id }) => id !== order.id));
    this.orders.hidden = orders.orders.length === 0;
    this.orders.replaceChildren(
      ...this.#section('Open orders', openOrders),
      ...this.#section(openOrders.length > 0 ? 'Earlier orders' : 'Orders', rest, orders.next));
  }

  #section(title, orders, next = null) {
    if (orders.length === 0) return [];
    const list = orderList(orders, this.#openOrder);
    return [h('h4', {}, title), list, next ? this.#more(list, next) : ''];
  }

  /** A button that brings the following page into a list. */
  #more(list, next) {
    const more = button('Show more', {
      kind: 'quiet', onClick: async () => {
        try {
          const page = (await this.#context.api.get(next)).orders;
          list.append(...orderList(page.orders, this.#openOrder).children);
          more.replaceWith(page.next ? this.#more(list, page.next) : '');
        } catch (problem) {
          more.replaceWith(failure(problem, () => this.load()));
        }
      },
    });
    return more;
  }
}

/** What was spent in one currency, in figures. */
function figures(spent) {
  const figure = (label, value) => h('div', {}, h('dt', {}, label), h('dd', {}, value));
  return h('dl', { class: 'customer-figures' },
    figure('Spent', money(spent.spent, spent)),
    figure('Orders', spent.orders.toLocaleString('en')),
    figure('Open', spent.open.toLocaleString('en')),
    spent.refunded ? figure('Refunded', money(spent.refunded, spent)) : null);
}

/** Orders as a list, each leading to itself in full. */
export function orderList(orders, openOrder) {
  return h('ul', { class: 'order-list', role: 'list' }, orders.map((order) => h('li', {}, h('button', {
    type: 'button', class: 'order-row', on: { click: () => openOrder(order.id) },
  },
  h('span', { class: 'order-row-head' }, h('span', { class: 'name' }, order.number), h('span', {}, money(order.total, order))),
  h('span', { class: 'order-row-head hint' }, h('span', { class: 'name' }, contents(order)), h('span', {}, standingOf(order)))))));
}

function contents({ lines }) {
  if (lines.length === 0) return 'No items listed';
  return lines.length === 1 ? lines[0].title : `${lines[0].title} and ${lines.length - 1} more`;
}
