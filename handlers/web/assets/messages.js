// The room of conversations: the inbox, the open conversation, and what keeps
// them current.

import { h } from './dom.js';
import { Conversation } from './conversation.js';
import { Deliveries } from './deliveries.js';
import { Inbox } from './inbox.js';
import { Lists } from './lists.js';
import { Live } from './live.js';
import { mark } from './icons.js';
import { Media } from './media.js';
import { Orders } from './orders.js';
import { Outbox } from './outbox.js';
import { StartDialog } from './start.js';

export class Messages {
  #context;
  #inbox;
  #lists;
  #conversation = null;
  #live;
  #deliveries;
  #onState;
  #answering = false;

  /** `app` has `api`, `people`, `session` and `report`, which takes the state of the connection. */
  constructor({ api, people, session, report }) {
    this.#live = new Live(api);
    this.#context = { api, people, self: session.user, live: this.#live, outbox: new Outbox(api, session.user), media: new Media(api), orders: new Orders(api), service: new EventTarget() };
    this.#deliveries = new Deliveries(api);
    this.#onState = report;
    this.#inbox = new Inbox(this.#context, { start: () => this.#start(), served: () => this.#lists.heard() });
    this.#context.inbox = this.#inbox;
    this.#context.attend = (id) => this.#attend(id);
    this.#lists = new Lists(this.#context, this.#inbox);
    this.stage = h('main', { class: 'stage' }, nothingOpen());
    this.element = h('div', { class: 'messages' }, this.#lists.element, this.stage);
    this.#listen();
  }

  #listen() {
    const on = (source, type, take) => source.addEventListener(type, ({ detail }) => take(detail));
    on(this.#live, 'state', (state) => this.#receiveState(state));
    on(this.#live, 'anew', () => this.#loadAnew());
    on(this.#context.outbox, 'change', ({ conversation }) => this.#shown(conversation)?.pendingChanged());
    on(this.#context.outbox, 'sent', ({ message }) => this.#hear('sent', message));
    this.#hearFrom(this.#live);
  }

  /** Takes in what a stream tells of conversations. */
  #hearFrom(live) {
    const on = (type, take) => live.addEventListener(type, ({ detail }) => take(detail));
    for (const name of ['message', 'edit', 'retract', 'reaction']) on(name, (message) => this.#hear(name, message));
    for (const name of ['participant', 'conversation', 'preference']) on(name, (change) => this.#change(name, change));
    on('order', (order) => this.#order(order));
    on('case', () => this.#context.service.dispatchEvent(new Event('changed')));
    on('control', ({ conversationId }) => this.#shown(conversationId)?.control());
    on('receipt', (receipt) => this.#receipt(receipt));
    on('typing', (typing) => this.#shown(typing.conversationId)?.typing(typing));
    on('presence', (presence) => this.#context.people.seen(presence));
  }

  /** The conversation that is open, if it is the one with this id. */
  #shown(id) {
    return this.#conversation?.id === id ? this.#conversation : null;
  }

  /**
   * Listens to one conversation besides: that of a customer, who is served by
   * agents without their being participants. Returns what stops it.
   */
  #attend(id) {
    const live = new Live(this.#context.api, `/v1/conversations/${id}/stream`);
    live.addEventListener('anew', () => this.#shown(id)?.reload());
    this.#hearFrom(live);
    live.start();
    return () => live.stop();
  }

  async #loadAnew() {
    await this.#inbox.load();
    this.#conversation?.reload();
    this.#title();
  }

  #hear(name, message) {
    const { conversationId } = message;
    this.#inbox.hear(message);
    this.#context.orders.hear(message);
    if (name === 'message' && message.author !== this.#context.self && !this.#inbox.serves(conversationId)) this.#deliveries.arrived(message);
    if (this.#conversation?.id === conversationId) this.#conversation.receive([message], { answer: name === 'sent' });
    this.#title();
  }

  #order(order) {
    this.#context.orders.changed(order);
    if (this.#shown(order.conversationId)) this.#context.service.dispatchEvent(new Event('changed'));
  }

  #change(name, change) {
    const { conversationId } = change;
    const gone = name === 'participant' && change.change === 'left' && change.userId === this.#context.self;
    if (gone) this.#inbox.remove(conversationId);
    else this.#inbox.refresh(conversationId);
    if (this.#conversation?.id === conversationId) this.#conversation.changed(gone);
    this.#title();
  }

  #receipt(receipt) {
    if (this.#conversation?.id === receipt.conversationId) this.#conversation.receipt(receipt);
    if (receipt.userId === this.#context.self) this.#inbox.refresh(receipt.conversationId);
  }

  /** Shows what the address names; its fragment has `conversation` and `message`, or `desk`. */
  open(fragment) {
    if (fragment.has('desk')) this.#lists.serve();
    const id = fragment.get('conversation');
    const message = fragment.has('message') ? Number(fragment.get('message')) : null;
    if (id !== null && this.#conversation?.id === id) return this.#conversation.show(message);
    const left = this.#conversation;
    left?.close();
    this.#conversation = null;
    this.element.classList.toggle('reading', id !== null);
    this.#lists.select(id);
    if (id === null) {
      this.stage.replaceChildren(nothingOpen());
      if (left) this.#lists.focus();
    } else {
      this.#conversation = new Conversation(this.#context, id);
      this.stage.replaceChildren(this.#conversation.element);
      this.#conversation.open(this.#inbox.get(id), message);
    }
    this.#title();
  }

  start() {
    this.#live.start();
    this.#lists.load();
  }

  close() {
    this.#live.stop();
    this.#deliveries.stop();
    this.#conversation?.close();
    this.#lists.close();
  }

  #start() {
    new StartDialog(this.#context, this.#inbox.met(), (conversation) => {
      this.#inbox.put(conversation);
      location.hash = `#conversation=${conversation.id}`;
    }).open();
  }

  #receiveState(state) {
    this.#onState(state);
    const back = state.live && !this.#answering;
    this.#answering = state.live;
    if (!state.live) return this.#inbox.fail(state.problem, () => this.#live.retry());
    if (!back) return;
    this.#context.outbox.resume();
    this.#conversation?.resume();
  }

  #title() {
    const unread = this.#inbox.unread;
    document.title = unread > 0 ? `(${unread}) Parley` : 'Parley';
  }
}

function nothingOpen() {
  return h('div', { class: 'nothing-open' }, mark(), h('p', {}, 'Choose a conversation to read it.'));
}
