// The list of conversations, newest activity first.

import { arrange, button, failure, h, oncePerFrame, Rows } from './dom.js';
import { icon } from './icons.js';
import { PAGE } from './live.js';
import { summary } from './message.js';
import { faceOf, isServed, titleOf } from './people.js';
import { Search } from './search.js';
import { ago, inFull, keepAgo } from './time.js';

const NEAR = 400;
const MET = 60;
const MET_IN_ONE = 12;
const SETTLE = 150;

const activityOf = ({ lastMessage, startedAt }) => Date.parse(lastMessage?.postedAt ?? startedAt);
const byActivity = (a, b) => activityOf(b) - activityOf(a);

export class Inbox {
  #context;
  #rows = new Rows();
  #conversations = null;
  #next = null;
  #open = null;
  #loading = false;
  #archived = false;
  // Conversations about to be read again, with their timers.
  #stale = new Map();
  // Conversations that the reader is told of as an agent.
  #served = new Set();
  #tellServed;
  #stopClock;

  /** `start` opens the dialog for a new conversation; `served` is told of what is heard of those that are an agent's. */
  constructor(context, { start, served }) {
    this.#context = context;
    this.#tellServed = served;
    this.list = h('ul', {
      class: 'inbox-list', role: 'list', on: { scroll: oncePerFrame(() => this.#scrolled()), keydown: (event) => this.#key(event) },
    });
    this.notice = h('div', { class: 'inbox-notice' }, skeleton());
    this.start = start;
    this.title = h('h1', { class: 'pane-title' }, 'Inbox');
    this.archive = button('Archived conversations', { content: icon('box'), kind: 'tool', 'aria-pressed': 'false', onClick: () => this.#turn() });
    this.search = new Search(context, (showing) => this.#yield(showing));
    this.rooms = h('div', { class: 'inbox-rooms' }, this.notice, this.list);
    this.element = h('nav', { class: 'inbox', 'aria-label': 'Conversations' },
      h('header', { class: 'pane-head inbox-head' }, this.title, this.archive,
        button('New conversation', { content: icon('write'), kind: 'tool', onClick: start })),
      this.search.field, this.rooms, this.search.results);
    this.#stopClock = keepAgo(this.list);
  }

  close() {
    this.#stopClock();
    for (const timer of this.#stale.values()) clearTimeout(timer);
  }

  /** Turns to the archived conversations and back. */
  #turn() {
    this.#archived = !this.#archived;
    this.archive.setAttribute('aria-pressed', String(this.#archived));
    this.title.textContent = this.#archived ? 'Archive' : 'Inbox';
    this.#conversations = null;
    this.list.replaceChildren();
    this.notice.hidden = false;
    this.notice.replaceChildren(skeleton());
    this.load();
  }

  /** Leaves its place to what was found, or takes it back. */
  #yield(found) {
    this.rooms.hidden = found;
  }

  /** All conversations that are loaded. */
  all() {
    return this.#conversations ?? [];
  }

  get(id) {
    return this.#conversations?.find((conversation) => conversation.id === id) ?? null;
  }

  /** Ids of people from the newest conversations, a few dozen at most. */
  met() {
    const ids = (this.#conversations ?? []).flatMap(({ participants }) => participants.slice(0, MET_IN_ONE).map((p) => p.userId));
    return [...new Set(ids)].slice(0, MET);
  }

  /** How many conversations that are not muted have something unread. */
  get unread() {
    return (this.#conversations ?? []).filter((c) => c.unread > 0 && !c.muted && c.id !== this.#open).length;
  }

  /** Reads the first page as the server has it now. */
  async load() {
    try {
      this.#receive(await this.#context.api.get(this.#path()));
    } catch (problem) {
      this.fail(problem, () => this.load());
    }
  }

  #path() {
    return `/v1/conversations?limit=${PAGE}${this.#archived ? '&archived=true' : ''}`;
  }

  /** Whether a conversation is known to be one of a merchant's that the reader serves. */
  serves(id) {
    return this.#served.has(id);
  }

  /** A message is new or has changed. */
  hear(message) {
    if (this.serves(message.conversationId)) return this.#tellServed();
    const known = this.get(message.conversationId);
    if (!known) return this.refresh(message.conversationId);
    const last = known.lastMessage?.number ?? -1;
    if (message.number < last) return;
    const others = message.number > last && message.author !== this.#context.self;
    this.put({ ...known, lastMessage: message, unread: known.unread + (others ? 1 : 0) });
  }

  /** Reads a conversation again, a moment from now. */
  refresh(id) {
    if (this.serves(id)) return this.#tellServed();
    if (this.#stale.has(id)) return;
    this.#stale.set(id, setTimeout(async () => {
      this.#stale.delete(id);
      try {
        this.put(await this.#context.api.get(`/v1/conversations/${id}`));
      } catch (problem) {
        if (!problem.passing) this.remove(id);
      }
    }, SETTLE));
  }

  /** Shows a conversation as described, in its place. */
  put(conversation) {
    if (isServed(conversation, this.#context.people)) {
      this.#served.add(conversation.id);
      return this.#tellServed();
    }
    const others = (this.#conversations ?? []).filter((c) => c.id !== conversation.id);
    this.#conversations = Boolean(conversation.archived) === this.#archived ? [...others, conversation].sort(byActivity) : others;
    this.#draw();
  }

  remove(id) {
    clearTimeout(this.#stale.get(id));
    this.#stale.delete(id);
    this.#conversations = (this.#conversations ?? []).filter((c) => c.id !== id);
    this.#draw();
  }

  #receive({ conversations, next }) {
    const fresh = new Set(conversations.map((conversation) => conversation.id));
    const rest = next === null ? [] : (this.#conversations ?? []).filter((c) => !fresh.has(c.id));
    if (rest.length === 0) this.#next = next;
    this.#conversations = [...conversations, ...rest];
    this.#draw();
  }

  /** Marks the conversation that is open, or none. */
  select(id) {
    this.#open = id;
    if (this.#conversations) this.#draw();
  }

  focus() {
    (this.list.querySelector('[aria-current]') ?? this.list.querySelector('a'))?.focus();
  }

  /** Shown while nothing could be loaded yet. */
  fail(problem, retry) {
    if (!this.#conversations) this.notice.replaceChildren(failure(problem, retry));
  }

  #draw() {
    const all = this.#conversations;
    this.notice.hidden = all.length > 0;
    if (all.length === 0) this.notice.replaceChildren(this.#empty());
    const rows = all.map((c) => {
      const open = c.id === this.#open;
      return this.#rows.get(c.id, JSON.stringify([open, c.title, c.participants.map((p) => p.userId), c.lastMessage, c.muted, open ? 0 : c.unread]), () => this.#row(c, open));
    });
    this.#rows.keepOnly(new Set(all.map((c) => c.id)));
    arrange(this.list, rows);
  }

  #empty() {
    if (this.#archived) return h('div', { class: 'empty' }, h('p', {}, 'Nothing is archived.'));
    return h('div', { class: 'empty' },
      h('p', {}, 'No conversations yet.'),
      button('Start one', { kind: 'primary', onClick: this.start }));
  }

  #row(conversation, open) {
    const { people } = this.#context;
    const unread = open ? 0 : conversation.unread;
    const date = new Date(conversation.lastMessage?.postedAt ?? conversation.startedAt);
    return h('li', { class: unread > 0 ? 'inbox-row unread' : 'inbox-row' },
      h('a', { href: `#conversation=${conversation.id}`, 'aria-current': open ? 'true' : null },
        faceOf(conversation, people),
        h('span', { class: 'inbox-line' },
          h('span', { class: 'inbox-title' }, titleOf(conversation, people)),
          h('time', { datetime: date.toISOString(), title: inFull(date), data: { ago: '' } }, ago(date))),
        h('span', { class: 'inbox-line' },
          h('span', { class: 'inbox-last' }, this.#last(conversation)),
          conversation.muted ? h('span', { class: 'muted', title: 'Muted' }, icon('mute'), h('span', { class: 'unseen' }, 'Muted')) : null,
          unread > 0 ? h('span', { class: 'badge' }, unread > 999 ? '999+' : String(unread), h('span', { class: 'unseen' }, ' unread')) : null)));
  }

  #last({ kind, lastMessage }) {
    const { people, self } = this.#context;
    if (!lastMessage) return 'Nothing said yet';
    people.meet(lastMessage);
    const named = kind !== 'direct' || lastMessage.author === self;
    return [named ? [people.label(lastMessage.author), ': '] : null, summary(lastMessage)];
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.#more();
  }

  async #more() {
    if (this.#loading || !this.#next) return;
    this.#loading = true;
    try {
      const { conversations, next } = await this.#context.api.get(this.#next);
      const known = new Set(this.#conversations.map((c) => c.id));
      this.#conversations.push(...conversations.filter((c) => !known.has(c.id)));
      this.#next = next;
      this.#draw();
    } catch {
      // The next scroll asks again; that the server is away is shown elsewhere.
    } finally {
      this.#loading = false;
    }
  }

  #key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    const links = [...this.list.querySelectorAll('a')];
    const next = links[links.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

function skeleton() {
  return h('div', { class: 'skeleton', role: 'status', 'aria-label': 'Loading conversations' },
    Array.from({ length: 7 }, () => h('div', { class: 'skeleton-row' }, h('span', { class: 'avatar pending' }),
      h('span', { class: 'bars' }, h('span', { class: 'bar w5' }), h('span', { class: 'bar w8' })))));
}
