// One open conversation: its head, its transcript, and the place to write.

import { announce, button, failure, h } from './dom.js';
import { Compose } from './compose.js';
import { History } from './history.js';
import { icon } from './icons.js';
import { lookOf, messageRow, pendingRow, summary } from './message.js';
import { Participants } from './participants.js';
import { faceOf, titleOf } from './people.js';
import { ReadMarker } from './reading.js';
import { Timeline } from './timeline.js';

const CALM = matchMedia('(pointer: coarse)');

export class Conversation {
  #context;
  #history;
  #timeline = null;
  #marker = null;
  #unreadFrom = -1;
  // How many were unread on opening, and the last of them, until #unreadFrom is known.
  #waiting = { unread: 0, newest: -1 };
  #conversation = null;
  #closed = false;
  #failed = false;

  /** `context` has `api`, `people`, `outbox`, `live` and `self`. */
  constructor(context, id) {
    this.#context = context;
    this.id = id;
    this.#history = new History(context.api, id);
    this.head = h('header', { class: 'pane-head' });
    this.room = h('div', { class: 'room' }, skeleton());
    this.side = h('aside', { class: 'side', hidden: true, 'aria-label': 'Participants' });
    this.compose = new Compose({
      conversation: id, people: context.people, onSend: (message) => this.#send(message),
    });
    this.element = h('section', { class: 'conversation', 'aria-label': 'Conversation' },
      h('div', { class: 'pane' }, this.head, this.room, this.compose.element), this.side);
    this.#drawHead();
  }

  /** Loads and shows it; `message` is a number to go to. */
  async open(known, message) {
    if (known) this.describe(known);
    if (!this.#failed) this.#focus();
    this.#failed = false;
    try {
      const [conversation] = await Promise.all([
        this.#context.api.get(`/v1/conversations/${this.id}`), this.#history.newest(),
      ]);
      if (this.#closed) return;
      this.describe(conversation);
      this.#begin(conversation, message);
    } catch (problem) {
      if (!this.#closed) this.fail(problem);
    }
  }

  #begin(conversation, message) {
    const { newestNumber, etag } = this.#history;
    const { unread } = conversation;
    this.#waiting = { unread, newest: newestNumber };
    this.#findUnread();
    this.#marker = new ReadMarker(this.#context.api, this.id, unread > 0 ? -1 : newestNumber);
    this.#timeline = new Timeline({
      history: this.#history,
      row: (m, previous) => this.#row(m, previous),
      pending: () => this.#pending(),
      onSeen: (number) => this.#marker.seen(number),
    });
    this.room.replaceChildren(this.#timeline.element);
    this.#timeline.begin(this.#unreadFrom);
    this.#context.live.watch(this.id, { etag, newest: newestNumber });
    if (message !== null) this.#timeline.show(message);
  }

  /** Finds the first message that was unread on opening, once it is loaded. */
  #findUnread() {
    const { unread, newest } = this.#waiting;
    if (unread === 0) return;
    const first = this.#history.indexOf(newest) + 1 - unread;
    if (first < 0) return;
    this.#unreadFrom = this.#history.messages[first].number;
    this.#waiting.unread = 0;
  }

