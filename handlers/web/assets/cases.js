// Cases of after-sales service in one conversation, and what can be done about
// them.

import { announce, button, failure, h } from './dom.js';
import { openDialog } from './dialogs.js';
import { field, textOf } from './form.js';
import { openMenu } from './menu.js';
import { isServed } from './people.js';
import { ago, inFull } from './time.js';

const SHOWN = 50;

/** Where a case stands, in a word, and whether somebody waits. */
export function standing({ status, answered }) {
  if (status === 'resolved') return { word: 'Resolved', kind: 'resolved' };
  return answered ? { word: 'Answered', kind: '' } : { word: 'Unanswered', kind: 'waiting' };
}

/** A badge that says where a case stands. */
export function caseBadge(kase) {
  const { word, kind } = standing(kase);
  return h('span', { class: `case-standing ${kind}`.trim() }, word);
}

export class Cases {
  #context;
  #conversation;
  #agent;
  #shown = '';

  /** `conversation` is a business one; `context` has `api`, `people`, `service` and `self`. */
  constructor(context, conversation) {
    this.#context = context;
    this.#conversation = conversation;
    this.#agent = isServed(conversation, context.people);
    this.list = h('ul', { class: 'case-list', role: 'list', 'aria-label': 'Cases' });
    this.notice = h('div', { class: 'hint', role: 'status' });
    this.element = h('section', {}, h('h4', {}, 'Cases'), this.list, this.notice,
      button(this.#agent ? 'Open a case' : 'Ask for help', { kind: 'wide', onClick: () => openCase(context, conversation.id) }));
    const heard = () => (this.element.isConnected ? this.load() : context.service.removeEventListener('changed', heard));
    context.service.addEventListener('changed', heard);
    this.load();
  }

  async load() {
    try {
      const { cases } = await this.#context.api.get(`/v1/conversations/${this.#conversation.id}/cases?limit=${SHOWN}`);
      const shape = JSON.stringify(cases);
      if (shape === this.#shown) return;
      this.#shown = shape;
      this.list.replaceChildren(...cases.map((kase) => this.#row(kase)));
      this.notice.textContent = cases.length > 0 ? '' : this.#agent ? 'Nothing is open with this customer.' : 'Is something wrong with what you bought? The shop sees what you ask for here, and that it waits.';
    } catch (problem) {
      this.notice.replaceChildren(failure(problem, problem.passing ? () => this.load() : null));
    }
  }

  #row(kase) {
    const { people } = this.#context;
    const opened = new Date(kase.openedAt);
    return h('li', { class: 'case' },
      h('p', { class: 'case-head' }, h('strong', { dir: 'auto' }, kase.subject), caseBadge(kase)),
      h('p', { class: 'hint' }, 'Opened by ', people.label(kase.openedBy, { own: 'you' }), ' · ',
        h('time', { datetime: kase.openedAt, title: inFull(opened) }, ago(opened)),
        kase.assignee ? [' · for ', people.label(kase.assignee, { own: 'you' })] : null,
        kase.message !== null ? [' · ', h('a', { href: `#conversation=${kase.conversationId}&message=${kase.message}` }, 'the message')] : null),
      h('p', { class: 'case-tools' }, this.#buttons(kase)));
  }

  #buttons(kase) {
    const { people } = this.#context;
    const about = (label, onClick) => button(label, { kind: 'quiet', 'aria-label': `${label}: ${kase.subject}`, onClick });
    const open = kase.status === 'open';
    return [
      this.#agent && open ? about('Assign', (event) => this.#assign(event.currentTarget, kase, people)) : null,
      open ? about('Resolve', () => this.#resolve(kase)) : about('Reopen', () => this.#reopen(kase)),
    ];
  }

  async #change(kase, body, said) {
    await this.#context.api.patch(`/v1/cases/${kase.id}`, body);
    announce(said);
    this.#context.service.dispatchEvent(new Event('changed'));
  }

  async #assign(anchor, kase, people) {
    const to = (userId) => this.#change(kase, { assignee: userId }, 'Assigned').catch((problem) => openDialog(problem.title, h('p', {}, problem.explanation), null));
    const { agents = [] } = await this.#context.api.get(`/v1/merchants/${this.#conversation.merchantId}/agents`).catch(() => ({}));
    openMenu(anchor, 'Who sees to it', [
      ...agents.map(({ userId }) => ({ label: people.name(userId), sign: userId === kase.assignee ? 'check' : 'account', act: () => to(userId) })),
      kase.assignee ? { label: 'Nobody', sign: 'close', act: () => to(NOBODY) } : null,
    ]);
  }

  #resolve(kase) {
    const answer = field('What to tell the customer', { tag: 'textarea', maxlength: '20000', hint: 'It is said in the conversation. You may leave it empty.' });
    openDialog('Resolve this case?', [h('p', {}, kase.subject), this.#agent ? answer.element : null].filter(Boolean), {
      label: 'Resolve', run: () => this.#change(kase, { status: 'resolved', answer: textOf(answer) }, 'Resolved'),
    });
  }

  #reopen(kase) {
    const note = field('Why', { tag: 'textarea', maxlength: '2000' });
    openDialog('Take this case up again?', [h('p', {}, kase.subject), note.element], {
      label: 'Reopen', run: () => this.#change(kase, { status: 'open', note: textOf(note) }, 'Reopened'),
    });
  }
}

const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Asks what a new case is about; `message` is the one it is opened from, if any. */
export function openCase({ api, service }, conversation, message = null) {
  const subject = field('What it is about', { maxlength: '500', required: true });
  openDialog('Open a case', subject.element, {
    label: 'Open', run: async () => {
      await api.post(`/v1/conversations/${conversation}/cases`, {
        subject: subject.control.value.trim(), ...(message ? { message: message.number, ...(message.order ? { orderId: message.order } : {}) } : {}),
      });
      announce('The case is open');
      service.dispatchEvent(new Event('changed'));
    },
  });
  subject.control.focus();
}
