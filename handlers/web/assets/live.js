// What happens, as it happens: one stream of server-sent events for all of the
// reader's conversations, and one for the customer whom they serve. The rest of the page only knows these events:
//
//   anew           whatever is shown must be read anew; what happens from now
//                  on is told
//   message, edit, retract, reaction   a whole message, as it is now
//   receipt, participant, conversation, preference, order, case, control, typing,
//   presence       as the API has them
//   state          {live, problem}: whether the server answers
//
// A stream that breaks off is resumed from the last event seen, so nothing is
// missed and nothing is told twice.

import { eventsOf } from './sse.js';

export const PAGE = 50;

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
// The server is heard from every quarter of a minute, or the line is dead.
const SILENCE = 45_000;

export class Live extends EventTarget {
  #api;
  #path;
  #last = null;
  #failures = 0;
  #ended = new AbortController();
  #line = null;
  #skipPause = () => {};

  constructor(api, path = '/v1/stream') {
    super();
    this.#api = api;
    this.#path = path;
  }

  start() {
    const wake = () => document.visibilityState === 'visible' && this.#skipPause();
    document.addEventListener('visibilitychange', wake, { signal: this.#ended.signal });
    addEventListener('online', wake, { signal: this.#ended.signal });
    this.#run();
  }

  stop() {
    this.#ended.abort();
    this.#line?.abort();
    this.#skipPause();
  }

  /** Tries at once to reach a server that was away. */
  retry() {
    this.#skipPause();
  }

  async #run() {
    while (!this.#ended.signal.aborted) {
      this.#line = new AbortController();
      try {
        await this.#listen(this.#line);
      } catch (problem) {
        if (this.#ended.signal.aborted) return;
        this.#failures++;
        this.#tell('state', { live: false, problem });
        if (problem.status > 0 && !problem.passing) return;
      }
      await this.#pause();
    }
  }

  /** Follows one stream to its end. */
  async #listen(line) {
    let silence = 0;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => line.abort(), SILENCE);
    };
    try {
      const body = await this.#api.stream(this.#path, this.#last, line.signal);
      for await (const event of eventsOf(body, alive)) this.#take(event);
    } catch (problem) {
      if (problem.status !== undefined) throw problem; // else the line broke off, as lines do
    } finally {
      clearTimeout(silence);
    }
  }

  #take({ id, name, data }) {
    const first = this.#last === null;
    if (id !== null) this.#last = id;
    if (data === null) {
      this.#failures = 0;
      this.#tell('state', { live: true });
      if (first) this.#tell('anew');
    } else if (name === 'startOver') {
      this.#last = String(data.upTo);
      this.#tell('anew');
    } else if (name !== 'end') {
      this.#tell(name, data);
    }
  }

  async #pause() {
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.max(0, this.#failures - 1));
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, longest * (0.75 + Math.random() / 4));
      this.#skipPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#skipPause = () => {};
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
