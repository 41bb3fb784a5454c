// What can be opened beside a conversation.

import { Apps } from './apps.js';
import { customerPanel } from './customer.js';
import { orderPanel } from './order_panel.js';
import { Participants } from './participants.js';
import { shopPanel } from './shop.js';
import { Side } from './side.js';

/**
 * `describe()` returns the conversation as it is known now, and
 * `changed(conversation)` is told of a newer description.
 */
export function sideOf(context, { id, describe, changed }) {
  const openOrder = (order) => side.open('order', order);
  const side = new Side({
    customer: { label: 'Customer', sign: 'card', make: () => customerPanel(context, describe(), openOrder) },
    shop: { label: 'Shop', sign: 'card', make: () => shopPanel(context, describe(), openOrder) },
    participants: { label: 'Participants', sign: 'people', make: () => new Participants(context, describe(), changed).nodes },
    apps: { label: 'Apps', sign: 'apps', make: () => new Apps(context, id).nodes },
    order: { label: 'Order', make: (order) => orderPanel(order, context) },
  });
  return side;
}
