// An agent's list: the cases of a merchant, those that nobody has answered
// first, and the conversations with its customers.

import { arrange, button, failure, h, oncePerFrame, Rows } from './dom.js';
import { caseBadge } from './cases.js';
import { summary } from './message.js';
import { faceOf, titleOf } from './people.js';
import { ago, inFull, keepAgo } from './time.js';

const NEAR = 400;
const PAGE = 50;
const MOST = 200;
// What happens at once is read once.
const SETTLE = 400;
const VIEWS = [['cases', 'Cases'], ['conversations', 'Customers']];

export class Desk {
  #context;
  #merchant;
  #view = 'cases';
  #rows = new Rows();
  #found = [];
  #next = null;
  #selected = null;
  #asked = 0;
  #soon = null;
  #stopClock;
  #heard = () => this.heard();

  /** `merchant` is `{id, name}`. */
  constructor(context, merchant) {
    this.#context = context;
    this.#merchant = merchant;
    this.list = h('ul', { class: 'inbox-list', role: 'list', on: { scroll: oncePerFrame(() => this.#scrolled()) } });
    this.notice = h('div', { class: 'inbox-notice hint', role: 'status' }, 'One moment');
    this.figures = h('p', { class: 'desk-figures hint' });
    this.resolved = h('input', { type: 'checkbox', on: { change: () => this.#turn(this.#view) } });
    this.filter = h('label', { class: 'check desk-filter' }, this.resolved, 'Resolved cases too');
    this.views = h('div', { class: 'desk-views', role: 'group', 'aria-label': 'What to list' }, VIEWS.map(([view, words]) => button(words, {
      kind: 'quiet', 'aria-pressed': String(view === this.#view), data: { view }, onClick: () => this.#turn(view),
    })));
    this.element = h('nav', { class: 'inbox desk', 'aria-label': merchant.name },
      h('header', { class: 'pane-head inbox-head' }, h('h1', { class: 'pane-title' }, merchant.name)),
      this.views, this.filter, this.figures, this.notice, this.list);
    this.#stopClock = keepAgo(this.list);
    context.service.addEventListener('changed', this.#heard);
    context.live.addEventListener('anew', this.#heard);
    this.#begin();
  }

  /** Shows the cases, or the customers if no case waits. */
  async #begin() {
    await this.load();
    if (this.#view === 'cases' && this.#next === null && this.#found.length === 0 && !this.resolved.checked) this.#turn('conversations');
  }

  close() {
    this.#stopClock();
    clearTimeout(this.#soon);
    this.#context.service.removeEventListener('changed', this.#heard);
    this.#context.live.removeEventListener('anew', this.#heard);
  }

  /** Reads the list again, a moment from now. */
  heard() {
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      this.load();
    }, SETTLE);
  }

  /** Marks the conversation that is open. */
  select(conversation) {
    this.#selected = conversation;
    this.#draw();
  }

  focus() {
    (this.list.querySelector('[aria-current]') ?? this.list.querySelector('a'))?.focus();
  }

  #turn(view) {
    this.#view = view;
    for (const b of this.views.children) b.setAttribute('aria-pressed', String(b.dataset.view === view));
    this.filter.hidden = view !== 'cases';
    this.figures.hidden = view !== 'cases';
    this.#found = [];
    this.#draw();
    this.load();
  }

  /** Reads as much of the list as is shown, from its beginning. */
  async load() {
    const limit = Math.min(Math.max(this.#found.length, PAGE), MOST);
    const status = this.#view === 'cases' && !this.resolved.checked ? '&status=open' : '';
    await this.#ask(`/v1/merchants/${this.#merchant.id}/${this.#view}?limit=${limit}${status}`, true);
    if (this.#view === 'cases') this.#tellFigures();
  }

  async #ask(path, anew) {
    const asked = ++this.#asked;
    try {
      const page = await this.#context.api.get(path);
      if (asked !== this.#asked) return;
      this.#found = [...(anew ? [] : this.#found), ...page[this.#view]];
      this.#next = page.next;
      this.notice.textContent = this.#found.length > 0 ? '' : this.#view === 'cases' ? 'No case waits.' : 'No customer has opted in yet.';
      this.#draw();
    } catch (problem) {
      if (asked === this.#asked && this.#found.length === 0) this.notice.replaceChildren(failure(problem, () => this.load()));
    }
  }

  async #tellFigures() {
    const service = await this.#context.api.get(`/v1/merchants/${this.#merchant.id}/service`).catch(() => null);
    if (!service) return;
    const { unanswered, open, firstAnswer, resolution } = service;
    this.figures.textContent = [
      `${unanswered.toLocaleString('en')} unanswered of ${open.toLocaleString('en')} open`,
      firstAnswer.count > 0 ? `first answer after ${span(firstAnswer.median)}` : '',
      resolution.count > 0 ? `resolved after ${span(resolution.median)}` : '',
    ].filter(Boolean).join(' · ');
  }

  #draw() {
    const rows = this.#found.map((one) => {
      const open = (one.conversationId ?? one.id) === this.#selected;
      return this.#rows.get(one.id, JSON.stringify([this.#view, open, one]), () => (this.#view === 'cases' ? this.#case(one, open) : this.#customer(one, open)));
    });
    this.#rows.keepOnly(new Set(this.#found.map(({ id }) => id)));
    arrange(this.list, rows);
  }

  #case(kase, open) {
    const { people } = this.#context;
    return row(kase.conversationId, open, new Date(kase.openedAt), people.avatar(kase.customerId), people.label(kase.customerId),
      [h('span', { dir: 'auto' }, kase.subject)], caseBadge(kase), kase.status === 'open' && !kase.answered);
  }

  #customer(conversation, open) {
    const { people } = this.#context;
    const { lastMessage, startedAt } = conversation;
    if (lastMessage) people.meet(lastMessage);
    return row(conversation.id, open, new Date(lastMessage?.postedAt ?? startedAt), faceOf(conversation, people), titleOf(conversation, people),
      lastMessage ? [people.label(lastMessage.author), ': ', summary(lastMessage)] : ['Nothing said yet'], null, false);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    if (this.#next === null || scrollHeight - scrollTop - clientHeight > NEAR) return;
    const next = this.#next;
    this.#next = null;
    this.#ask(next, false);
  }
}

function row(conversation, open, date, face, title, last, badge, waiting) {
  return h('li', { class: waiting ? 'inbox-row unread' : 'inbox-row' },
    h('a', { href: `#conversation=${conversation}`, 'aria-current': open ? 'true' : null }, face,
      h('span', { class: 'inbox-line' }, h('span', { class: 'inbox-title' }, title),
        h('time', { datetime: date.toISOString(), title: inFull(date), data: { ago: '' } }, ago(date))),
      h('span', { class: 'inbox-line' }, h('span', { class: 'inbox-last' }, last), badge)));
}

/** Seconds, as people say them. */
function span(seconds) {
  const [value, unit] = seconds < 60 ? [seconds, 'second'] : seconds < 3600 ? [seconds / 60, 'minute'] : seconds < 172_800 ? [seconds / 3600, 'hour'] : [seconds / 86_400, 'day'];
  return value.toLocaleString('en', { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: value < 10 && unit !== 'second' ? 1 : 0 });
}
