// The shop that a business conversation is with, for its customer: help, what
// was bought there, and the way out.

import { announce, button, failure, h } from './dom.js';
import { Cases } from './cases.js';
import { orderList } from './customer.js';
import { openDialog } from './dialogs.js';

const PAGE = 50;

/** The contents of the panel. `openOrder(id)` shows an order in full. */
export function shopPanel(context, conversation, openOrder) {
  const orders = h('section', {}, h('p', { class: 'hint', role: 'status' }, 'One moment'));
  loadOrders(orders, context, conversation, openOrder, `/v1/orders?limit=${PAGE}`);
  return [new Cases(context, conversation).element, orders, leaving(context, conversation)];
}

/** Shows what the reader bought from this shop: all shops' orders come in one list. */
async function loadOrders(section, context, { merchantId }, openOrder, path, earlier = []) {
  try {
    const { orders, next } = await context.api.get(path);
    const here = [...earlier, ...orders.filter((order) => order.merchantId === merchantId)];
    section.replaceChildren(h('h4', {}, 'Your orders here'),
      here.length > 0 ? orderList(here, openOrder) : h('p', { class: 'hint' }, 'You have bought nothing here yet.'),
      next ? button('Show more', { kind: 'quiet', onClick: () => loadOrders(section, context, { merchantId }, openOrder, next, here) }) : '');
  } catch (problem) {
    section.replaceChildren(failure(problem, () => loadOrders(section, context, { merchantId }, openOrder, path, earlier)));
  }
}

function leaving({ api, self, people }, { merchantId }) {
  const leave = button('Leave this shop', { kind: 'leave', onClick: () => {
    openDialog(`Leave ${people.name(merchantId)}?`, h('p', {}, 'They cannot write to you any more. What was said stays.'), {
      label: 'Leave', grave: true, run: async () => {
        await api.delete(`/v1/merchants/${merchantId}/customers/${self}`);
        announce('You have left the shop');
      },
    });
  } });
  return leave;
}
