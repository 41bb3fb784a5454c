// What happened to an order, in the order of what happened. What was told late
// says so.

import { h } from './dom.js';
import { parcelMap, pointOf, written } from './parcel_map.js';
import { money } from './money.js';
import { toTheMinute, inFull } from './time.js';

const WORDS = {
  offered: 'Offered', placed: 'Placed', paid: 'Paid', confirmed: 'Confirmed', invoiced: 'Invoiced', packed: 'Packed',
  shipped: 'Shipped', located: 'Parcel located', outForDelivery: 'Out for delivery', delivered: 'Delivered', delayed: 'Delayed',
  cancelled: 'Cancelled', refunded: 'Refunded', cancellationRequested: 'Cancellation asked for', changeRequested: 'Change asked for',
  returnRequested: 'Return asked for', changeAccepted: 'Change accepted', returnAccepted: 'Return accepted',
  requestDeclined: 'Request declined', returnReceived: 'Return received',
};
const GRAVE = new Set(['cancelled', 'delayed', 'requestDeclined']);

/** What an order's state or the type of an entry is called. */
export const wordOf = (type) => WORDS[type] ?? type;

/** Where an order stands, in a word or two. */
export function standingOf({ status, cancelCause, return: back, requests }) {
  if (status === 'cancelled') return cancelCause === 'withdrawn' ? 'Offer withdrawn' : 'Cancelled';
  if (back === 'received') return 'Returned';
  const open = requests.find(({ state }) => state === 'open');
  const asked = open && { cancel: 'Cancellation asked for', change: 'Change asked for', return: 'Return asked for' }[open.type];
  return asked ?? (back === 'accepted' ? 'To be returned' : wordOf(status));
}

/** Whether an entry was told after one of what happened later. */
const isLate = (entry, timeline) => timeline.some(({ at, number }) => number < entry.number && Date.parse(at) > Date.parse(entry.at));

/** The whole timeline of an order. */
export function timeline(order, people) {
  return h('ol', { class: 'happenings', role: 'list', 'aria-label': 'What happened' }, order.timeline.map((entry) => {
    const late = isLate(entry, order.timeline);
    return h('li', { class: `happening${GRAVE.has(entry.type) ? ' grave-news' : ''}${late ? ' late' : ''}` },
      h('p', { class: 'happening-head' }, h('span', { class: 'happening-name' }, wordOf(entry.type)),
        h('time', { datetime: entry.at, title: inFull(new Date(entry.at)) }, toTheMinute(new Date(entry.at)))),
      details(entry, order),
      h('p', { class: 'hint' }, who(entry, order, people),
        late ? h('span', { class: 'told-late' }, ` · told late, ${toTheMinute(new Date(entry.recordedAt))}`) : null));
  }));
}

function who({ userId, role }, { merchantId }, people) {
  people.meetMerchant(merchantId);
  if (userId !== null) return [people.label(userId, { own: 'You' }), role === 'merchant' ? [' for ', people.label(merchantId)] : null];
  return people.label(merchantId);
}

/** What an entry says besides its name. */
export function details(entry, order) {
  const parts = [
    entry.amount !== undefined && entry.type !== 'placed' && entry.type !== 'offered' ? money(entry.amount, order) : '',
    [entry.carrier, entry.trackingNumber].filter(Boolean).join(', '),
    entry.type === 'located' ? written(entry) : '',
    entry.estimatedDelivery ? `Now expected ${toTheMinute(new Date(entry.estimatedDelivery))}` : '',
  ].filter(Boolean);
  return [
    parts.map((part) => h('p', { class: 'happening-detail' }, part)),
    entry.note ? h('p', { class: 'happening-note', dir: 'auto' }, entry.note) : null,
  ];
}

/** The parcel's way as far as it is known, up to an entry if one is given; null if nothing is. */
export function wayOf(order, entry = null) {
  const last = entry && Date.parse(entry.at);
  const points = order.timeline.filter((e) => pointOf(e) && (last === null || Date.parse(e.at) <= last));
  return points.length > 0 ? parcelMap(points) : null;
}
