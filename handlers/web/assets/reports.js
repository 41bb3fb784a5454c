// The room of operators: what people have reported, each with the message as it
// was said, and what was found of it.

import { attachments } from './attachments.js';
import { openDialog } from './dialogs.js';
import { announce, arrange, button, failure, h, Rows } from './dom.js';
import { field, textOf } from './form.js';
import { isUserId } from './session.js';
import { ago, inFull, keepAgo } from './time.js';

const PAGE = 50;
const MOST = 200;
// How often the list is read again while it is looked at.
const EVERY = 10_000;

const STATES = [
  { state: 'open', words: 'Open', query: '&open=true', none: 'No report waits.' },
  { state: 'resolved', words: 'Resolved', query: '&open=false', none: 'No report was resolved yet.' },
  { state: 'all', words: 'All', query: '', none: 'Nothing was ever reported.' },
];

const OUTCOMES = {
  upheld: { did: 'Upheld', verb: 'Uphold', kind: 'grave', asks: 'It was rightly reported. What to do about the message or its author is another matter.' },
  dismissed: { did: 'Dismissed', verb: 'Dismiss', kind: '', asks: 'There is nothing wrong with the message.' },
};

export class Reports {
  #api;
  #people;
  #report;
  #state = STATES[0];
  #rows = new Rows();
  #found = null;
  #next = null;
  #asked = 0;
  #timer = 0;
  #stopClock;
  #seen = () => document.visibilityState === 'visible' && this.#load();

