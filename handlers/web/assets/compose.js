// Where messages are written.

import { button, h } from './dom.js';
import { icon } from './icons.js';
import { summary } from './message.js';
import { Uploads } from './uploads.js';

const MOST = 20_000;
const WARN = 19_000;

// What was being written stays with its conversation while another is open.
const drafts = new Map();

export class Compose {
  #conversation;
  #people;
  #onSend;
  #onEdit;
  #onType;
  #replyTo = null;
  #edited = null;
  #shift = false;

  /**
   * `onSend({text, replyTo, attachments})` takes what was written, `onEdit(message, text)`
   * what a message shall say now; `onType()` is told of every keystroke.
   */
  constructor({ conversation, people, media, onSend, onEdit, onType }) {
    this.#conversation = conversation;
    this.#people = people;
    this.#onSend = onSend;
    this.#onEdit = onEdit;
    this.#onType = onType;
    this.uploads = new Uploads(media, () => this.#fit());
    this.#build();
    const draft = drafts.get(conversation);
    if (draft) this.restore(draft.text, draft.replyTo);
  }

  #build() {
    this.answering = h('div', { class: 'answering', hidden: true });
    this.text = h('textarea', {
      class: 'compose-text', rows: '1', placeholder: 'Write a message', 'aria-label': 'Message', enterkeyhint: 'send', dir: 'auto',
      on: { input: () => { this.#changed(); if (this.text.value.trim() !== '') this.#onType(); }, keydown: (event) => this.#key(event), beforeinput: (event) => this.#beforeInput(event) },
    });
    this.text.addEventListener('paste', (event) => this.#takeFiles(event, event.clipboardData));
    this.limit = h('span', { class: 'limit', role: 'status' });
    this.sendButton = button('Send', { content: icon('send'), kind: 'send', type: 'submit', disabled: true });
    this.element = h('form', {
      class: 'compose', on: {
        submit: (event) => { event.preventDefault(); this.#send(); },
        dragover: (event) => event.preventDefault(),
        drop: (event) => this.#takeFiles(event, event.dataTransfer),
      },
    }, this.answering, this.uploads.list, h('div', { class: 'compose-field' }, this.uploads.button, this.uploads.input, this.text, this.limit, this.sendButton));
  }

  focus() {
    this.text.focus();
  }

  /** Puts a tool before all others. */
  lead(tool) {
    this.uploads.button.before(tool);
  }

  #takeFiles(event, { files }) {
    if (files.length === 0) return;
    event.preventDefault();
    this.uploads.add(files);
  }

  /** Makes what is written an answer to a message, or to none. */
  answer(message) {
    if (this.#edited) this.#leaveEdit();
    this.#replyTo = message;
    this.#about(message, message && [h('span', {}, 'Replying to ', this.#people.label(message.author, { own: 'yourself' })), ' '], 'Do not reply', () => this.answer(null));
    this.#keep();
  }

  /** Lets one of the reader's messages be written anew; what was being written waits. */
  edit(message) {
    if (this.#edited) this.#leaveEdit();
    this.#edited = message;
    this.#about(message, 'Editing ', 'Leave it as it was', () => this.#leaveEdit());
    this.text.value = message.text;
    this.#fit();
    this.text.setSelectionRange(message.text.length, message.text.length);
  }

  #leaveEdit() {
    this.#edited = null;
    const draft = drafts.get(this.#conversation);
    this.text.value = draft?.text ?? '';
    this.answer(draft?.replyTo ?? null);
    this.#fit();
  }

  /** Shows above the text what it is about, if it is about a message. */
  #about(message, intent, leaveLabel, leave) {
    this.answering.hidden = !message;
    this.answering.replaceChildren();
    if (!message) return;
    this.answering.append(
      h('p', {}, intent, h('span', { class: 'quote-text' }, summary(message))),
      button(leaveLabel, { content: icon('close'), kind: 'tool', onClick: () => { leave(); this.focus(); } }));
    this.focus();
  }

  /** Puts a text back to be written on. */
  restore(text, replyTo = null) {
    this.text.value = text;
    this.answer(replyTo);
    this.#changed();
  }

  #key(event) {
    this.#shift = event.shiftKey;
    if (event.key !== 'Escape' || !this.#replyTo && !this.#edited) return;
    event.stopPropagation();
    if (this.#edited) this.#leaveEdit();
    else this.answer(null);
  }

  // Keyboards on a screen report no key for Enter, but all report the line
  // break; one that ends a composition makes none.
  #beforeInput(event) {
    if (event.inputType !== 'insertLineBreak' || this.#shift) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const text = this.text.value.replace(/\s+$/, '');
    const empty = text.trim() === '';
    if (this.#length() > MOST || !this.uploads.ready || empty && (this.uploads.count === 0 || this.#edited)) return;
    if (this.#edited) return this.#sendEdit(text);
    const replyTo = this.#replyTo?.number ?? null;
    const attachments = this.uploads.take();
    this.restore('');
    this.#onSend({ text: empty ? '' : text, replyTo, attachments });
    this.focus();
  }

  async #sendEdit(text) {
    const message = this.#edited;
    this.sendButton.disabled = true;
    try {
      if (text !== message.text) await this.#onEdit(message, text);
      if (this.#edited === message) this.#leaveEdit();
    } catch (problem) {
      this.limit.textContent = problem.explanation;
      this.sendButton.disabled = false;
    }
    this.focus();
  }

  #length() {
    return this.text.value.length < WARN ? this.text.value.length : [...this.text.value].length;
  }

  #changed() {
    this.#fit();
    this.#keep();
  }

  #fit() {
    const length = this.#length();
    this.limit.textContent = length > WARN ? (MOST - length).toLocaleString('en') : '';
    this.limit.classList.toggle('over', length > MOST);
    this.sendButton.disabled = length > MOST || !this.uploads.ready || this.text.value.trim() === '' && this.uploads.count === 0;
    this.text.style.height = 'auto';
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  #keep() {
    if (this.#edited) return;
    const draft = { text: this.text.value, replyTo: this.#replyTo };
    if (draft.text || draft.replyTo) drafts.set(this.#conversation, draft);
    else drafts.delete(this.#conversation);
  }
}

/** Forgets what was being written everywhere, when somebody signs out. */
export function forgetDrafts() {
  drafts.clear();
}
