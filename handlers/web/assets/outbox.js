// Messages on their way. Each has one idempotency key for all its attempts,
// so however often it is tried, it is posted once. They outlive a reload of
// the tab.

const KEY = 'parley.outbox';
const PAUSE = 2_000;
const LONGEST_PAUSE = 60_000;

/**
 * Events: `change` {conversation}, when entries look different; `sent`
 * {conversation, message}, when the server has taken one.
 *
 * An entry's state is `sending`, `waiting` (the server could not be reached;
 * tried again by itself) or `refused` (with the `reason`).
 */
export class Outbox extends EventTarget {
  #api;
  #author;
  #entries;
  // One conversation's entries go out one after the other, in their order.
  #busy = new Set();

  constructor(api, author) {
    super();
    this.#api = api;
    this.#author = author;
    this.#entries = JSON.parse(sessionStorage.getItem(KEY) ?? '[]').filter((entry) => entry.author === author);
    for (const entry of this.#entries) if (entry.state === 'sending') entry.state = 'waiting';
  }

  /** What waits in a conversation, in the order of writing. */
  of(conversation) {
    return this.#entries.filter((entry) => entry.conversation === conversation);
  }

  send(conversation, { text, replyTo = null, mentions = [], attachments = [], quickReply = null }) {
    this.#entries.push({
      key: crypto.randomUUID(), conversation, author: this.#author, text, replyTo, mentions, quickReply, attachments: attachments.map(({ shown }) => shown),
      postedAt: new Date().toISOString(), state: 'sending', reason: '', failures: 0,
    });
    this.#changed(conversation);
    this.#deliver(conversation);
  }

  retry(entry) {
    entry.state = 'sending';
    this.#changed(entry.conversation);
    this.#deliver(entry.conversation);
  }

  discard(entry) {
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#changed(entry.conversation);
  }

  /** Sends again what waits: the server has just come back. */
  resume() {
    for (const entry of this.#entries) if (entry.state === 'waiting') this.retry(entry);
  }

  /** Tries again by itself what could not be sent, later and later. */
  #later(entry) {
    const pause = Math.min(LONGEST_PAUSE, PAUSE * 2 ** entry.failures++);
    setTimeout(() => this.#entries.includes(entry) && entry.state === 'waiting' && this.retry(entry), pause);
  }

  async #deliver(conversation) {
    if (this.#busy.has(conversation)) return;
    this.#busy.add(conversation);
    for (let entry; (entry = this.of(conversation).find((e) => e.state === 'sending'));) await this.#post(entry);
    this.#busy.delete(conversation);
  }

  async #post(entry) {
    try {
      const message = await this.#api.post(`/v1/conversations/${entry.conversation}/messages`, bodyOf(entry), entry.key);
      this.#entries = this.#entries.filter((other) => other !== entry);
      this.#tell('sent', { conversation: entry.conversation, message });
    } catch (problem) {
      entry.state = problem.passing ? 'waiting' : 'refused';
      entry.reason = problem.explanation ?? String(problem);
      if (entry.state === 'waiting') this.#later(entry);
    }
    this.#changed(entry.conversation);
  }

  #changed(conversation) {
    sessionStorage.setItem(KEY, JSON.stringify(this.#entries));
    this.#tell('change', { conversation });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** What is posted of an entry. A chosen answer has its text from the message that offers it. */
function bodyOf({ text, replyTo, mentions, attachments, quickReply }) {
  if (quickReply) return { quickReply };
  return {
    text,
    ...(replyTo === null ? {} : { replyTo }),
    ...(mentions.length > 0 ? { mentions } : {}),
    ...(attachments.length > 0 ? { attachments: attachments.map(({ media, name }) => ({ media, name })) } : {}),
  };
}
