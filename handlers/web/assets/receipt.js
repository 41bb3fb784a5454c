// What was bought and for how much: the lines of an order, and how they add up.

import { h } from './dom.js';
import { money } from './money.js';

export function receipt(order) {
  const amount = (minor) => money(minor, order);
  const sum = (label, minor, kind = '') => h('tr', { class: kind }, h('th', { scope: 'row' }, label), h('td', {}, amount(minor)));
  return h('table', { class: 'receipt' },
    h('caption', { class: 'unseen' }, `What order ${order.number} holds`),
    h('thead', { class: 'unseen' }, h('tr', {}, h('th', { scope: 'col' }, 'Item'), h('th', { scope: 'col' }, 'Amount'))),
    h('tbody', {}, order.lines.map((line) => lineRow(line, amount))),
    h('tfoot', {},
      sum('Subtotal', order.subtotal),
      order.shipping ? sum('Shipping', order.shipping) : null,
      order.tax ? sum('Tax', order.tax) : null,
      order.adjustments.map(({ name, amount: off }) => sum(name || 'Adjustment', -off)),
      sum('Total', order.total, 'total'),
      order.status !== 'offered' && order.paid !== order.total ? sum('Paid', order.paid) : null,
      order.refunded ? sum('Refunded', -order.refunded, 'refunded') : null));
}

function lineRow({ title, subtitle, sku, quantity, unitPrice, amount: whole }, amount) {
  const each = quantity > 1 && unitPrice !== null ? `${quantity.toLocaleString('en')} × ${amount(unitPrice)}` : quantity > 1 ? `${quantity.toLocaleString('en')} pieces` : '';
  const about = [subtitle, each].filter(Boolean).join(' · ');
  return h('tr', {}, h('th', { scope: 'row', title: sku || null }, title, about ? h('span', { class: 'hint' }, about) : null), h('td', {}, amount(whole)));
}

/** Where an order goes and how it was paid. */
export function terms({ address, paymentMethod, carrier, trackingNumber, estimatedDelivery }, day) {
  const lines = address && [address.name, address.street1, address.street2, [address.postalCode, address.city].filter(Boolean).join(' '), address.state, address.country].filter(Boolean);
  const term = (label, ...value) => [h('dt', {}, label), h('dd', {}, value)];
  return h('dl', { class: 'terms' },
    estimatedDelivery ? term('Expected', h('time', { datetime: estimatedDelivery }, day(new Date(estimatedDelivery)))) : null,
    carrier || trackingNumber ? term('Parcel', [carrier, trackingNumber].filter(Boolean).join(', ')) : null,
    lines?.length ? term('To', lines.flatMap((line, i) => (i > 0 ? [h('br'), line] : [line]))) : null,
    paymentMethod ? term('Paid with', paymentMethod) : null);
}
