// Files that come with messages. Elements that show them cannot send a token,
// so each file is asked a link for, those of one moment in one request.

import { h } from './dom.js';
import { icon } from './icons.js';

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

/** The files of a message, as elements. */
export function attachments(message, media) {
  if (!message.attachments?.length) return null;
  return h('div', { class: 'attachments' }, message.attachments.map((a) => element(a, media)));
}

function element(attachment, media) {
  const { type, name, contentType } = attachment;
  const shown = {
    image: () => picture(attachment, media), animation: () => picture(attachment, media),
    video: () => player('video', attachment, media), audio: () => player('audio', attachment, media),
  }[type];
  return shown ? shown() : download(attachment, media, name || contentType);
}

function picture(attachment, media) {
  const { width, height, name, type } = attachment;
  const image = h('img', { class: 'attachment', alt: name || (type === 'animation' ? 'An animation' : 'An image'), width, height, loading: 'lazy', decoding: 'async' });
  whenLinked(image, attachment, media, (url) => { image.src = url; });
  return image;
}

function player(tag, attachment, media) {
  const element = h(tag, { class: 'attachment', controls: true, preload: 'metadata', 'aria-label': attachment.name || (tag === 'video' ? 'A video' : 'A sound') });
  whenLinked(element, attachment, media, (url) => { element.src = url; });
  return element;
}

function download(attachment, media, name) {
  const link = h('a', { class: 'attachment file', download: attachment.name || '' }, icon('file'),
    h('span', { class: 'file-name' }, name), h('span', { class: 'hint' }, sizeOf(attachment.size)));
  whenLinked(link, attachment, media, (url) => { link.href = url; });
  return link;
}

async function whenLinked(element, { media: digest }, media, use) {
  try {
    use(await media.link(digest));
  } catch (problem) {
    element.replaceWith(h('p', { class: 'text gone' }, problem.status === 404 ? 'This file is not there any more.' : 'This file cannot be shown now.'));
  }
}

const UNITS = ['byte', 'kilobyte', 'megabyte'];

/** A size in bytes, to be read. */
export function sizeOf(bytes) {
  const step = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return (bytes / 1000 ** step).toLocaleString('en', { style: 'unit', unit: UNITS[step], unitDisplay: 'narrow', maximumFractionDigits: step > 1 ? 1 : 0 });
}
