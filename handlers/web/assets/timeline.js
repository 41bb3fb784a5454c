// The scrolling transcript. However long a conversation is, only a window of
// it has rows; the window moves with the reader, and what is being read stays
// where it is on the screen.

import { arrange, failure, h, oncePerFrame, Rows } from './dom.js';
import { icon } from './icons.js';

const STEP = 50;
const MOST_ROWS = 250;
// Distance to an end of the window, in pixels, at which it moves.
const NEAR = 1_200;
const AT_BOTTOM = 48;
// What was gone to stays in its place for so long, while what is above it loads.
const HOLD = 2_000;

export class Timeline {
  #history;
  #row;
  #pending;
  #onSeen;
  #rows = new Rows();
  #from = 0;
  #to = 0;
  #pinned = true;
  #loading = null; // a promise while something is loaded
  #trouble = null;
  #resized = new ResizeObserver(() => this.#restore(this.#anchor));
  // Where the reader is: a row and its distance from the top. It stays there when something above it grows.
  #anchor = null;
  #heldUntil = 0;
  // Where the scroller stood: the end is left by scrolling up, not by what grows.
  #top = 0;

  /**
   * `row(message, previous)` returns `{signature, make}`; `pending()` returns
   * the rows of what is not sent yet as `{key, signature, make}`; `onSeen` is
   * told the highest number that has been on the screen.
   */
  constructor({ history, row, pending, onSeen }) {
    this.#history = history;
    this.#row = row;
    this.#pending = pending;
    this.#onSeen = onSeen;
    this.#build();
  }

