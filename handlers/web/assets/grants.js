// What apps may do, in plain words.

import { h } from './dom.js';

const WORDS = {
  'messages:read': 'Read what is said here from now on',
  'messages:write': 'Write messages here',
  'attachments:write': 'Share pictures, videos, sounds and files here',
  'profile:read': 'See the names of who is here',
};

const wordsOf = (grant) => WORDS[grant] ?? grant;

/** What was granted, as a list to read. */
export function grantList(grants) {
  if (grants.length === 0) return h('p', { class: 'hint' }, 'It may do nothing but be here.');
  return h('ul', { class: 'grants', 'aria-label': 'What it may do' }, grants.map((grant) => h('li', {}, wordsOf(grant))));
}

/** What is asked for, each to be ticked; `given` are ticked at first. */
export class GrantChoice {
  #boxes;

  constructor(asked, given = asked) {
    this.#boxes = asked.map((grant) => h('input', { type: 'checkbox', name: grant, checked: given.includes(grant) }));
    this.element = asked.length === 0
      ? h('p', {}, 'It asks for nothing but to be here.')
      : h('fieldset', { class: 'grant-choice' }, h('legend', {}, 'It may'),
        this.#boxes.map((box, i) => h('label', { class: 'check' }, box, wordsOf(asked[i]))));
  }

  /** What is ticked. Throws an Error that says what to do if nothing is. */
  get granted() {
    const granted = this.#boxes.filter((box) => box.checked).map((box) => box.name);
    if (granted.length > 0 || this.#boxes.length === 0) return granted;
    throw Object.assign(new Error('nothing granted'), { explanation: 'Allow it at least one of these, or leave it out of the conversation.' });
  }
}
