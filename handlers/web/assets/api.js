// The one way to the server: tokens, problems, entity tags, and reads that
// wait for this tab's own writes.

const PATIENCE = 20_000;
const UPLOAD_PATIENCE = 10 * 60_000;
// A read waits for what this tab wrote a moment ago; later, views have long
// passed it, and a log that was replaced may never reach it.
const POSITION_TTL = 10_000;

const PASSING = new Set([0, 408, 429]);

/**
 * A refusal by the server, or its absence: then `status` is 0. `detail` is one
 * or more sentences, `retryAfter` seconds.
 */
export class Problem extends Error {
  constructor({ status = 0, title, detail = '', errors = [], retryAfter = 0 }) {
    super(title);
    const faults = errors.map(({ location = '', message }) => `${location.split('.').at(-1)} ${message}`);
    this.detail = sentence(faults.length > 0 ? faults.join('; ') : detail);
    Object.assign(this, { status, title, retryAfter });
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return PASSING.has(this.status) || this.status >= 500;
  }

  /** What is wrong, in one text. */
  get explanation() {
    return this.detail || sentence(this.title);
  }
}

function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return whole === '' || /[.!?]$/.test(whole) ? whole : `${whole}.`;
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

  /**
   * GET of an SVG picture, as an element. XMLHttpRequest parses it without
   * giving the page a way to turn any text into markup.
   */
  picture(path) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('GET', path);
      request.responseType = 'document';
      request.timeout = PATIENCE;
      for (const [name, value] of Object.entries(this.#headers('GET'))) request.setRequestHeader(name, name === 'Accept' ? 'image/svg+xml' : value);
      request.onerror = () => reject(absence());
      request.ontimeout = () => reject(absence({ name: 'TimeoutError' }));
      request.onload = () => {
        if (request.status === 200) return resolve(document.adoptNode(request.responseXML.documentElement));
        const problem = new Problem({ status: request.status, title: `The server answered ${request.status}` });
        if (request.status === 401) this.#refused(problem);
        reject(problem);
      };
      request.send();
    });
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

  /** The body of a stream of events that goes on after `last`, if that is given. */
  async stream(path, last, signal) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new DOMException('', 'TimeoutError')), PATIENCE);
    try {
      const response = await this.#accepted(path, {
        headers: { ...this.#headers(''), Accept: 'text/event-stream', ...(last === null ? {} : { 'Last-Event-ID': last }) },
        signal: AbortSignal.any([patience.signal, signal]),
        cache: 'no-store',
      });
      return response.body;
    } finally {
      clearTimeout(timer);
    }
  }

  /** POST as JSON. With a key, a repeat is answered as the first time. */
  post(path, body, key = crypto.randomUUID()) {
    return this.#write('POST', path, body, { 'Idempotency-Key': key });
  }

  /** POST of a file as it is. It may take as long as it takes to bring it. */
  async upload(path, file) {
    const response = await this.#accepted(path, {
      method: 'POST', body: file, headers: { ...this.#headers('POST'), 'Content-Type': file.type || 'application/octet-stream', 'Idempotency-Key': crypto.randomUUID() },
      signal: AbortSignal.timeout(UPLOAD_PATIENCE),
    });
    this.#keepPosition(response);
    return response.json();
  }

  put(path, body) {
    return this.#write('PUT', path, body);
  }

  patch(path, body) {
    return this.#write('PATCH', path, body);
  }

  delete(path) {
    return this.#write('DELETE', path);
  }

  async #write(method, path, body, headers = {}) {
    const response = await this.#ask(method, path, { headers, body });
    this.#keepPosition(response);
    const text = await response.text();
    return text ? JSON.parse(text) : null;
  }

  #keepPosition(response) {
    const position = response.headers.get('Parley-Position');
    if (position) this.#position = { value: position, until: Date.now() + POSITION_TTL };
  }

  async #ask(method, path, { signal, headers = {}, body }) {
    return this.#accepted(path, {
      method,
      headers: { ...this.#headers(method), ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])]),
      cache: 'no-store',
    });
  }

  /** The answer to a request, unless it is a problem: then that is thrown. */
  async #accepted(path, request) {
    const response = await this.#fetch(path, request);
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
