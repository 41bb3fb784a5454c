// The room of auditors: the log as it is, a page at a time, and one event in
// full.

import { button, failure, h } from './dom.js';
import { icon } from './icons.js';
import { jsonView } from './json.js';
import { exactly, inFull } from './time.js';

const PAGE = 50;
const PAUSE = 350;

// Names that the type field offers; any other may be typed.
const TYPES = [
  'HandleClaimed', 'UserRegistered', 'ProfileChanged', 'UserBlocked', 'UserUnblocked', 'ConversationStarted',
  'ConversationRenamed', 'ParticipantAdded', 'ParticipantRemoved', 'ParticipantRoleChanged', 'MessagePinned',
  'MessageUnpinned', 'MessagePosted', 'MessageEdited', 'MessageRetracted', 'ReactionAdded',
  'ReactionRemoved', 'ConversationMuted', 'ConversationUnmuted', 'ConversationArchived',
  'ConversationUnarchived', 'DeliveredUpTo', 'ReadUpTo', 'TokenRevoked', 'SubjectRevoked',
  'MerchantRegistered', 'AgentAdded', 'AgentRemoved', 'CustomerLinked', 'CustomerUnlinked', 'OrderOffered',
  'OfferAccepted', 'OrderPlaced', 'OrderPaid', 'OrderConfirmed', 'OrderInvoiced', 'OrderPacked',
  'OrderShipped', 'ParcelLocated', 'OrderOutForDelivery', 'OrderDelivered', 'OrderDelayed', 'OrderCancelled',
  'OrderRefunded', 'CancellationRequested', 'ChangeRequested', 'ReturnRequested', 'ChangeAccepted',
  'ReturnAccepted', 'RequestDeclined', 'ReturnReceived', 'CaseOpened', 'CaseAssigned', 'CaseResolved',
  'CaseReopened', 'MediaUploaded', 'MediaSwept', 'MessageReported', 'ReportResolved', 'AppConnected',
  'AppDisconnected', 'ThreadControlPassed', 'ThreadControlTaken', 'ThreadControlRequested', 'ButtonPressed',
];

const COLUMNS = [['position', 'Position'], ['type', 'Type'], ['stream', 'Stream'], ['actor', 'Actor'], ['created', 'Recorded']];

const ROOMY = matchMedia('(min-width: 48rem)');

export class Audit {
  #api;
  #report;
  // The paths of the pages before the shown one, for the way back.
  #before = [];
  #path = '';
  #next = null;
  #timer = 0;
  #asked = 0;
  #opened = 0;

