// Orders in the transcript: what was placed or offered is a receipt with what
// can be done about it; what happened since is a line of news.

import { button, h } from './dom.js';
import { icon } from './icons.js';
import { money } from './money.js';
import { details, standingOf, timeline, wayOf } from './order_timeline.js';
import { requestButtons } from './order_requests.js';
import { updateButtons, wish } from './order_updates.js';
import { receipt } from './receipt.js';

const SIGNS = {
  paid: 'coin', refunded: 'coin', shipped: 'parcel', outForDelivery: 'parcel', located: 'place', delivered: 'check', confirmed: 'check',
  packed: 'box', returnReceived: 'box', delayed: 'clock', cancelled: 'block', requestDeclined: 'block', invoiced: 'file',
};

/**
 * What a message tells of an order. `context` has `orders`, `people`, `self`,
 * `api`, and `openOrder(id)`, which shows all of it beside the transcript.
 */
export function orderNews(message, context) {
  const { orders } = context;
  const number = message.orderEntry ?? 0;
  const kind = number === 0 ? 'order-card' : 'order-line';
  return orders.show(message.order, { class: kind }, (order) => {
    if (!order) return h('p', { class: 'text' }, message.text);
    const entry = order.timeline.find((e) => e.number === number);
    if (number === 0) return card(order, context);
    return entry ? line(message, entry, order, context) : h('p', { class: 'text' }, message.text);
  });
}

/** What the reader can do about an order. */
export const orderButtons = (order, context) => (order.customerId === context.self ? requestButtons : updateButtons)(order, context);

function card(order, context) {
  return [
    head(order),
    receipt(order),
    openWishes(order, context),
    wayOf(order),
    h('details', { class: 'fold' }, h('summary', {}, 'What happened', h('span', { class: 'hint' }, ` ${order.timeline.length}`)), timeline(order, context.people)),
    h('div', { class: 'order-buttons' }, orderButtons(order, context), more(order, context)),
  ];
}

/** The name of an order, what it comes to, and where it stands. */
export function head(order) {
  return h('header', { class: 'order-head' },
    h('div', {}, h('h4', {}, `${order.status === 'offered' ? 'Offer' : 'Order'} ${order.number}`),
      h('p', { class: 'hint' }, pieces(order), money(order.total, order))),
    h('span', { class: `order-standing ${order.status}` }, standingOf(order)));
}

function pieces({ lines }) {
  const count = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  return count === 0 ? '' : `${count.toLocaleString('en')} ${count === 1 ? 'item' : 'items'} · `;
}

/** What the customer waits for an answer to. */
export function openWishes(order) {
  const open = order.requests.filter(({ state }) => state === 'open');
  return open.length === 0 ? null : h('div', { class: 'open-wishes' }, open.map((request) => wish(request, order)));
}

const more = (order, context) => button('Details', {
  kind: 'quiet', 'aria-label': `Details of order ${order.number}`, onClick: () => context.openOrder(order.id),
});

function line(message, entry, order, context) {
  return [
    h('p', { class: 'order-news' }, icon(SIGNS[entry.type] ?? 'receipt'),
      h('span', {}, message.text, ' ', button('Details', { kind: 'edited', 'aria-label': `Details of order ${order.number}`, onClick: () => context.openOrder(order.id) }))),
    entry.type === 'located' ? wayOf(order, entry) ?? details(entry, order) : details({ ...entry, amount: undefined }, order),
  ];
}
