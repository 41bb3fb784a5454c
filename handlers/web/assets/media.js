// Links to the files that come with messages. Elements that show a file cannot
// send a token, so each is asked a link for, those of one moment in one request.

const AT_ONCE = 100;
// A link is asked anew a while before it expires.
const MARGIN = 60_000;

export class Media {
  #api;
  #links = new Map();
  #wanted = new Map();

  constructor(api) {
    this.#api = api;
  }

  /** Uploads a file: its description as the server has it. */
  upload(file) {
    return this.#api.upload('/v1/media', file);
  }

  /** A link to read a file by, without a token. */
  link(digest) {
    const known = this.#links.get(digest);
    if (known && Date.now() < known.until) return known.url;
    const url = new Promise((resolve, reject) => {
      if (this.#wanted.size === 0) queueMicrotask(() => this.#ask());
      this.#wanted.set(digest, [...(this.#wanted.get(digest) ?? []), { resolve, reject }]);
    });
    this.#links.set(digest, { url, until: Infinity });
    url.catch(() => this.#links.delete(digest));
    return url;
  }

  async #ask() {
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    for (let i = 0; i < wanted.length; i += AT_ONCE) await this.#askFor(new Map(wanted.slice(i, i + AT_ONCE)));
  }

  async #askFor(wanted) {
    try {
      const { links } = await this.#api.post('/v1/media/links', { media: [...wanted.keys()] });
      for (const { media, url, expiresAt } of links) {
        this.#links.get(media).until = Date.parse(expiresAt) - MARGIN;
        for (const { resolve } of wanted.get(media)) resolve(url);
      }
    } catch (problem) {
      for (const askers of wanted.values()) for (const { reject } of askers) reject(problem);
    }
  }
}
