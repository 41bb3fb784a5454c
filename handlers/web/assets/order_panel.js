// An order in full, beside the transcript.

import { h } from './dom.js';
import { head, openWishes, orderButtons } from './order_card.js';
import { timeline, wayOf } from './order_timeline.js';
import { receipt, terms } from './receipt.js';
import { toTheMinute } from './time.js';

/** The contents of the panel. */
export function orderPanel(id, context) {
  return [context.orders.show(id, { class: 'order-panel' }, (order) => (order ? whole(order, context) : h('p', { class: 'hint panel-note' }, 'One moment')))];
}

function whole(order, context) {
  const section = (title, ...children) => h('section', {}, h('h4', {}, title), children);
  const way = wayOf(order);
  return [
    head(order),
    openWishes(order),
    h('div', { class: 'order-buttons' }, orderButtons(order, context)),
    way ? section('Where it is', way) : null,
    section('Receipt', receipt(order), terms(order, toTheMinute)),
    section('What happened', timeline(order, context.people)),
  ];
}
