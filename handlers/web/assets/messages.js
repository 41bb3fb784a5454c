// The room of conversations: the inbox, the open conversation, and what keeps
// them current.

import { h } from './dom.js';
import { Conversation } from './conversation.js';
import { Inbox } from './inbox.js';
import { Live } from './live.js';
import { mark } from './icons.js';
import { Outbox } from './outbox.js';
import { StartDialog } from './start.js';

export class Messages {
  #context;
  #inbox;
  #conversation = null;
  #live;
  #onState;
  #answering = false;

  /** `app` has `api`, `people`, `session` and `report`, which takes the state of the connection. */
  constructor({ api, people, session, report }) {
    this.#live = new Live(api);
    this.#context = { api, people, self: session.user, live: this.#live, outbox: new Outbox(api, session.user) };
    this.#onState = report;
    this.#inbox = new Inbox(this.#context, { start: () => this.#start() });
    this.stage = h('main', { class: 'stage' }, nothingOpen());
    this.element = h('div', { class: 'messages' }, this.#inbox.element, this.stage);
    this.#listen();
  }

  #listen() {
    const on = (source, type, take) => source.addEventListener(type, ({ detail }) => take(detail));
    const open = (id) => (this.#conversation?.id === id ? this.#conversation : null);
    on(this.#live, 'conversations', (page) => this.#receiveInbox(page));
    on(this.#live, 'messages', ({ conversation, messages, continues }) => open(conversation)?.receive(messages, continues));
    on(this.#live, 'closed', ({ conversation, problem }) => open(conversation)?.fail(problem));
    on(this.#live, 'state', (state) => this.#receiveState(state));
    on(this.#context.outbox, 'change', ({ conversation }) => open(conversation)?.pendingChanged());
    on(this.#context.outbox, 'sent', ({ conversation, message }) => {
      open(conversation)?.receive([message], true);
      this.#live.refresh();
    });
  }

  /** Shows what the address names; its fragment has `conversation` and `message`. */
  open(fragment) {
    const id = fragment.get('conversation');
    const message = fragment.has('message') ? Number(fragment.get('message')) : null;
    if (id !== null && this.#conversation?.id === id) return this.#conversation.show(message);
    const left = this.#conversation;
    left?.close();
    this.#conversation = null;
    this.element.classList.toggle('reading', id !== null);
    this.#inbox.select(id);
    if (id === null) {
      this.stage.replaceChildren(nothingOpen());
      if (left) this.#inbox.focus();
    } else {
      this.#conversation = new Conversation(this.#context, id);
      this.stage.replaceChildren(this.#conversation.element);
      this.#conversation.open(this.#inbox.get(id), message);
    }
    this.#title();
  }

  start() {
    this.#live.start();
  }

  close() {
    this.#live.stop();
    this.#conversation?.close();
    this.#inbox.close();
  }

  #start() {
    new StartDialog(this.#context, this.#inbox.met(), (conversation) => {
      location.hash = `#conversation=${conversation.id}`;
      this.#live.refresh();
    }).open();
  }

  #receiveInbox(page) {
    this.#inbox.receive(page);
    const known = this.#conversation && this.#inbox.get(this.#conversation.id);
    if (known) this.#conversation.describe(known);
    this.#title();
  }

  #receiveState(state) {
    this.#onState(state);
    const back = state.live && !this.#answering;
    this.#answering = state.live;
    if (!state.live) return this.#inbox.fail(state.problem, () => this.#live.refresh());
    this.#context.outbox.resume(back);
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
