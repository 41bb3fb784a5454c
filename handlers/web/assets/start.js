// The dialog that starts a conversation.

import { button, h } from './dom.js';
import { icon } from './icons.js';
import { isUserId } from './session.js';

const SUGGESTIONS = 6;

export class StartDialog {
  #context;
  #started;
  #chosen = new Map();
  // One key for one wish: a repeat after a lost answer finds what it started.
  #wish = '';
  #key = '';

  /**
   * `met` are the ids of people to suggest; `started(conversation)` is told of
   * the conversation begun or found.
   */
  constructor(context, met, started) {
    this.#context = context;
    this.#started = started;
    this.#build();
    for (const id of met) context.people.get(id);
    context.people.addEventListener('learned', this.#learned);
  }

  #learned = () => this.#suggest();

  #build() {
    this.chips = h('ul', { class: 'chips', role: 'list', 'aria-label': 'Chosen people' });
    this.input = h('input', {
      class: 'input', id: 'start-who', autocomplete: 'off', spellcheck: 'false', placeholder: 'Name, @handle or id',
      on: { input: () => this.#suggest(), keydown: (event) => this.#inputKey(event) },
    });
    this.suggestions = h('ul', { class: 'people suggestions', role: 'list', 'aria-label': 'People you have met' });
    this.title = h('input', { class: 'input', id: 'start-title', maxlength: '200', autocomplete: 'off', placeholder: 'Optional' });
    this.group = h('input', { type: 'checkbox', id: 'start-group', on: { change: () => this.#draw() } });
    this.groupField = h('p', { class: 'check' }, this.group, h('label', { for: 'start-group' }, 'As a group, so that others can join'));
    this.titleField = h('div', { class: 'field' }, h('label', { for: 'start-title' }, 'Title'), this.title);
    this.trouble = h('p', { class: 'field-error', role: 'alert' });
    this.submit = button('Start', { type: 'submit', kind: 'primary' });
    this.element = h('dialog', { class: 'dialog', 'aria-labelledby': 'start-heading', on: { close: () => this.#close() } },
      h('form', { on: { submit: (event) => { event.preventDefault(); this.#submit(); } } },
        h('header', { class: 'panel-head' }, h('h2', { id: 'start-heading' }, 'New conversation'),
          button('Close', { content: icon('close'), kind: 'tool', onClick: () => this.element.close() })),
        h('div', { class: 'field' }, h('label', { for: 'start-who' }, 'With'), this.chips, this.input, this.suggestions),
        this.groupField, this.titleField, this.#ownId(), this.trouble,
        h('footer', { class: 'dialog-foot' }, this.submit)));
    this.#draw();
  }

  open() {
    document.body.append(this.element);
    this.element.showModal();
    this.input.focus();
    this.#suggest();
  }

  #close() {
    this.#context.people.removeEventListener('learned', this.#learned);
    this.element.remove();
  }

  #ownId() {
    const { self } = this.#context;
    return h('p', { class: 'hint' }, 'Others reach you by your id: ', h('code', { class: 'id' }, self),
      button('Copy your id', { content: icon('copy'), kind: 'tool', onClick: () => navigator.clipboard.writeText(self) }));
  }

  #draw() {
    const { people } = this.#context;
    this.chips.replaceChildren(...[...this.#chosen.keys()].map((id) => h('li', { class: 'chip' }, people.avatar(id), people.label(id),
      button(`Remove ${people.name(id)}`, { content: icon('close'), kind: 'tool', onClick: () => this.#remove(id) }))));
    const several = this.#chosen.size > 1;
    this.groupField.hidden = several;
    this.titleField.hidden = !several && !this.group.checked;
  }

  #suggest() {
    const { people, self } = this.#context;
    const wanted = this.input.value.trim().replace(/^@/, '').toLowerCase();
    const found = people.all()
      .filter((user) => user.id !== self && !this.#chosen.has(user.id))
      .filter((user) => user.handle.toLowerCase().includes(wanted) || user.displayName.toLowerCase().includes(wanted))
      .sort((a, b) => a.displayName.localeCompare(b.displayName))
      .slice(0, SUGGESTIONS);
    this.suggestions.replaceChildren(...found.map((user) => h('li', {},
      h('button', { type: 'button', class: 'person', on: { click: () => this.#choose(user) } },
        people.avatar(user.id), h('span', { class: 'person-name' }, user.displayName), h('span', { class: 'handle' }, `@${user.handle}`)))));
    return found;
  }

  #inputKey(event) {
    if (event.key === 'Backspace' && this.input.value === '' && this.#chosen.size > 0) {
      this.#remove([...this.#chosen.keys()].at(-1));
    } else if (event.key === 'ArrowDown') {
      event.preventDefault();
      this.suggestions.querySelector('button')?.focus();
    }
  }

  /** Takes what is written in the field; false if it names nobody. */
  async #enter() {
    const text = this.input.value.trim();
    this.trouble.textContent = '';
    try {
      const user = isUserId(text) ? await this.#context.people.find(text.toLowerCase()) : await this.#byName(text);
      if (user) this.#choose(user);
      else this.trouble.textContent = 'Nobody has this handle.';
      return Boolean(user);
    } catch (problem) {
      this.trouble.textContent = problem.status === 404 ? 'There is nobody with this id.' : problem.explanation;
      return false;
    }
  }

  /** Whoever has the handle, or the only one met whose name has the text in it. */
  async #byName(text) {
    const met = this.#suggest();
    const handle = text.replace(/^@/, '');
    return met.find((user) => user.handle.toLowerCase() === handle.toLowerCase())
      ?? await this.#context.people.findByHandle(handle)
      ?? (met.length === 1 ? met[0] : null);
  }

  #choose(user) {
    this.trouble.textContent = '';
    this.#chosen.set(user.id, user);
    this.input.value = '';
    this.#draw();
    this.#suggest();
    this.input.focus();
  }

  #remove(id) {
    this.#chosen.delete(id);
    this.#draw();
    this.#suggest();
    this.input.focus();
  }

  async #submit() {
    const choosing = document.activeElement === this.input;
    if (this.input.value.trim() !== '' && (!await this.#enter() || choosing)) return;
    const participants = [...this.#chosen.keys()];
    if (participants.length === 0) {
      this.trouble.textContent = 'Choose somebody to talk with.';
      return;
    }
    const direct = participants.length === 1 && !this.group.checked;
    const title = this.title.value.trim();
    await this.#post({ kind: direct ? 'direct' : 'group', participants, ...(direct || !title ? {} : { title }) });
  }

  async #post(body) {
    const wish = JSON.stringify(body);
    if (wish !== this.#wish) {
      this.#wish = wish;
      this.#key = crypto.randomUUID();
    }
    this.submit.disabled = true;
    try {
      const conversation = await this.#context.api.post('/v1/conversations', body, this.#key);
      this.element.close();
      this.#started(conversation);
    } catch (problem) {
      this.trouble.textContent = problem.explanation;
      this.submit.disabled = false;
    }
  }
}
