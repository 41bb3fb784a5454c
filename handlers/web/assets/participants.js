// Who is in a conversation.

import { button, h } from './dom.js';
import { icon } from './icons.js';
import { isUserId } from './session.js';
import { exactly } from './time.js';

const STEP = 50;

export class Participants {
  #context;
  #conversation;
  #changed;
  #shown = STEP;

  /** `close()` closes the panel, `changed(conversation)` tells of a new description. */
  constructor(context, conversation, { close, changed }) {
    this.#context = context;
    this.#conversation = conversation;
    this.#changed = changed;
    this.list = h('ul', { class: 'people', role: 'list' });
    this.more = button('Show more', { kind: 'quiet', onClick: () => { this.#shown += STEP; this.#draw(); } });
    this.trouble = h('p', { class: 'field-error', role: 'alert' });
    this.element = h('div', { class: 'panel', on: { keydown: (event) => event.key === 'Escape' && (event.stopPropagation(), close()) } },
      h('header', { class: 'panel-head' },
        h('h3', { tabindex: '-1' }, 'Participants'),
        button('Close participants', { content: icon('close'), kind: 'tool', onClick: close })),
      h('div', { class: 'panel-body' }, this.list, this.more,
        conversation.kind === 'group' ? [this.#addForm(), this.#leaveButton()] : null, this.trouble));
    this.#draw();
  }

  #draw() {
    const { participants } = this.#conversation;
    const { people } = this.#context;
    for (const p of participants.slice(this.list.childElementCount, this.#shown)) {
      this.list.append(h('li', { class: 'person', title: `Here since ${exactly(new Date(p.joinedAt))}` },
        people.avatar(p.userId),
        h('span', { class: 'person-name' }, people.label(p.userId, { own: 'name' }),
          p.userId === people.self ? h('span', { class: 'you' }, ' (you)') : null),
        people.handle(p.userId)));
    }
    this.more.hidden = participants.length <= this.#shown;
  }

  #addForm() {
    const input = h('input', { class: 'input', 'aria-label': 'Handle or id of the person to add', placeholder: '@handle or id', autocomplete: 'off', spellcheck: 'false' });
    return h('form', {
      class: 'add', on: {
        submit: (event) => {
          event.preventDefault();
          this.#add(input);
        },
      },
    }, input, button('Add', { type: 'submit' }));
  }

  async #add(input) {
    const { api, people } = this.#context;
    const text = input.value.trim();
    if (text === '') return;
    await this.#change(async () => {
      const userId = isUserId(text) ? text.toLowerCase() : (await people.findByHandle(text.replace(/^@/, '')))?.id;
      if (!userId) throw Object.assign(new Error('unknown handle'), { explanation: 'Nobody has this handle.' });
      await api.post(`/v1/conversations/${this.#conversation.id}/participants`, { userId });
    });
  }

  #leaveButton() {
    const ask = button('Leave this conversation', { kind: 'leave', onClick: () => show(question, 'button') });
    ask.prepend(icon('leave'));
    const question = h('div', { class: 'leave-question', hidden: true, role: 'group', 'aria-label': 'Leave this conversation?' },
      h('p', {}, 'You will not be able to read it any more.'),
      h('div', {},
        button('Stay', { onClick: () => show(ask) }),
        button('Leave', { kind: 'leave', onClick: () => this.#leave() })));
    const show = (shown, focused) => {
      ask.hidden = shown !== ask;
      question.hidden = shown !== question;
      (focused ? shown.querySelector(focused) : shown).focus();
    };
    return [ask, question];
  }

  async #leave() {
    const { api, self } = this.#context;
    try {
      await api.delete(`/v1/conversations/${this.#conversation.id}/participants/${self}`);
      location.hash = '#inbox';
      this.#context.live.refresh();
    } catch (problem) {
      this.trouble.textContent = problem.explanation;
    }
  }

  async #change(work) {
    this.trouble.textContent = '';
    try {
      await work();
      this.#changed(await this.#context.api.get(`/v1/conversations/${this.#conversation.id}`));
    } catch (problem) {
      this.trouble.textContent = problem.explanation;
    }
  }
}
