// What a customer can ask for of an order: to buy what is offered, to cancel,
// to change, to return.

import { announce, button, h } from './dom.js';
import { openDialog } from './dialogs.js';
import { field, refusal, textOf } from './form.js';
import { money } from './money.js';

const BEFORE_SHIPPING = new Set(['placed', 'confirmed', 'invoiced', 'packed']);
const ADDRESS = [['name', 'Name'], ['street1', 'Street'], ['street2', 'Street, second line'], ['postalCode', 'Postal code'], ['city', 'City'], ['state', 'State'], ['country', 'Country, two letters']];

/** The buttons of a customer, for what can be asked for now. */
export function requestButtons(order, context) {
  const { status, deliveredAt, requests } = order;
  const asked = (type) => requests.some((r) => r.type === type && r.state === 'open');
  const bought = status !== 'offered' && status !== 'cancelled';
  return [
    status === 'offered' ? button(`👍 Buy for ${money(order.total, order)}`, { kind: 'primary', onClick: () => buy(order, context) }) : null,
    bought && !deliveredAt && !asked('cancel') ? button('Cancel order', { onClick: () => cancel(order, context) }) : null,
    BEFORE_SHIPPING.has(status) && !asked('change') ? button('Change', { onClick: () => change(order, context) }) : null,
    bought && deliveredAt && !asked('return') && ['', 'declined'].includes(order.return) ? button('Return', { onClick: () => giveBack(order, context) }) : null,
  ].filter(Boolean);
}

async function ask(order, { api, orders }, body) {
  orders.put(await api.post(`/v1/orders/${order.id}/requests`, body));
  announce('The shop was asked');
}

function buy(order, context) {
  openDialog(`Buy for ${money(order.total, order)}?`, [
    h('p', {}, `This accepts offer ${order.number}.`),
    h('ul', { class: 'grants' }, order.lines.map(({ title, quantity }) => h('li', {}, quantity > 1 ? `${quantity} × ${title}` : title))),
  ], { label: '👍 Buy', run: () => ask(order, context, { type: 'buy' }) });
}

function cancel(order, context) {
  const note = field('Why', { tag: 'textarea', maxlength: '2000', hint: 'The shop reads it. You may leave it empty.' });
  openDialog(`Cancel order ${order.number}?`, [h('p', {}, 'It is cancelled once the shop agrees.'), note.element], {
    label: 'Ask to cancel', grave: true, run: () => ask(order, context, { type: 'cancel', note: textOf(note) }),
  });
}

function giveBack(order, context) {
  const note = field('What is wrong with it', { tag: 'textarea', maxlength: '2000' });
  openDialog(`Return order ${order.number}?`, [h('p', {}, 'The shop says whether and how you can send it back.'), note.element], {
    label: 'Ask to return', run: () => ask(order, context, { type: 'return', note: textOf(note) }),
  });
}

/** Another variant of one line, another address, or whatever a note says. */
function change(order, context) {
  const line = field('Item', { tag: 'select', options: order.lines.map(({ title, subtitle }, i) => [i, subtitle ? `${title}, ${subtitle}` : title]) });
  const variant = field('Should be instead', { maxlength: '200', placeholder: 'Another colour or size' });
  const address = ADDRESS.map(([name, label]) => [name, field(label, { maxlength: '200', value: order.address?.[name] ?? '' })]);
  const note = field('What the shop should know', { tag: 'textarea', maxlength: '2000' });
  openDialog(`Change order ${order.number}`, [
    order.lines.length > 0 ? [line.element, variant.element] : null,
    h('details', { class: 'fold' }, h('summary', {}, 'Send it to another address'), h('div', { class: 'fold-body' }, address.map(([, { element }]) => element))),
    note.element,
  ].flat(), {
    label: 'Ask to change', run: () => {
      const body = { type: 'change', note: textOf(note), ...changedLine(line, variant), ...changedAddress(address, order.address) };
      if (Object.values(body).filter((value) => value !== undefined).length === 1) throw refusal('Say what should be changed.');
      return ask(order, context, body);
    },
  });
}

const changedLine = (line, variant) => (textOf(variant) ? { line: Number(line.control.value), variant: textOf(variant) } : {});

function changedAddress(fields, before) {
  const address = Object.fromEntries(fields.map(([name, f]) => [name, textOf(f)]).filter(([, value]) => value));
  const same = fields.every(([name]) => (address[name] ?? '') === (before?.[name] ?? ''));
  return same || Object.keys(address).length === 0 ? {} : { address };
}
