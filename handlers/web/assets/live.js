// What is new, as it happens. The rest of the page only knows these events:
//
//   conversations  {conversations, next}: the first page of the inbox
//   messages       {conversation, messages, continues}: messages of the watched
//                  conversation that are new or changed; unless `continues`,
//                  others may lie between these and those told before
//   closed         {conversation, problem}: the watched one cannot be read any more
//   state          {live, problem}: whether the server answers
//
// They are found by asking again and again, with entity tags, so that an
// unchanged answer costs next to nothing.

const INTERVAL = 2_000;
const HIDDEN_INTERVAL = 30_000;
const LONGEST_PAUSE = 30_000;

export const PAGE = 50;

export class Live extends EventTarget {
  #api;
  #inbox = { etag: null };
  #watched = null;
  #timer = 0;
  #failures = 0;
  #round = null;
  #wake = () => document.visibilityState === 'visible' && this.refresh();

  constructor(api) {
    super();
    this.#api = api;
  }

  start() {
    document.addEventListener('visibilitychange', this.#wake);
    addEventListener('online', this.#wake);
    this.refresh();
  }

  stop() {
    document.removeEventListener('visibilitychange', this.#wake);
    removeEventListener('online', this.#wake);
    clearTimeout(this.#timer);
    this.#round?.abort();
    this.#round = null;
  }

  /**
   * Watches a conversation's messages from the page of which the etag and the
   * newest number are given; null watches none.
   */
  watch(conversation, { etag = null, newest = -1 } = {}) {
    this.#watched = conversation && { conversation, etag, newest };
  }

  /** Asks now rather than at the next turn. */
  refresh() {
    clearTimeout(this.#timer);
    this.#round?.abort();
    this.#turn();
  }

  async #turn() {
    const round = new AbortController();
    this.#round = round;
    try {
      await Promise.all([this.#askInbox(round.signal), this.#askMessages(round.signal)]);
      this.#failures = 0;
      this.#tell('state', { live: true });
    } catch (problem) {
      if (round.signal.aborted) return;
      this.#failures++;
      this.#tell('state', { live: false, problem });
    }
    if (this.#round === round) this.#timer = setTimeout(() => this.#turn(), this.#pause());
  }

  async #askInbox(signal) {
    const answer = await this.#api.getChanged(`/v1/conversations?limit=${PAGE}`, this.#inbox.etag, { signal });
    if (!answer || signal.aborted) return;
    this.#inbox.etag = answer.etag;
    this.#tell('conversations', answer.body);
  }

  async #askMessages(signal) {
    const watched = this.#watched;
    if (!watched) return;
    const path = `/v1/conversations/${watched.conversation}/messages?limit=${PAGE}`;
    try {
      const answer = await this.#api.getChanged(path, watched.etag, { signal });
      if (answer && watched === this.#watched) this.#tellMessages(watched, answer);
    } catch (problem) {
      if (signal.aborted || problem.passing) throw problem;
      if (watched === this.#watched) this.#watched = null;
      this.#tell('closed', { conversation: watched.conversation, problem });
    }
  }

  #tellMessages(watched, { etag, body: { messages, next } }) {
    watched.etag = etag;
    if (messages.length === 0) return;
    const continues = next === null || messages.at(-1).number <= watched.newest;
    watched.newest = messages[0].number;
    this.#tell('messages', { conversation: watched.conversation, messages, continues });
  }

  #pause() {
    if (this.#failures > 0) {
      const longest = Math.min(LONGEST_PAUSE, INTERVAL * 2 ** (this.#failures - 1));
      return longest * (0.75 + Math.random() / 4);
    }
    return document.visibilityState === 'visible' ? INTERVAL : HIDDEN_INTERVAL;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