  constructor({ api, report }) {
    this.#api = api;
    this.#report = report;
    this.#buildFilters();
    this.body = h('tbody', {});
    this.notice = h('div', { class: 'report-notice' });
    this.table = h('div', { class: 'table-frame', tabindex: '0', role: 'region', 'aria-label': 'Events' }, h('table', { class: 'events' },
      h('thead', {}, h('tr', {}, COLUMNS.map(([kind, name]) => h('th', { scope: 'col', class: kind }, name)))),
      this.body));
    this.previousButton = button('Previous page', { onClick: () => this.#turn(this.#before.pop(), false) });
    this.nextButton = button('Next page', { onClick: () => this.#turn(this.#next, true) });
    this.count = h('p', { class: 'hint', role: 'status' });
    this.detail = h('aside', { class: 'detail', hidden: true, 'aria-label': 'Event', on: { keydown: (event) => event.key === 'Escape' && this.#closeDetail() } });
    this.element = h('main', { class: 'report audit' },
      h('div', { class: 'report-main' },
        h('header', { class: 'report-head' }, h('h1', {}, 'Audit'), h('p', { class: 'hint' }, 'The log in its own order, oldest first. Times are in your zone.')),
        h('details', { class: 'filters', open: ROOMY.matches }, h('summary', {}, 'Filters'), this.form),
        this.notice, this.table,
        h('nav', { class: 'pager', 'aria-label': 'Pages' }, this.previousButton, this.count, this.nextButton)),
      this.detail);
  }

  #buildFilters() {
    const later = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#filter(), PAUSE);
    };
    const field = (name, label, props) => h('div', { class: 'field' }, h('label', { for: `audit-${name}` }, label),
      h('input', { class: 'input', id: `audit-${name}`, name, autocomplete: 'off', spellcheck: 'false', ...props, on: { input: later } }));
    this.form = h('form', {
      class: 'controls', on: {
        submit: (event) => { event.preventDefault(); this.#filter(); },
        reset: () => queueMicrotask(() => this.#filter()),
      },
    },
    field('stream', 'Stream', { placeholder: 'messages-\u2026' }),
    field('type', 'Type', { list: 'audit-types', placeholder: 'Any' }),
    field('actor', 'Actor', { placeholder: 'A user\u2019s id' }),
    field('from', 'From', { type: 'datetime-local' }),
    field('to', 'To', { type: 'datetime-local' }),
    h('datalist', { id: 'audit-types' }, TYPES.map((type) => h('option', { value: type }))),
    button('Clear', { type: 'reset', kind: 'quiet' }));
  }

  open(fragment) {
    const position = fragment.get('event');
    if (position === null) this.#hideDetail();
    else this.#showDetail(position);
  }

  start() {
    this.#filter();
  }

  close() {
    clearTimeout(this.#timer);
    this.#asked++;
    this.#opened++;
  }

  #filter() {
    const query = new URLSearchParams({ limit: String(PAGE) });
    for (const [name, value] of new FormData(this.form)) {
      const text = value.trim();
      if (text) query.set(name, name === 'from' || name === 'to' ? new Date(text).toISOString() : text);
    }
    this.#before = [];
    this.#path = '';
    this.#turn(`/v1/audit/events?${query}`, false);
  }

  async #turn(path, forwards) {
    const asked = ++this.#asked;
    this.table.classList.add('stale');
    try {
      const { events, next } = await this.#find(path, asked);
      if (asked !== this.#asked) return;
      if (forwards) this.#before.push(this.#path);
      this.#path = path;
      this.#next = next;
      this.#report({ live: true });
      this.notice.replaceChildren();
      this.#draw(events);
    } catch (problem) {
      if (asked !== this.#asked) return;
      this.#report({ live: !problem.passing });
      this.notice.replaceChildren(failure(problem, () => this.#turn(path, forwards)));
    }
    this.table.classList.remove('stale');
  }

  /** One request looks at a part of a long log: goes on until there is something to show. */
  async #find(path, asked) {
    let page = await this.#api.get(path);
    while (page.events.length === 0 && page.next !== null && asked === this.#asked) {
      this.count.textContent = 'Looking through the log';
      page = await this.#api.get(page.next);
    }
    return page;
  }

  #draw(events) {
    this.body.replaceChildren(...events.map((event) => this.#row(event)));
    this.table.hidden = events.length === 0;
    this.table.scrollTop = 0;
    this.previousButton.disabled = this.#before.length === 0;
    this.nextButton.disabled = this.#next === null;
    this.count.textContent = events.length === 0 ? 'No events match.' : `Page ${this.#before.length + 1}`;
    this.#mark();
  }

  #row(event) {
    const created = new Date(event.created);
    return h('tr', { data: { position: event.position }, on: { click: () => { location.hash = `#event=${event.position}`; } } },
      h('td', { class: 'position' }, h('a', { href: `#event=${event.position}`, 'aria-label': `Event ${event.position}`, on: { click: (e) => e.stopPropagation() } }, String(event.position))),
      h('th', { scope: 'row', class: 'type' }, event.type),
      h('td', { class: 'stream' }, h('span', { title: event.stream }, event.stream), h('span', { class: 'revision' }, `@${event.revision}`)),
      h('td', { class: 'actor' }, h('span', { title: event.metadata?.actor ?? '' }, event.metadata?.actor ?? '')),
      h('td', { class: 'created' }, h('time', { datetime: event.created, title: inFull(created) }, exactly(created))));
  }

  #mark() {
    const open = this.detail.dataset.position;
    for (const row of this.body.children) row.classList.toggle('open', row.dataset.position === open);
  }

  async #showDetail(position) {
    const opened = ++this.#opened;
    this.detail.dataset.position = position;
    this.detail.hidden = false;
    this.element.classList.add('reading');
    this.#mark();
    try {
      const event = await this.#api.get(`/v1/audit/events/${encodeURIComponent(position)}`);
      if (opened !== this.#opened) return;
      this.detail.replaceChildren(this.#detailHead(event.type), detailBody(event));
    } catch (problem) {
      if (opened !== this.#opened) return;
      this.detail.replaceChildren(this.#detailHead('Event'), failure(problem, () => this.#showDetail(position)));
    }
    this.detail.querySelector('h2').focus();
  }

  #detailHead(title) {
    return h('header', { class: 'panel-head' }, h('h2', { tabindex: '-1' }, title),
      button('Close event', { content: icon('close'), kind: 'tool', onClick: () => this.#closeDetail() }));
  }

  #closeDetail() {
    const { position } = this.detail.dataset;
    history.pushState(null, '', location.pathname);
    this.#hideDetail();
    this.body.querySelector(`[data-position="${CSS.escape(position)}"] a`)?.focus();
  }

  #hideDetail() {
    this.#opened++;
    this.detail.hidden = true;
    delete this.detail.dataset.position;
    this.element.classList.remove('reading');
    this.#mark();
  }
}

function detailBody(event) {
  const row = (name, value) => [h('dt', {}, name), h('dd', {}, value)];
  const time = (text) => h('time', { datetime: text }, exactly(new Date(text)), h('span', { class: 'hint' }, ` ${text}`));
  const { occurredAt } = event.metadata ?? {};
  return h('div', { class: 'panel-body' },
    h('dl', { class: 'facts' },
      row('Position', String(event.position)),
      row('Stream', [h('code', {}, event.stream), ` revision ${event.revision}`]),
      row('Id', h('code', {}, event.id)),
      row('Recorded', time(event.created)),
      occurredAt ? row('Occurred', time(occurredAt)) : null),
    h('h3', {}, 'Data'), jsonView(event.data, event.type),
    h('h3', {}, 'Metadata'), jsonView(event.metadata));
}
