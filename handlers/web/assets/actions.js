// What can be done with a message, besides reading it.

import { openCase } from './cases.js';
import { announce, h } from './dom.js';
import { openDialog, openReading } from './dialogs.js';
import { openEmoji, openMenu } from './menu.js';
import { summary } from './message.js';
import { titleOf } from './people.js';
import { exactly } from './time.js';

export class Actions {
  #context;
  #conversation;
  #describe;
  #received;

  /**
   * `describe()` returns the conversation as it is known now; `received(message)`
   * takes a message as the server has it after a change.
   */
  constructor(context, conversation, { describe, received }) {
    this.#context = context;
    this.#conversation = conversation;
    this.#describe = describe;
    this.#received = received;
  }

  #path(message, rest = '') {
    return `/v1/conversations/${this.#conversation}/messages/${message.number}${rest}`;
  }

  /** Runs a change; that it failed is said, since there is nothing else to see. */
  async #attempt(work) {
    try {
      await work();
    } catch (problem) {
      openDialog(problem.title, h('p', {}, problem.explanation), null);
    }
  }

  react(message, emoji) {
    const { api, self } = this.#context;
    const given = message.reactions.some((r) => r.emoji === emoji && r.userIds.includes(self));
    const path = this.#path(message, `/reactions/${encodeURIComponent(emoji)}`);
    return this.#attempt(() => (given ? api.delete(path) : api.put(path)));
  }

  chooseEmoji(anchor, message) {
    openEmoji(anchor, (emoji) => this.react(message, emoji));
  }

  async edit(message, text) {
    const changed = await this.#context.api.patch(this.#path(message), { text });
    if (changed) this.#received(changed);
  }

  /** Opens the menu of a message; `edit` and `reply` begin to write. */
  menu(anchor, message, { edit, reply }) {
    const { self } = this.#context;
    const own = message.author === self;
    const { kind, participants = [], pinned = [] } = this.#describe() ?? {};
    const role = participants.find((p) => p.userId === self)?.role;
    const mayRetract = own || (kind === 'group' && (role === 'owner' || role === 'admin'));
    const isPinned = pinned.includes(message.number);
    openMenu(anchor, 'Message', message.retracted ? [] : [
      { label: 'Reply', sign: 'reply', act: reply },
      { label: 'React', sign: 'smile', act: () => this.chooseEmoji(anchor, message) },
      own && !message.forwarded && !message.order && message.text !== '' ? { label: 'Edit', sign: 'write', act: edit } : null,
      { label: 'Forward', sign: 'forward', act: () => this.#forward(message) },
      { label: isPinned ? 'Unpin' : 'Pin', sign: 'pin', act: () => this.#pin(message, isPinned) },
      { label: 'Copy text', sign: 'copy', act: () => navigator.clipboard.writeText(message.text).then(() => announce('Copied')) },
      kind === 'business' ? { label: 'Open a case', sign: 'help', act: () => openCase(this.#context, this.#conversation, message) } : null,
      message.editedAt ? { label: 'Earlier versions', sign: 'clock', act: () => this.versions(message) } : null,
      own ? null : { label: 'Report', sign: 'flag', act: () => this.#report(message) },
      mayRetract ? { label: 'Retract', sign: 'bin', grave: true, act: () => this.#retract(message) } : null,
    ]);
  }

  versions(message) {
    openReading('Earlier versions', async () => {
      const { versions } = await this.#context.api.get(this.#path(message, '/history'));
      return h('ol', { class: 'versions', role: 'list' }, versions.toReversed().map(({ text, at }) => h('li', {},
        h('time', { class: 'hint', datetime: at }, exactly(new Date(at))), h('p', { class: 'text', dir: 'auto' }, text))));
    });
  }

  #pin(message, isPinned) {
    const path = this.#path(message, '/pin');
    return this.#attempt(() => (isPinned ? this.#context.api.delete(path) : this.#context.api.put(path)));
  }

  #retract(message) {
    openDialog('Retract this message?', [
      h('p', { class: 'quote-text' }, summary(message)),
      h('p', { class: 'hint' }, 'Its place stays, its words are shown to nobody in the conversation any more.'),
    ], { label: 'Retract', grave: true, run: () => this.#context.api.delete(this.#path(message)) });
  }

  #report(message) {
    const reason = h('textarea', { class: 'input', rows: '3', maxlength: '2000', required: true, 'aria-label': 'Why' });
    openDialog('Report this message', [
      h('p', { class: 'hint' }, 'An operator reads the report. Nobody in the conversation is told.'), reason,
    ], {
      label: 'Report', run: () => this.#context.api.post(this.#path(message, '/report'), { reason: reason.value.trim() }),
    });
    reason.focus();
  }

  #forward(message) {
    const { api, inbox, people } = this.#context;
    const choices = inbox.all().filter((c) => c.id !== this.#conversation);
    const list = h('ul', { class: 'people choices', role: 'list' }, choices.map((c, i) => h('li', {},
      h('label', { class: 'person' }, h('input', { type: 'radio', name: 'to', value: c.id, checked: i === 0 }), titleOf(c, people)))));
    openDialog('Forward', choices.length > 0 ? list : h('p', {}, 'There is no other conversation to forward it to.'), choices.length === 0 ? null : {
      label: 'Forward', run: () => api.post(this.#path(message, '/forward'), { to: list.querySelector(':checked').value }),
    });
  }
}
