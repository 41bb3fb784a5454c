// The head of an open conversation: whose it is, and what can be opened beside
// it.

import { h } from './dom.js';
import { icon } from './icons.js';
import { faceOf, isServed, titleOf } from './people.js';

/** Draws a conversation's head; the conversation is null while it is not known. */
export function drawHead(head, conversation, people, side) {
  const back = h('a', { class: 'button tool back', href: '#inbox', 'aria-label': 'Back to the inbox' }, icon('back'));
  if (!conversation) {
    return head.replaceChildren(back, h('span', { class: 'avatar pending' }), h('h2', { class: 'pane-title pending', tabindex: '-1' }, '\u2007'));
  }
  const served = isServed(conversation, people);
  side.offer('customer', served);
  side.offer('shop', Boolean(conversation.merchantId) && !served);
  head.replaceChildren(back, faceOf(conversation, people),
    h('div', { class: 'pane-name' },
      h('h2', { class: 'pane-title', tabindex: '-1' }, titleOf(conversation, people)),
      h('p', { class: 'pane-note' }, note(conversation, people))),
    ...side.buttons);
}

function note({ kind, participants, merchantId }, people) {
  const other = participants.find((p) => p.userId !== people.self);
  if (kind === 'direct' && other) return people.handle(other.userId);
  if (merchantId) return other ? ['Customer of ', people.label(merchantId)] : 'You and this shop';
  return participants.length === 1 ? 'Only you' : `${participants.length.toLocaleString('en')} people`;
}

/** What stands in a conversation's place until it is read. */
export function loading() {
  const widths = ['w4', 'w7', 'w5', 'w8', 'w3', 'w6'];
  return h('div', { class: 'skeleton', role: 'status', 'aria-label': 'Loading messages' },
    widths.map((width) => h('div', { class: 'skeleton-row' }, h('span', { class: 'avatar pending' }), h('span', { class: `bar ${width}` }))));
}
