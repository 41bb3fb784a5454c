// The one way to the server: tokens, problems, entity tags, and reads that
// wait for this tab's own writes.

const PATIENCE = 20_000;
// A read waits for what this tab wrote a moment ago; later, views have long
// passed it, and a log that was replaced may never reach it.
const POSITION_TTL = 10_000;

/** A refusal by the server, or its absence: then `status` is 0. */
export class Problem extends Error {
  constructor({ status = 0, title, detail = '', errors = [], retryAfter = 0 }) {
    super(detail ? `${title}: ${detail}` : title);
    Object.assign(this, { status, title, detail, errors, retryAfter });
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** All that the server said, in one sentence. */
  get explanation() {
    const fields = (this.errors ?? []).map((e) => [e.location, e.message].filter(Boolean).join(': '));
    return [this.detail || this.title, ...fields.filter((f) => f && !this.detail.includes(f))].join(' · ');
  }
}

const absence = (cause) => new Problem({
  title: 'Parley cannot be reached',
  detail: cause?.name === 'TimeoutError' ? 'The server took too long to answer.' : 'Check your connection, or wait for the server to come back.',
});

export class Api {
  #token;
  #refused;
  #position = { value: '', until: 0 };

  /** `refused` is called when the server does not accept the token (any more). */
  constructor(token, refused) {
    this.#token = token;
    this.#refused = refused;
  }

  /** GET as JSON. */
  async get(path, { signal } = {}) {
    return (await this.#ask('GET', path, { signal })).json();
  }

  /** GET as a Blob, for files. */
  async file(path) {
    return (await this.#ask('GET', path, {})).blob();
  }

  /**
   * GET if it has changed: `{etag, body}`, or null if the server still has
   * what `etag` names.
   */
  async getChanged(path, etag, { signal } = {}) {
    const response = await this.#ask('GET', path, { signal, headers: etag ? { 'If-None-Match': etag } : {} });
    if (response.status === 304) return null;
    return { etag: response.headers.get('ETag'), body: await response.json() };
  }

  /** POST as JSON. With a key, a repeat is answered as the first time. */
  post(path, body, key = crypto.randomUUID()) {
    return this.#write('POST', path, body, { 'Idempotency-Key': key });
  }

  put(path, body) {
    return this.#write('PUT', path, body);
  }

  delete(path) {
    return this.#write('DELETE', path);
  }

  async #write(method, path, body, headers = {}) {
    const response = await this.#ask(method, path, { headers, body });
    const position = response.headers.get('Parley-Position');
    if (position) this.#position = { value: position, until: Date.now() + POSITION_TTL };
    const text = await response.text();
    return text ? JSON.parse(text) : null;
  }

  async #ask(method, path, { signal, headers = {}, body }) {
    const response = await this.#fetch(path, {
      method,
      headers: { ...this.#headers(method), ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])]),
      cache: 'no-store',
    });
    if (response.ok || response.status === 304) return response;
    const problem = await problemOf(response);
    if (response.status === 401) this.#refused(problem);
    throw problem;
  }

  async #fetch(path, request) {
    try {
      return await fetch(path, request);
    } catch (cause) {
      if (request.signal.aborted && request.signal.reason?.name === 'AbortError') throw cause;
      throw absence(cause);
    }
  }

  #headers(method) {
    const headers = { Authorization: `Bearer ${this.#token}`, Accept: 'application/json' };
    if (method === 'GET' && Date.now() < this.#position.until) headers['Parley-Position'] = this.#position.value;
    return headers;
  }
}

async function problemOf(response) {
  const said = await response.json().catch(() => ({}));
  return new Problem({
    status: response.status,
    title: said.title || `The server answered ${response.status}`,
    detail: said.detail || '',
    errors: said.errors || [],
    retryAfter: Number(response.headers.get('Retry-After')) || 0,
  });
}
