// What an agent offers to a customer, or sells them at once.

import { announce, button, h } from './dom.js';
import { icon } from './icons.js';
import { openDialog } from './dialogs.js';
import { field, refusal, textOf } from './form.js';
import { minorUnits, money } from './money.js';

const CURRENCY = 'EUR';
const MOST = 50;
const KEPT = 'parley.currency';

/** Opens the form; the conversation is that of the customer and the merchant. */
export function openSale(context, { merchantId, participants }) {
  const sale = new Sale();
  const customerId = participants[0]?.userId;
  const key = crypto.randomUUID();
  openDialog('Offer or sell', sale.nodes, {
    label: 'Send', run: async () => {
      const order = await context.api.post(`/v1/merchants/${merchantId}/${sale.kind.control.value}`, { customerId, ...sale.read() }, key);
      sessionStorage.setItem(KEPT, order.currency);
      context.orders.put(order);
      announce(order.status === 'offered' ? 'The offer is made' : 'The order is placed');
      context.service.dispatchEvent(new Event('changed'));
    },
  });
  sale.kind.control.focus();
}

class Sale {
  constructor() {
    const changed = { input: () => this.#add() };
    const amount = (label) => field(label, { inputmode: 'decimal', placeholder: '0', on: changed });
    this.kind = field('What it is', { tag: 'select', options: [['offers', 'An offer, which the customer accepts'], ['orders', 'An order that they have given']], on: { input: () => this.#turn() } });
    this.currency = field('Currency', { maxlength: '3', value: sessionStorage.getItem(KEPT) ?? CURRENCY, spellcheck: 'false', on: changed });
    this.paid = field('Paid', { tag: 'select', options: [['all', 'All of it'], ['none', 'Not yet']] });
    this.lines = h('div', { class: 'sale-lines' });
    this.more = button('Another item', { kind: 'quiet', onClick: () => this.#line().focus() });
    this.shipping = amount('Shipping');
    this.tax = amount('Tax');
    this.discount = amount('Discount');
    this.total = h('p', { class: 'sale-total', role: 'status' });
    this.nodes = [this.kind.element, this.lines, this.more,
      h('div', { class: 'sale-sums' }, this.currency.element, this.shipping.element, this.tax.element, this.discount.element),
      this.paid.element, this.total];
    this.#line();
    this.#turn();
  }

  /** Adds a row for an item, and returns its first field. */
  #line() {
    const changed = { input: () => this.#add() };
    const title = field('Item', { maxlength: '200', required: true });
    const quantity = field('Pieces', { inputmode: 'numeric', value: '1', on: changed });
    const price = field('Each', { inputmode: 'decimal', required: true, on: changed });
    const drop = button('Leave this item out', { content: icon('close'), kind: 'tool', onClick: () => {
      if (this.lines.children.length > 1) row.remove();
      this.#add();
    } });
    const row = h('div', { class: 'sale-line' }, title.element, quantity.element, price.element, drop);
    row.fields = { title, quantity, price };
    this.lines.append(row);
    this.#add();
    return title.control;
  }

  #turn() {
    this.paid.element.hidden = this.kind.control.value === 'offers';
  }

  /** Shows what it all comes to, as far as it can be read. */
  #add() {
    this.more.disabled = this.lines.children.length >= MOST;
    try {
      const { total, currency } = this.read();
      this.total.textContent = `Total ${money(total, { currency, exponent: exponentOf(currency) })}`;
    } catch {
      this.total.textContent = '';
    }
  }

  /** The body of what is asked for, or a refusal. */
  read() {
    const currency = this.currency.control.value.trim().toUpperCase();
    const exponent = exponentOf(currency);
    const amount = (input, name) => {
      const minor = textOf(input) === undefined ? 0 : minorUnits(input.control.value, exponent);
      if (minor === null) throw refusal(`The ${name} must be a number${exponent > 0 ? ` with up to ${exponent} decimals` : ' without decimals'}.`);
      return minor;
    };
    const lines = [...this.lines.children].map(({ fields }) => ({
      title: textOf(fields.title), quantity: piecesOf(fields.quantity), unitPrice: amount(fields.price, 'price of each'),
    }));
    const shipping = amount(this.shipping, 'shipping');
    const tax = amount(this.tax, 'tax');
    const discount = amount(this.discount, 'discount');
    const total = lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, shipping + tax - discount);
    return {
      currency, lines, shipping, tax, total,
      adjustments: discount > 0 ? [{ name: 'Discount', amount: discount }] : undefined,
      paid: this.kind.control.value === 'orders' && this.paid.control.value === 'none' ? 0 : undefined,
    };
  }
}

function piecesOf({ control }) {
  const pieces = Number(control.value.trim());
  if (!Number.isInteger(pieces) || pieces < 1) throw refusal('The pieces must be a whole number from 1.');
  return pieces;
}

/** How many decimals a currency has. */
function exponentOf(currency) {
  try {
    return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits;
  } catch {
    throw refusal('The currency is a code of three letters, as EUR.');
  }
}