  #focus() {
    if (CALM.matches) this.head.querySelector('h2')?.focus();
    else this.compose.focus();
  }

  /** Takes a newer description of the conversation. */
  describe(conversation) {
    const before = this.#conversation;
    this.#conversation = conversation;
    if (this.#timeline) this.#timeline.waiting = conversation.unread;
    const shape = (c) => c && JSON.stringify([c.title, c.participants]);
    if (shape(before) === shape(conversation)) return;
    this.#drawHead();
    if (!this.side.hidden) this.#drawSide();
  }

  #drawHead() {
    const back = h('a', { class: 'button tool back', href: '#inbox', 'aria-label': 'Back to the inbox' }, icon('back'));
    const conversation = this.#conversation;
    if (!conversation) {
      this.head.replaceChildren(back, h('span', { class: 'avatar pending' }), h('h2', { class: 'pane-title pending', tabindex: '-1' }, '\u2007'));
      return;
    }
    const { people } = this.#context;
    this.head.replaceChildren(back, faceOf(conversation, people),
      h('div', { class: 'pane-name' },
        h('h2', { class: 'pane-title', tabindex: '-1' }, titleOf(conversation, people)),
        h('p', { class: 'pane-note' }, this.#note(conversation))),
      button('Participants', {
        content: icon('people'), kind: 'tool', 'aria-expanded': String(!this.side.hidden), onClick: () => this.toggleSide(),
      }));
  }

  #note({ kind, participants }) {
    const { people } = this.#context;
    const other = participants.find((p) => p.userId !== people.self);
    if (kind === 'direct' && other) return people.handle(other.userId);
    return participants.length === 1 ? 'Only you' : `${participants.length.toLocaleString('en')} people`;
  }

  toggleSide() {
    this.side.hidden = !this.side.hidden;
    this.head.querySelector('[aria-expanded]')?.setAttribute('aria-expanded', String(!this.side.hidden));
    if (this.side.hidden) return this.head.querySelector('[aria-expanded]')?.focus();
    this.#drawSide();
    this.side.querySelector('h3')?.focus();
  }

  #drawSide() {
    const panel = new Participants(this.#context, this.#conversation, {
      close: () => this.toggleSide(),
      changed: (conversation) => this.describe(conversation),
    });
    this.side.replaceChildren(panel.element);
  }

  #row(message, previous) {
    this.#findUnread();
    const look = lookOf(message, previous, this.#unreadFrom);
    return {
      signature: JSON.stringify([look, message]),
      make: () => messageRow(message, look, this.#rowContext()),
    };
  }

  #pending() {
    let previous = this.#history.messages.at(-1);
    return this.#context.outbox.of(this.id).map((entry) => {
      const look = lookOf(entry, previous, -1);
      previous = entry;
      return { key: entry.key, signature: JSON.stringify([look, entry]), make: () => pendingRow(entry, look, this.#rowContext()) };
    });
  }

  #rowContext() {
    const { people, outbox, self } = this.#context;
    return {
      people, self, history: this.#history,
      reply: (message) => this.compose.answer(message),
      jump: (number) => this.#timeline.show(number),
      retry: (entry) => outbox.retry(entry),
      discard: (entry) => outbox.discard(entry),
      edit: (entry) => {
        outbox.discard(entry);
        this.compose.restore(entry.text, this.#history.messages[this.#history.indexOf(entry.replyTo)] ?? null);
        this.compose.focus();
      },
    };
  }

  async #send(message) {
    this.#unreadFrom = -1;
    this.#waiting.unread = 0;
    this.#context.outbox.send(this.id, message);
    await this.#timeline?.toNewest();
  }

  /** Messages that are new or have changed, from the live connection or a post. */
  receive(messages, continues) {
    if (!this.#timeline) return;
    const newest = this.#history.newestNumber;
    const whole = this.#timeline.whole;
    const { pinned } = this.#timeline;
    this.#history.merge(messages, continues);
    this.#timeline.update({ reachedEnd: whole });
    if (pinned && !this.#history.atEnd) this.#timeline.toNewest();
    this.#announce(messages.filter((m) => m.number > newest && m.author !== this.#context.self));
  }

  #announce(messages) {
    if (messages.length === 0) return;
    const last = messages.reduce((a, b) => (a.number > b.number ? a : b));
    announce(messages.length > 3
      ? `${messages.length} new messages`
      : `${this.#context.people.name(last.author)}: ${summary(last)}`);
  }

  /** What is pending here looks different. */
  pendingChanged() {
    this.#timeline?.update();
  }

  /** Goes to a message, if a number is given. */
  show(number) {
    if (number !== null) this.#timeline?.show(number);
  }

  /** The server answers again: what failed is tried again. */
  resume() {
    if (this.#failed) this.open(this.#conversation, null);
    this.#timeline?.retry();
    this.#marker?.tell();
  }

  /** Shows why the conversation cannot be read (any more). */
  fail(problem) {
    this.#failed = problem.passing;
    this.compose.element.hidden = !problem.passing;
    this.room.replaceChildren(failure(problem, problem.passing ? () => this.resume() : null));
  }

  close() {
    this.#closed = true;
    this.#marker?.close();
    this.#timeline?.close();
    this.#context.live.watch(null);
  }
}

function skeleton() {
  const widths = ['w4', 'w7', 'w5', 'w8', 'w3', 'w6'];
  return h('div', { class: 'skeleton', role: 'status', 'aria-label': 'Loading messages' },
    widths.map((width) => h('div', { class: 'skeleton-row' }, h('span', { class: 'avatar pending' }), h('span', { class: `bar ${width}` }))));
}
