// One open conversation: its head, its transcript, and the place to write.

import { failure, h } from './dom.js';
import { Actions } from './actions.js';
import { BotMenu } from './bot_menu.js';
import { Compose } from './compose.js';
import { drawHead, loading } from './conversation_head.js';
import { Handover } from './handover.js';
import { History } from './history.js';
import { announceNews, givers, lookOf, messageRow, pendingRow } from './message.js';
import { mentioned } from './mentions.js';
import { isServed } from './people.js';
import { Pinned } from './pinned.js';
import { ReadMarker, seenBy } from './reading.js';
import { sideOf } from './panels.js';
import { Timeline } from './timeline.js';
import { Typing } from './typing.js';

const CALM = matchMedia('(pointer: coarse)');
// Wide enough for a panel beside the transcript from the beginning.
const ROOMY = matchMedia('(min-width: 80rem)');
const SETTLE = 800;
const NAMING = 150;

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
  // What happened before there was a timeline to show it.
  #early = [];
  #actions;
  #menu;
  #handover;
  #pinned;
  #typing;
  #readingAgain = 0;
  // Stops listening to this conversation alone, if that is needed.
  #leave = null;
  #telling = 0;
  #naming = 0;
  // Names stand in sentences, too: a message that has one is shown again.
  #learned = () => {
    this.#naming ||= setTimeout(() => {
      this.#naming = 0;
      this.#timeline?.update();
    }, NAMING);
  };

  /** `context` has `api`, `people`, `outbox`, `live` and `self`. */
  constructor(context, id) {
    this.#context = context;
    this.id = id;
    this.#history = new History(context.api, id);
    this.head = h('header', { class: 'pane-head' });
    this.room = h('div', { class: 'room' }, loading());
    this.side = sideOf(context, { id, describe: () => this.#conversation, changed: (conversation) => this.describe(conversation) });
    this.#typing = new Typing(context, id);
    this.#actions = new Actions(context, id, {
      describe: () => this.#conversation, received: (message) => this.receive([message]),
    });
    this.compose = new Compose({
      conversation: id, people: context.people, media: context.media, onType: () => this.#typing.tell(),
      onSend: (message) => this.#send(message), onEdit: (message, text) => this.#actions.edit(message, text),
    });
    this.#menu = new BotMenu(context, id);
    this.compose.lead(this.#menu.button);
    this.#handover = new Handover(context, id);
    this.#pinned = new Pinned(this.#history, (number) => this.#timeline?.show(number));
    this.element = h('section', { class: 'conversation', 'aria-label': 'Conversation' },
      h('div', { class: 'pane' }, this.head, this.#handover.element, this.#pinned.element, this.room, this.#typing.element, this.#menu.beginnings, this.compose.element), this.side.element);
    drawHead(this.head, null, context.people, this.side);
    context.people.addEventListener('learned', this.#learned);
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
      if (this.#served) this.#serve();
      else this.#menu.load(this.#history.messages.length === 0);
      this.#context.people.lookAround(this.id);
    } catch (problem) {
      if (!this.#closed) this.fail(problem);
    }
  }

  /** Whether the reader serves here as an agent. */
  get #served() {
    return this.#conversation !== null && isServed(this.#conversation, this.#context.people);
  }

  /** The reader is an agent: what happens here is listened to, and the customer's card is at hand. */
  #serve() {
    this.#leave ??= this.#context.attend(this.id);
    this.#handover.load();
    if (ROOMY.matches) this.side.open('customer', undefined, { focus: false });
  }

  #begin(conversation, message) {
    const { newestNumber } = this.#history;
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
    this.receive(this.#early.splice(0));
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
    const shape = (c) => c && JSON.stringify([c.title, c.participants.map(({ userId, role }) => [userId, role]), c.muted, c.archived]);
    const receipts = (c) => c && JSON.stringify(c.participants.map((p) => [p.readUpTo, p.deliveredUpTo]));
    if (receipts(before) !== receipts(conversation)) this.#timeline?.update();
    this.#pinned.describe(conversation.pinned ?? []);
    if (shape(before) === shape(conversation)) return;
    drawHead(this.head, conversation, this.#context.people, this.side);
    this.side.redraw('participants');
  }

  /** Somebody came, left or has another role; or the title or the pins have changed. */
  changed(gone) {
    clearTimeout(this.#readingAgain);
    if (gone) return this.fail({ title: 'You are not in this conversation any more', passing: false });
    this.#readingAgain = setTimeout(() => this.#readAgain(), 150);
  }

  async #readAgain() {
    try {
      const conversation = await this.#context.api.get(`/v1/conversations/${this.id}`);
      if (!this.#closed) this.describe(conversation);
    } catch (problem) {
      if (!this.#closed && !problem.passing) this.fail(problem);
    }
  }

  /** Somebody else answers the customer, or an app asks to. */
  control() {
    if (this.#served) this.#handover.changed();
  }

  /** Somebody has read or received more. */
  receipt({ userId, readUpTo, deliveredUpTo }) {
    if (!this.#conversation) return;
    const participants = this.#conversation.participants.map((p) => (p.userId === userId ? { ...p, readUpTo, deliveredUpTo } : p));
    this.describe({ ...this.#conversation, participants });
  }

  /** Somebody is writing. */
  typing(typing) {
    this.#typing.hear(typing);
  }

  /** Takes in what was missed, after a time without news. */
  async reload() {
    if (!this.#timeline) return this.#failed ? this.open(this.#conversation, null) : undefined;
    await this.#readAgain();
    this.control();
    const { whole } = this.#timeline;
    try {
      if (!this.#closed && await this.#history.refresh()) this.#timeline.update({ reachedEnd: whole });
    } catch (problem) {
      if (!this.#closed && !problem.passing) this.fail(problem);
    }
  }

  #row(message, previous) {
    this.#findUnread();
    const last = this.#history.atEnd && message === this.#history.messages.at(-1);
    const offers = last && !message.retracted && message.author !== this.#context.self && Boolean(message.quickReplies) && !this.#served;
    const { people } = this.#context;
    const look = { ...lookOf(message, previous, this.#unreadFrom), offers, seen: seenBy(message, this.#conversation, this.#history, people) };
    return {
      signature: JSON.stringify([look, message, givers(message, people)]),
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
    const { outbox } = this.#context;
    return {
      ...this.#context, history: this.#history, actions: this.#actions,
      openOrder: (id) => this.side.open('order', id),
      reply: (message) => this.compose.answer(message),
      served: this.#served,
      choose: ({ number }, { text, payload }) => this.#send({ text, quickReply: { number, payload } }),
      edit: (message) => this.compose.edit(message),
      jump: (number) => this.#timeline.show(number),
      retry: (entry) => outbox.retry(entry),
      discard: (entry) => outbox.discard(entry),
      rewrite: (entry) => {
        outbox.discard(entry);
        this.compose.restore(entry.text, this.#history.messages[this.#history.indexOf(entry.replyTo)] ?? null);
        this.compose.focus();
      },
    };
  }

  async #send(message) {
    this.#unreadFrom = -1;
    this.#waiting.unread = 0;
    this.#typing.sent();
    this.#context.outbox.send(this.id, { ...message, mentions: mentioned(message.text, this.#conversation, this.#context.people) });
    await this.#timeline?.toNewest();
  }

  /**
   * Messages that are new or have changed. The answer to a post may come after
   * what was done to the message since: then it is old.
   */
  receive(messages, { answer = false } = {}) {
    if (!this.#timeline) return this.#early.push(...messages);
    const news = answer ? messages.filter((m) => this.#history.indexOf(m.number) < 0) : messages;
    const newest = this.#history.newestNumber;
    const { whole, pinned } = this.#timeline;
    for (const message of news) if (message.number > newest) this.#typing.stopped(message.author);
    this.#history.merge(news, true);
    this.#timeline.update({ reachedEnd: whole });
    if (pinned && !this.#history.atEnd) this.#timeline.toNewest();
    this.#pinned.hear(news);
    if (news.length > 0) this.#menu.begun();
    if (this.#conversation?.merchantId) this.#tellService();
    announceNews(news.filter((m) => m.number > newest && m.author !== this.#context.self), this.#context.people);
  }

  /** What was said may have answered a case or told of an order. */
  #tellService() {
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => this.#context.service.dispatchEvent(new Event('changed')), SETTLE);
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
    this.control();
  }

  /** Shows why the conversation cannot be read (any more). */
  fail(problem) {
    this.#failed = problem.passing;
    this.compose.element.hidden = !problem.passing;
    this.room.replaceChildren(failure(problem, problem.passing ? () => this.resume() : null));
  }

  close() {
    this.#closed = true;
    this.#context.people.removeEventListener('learned', this.#learned);
    clearTimeout(this.#naming);
    this.#leave?.();
    this.#handover.close();
    clearTimeout(this.#telling);
    this.#marker?.close();
    this.#timeline?.close();
    clearTimeout(this.#readingAgain);
    this.#typing.close();
  }
}
