// Files that are to go with what is being written: chosen, dropped or pasted.

import { sizeOf } from './attachments.js';
import { button, h } from './dom.js';
import { icon } from './icons.js';

const MOST = 10;
const LARGEST = 25_000_000;

export class Uploads {
  #media;
  #changed;
  #files = [];

  /** `changed()` is told when there are more or fewer, or one has arrived. */
  constructor(media, changed) {
    this.#media = media;
    this.#changed = changed;
    this.input = h('input', { type: 'file', multiple: true, hidden: true, on: { change: () => { this.add(this.input.files); this.input.value = ''; } } });
    this.button = button('Attach files', { content: icon('clip'), kind: 'tool', onClick: () => this.input.click() });
    this.list = h('ul', { class: 'uploads', role: 'list', 'aria-label': 'Files to send', hidden: true });
  }

  /** Whether all that was chosen has arrived at the server. */
  get ready() {
    return this.#files.every((file) => file.attachment);
  }

  get count() {
    return this.#files.length;
  }

  add(files) {
    for (const file of [...files].slice(0, MOST - this.#files.length)) {
      const entry = { file, attachment: null, trouble: file.size > LARGEST ? 'is larger than 25 MB' : '' };
      this.#files.push(entry);
      if (!entry.trouble) this.#upload(entry);
    }
    this.#draw();
  }

  /** Takes what has arrived, to be sent. */
  take() {
    const sent = this.#files.map(({ file, attachment }) => ({ media: attachment.media, name: file.name, shown: { ...attachment, name: file.name } }));
    this.#files = [];
    this.#draw();
    return sent;
  }

  async #upload(entry) {
    try {
      entry.attachment = await this.#media.upload(entry.file);
    } catch (problem) {
      entry.trouble = problem.explanation;
    }
    this.#draw();
  }

  #draw() {
    this.list.hidden = this.#files.length === 0;
    this.list.replaceChildren(...this.#files.map((entry) => h('li', { class: entry.trouble ? 'chip refused' : 'chip' },
      icon('file'), h('span', { class: 'file-name' }, entry.file.name),
      h('span', { class: 'hint', role: 'status' }, entry.trouble || (entry.attachment ? sizeOf(entry.file.size) : 'Uploading')),
      button(`Remove ${entry.file.name}`, {
        content: icon('close'), kind: 'tool', onClick: () => { this.#files = this.#files.filter((e) => e !== entry); this.#draw(); },
      }))));
    this.#changed();
  }
}
