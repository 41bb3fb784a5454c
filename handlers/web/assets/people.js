// Names and faces: of people, and of the apps and merchants that speak as they
// do. Each is looked up once, a few at a time; elements that show them fill in
// when the answer comes.

import { h } from './dom.js';

const AT_ONCE = 4;
const RETRY = 5_000;
const TONES = 8;

/** Event: `learned`, when somebody's name has become known. */
export class People extends EventTarget {
  #api;
  #known = new Map();
  #wanted = [];
  #asked = new Set();
  #running = 0;
  #online = new Set();
  #merchants = new Set();

  /** `self` is the reader's own id, or null. */
  constructor(api, self) {
    super();
    this.#api = api;
    this.self = self;
  }

  /** The user, if known by now; asks the server otherwise. */
  get(id) {
    const user = this.#known.get(id);
    if (!user && !this.#asked.has(id)) {
      this.#asked.add(id);
      this.#wanted.push(id);
      queueMicrotask(() => this.#work());
    }
    return user;
  }

  /** Learns what a message tells of who it is from: an app, or a merchant. */
  meet({ app, merchant }) {
    if (app && !this.#known.has(app.id)) this.#learn(app.id, { id: app.id, displayName: app.name, icon: app.icon, kind: 'of-app' });
    if (merchant) this.#merchants.add(merchant);
  }

  /** Learns that an id is a merchant's. */
  meetMerchant(id) {
    this.#merchants.add(id);
  }

  /** Somebody has come or gone: `{userId, online}`. */
  seen({ userId, online }) {
    if (online) this.#online.add(userId);
    else this.#online.delete(userId);
    for (const element of document.querySelectorAll(`.avatar[data-user="${CSS.escape(userId)}"]`)) element.classList.toggle('online', online);
  }

  /** Finds out who is there in a conversation; from then on it is told. */
  async lookAround(conversation) {
    try {
      const { participants } = await this.#api.get(`/v1/conversations/${conversation}/presence`);
      for (const presence of participants) this.seen(presence);
    } catch {
      // Who is there is a nicety; whatever is wrong shows elsewhere.
    }
  }

  /** Everybody this page has met. */
  all() {
    return [...this.#known.values()].filter((user) => user.handle);
  }

  /** Looks a user up at once; throws a Problem if there is none. */
  async find(id) {
    const user = this.#known.get(id) ?? await this.#api.get(`/v1/users/${encodeURIComponent(id)}`);
    this.#learn(user.id, user);
    return user;
  }

  /** Looks a user up by handle, in any case; null if nobody has it. */
  async findByHandle(handle) {
    const { users } = await this.#api.get(`/v1/users?handle=${encodeURIComponent(handle)}`);
    if (users.length === 0) return null;
    this.#learn(users[0].id, users[0]);
    return users[0];
  }

  /** The name as plain text, for sentences. */
  name(id) {
    return id === this.self ? 'You' : nameOf(this.get(id)) || 'Someone';
  }

  /** An element with the name; it says "You" for the reader unless `own` is 'name'. */
  label(id, { own = 'You' } = {}) {
    const you = id === this.self && own !== 'name';
    const user = this.get(id);
    if (you) return h('span', { class: 'name' }, own);
    return h('span', { class: user ? 'name' : 'name pending', data: { user: id, show: 'name' } }, nameOf(user) || '\u2007');
  }

  /** An element with the handle, as @handle. */
  handle(id) {
    return h('span', { class: 'handle', data: { user: id, show: 'handle' } }, handleOf(this.get(id)));
  }

  /** The leaf with somebody's initials, or an app's icon. */
  avatar(id) {
    const known = this.get(id);
    const kind = known?.kind ?? (this.#merchants.has(id) ? 'of-merchant' : '');
    const face = h('span', { class: `avatar tone-${toneOf(id)}${this.#online.has(id) ? ' online' : ''} ${kind}`.trim(), 'aria-hidden': 'true', data: { user: id, show: 'initials' } },
      initials(nameOf(known)));
    if (known?.icon) wear(face, known.icon);
    return face;
  }

  async #work() {
    while (this.#running < AT_ONCE && this.#wanted.length > 0) {
      this.#running++;
      this.#look(this.#wanted.shift()).finally(() => {
        this.#running--;
        this.#work();
      });
    }
  }

  async #look(id) {
    try {
      this.#learn(id, await this.#ask(id));
    } catch (problem) {
      if (!problem.passing) return this.#learn(id, { id, handle: '', displayName: '' });
      setTimeout(() => {
        this.#wanted.push(id);
        this.#work();
      }, Math.max(RETRY, (problem.retryAfter ?? 0) * 1000));
    }
  }

