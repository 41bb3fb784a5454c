// Who is writing at the moment.

import { h } from './dom.js';

const EVERY = 3_000;
const LASTS = 6_000;
const NAMED = 2;

export class Typing {
  #context;
  #path;
  #timers = new Map();
  #told = 0;

  constructor(context, conversation) {
    this.#context = context;
    this.#path = `/v1/conversations/${conversation}/typing`;
    this.element = h('p', { class: 'typing', role: 'status' });
  }

  /** Tells the others that the reader is writing; at most every few seconds. */
  async tell() {
    if (Date.now() - this.#told < EVERY) return;
    this.#told = Date.now();
    try {
      await this.#context.api.post(this.#path);
    } catch {
      // A hint that is lost is followed by the next one.
    }
  }

  /** Somebody is writing. For how long is counted here: the reader's clock may be wrong. */
  hear({ userId }) {
    if (userId === this.#context.self) return;
    clearTimeout(this.#timers.get(userId));
    this.#timers.set(userId, setTimeout(() => this.stopped(userId), LASTS));
    this.#draw();
  }

  /** What somebody wrote has come, or comes no more. */
  stopped(userId) {
    clearTimeout(this.#timers.get(userId));
    if (this.#timers.delete(userId)) this.#draw();
  }

  /** The reader has sent what they wrote: the next keystroke is news again. */
  sent() {
    this.#told = 0;
  }

  close() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #draw() {
    const { people } = this.#context;
    const who = [...this.#timers.keys()];
    this.element.replaceChildren(...who.length === 0 ? [] : who.length > NAMED
      ? [`${who.length} people are writing`]
      : [...who.flatMap((id, i) => [i > 0 ? ' and ' : '', people.label(id)]), who.length > 1 ? ' are writing' : ' is writing']);
  }
}