  constructor({ api, people, report }) {
    this.#api = api;
    this.#people = people;
    this.#report = report;
    this.notice = h('div', { class: 'report-notice' });
    this.count = h('p', { class: 'hint', role: 'status' }, 'One moment');
    this.list = h('ol', { class: 'reported-list', 'aria-label': 'Reports' });
    this.more = button('Show more', { kind: 'wide', hidden: true, onClick: () => this.#continue() });
    this.element = h('main', { class: 'report moderation' },
      h('header', { class: 'report-head' }, h('h1', { tabindex: '-1' }, 'Reports'), h('p', { class: 'hint' }, 'Each with the message as it was reported, and nothing else of the conversation.')),
      h('form', { class: 'controls', on: { submit: (event) => event.preventDefault() } }, this.#choice(), this.count),
      this.notice, this.list, this.more);
  }

  #choice() {
    return h('fieldset', { class: 'segments' }, h('legend', { class: 'unseen' }, 'Which reports'), STATES.map((state) => [
      h('input', { type: 'radio', name: 'reports', id: `reports-${state.state}`, checked: state === this.#state, on: { change: () => this.#turn(state) } }),
      h('label', { for: `reports-${state.state}` }, state.words),
    ]));
  }

  open() {}

  start() {
    this.#stopClock = keepAgo(this.list);
    document.addEventListener('visibilitychange', this.#seen);
    this.#timer = setInterval(this.#seen, EVERY);
    this.#load();
  }

  close() {
    this.#stopClock();
    document.removeEventListener('visibilitychange', this.#seen);
    clearInterval(this.#timer);
    this.#asked++;
  }

  #turn(state) {
    this.#state = state;
    this.#found = null;
    this.#next = null;
    this.list.classList.add('stale');
    this.#load();
  }

  /** Reads as much of the list as is shown, from its beginning. */
  #load() {
    const limit = Math.min(Math.max(this.#found?.length ?? 0, PAGE), MOST);
    return this.#ask(`/v1/reports?limit=${limit}${this.#state.query}`, []);
  }

  #continue() {
    return this.#ask(this.#next, this.#found);
  }

  async #ask(path, before) {
    const asked = ++this.#asked;
    try {
      const { reports, next } = await this.#api.get(path);
      if (asked !== this.#asked) return;
      // What was read beyond the longest page stays, and is read again by and by.
      const read = [...before, ...reports];
      const rest = next !== null && before.length === 0 ? (this.#found ?? []).slice(read.length) : [];
      if (rest.length === 0) this.#next = next;
      this.#found = [...read, ...rest];
      this.#report({ live: true });
      this.notice.replaceChildren();
      this.#draw();
    } catch (problem) {
      if (asked !== this.#asked) return;
      this.#report({ live: !problem.passing });
      if (this.#found === null) this.#fail(problem);
    }
    this.list.classList.remove('stale');
  }

  #fail(problem) {
    this.#rows.keepOnly(new Set());
    this.list.replaceChildren();
    this.count.textContent = '';
    this.more.hidden = true;
    this.notice.replaceChildren(failure(problem, () => this.#load()));
  }

  #draw() {
    const rows = this.#found.map((one) => this.#rows.get(one.id, signature(one), () => this.#row(one)));
    this.#rows.keepOnly(new Set(this.#found.map(({ id }) => id)));
    arrange(this.list, rows);
    this.more.hidden = this.#next === null;
    const { length } = this.#found;
    const words = length === 0 ? this.#state.none : `${length.toLocaleString('en')}${this.#next === null ? '' : '+'} ${length === 1 ? 'report' : 'reports'}`;
    if (this.count.textContent !== words) this.count.textContent = words;
  }

  #row(one) {
    const date = new Date(one.reportedAt);
    const name = `report-${one.id}`;
    return h('li', { class: 'card reported', tabindex: '-1', 'aria-labelledby': name },
      h('header', { class: 'reported-head' },
        h('h2', { id: name }, 'Reported by ', this.#people.label(one.reportedBy, { own: 'you' })),
        h('time', { datetime: one.reportedAt, title: inFull(date), data: { ago: '' } }, ago(date)),
        badge(one)),
      one.reason ? h('p', { class: 'reported-reason', dir: 'auto' }, one.reason) : h('p', { class: 'reported-reason text gone' }, 'The reason was forgotten with who gave it.'),
      this.#message(one),
      one.outcome === null ? this.#tools(one) : this.#resolution(one));
  }

  /** The message as it was said. */
  #message({ reported, message, conversationId, number }) {
    if (!reported) return h('p', { class: 'text gone' }, `Message ${number} of ${conversationId} cannot be shown.`);
    this.#people.meet(reported);
    const date = new Date(reported.postedAt);
    const media = { link: async (digest) => reported.attachments.find((a) => a.media === digest).url };
    return h('blockquote', { class: 'reported-message' },
      h('p', { class: 'byline' }, this.#people.avatar(reported.author),
        h('span', { class: 'author' }, reported.app ? reported.app.name : this.#people.label(reported.author)), ' ',
        h('time', { datetime: reported.postedAt, title: inFull(date), data: { ago: '' } }, ago(date))),
      reported.text ? h('p', { class: 'text', dir: 'auto' }, reported.text) : null,
      reported.text || reported.attachments.length > 0 ? null : h('p', { class: 'text gone' }, 'The words of this message were forgotten with their author.'),
      attachments(reported, media),
      since(reported, message));
  }

  #tools(one) {
    return h('p', { class: 'reported-tools' }, Object.entries(OUTCOMES).map(([outcome, { verb, kind }]) => button(`${verb}: ${one.reason}`, {
      content: verb, kind, title: null, onClick: () => this.#resolve(one, outcome),
    })));
  }

  #resolution({ outcome, resolvedBy, resolvedAt, note }) {
    const date = new Date(resolvedAt);
    return h('div', { class: 'reported-end hint' },
      h('p', {}, `${OUTCOMES[outcome].did} by `, isUserId(resolvedBy) ? this.#people.label(resolvedBy, { own: 'you' }) : resolvedBy, ' · ',
        h('time', { datetime: resolvedAt, title: inFull(date), data: { ago: '' } }, ago(date))),
      note ? h('p', { class: 'reported-note', dir: 'auto' }, note) : null);
  }

  #resolve(one, outcome) {
    const { verb, did, asks, kind } = OUTCOMES[outcome];
    const note = field('Note', { tag: 'textarea', maxlength: '2000', hint: 'For other operators. You may leave it empty.' });
    openDialog(`${verb} this report?`, [h('p', {}, asks), note.element], {
      label: verb, grave: kind === 'grave', run: async () => {
        try {
          await this.#api.post(`/v1/reports/${one.id}/resolve`, { outcome, note: textOf(note) });
        } catch (problem) {
          this.#load(); // somebody else may have resolved it
          throw problem;
        }
        announce(`${did}`);
        await this.#load();
        this.#goOn();
      },
    });
    note.control.focus();
  }

  /** Leads to the first report that is shown, once the dialog has closed. */
  #goOn() {
    setTimeout(() => (this.list.querySelector('.reported-tools .button') ?? this.element.querySelector('h1')).focus());
  }
}

/** What a report looks like; the links to its files are new each time and hold for an hour. */
function signature(one) {
  const files = (message) => message && { ...message, attachments: message.attachments.map(({ media }) => media) };
  return JSON.stringify({ ...one, message: files(one.message), reported: files(one.reported) });
}

function badge({ outcome }) {
  if (outcome === null) return h('span', { class: 'case-standing waiting' }, 'Open');
  return h('span', { class: `case-standing ${outcome === 'upheld' ? '' : 'resolved'}`.trim() }, OUTCOMES[outcome].did);
}

/** What has become of the message since. */
function since(reported, message) {
  if (message.retracted) return h('p', { class: 'hint' }, 'Its author, or who looks after the group, has retracted it.');
  if (message.text === reported.text) return null;
  return h('details', { class: 'hint' }, h('summary', {}, 'Edited since'), h('p', { class: 'text', dir: 'auto' }, message.text));
}
