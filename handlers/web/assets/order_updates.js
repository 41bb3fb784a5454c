// What an agent tells of an order, and how they answer what its customer asks
// for.

import { announce, button, h } from './dom.js';
import { openDialog } from './dialogs.js';
import { field, momentOf, numberOf, refusal, textOf } from './form.js';
import { openMenu } from './menu.js';
import { decimal, minorUnits, money } from './money.js';

const ASKED = { cancel: 'to cancel', change: 'a change', return: 'to return it' };

/** The buttons of an agent: answers to what is asked for, and what can be told now. */
export function updateButtons(order, context) {
  const open = order.requests.filter(({ state }) => state === 'open');
  const steps = possible(order);
  const [next] = steps;
  return [
    ...open.flatMap((request) => [
      button(`Accept ${ASKED[request.type]}`, { kind: 'primary', onClick: () => answer(order, request, true, context) }),
      button('Decline', { 'aria-label': `Decline ${ASKED[request.type]}`, onClick: () => answer(order, request, false, context) }),
    ]),
    next?.usual && open.length === 0 ? button(next.label, { kind: 'primary', onClick: () => next.tell(order, context) }) : null,
    steps.length > 0 ? button('Update', {
      'aria-haspopup': 'menu', onClick: (event) => openMenu(event.currentTarget, 'What happened', steps.map(({ label, sign, grave, tell }) => ({
        label, sign, grave, act: () => tell(order, context),
      }))),
    }) : null,
  ].filter(Boolean);
}

/** What can be told of an order as it stands, the usual next step first. */
function possible(order) {
  const has = new Set(order.timeline.map(({ type }) => type));
  const bought = order.status !== 'offered' && order.status !== 'cancelled';
  const under = bought && !has.has('delivered');
  const step = (label, sign, when, tell, more) => (when ? [{ label, sign, tell, ...more }] : []);
  const plain = (type, title) => (o, context) => openUpdate(title, o, context, type, []);
  return [
    ...step('Confirm', 'check', bought && !has.has('confirmed'), plain('confirmed', 'Confirm'), { usual: true }),
    ...step(has.has('shipped') ? 'Ship another parcel' : 'Ship', 'parcel', under && has.has('confirmed'), ship, { usual: !has.has('shipped') }),
    ...step('Locate the parcel', 'place', has.has('shipped') && (under || order.status === 'cancelled'), locate, { usual: true }),
    ...step('Packed', 'box', under && has.has('confirmed') && !has.has('packed') && !has.has('shipped'), plain('packed', 'Packed')),
    ...step('Out for delivery', 'parcel', under && has.has('shipped'), plain('outForDelivery', 'Out for delivery')),
    ...step('Delivered', 'check', under && has.has('confirmed'), plain('delivered', 'Delivered')),
    ...step('Delayed', 'clock', under, delay),
    ...step('Return received', 'box', order.return === 'accepted', plain('returnReceived', 'Return received'), { usual: true }),
    ...step('Invoiced', 'file', bought && has.has('confirmed') && !has.has('invoiced'), plain('invoiced', 'Invoiced')),
    ...step('Paid', 'coin', bought && order.paid < order.total, pay),
    ...step('Refund', 'coin', order.paid > order.refunded, refund),
    ...step(bought ? 'Cancel' : 'Withdraw the offer', 'block', order.status !== 'cancelled' && !has.has('delivered'), cancel, { grave: true }),
  ].sort((a, b) => Boolean(b.usual) - Boolean(a.usual));
}

async function tell(order, { api, orders }, body) {
  orders.put(await api.post(`/v1/orders/${order.id}/updates`, body));
  announce('The order is updated');
}

/**
 * Opens the form of an update. `fields` are shown in their order; `read()`
 * returns what they add to the body.
 */
function openUpdate(title, order, context, type, fields, { read = () => ({}), grave = false, about = null, label = title } = {}) {
  const when = field('When it happened', { type: 'datetime-local', hint: 'Now, if you leave it empty.' });
  openDialog(`${title}: order ${order.number}`, [about, ...fields.map(({ element }) => element), when.element].filter(Boolean), {
    label, grave, run: () => tell(order, context, { type, occurredAt: momentOf(when), ...read() }),
  });
  (fields[0]?.control ?? when.control).focus();
}

function ship(order, context) {
  const carrier = field('Carrier', { maxlength: '100' });
  const number = field('Tracking number', { maxlength: '100' });
  openUpdate('Ship', order, context, 'shipped', [carrier, number], { read: () => ({ carrier: textOf(carrier), trackingNumber: textOf(number) }) });
}

