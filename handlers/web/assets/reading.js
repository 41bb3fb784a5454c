// How far the reader has read, told to the server a moment after it was seen.

const SETTLE = 400;

export class ReadMarker {
  #api;
  #path;
  #told;
  #seen = -1;
  #timer = 0;
  #shown = () => this.#settle();

  /** `told` is the highest number the server already knows to be read. */
  constructor(api, conversation, told) {
    this.#api = api;
    this.#path = `/v1/conversations/${conversation}/read`;
    this.#told = told;
    document.addEventListener('visibilitychange', this.#shown);
  }

  /** A message has been on the screen; all before it count as read too. */
  seen(number) {
    if (number <= this.#seen) return;
    this.#seen = number;
    this.#settle();
  }

  /** Tells at once what is not told yet; called again when the server is back. */
  async tell() {
    const number = this.#seen;
    if (number <= this.#told || document.visibilityState !== 'visible') return;
    const before = this.#told;
    this.#told = number;
    try {
      await this.#api.put(this.#path, { upTo: number });
    } catch (problem) {
      if (problem.passing) this.#told = before;
    }
  }

  close() {
    document.removeEventListener('visibilitychange', this.#shown);
    clearTimeout(this.#timer);
    this.tell();
  }

  #settle() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.tell(), SETTLE);
  }
}

/** Who has read the reader's last message, in words; empty for all other messages. */
export function seenBy(message, conversation, history, people) {
  const { self } = people;
  if (message.author !== self || message.retracted || !conversation) return '';
  const last = history.messages.findLast((m) => m.author === self && !m.retracted);
  if (last !== message) return '';
  const others = conversation.participants.filter((p) => p.userId !== self);
  const upTo = (marker) => others.filter((p) => p[marker] != null && p[marker] >= message.number);
  const readers = upTo('readUpTo');
  if (others.length === 1 && conversation.kind !== 'group') return readers.length > 0 ? 'Read' : upTo('deliveredUpTo').length > 0 ? 'Delivered' : '';
  if (readers.length === 0) return '';
  if (readers.length === others.length && others.length > 1) return 'Read by all';
  const named = readers.slice(0, 3).map((p) => people.name(p.userId)).join(', ');
  return `Read by ${named}${readers.length > 3 ? ` and ${readers.length - 3} more` : ''}`;
}
