// A conversation's messages as far as they are loaded: one unbroken run,
// oldest first. It grows at both ends and can be moved elsewhere.

import { PAGE } from './live.js';

const byNumber = (a, b) => a.number - b.number;

export class History {
  #api;
  #path;
  #older = null;
  #quotes = new Map();
  // Answers to questions asked before the run was moved are dropped.
  #run = 0;

  messages = [];
  atBeginning = false;
  atEnd = false;
  /** The entity tag of the newest page, when it was last read. */
  etag = null;

  constructor(api, conversation) {
    this.#api = api;
    this.#path = `/v1/conversations/${conversation}/messages`;
  }

  /** Moves the run to the newest messages. */
  async newest() {
    const run = ++this.#run;
    const { etag, body } = await this.#api.getChanged(`${this.#path}?limit=${PAGE}`, null);
    if (run !== this.#run) return;
    this.etag = etag;
    this.#begin(body);
    this.atEnd = true;
  }

  /** Takes in what the newest page says that is not known yet; false if nothing. */
  async refresh() {
    const answer = await this.#api.getChanged(`${this.#path}?limit=${PAGE}`, this.etag);
    if (!answer) return false;
    const { messages, next } = answer.body;
    this.etag = answer.etag;
    this.merge(messages, next === null || (messages.at(-1)?.number ?? -1) <= this.newestNumber);
    return true;
  }

  /** Moves the run to where a message stands. */
  async around(number) {
    const run = ++this.#run;
    const page = await this.#api.get(`${this.#path}?limit=${PAGE}&before=${number + PAGE / 2}`);
    if (run !== this.#run) return;
    this.#begin(page);
    this.atEnd = false;
    await this.newer();
  }

  #begin({ messages, next }) {
    this.messages = messages.toSorted(byNumber);
    this.#older = next;
    this.atBeginning = next === null;
  }

  /** Loads a page before the first message; returns how many came. */
  async older() {
    if (this.atBeginning) return 0;
    const run = this.#run;
    const { messages, next } = await this.#api.get(this.#older);
    if (run !== this.#run) return 0;
    this.messages = [...messages.toSorted(byNumber), ...this.messages];
    this.#older = next;
    this.atBeginning = next === null;
    return messages.length;
  }

  /** Loads a page after the last message; returns how many came. */
  async newer() {
    const run = this.#run;
    const after = this.newestNumber;
    const { messages, next } = await this.#api.get(`${this.#path}?limit=${PAGE}&after=${after}`);
    if (run !== this.#run || after !== this.newestNumber) return 0;
    this.messages = [...this.messages, ...messages.toSorted(byNumber)];
    this.atEnd = next === null;
    return messages.length;
  }

  get newestNumber() {
    return this.messages.at(-1)?.number ?? -1;
  }

  /** Where a message stands in the run, or -1. */
  indexOf(number) {
    let low = 0;
    let high = this.messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.messages[middle].number < number) low = middle + 1;
      else high = middle;
    }
    return this.messages[low]?.number === number ? low : -1;
  }

  /**
   * Takes in messages that are new or have changed. If they do not continue
   * what is known, the run does not reach the end any more.
   */
  merge(messages, continues) {
    if (!continues) this.atEnd = false;
    const first = this.messages[0]?.number ?? -1;
    for (const message of messages) {
      const index = this.indexOf(message.number);
      if (index >= 0) this.messages[index] = message;
      else if (this.atEnd && message.number > first) this.messages.push(message);
    }
    this.messages.sort(byNumber);
  }

  /** One message, wherever it stands, or null. */
  async find(number) {
    const index = this.indexOf(number);
    if (index >= 0) return this.messages[index];
    if (!this.#quotes.has(number)) {
      const asked = this.#api.get(`${this.#path}?limit=1&before=${number + 1}`)
        .then(({ messages }) => messages.find((message) => message.number === number) ?? null);
      asked.catch(() => this.#quotes.delete(number));
      this.#quotes.set(number, asked);
    }
    return this.#quotes.get(number);
  }
}