  #build() {
    const letGo = () => { this.#heldUntil = 0; };
    this.head = h('div', { class: 'transcript-end' });
    this.list = h('ol', { class: 'transcript', role: 'list' });
    this.tail = h('div', { class: 'transcript-end', hidden: true }, h('span', { class: 'spinner' }), 'Loading later messages');
    this.scroller = h('div', {
      class: 'scroller', tabindex: '0', role: 'region', 'aria-label': 'Messages', 'aria-describedby': 'transcript-keys',
      on: { scroll: oncePerFrame(() => this.#scrolled()), keydown: (event) => this.#key(event), wheel: letGo, touchmove: letGo },
    }, this.head, this.list, this.tail);
    this.newestButton = h('button', { type: 'button', class: 'to-newest', hidden: true, on: { click: () => this.toNewest() } },
      icon('down'), h('span', {}, 'Newest'));
    this.element = h('div', { class: 'timeline' }, this.scroller, this.newestButton,
      h('p', { id: 'transcript-keys', class: 'unseen' }, 'Arrow keys move from message to message; R replies, M shows what else can be done.'));
    this.#resized.observe(this.scroller);
    this.#resized.observe(this.list);
  }

  close() {
    this.#resized.disconnect();
  }

  /** Shows the newest messages, or those from the first unread one on. */
  begin(unreadFrom) {
    this.#to = this.#history.messages.length;
    this.#from = Math.max(0, this.#to - MOST_ROWS / 2);
    this.#pinned = true;
    this.#draw();
    const first = unreadFrom >= 0 && this.#rows.element(unreadFrom);
    if (!first || first.offsetTop > this.scroller.scrollTop) return;
    this.#pinned = false;
    this.scroller.scrollTop = first.offsetTop - 16;
    this.#anchor = this.#place();
  }

  /** Draws again after the history or what is pending has changed. */
  update({ reachedEnd = false } = {}) {
    if (reachedEnd && this.#history.atEnd) this.#to = this.#history.messages.length;
    if (this.#pinned) this.#from = Math.max(this.#from, this.#to - MOST_ROWS);
    this.#draw();
  }

  /** Whether the window reaches the last message that is loaded. */
  get whole() {
    return this.#to === this.#history.messages.length;
  }

  /** Whether the reader is at the newest message. */
  get pinned() {
    return this.#pinned;
  }

  async toNewest() {
    if (!this.#history.atEnd && !await this.#jump(() => this.#history.newest())) return;
    this.begin(-1);
  }

  /** Shows one message in the middle and points it out. */
  async show(number) {
    let index = this.#history.indexOf(number);
    const moved = index < 0;
    if (moved) {
      if (!await this.#jump(() => this.#history.around(number))) return;
      index = this.#history.indexOf(number);
      if (index < 0) return this.begin(-1);
    }
    if (moved || index < this.#from || index >= this.#to) {
      this.#from = Math.max(0, index - STEP);
      this.#to = Math.min(this.#history.messages.length, index + STEP);
    }
    this.#pinned = false;
    this.#draw();
    this.#point(this.#rows.element(number));
  }

  #point(row) {
    row.scrollIntoView({ block: 'center' });
    this.#anchor = { number: Number(row.dataset.number), offset: row.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top };
    this.#heldUntil = performance.now() + HOLD;
    row.focus({ preventScroll: true });
    row.classList.add('pointed');
    setTimeout(() => row.classList.remove('pointed'), 2_400);
  }

  #draw() {
    const place = this.#place();
    const wanted = [];
    const keys = new Set();
    const put = (key, { signature, make }) => {
      keys.add(key);
      wanted.push(this.#rows.get(key, signature, make));
    };
    const { messages, atEnd } = this.#history;
    this.#to = Math.min(this.#to, messages.length);
    for (let i = this.#from; i < this.#to; i++) put(messages[i].number, this.#row(messages[i], messages[i - 1]));
    if (atEnd && this.whole) for (const entry of this.#pending()) put(entry.key, entry);
    this.#rows.keepOnly(keys);
    arrange(this.list, wanted);
    this.#drawEnds();
    this.#restore(place);
    if (performance.now() > this.#heldUntil) this.#anchor = this.#place();
    this.#seen();
  }

  #drawEnds() {
    const { atBeginning, atEnd, messages } = this.#history;
    const state = this.#trouble ? 'trouble' : this.#from > 0 || !atBeginning ? 'more' : messages.length > 0 ? 'beginning' : 'empty';
    if (this.head.dataset.state !== state) {
      this.head.dataset.state = state;
      this.head.replaceChildren(...this.#headOf(state));
    }
    this.tail.hidden = atEnd && this.whole;
  }

  #headOf(state) {
    switch (state) {
      case 'trouble': return [failure(this.#trouble, () => this.retry())];
      case 'more': return [h('span', { class: 'spinner' }), 'Loading earlier messages'];
      case 'beginning': return ['This is where the conversation begins.'];
      default: return [];
    }
  }

  /**
   * The first row that begins on the screen and where it stands, or the one
   * that fills it; not the very first of all, which loses its heading when
   * others come before it.
   */
  #place() {
    if (this.#pinned) return null;
    const { top, bottom } = this.scroller.getBoundingClientRect();
    let cut = null;
    for (const row of [...this.list.children].slice(1)) {
      const rect = row.getBoundingClientRect();
      if (rect.bottom <= top) continue;
      const place = { number: Number(row.dataset.number), offset: rect.top - top };
      if (rect.top >= top) return rect.top < bottom ? place : cut;
      cut ??= place;
    }
    return cut;
  }

  #restore(place) {
    if (this.#pinned) return this.#keepAtBottom();
    const row = place && this.#rows.element(place.number);
    if (!row) return;
    const moved = row.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top - place.offset;
    if (Math.abs(moved) >= 1) this.scroller.scrollTop += moved;
  }

  #keepAtBottom() {
    if (this.#pinned) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const below = scrollHeight - scrollTop - clientHeight;
    const up = scrollTop < this.#top;
    this.#top = scrollTop;
    this.#pinned = this.#history.atEnd && this.whole && (below < AT_BOTTOM || this.#pinned && !up);
    if (performance.now() > this.#heldUntil) this.#anchor = this.#place();
    if (scrollTop < NEAR) this.#extendUp();
    if (below < NEAR) this.#extendDown();
    this.#seen();
  }

  async #extendUp() {
    if (this.#from === 0) {
      if (this.#history.atBeginning || this.#loading || this.#trouble) return;
      let came = 0;
      if (!await this.#load(async () => { came = await this.#history.older(); })) return;
      this.#from += came;
      this.#to += came;
    }
    this.#from = Math.max(0, this.#from - STEP);
    if (!this.#pinned) this.#to = Math.min(this.#to, this.#from + MOST_ROWS);
    this.#draw();
  }

  async #extendDown() {
    if (this.whole) {
      if (this.#history.atEnd || this.#loading || this.#trouble) return;
      if (!await this.#load(() => this.#history.newer())) return;
    }
    this.#to = Math.min(this.#history.messages.length, this.#to + STEP);
    this.#from = Math.max(this.#from, this.#to - MOST_ROWS);
    this.#draw();
  }

  /** Runs one load at a time; true if it came through. */
  async #load(work) {
    if (this.#loading) return false;
    const { promise, resolve } = Promise.withResolvers();
    this.#loading = promise;
    try {
      await work();
      this.#trouble = null;
      return true;
    } catch (problem) {
      this.#trouble = problem;
      this.#drawEnds();
      return false;
    } finally {
      this.#loading = null;
      resolve();
    }
  }

  /** Loads what the reader asked for, after what is being loaded, if anything is. */
  async #jump(work) {
    while (this.#loading) await this.#loading;
    return this.#load(work);
  }

  /** Tries again what failed to load, if anything did. */
  retry() {
    if (!this.#trouble) return;
    this.#trouble = null;
    this.#drawEnds();
    this.#scrolled();
  }

  #seen() {
    this.newestButton.hidden = this.#pinned || this.#nearBottom();
    const bottom = this.scroller.getBoundingClientRect().bottom + 4;
    for (let row = this.list.lastElementChild; row; row = row.previousElementSibling) {
      if (!row.dataset.number || row.getBoundingClientRect().bottom > bottom) continue;
      return this.#onSeen(Number(row.dataset.number));
    }
  }

  #nearBottom() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return this.#history.atEnd && this.whole && scrollHeight - scrollTop - clientHeight < 200;
  }

  #key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const row = event.target.closest('.message');
    const next = row ? (step < 0 ? row.previousElementSibling : row.nextElementSibling) : this.#lastInView();
    if (!next) return;
    event.preventDefault();
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest' });
  }

  #lastInView() {
    const bottom = this.scroller.getBoundingClientRect().bottom;
    return [...this.list.children].findLast((row) => row.getBoundingClientRect().top < bottom);
  }

  /** How many messages wait below; shown on the way down. */
  set waiting(count) {
    const text = count > 0 ? `${count.toLocaleString('en')} new` : 'Newest';
    const label = this.newestButton.lastElementChild;
    if (label.textContent !== text) label.textContent = text;
  }
}