  async #ask(id) {
    if (!this.#merchants.has(id)) return this.#api.get(`/v1/users/${encodeURIComponent(id)}`);
    const { name } = await this.#api.get(`/v1/merchants/${encodeURIComponent(id)}`);
    return { id, displayName: name, kind: 'of-merchant' };
  }

  #learn(id, user) {
    this.#known.set(id, user);
    this.#asked.add(id);
    for (const element of document.querySelectorAll(`[data-user="${CSS.escape(id)}"]`)) {
      element.classList.remove('pending');
      element.textContent = shown(user, element.dataset.show);
    }
    this.dispatchEvent(new Event('learned'));
  }
}

/** Shows a picture in place of initials, once it is there. */
function wear(face, icon) {
  const picture = h('img', { src: icon, alt: '', on: { load: () => face.replaceChildren(picture) } });
}

function shown(user, what) {
  if (what === 'initials') return initials(nameOf(user));
  return what === 'handle' ? handleOf(user) : nameOf(user);
}

const handleOf = (user) => (user?.handle ? `@${user.handle}` : '');

function nameOf(user) {
  if (!user) return '';
  return user.displayName || user.handle || 'Forgotten person';
}

const letters = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The first letters of the first and the last word. */
export function initials(name) {
  const words = name.split(/[\s_-]+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words.slice(0, 1);
  return chosen.map((word) => [...letters.segment(word.replace(/^[^\p{L}\p{N}]+/u, ''))][0].segment).join('').toUpperCase();
}

/** One of the eight colours, always the same for the same id. */
export function toneOf(id) {
  let sum = 0;
  for (let i = 0; i < id.length; i++) sum = Math.imul(sum ^ id.charCodeAt(i), 0x01000193);
  return (sum >>> 16) % TONES;
}

/** Whether the reader is in a conversation as an agent of the merchant, who serves its customer. */
export const isServed = ({ merchantId, participants }, people) => Boolean(merchantId) && participants.every((p) => p.userId !== people.self);

/** A conversation's title as an element: its own, or the names of its others. */
export function titleOf(conversation, people) {
  if (conversation.title) return h('span', { class: 'name' }, conversation.title);
  const { merchantId } = conversation;
  if (merchantId && !isServed(conversation, people)) {
    people.meetMerchant(merchantId);
    return people.label(merchantId);
  }
  const others = conversation.participants.map((p) => p.userId).filter((id) => id !== people.self);
  if (others.length === 0) return people.label(people.self, { own: 'Just you' });
  const shownOthers = others.slice(0, others.length > 4 ? 3 : 4);
  const names = shownOthers.flatMap((id, i) => [i > 0 ? ', ' : null, people.label(id)]);
  const more = others.length - shownOthers.length;
  return h('span', { class: 'name' }, names, more > 0 ? ` and ${more} more` : null);
}

/** The face of a conversation: the other person's, or the group's initials. */
export function faceOf(conversation, people) {
  const others = conversation.participants.map((p) => p.userId).filter((id) => id !== people.self);
  if (conversation.merchantId) {
    people.meetMerchant(conversation.merchantId);
    return people.avatar(others[0] ?? conversation.merchantId);
  }
  if (conversation.kind === 'direct') return people.avatar(others[0] ?? people.self);
  const text = conversation.title ? initials(conversation.title) : String(conversation.participants.length);
  return h('span', { class: `avatar group tone-${toneOf(conversation.id)}`, 'aria-hidden': 'true' }, text);
}
