// Who is in a conversation, and what one may do about it.

import { button, h } from './dom.js';
import { openDialog } from './dialogs.js';
import { icon } from './icons.js';
import { openMenu } from './menu.js';
import { isUserId } from './session.js';
import { exactly } from './time.js';

const STEP = 50;

export class Participants {
  #context;
  #conversation;
  #changed;
  #shown = STEP;

  /** `changed(conversation)` tells of a new description. */
  constructor(context, conversation, changed) {
    this.#context = context;
    this.#conversation = conversation;
    this.#changed = changed;
    this.list = h('ul', { class: 'people', role: 'list' });
    this.more = button('Show more', { kind: 'quiet', onClick: () => { this.#shown += STEP; this.#draw(); } });
    this.trouble = h('p', { class: 'field-error', role: 'alert' });
    this.nodes = [this.list, this.more,
      conversation.kind === 'group' ? this.#addForm() : null, this.#choices(),
      conversation.kind === 'group' ? this.#leaveButton() : null, this.trouble];
    this.#draw();
  }

  get #path() {
    return `/v1/conversations/${this.#conversation.id}`;
  }

  get #ownRole() {
    return this.#conversation.participants.find((p) => p.userId === this.#context.self)?.role;
  }

  /** What the reader can set for this conversation. */
  #choices() {
    const { api, self } = this.#context;
    const { kind, muted, archived, participants } = this.#conversation;
    const toggle = (label, sign, on, path) => button(label, {
      content: [icon(sign), label], kind: 'choice', onClick: () => this.#change(() => (on ? api.delete(path) : api.put(path, {}))),
    });
    const other = kind === 'direct' && participants.find((p) => p.userId !== self);
    const mayRename = kind === 'group' && ['owner', 'admin'].includes(this.#ownRole);
    return h('div', { class: 'choices-list' },
      mayRename ? button('Rename', { content: [icon('write'), 'Rename'], kind: 'choice', onClick: () => this.#rename() }) : null,
      toggle(muted ? 'Unmute' : 'Mute', muted ? 'bell' : 'mute', muted, `${this.#path}/mute`),
      toggle(archived ? 'Take out of the archive' : 'Archive', 'box', archived, `${this.#path}/archive`),
      other ? button('Block', { content: [icon('block'), 'Block'], kind: 'choice', onClick: () => this.#block(other.userId) }) : null);
  }

  #rename() {
    const title = h('input', { class: 'input', maxlength: '200', 'aria-label': 'Title', value: this.#conversation.title });
    openDialog('Rename', title, {
      label: 'Rename', run: () => this.#changing(() => this.#context.api.patch(this.#path, { title: title.value.trim() })),
    });
    title.select();
  }

  async #block(user) {
    const { api, people } = this.#context;
    const { users = [] } = await api.get('/v1/users/me/blocks').catch(() => ({}));
    const blocked = users.some((u) => u.id === user);
    const path = `/v1/users/${user}/block`;
    openDialog(blocked ? `Unblock ${people.name(user)}?` : `Block ${people.name(user)}?`,
      h('p', {}, blocked ? 'You can write to each other here again.' : 'Neither of you can write here until you unblock them. What was said stays.'),
      { label: blocked ? 'Unblock' : 'Block', grave: !blocked, run: () => (blocked ? api.delete(path) : api.put(path, {})) });
  }

  /** What the reader's role lets them do about somebody. */
  #roleMenu({ userId, role }) {
    const { api, self, people } = this.#context;
    const own = this.#ownRole;
    const owner = own === 'owner';
    if (userId === self || !(owner || (own === 'admin' && role === 'member'))) return null;
    const path = `${this.#path}/participants/${userId}`;
    const become = (next) => this.#change(() => api.put(`${path}/role`, { role: next }));
    return button(`More for ${people.name(userId)}`, {
      content: icon('more'), kind: 'tool', onClick: (event) => openMenu(event.currentTarget, 'Participant', [
        owner && role !== 'admin' ? { label: 'Make admin', sign: 'people', act: () => become('admin') } : null,
        owner && role === 'admin' ? { label: 'Make member', sign: 'people', act: () => become('member') } : null,
        owner ? { label: 'Hand over the group', sign: 'account', act: () => become('owner') } : null,
        { label: 'Remove', sign: 'leave', grave: true, act: () => this.#change(() => api.delete(path)) },
      ]),
    });
  }

  #draw() {
    const { participants } = this.#conversation;
    const { people } = this.#context;
    for (const p of participants.slice(this.list.childElementCount, this.#shown)) {
      this.list.append(h('li', { class: 'person', title: `Here since ${exactly(new Date(p.joinedAt))}` },
        people.avatar(p.userId),
        h('span', { class: 'person-name' }, people.label(p.userId, { own: 'name' }),
          p.userId === people.self ? h('span', { class: 'you' }, ' (you)') : null),
        people.handle(p.userId),
        p.role && p.role !== 'member' && this.#conversation.kind === 'group' ? h('span', { class: 'role' }, p.role) : null,
        this.#conversation.kind === 'group' ? this.#roleMenu(p) : null));
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
      await api.post(`${this.#path}/participants`, { userId });
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
      await api.delete(`${this.#path}/participants/${self}`);
      this.#context.inbox.remove(this.#conversation.id);
      location.hash = '#inbox';
    } catch (problem) {
      this.trouble.textContent = problem.explanation;
    }
  }

  async #change(work) {
    this.trouble.textContent = '';
    try {
      await this.#changing(work);
    } catch (problem) {
      this.trouble.textContent = problem.explanation;
    }
  }

  async #changing(work) {
    await work();
    const conversation = await this.#context.api.get(this.#path);
    this.#context.inbox.put(conversation);
    this.#changed(conversation);
  }
}