function locate(order, context) {
  const place = field('Place', { maxlength: '200' });
  const latitude = field('Latitude', { inputmode: 'text', placeholder: '53.8655', hint: 'Degrees; south is negative.' });
  const longitude = field('Longitude', { inputmode: 'text', placeholder: '10.6866', hint: 'Degrees; west is negative.' });
  openUpdate('Locate the parcel', order, context, 'located', [place, latitude, longitude], {
    label: 'Tell', read: () => ({ place: textOf(place), latitude: degreesOf(latitude, 'latitude'), longitude: degreesOf(longitude, 'longitude') }),
  });
}

function degreesOf(input, name) {
  const value = numberOf(input);
  if (Number.isNaN(value)) throw refusal(`The ${name} must be a number of degrees, as 53.8655.`);
  return value;
}

function delay(order, context) {
  const estimate = field('Expected now', { type: 'datetime-local' });
  const reason = field('Why', { tag: 'textarea', maxlength: '2000', hint: 'The customer reads it.' });
  openUpdate('Delayed', order, context, 'delayed', [estimate, reason], {
    label: 'Tell', read: () => ({ estimatedDelivery: momentOf(estimate), reason: textOf(reason) }),
  });
}

const amountField = (label, order, most) => field(`${label}, in ${order.currency}`, { inputmode: 'decimal', value: decimal(most, order.exponent) });

function amountOf(input, { exponent, currency }) {
  const amount = minorUnits(input.control.value, exponent);
  if (amount === null) throw refusal(`The amount must be a number${exponent > 0 ? ` with up to ${exponent} decimals` : ' without decimals'}: ${currency} has no smaller part.`);
  return amount;
}

function refund(order, context) {
  const left = order.paid - order.refunded;
  const amount = amountField('Amount', order, left);
  const reason = field('Why', { tag: 'textarea', maxlength: '2000', hint: 'The customer reads it.' });
  openUpdate('Refund', order, context, 'refunded', [amount, reason], {
    about: h('p', {}, `${money(left, order)} of the ${money(order.paid, order)} paid can be refunded.`),
    read: () => ({ amount: amountOf(amount, order), reason: textOf(reason) }),
  });
}

function pay(order, context) {
  const amount = amountField('Amount', order, order.total - order.paid);
  const method = field('Paid with', { maxlength: '100' });
  openUpdate('Paid', order, context, 'paid', [amount, method], { read: () => ({ amount: amountOf(amount, order), method: textOf(method) }) });
}

function cancel(order, context) {
  const offer = order.status === 'offered';
  const cause = field('Because', { tag: 'select', options: [['merchant', 'the shop cancels it'], ['customer', 'the customer wants it'], ['unavailable', 'it is not available']] });
  const reason = field('In a sentence', { tag: 'textarea', maxlength: '2000', hint: 'The customer reads it.' });
  openUpdate(offer ? 'Withdraw' : 'Cancel', order, context, 'cancelled', offer ? [reason] : [cause, reason], {
    grave: true, label: offer ? 'Withdraw' : 'Cancel the order',
    read: () => ({ cause: offer ? undefined : cause.control.value, reason: textOf(reason) }),
  });
}

/** Asks for the words that go with a yes or a no. */
function answer(order, request, yes, context) {
  const reason = field('What to say to it', { tag: 'textarea', maxlength: '2000', hint: 'The customer reads it. You may leave it empty.' });
  openDialog(`${yes ? 'Accept' : 'Decline'} ${ASKED[request.type]}: order ${order.number}`, [wish(request, order), reason.element], {
    label: yes ? 'Accept' : 'Decline', grave: !yes,
    run: () => tell(order, context, { type: yes ? 'requestAccepted' : 'requestDeclined', request: request.number, reason: textOf(reason) }),
  });
  reason.control.focus();
}

/** What a customer asks for, in words. */
export function wish({ note, line, variant, address }, order) {
  const parts = [
    variant ? `${order.lines[line]?.title ?? 'An item'}: ${variant}` : '',
    address ? `To ${Object.values(address).filter(Boolean).join(', ')}` : '',
  ].filter(Boolean);
  return h('div', { class: 'wish' }, parts.map((part) => h('p', {}, part)), note ? h('p', { class: 'happening-note', dir: 'auto' }, note) : null);
}
