// The search over the reader's conversations. While there is something to look
// for, what was found stands in the inbox's place.

import { arrange, button, failure, h } from './dom.js';
import { icon } from './icons.js';
import { summary } from './message.js';
import { faceOf, titleOf } from './people.js';
import { ago, inFull } from './time.js';

const PAUSE = 250;

export class Search {
  #context;
  #onShow;
  #timer = 0;
  // Answers to an older question are dropped.
  #asked = 0;
  #next = null;

  /** `onShow(showing)` is told whether results stand in the inbox's place. */
  constructor(context, onShow) {
    this.#context = context;
    this.#onShow = onShow;
    this.input = h('input', {
      class: 'input', type: 'search', 'aria-label': 'Search your conversations', placeholder: 'Search', autocomplete: 'off', enterkeyhint: 'search',
      on: {
        input: () => this.#later(),
        keydown: (event) => {
          if (event.key === 'Escape') this.clear();
          else if (event.key === 'ArrowDown') this.list.querySelector('a')?.focus();
        },
      },
    });
    this.field = h('form', { class: 'search', role: 'search', on: { submit: (event) => { event.preventDefault(); this.#ask(); } } }, icon('search'), this.input);
    this.notice = h('p', { class: 'hint search-notice', role: 'status' });
    this.list = h('ul', { class: 'inbox-list', role: 'list' });
    this.more = button('Show more', { kind: 'quiet', onClick: () => this.#ask(this.#next) });
    this.results = h('div', { class: 'search-results', hidden: true }, this.notice, this.list, this.more);
  }

  clear() {
    this.input.value = '';
    this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#show(this.input.value.trim() !== '');
    this.#timer = setTimeout(() => this.#ask(), PAUSE);
  }

  #show(showing) {
    this.results.hidden = !showing;
    this.#onShow(showing);
  }

  /** Looks for what is written now, or goes on with the next page. */
  async #ask(next = null) {
    const wanted = this.input.value.trim();
    const asked = ++this.#asked;
    if (wanted === '') return this.list.replaceChildren();
    try {
      const { hits, next: following } = await this.#context.api.get(next ?? `/v1/search?${new URLSearchParams({ q: wanted })}`);
      if (asked !== this.#asked) return;
      this.#next = following;
      const rows = hits.map((hit) => this.#row(hit));
      arrange(this.list, next ? [...this.list.children, ...rows] : rows);
      this.notice.textContent = this.list.childElementCount === 0 ? 'Nothing was found.' : '';
      this.more.hidden = !following;
    } catch (problem) {
      if (asked !== this.#asked) return;
      this.list.replaceChildren();
      this.more.hidden = true;
      this.notice.replaceChildren(failure(problem, problem.passing ? () => this.#ask() : null));
    }
  }

  #row({ message, snippet }) {
    const { people, inbox } = this.#context;
    people.meet(message);
    const conversation = inbox.get(message.conversationId);
    const date = new Date(message.postedAt);
    return h('li', { class: 'inbox-row' }, h('a', { href: `#conversation=${message.conversationId}&message=${message.number}` },
      conversation ? faceOf(conversation, people) : people.avatar(message.author),
      h('span', { class: 'inbox-line' },
        h('span', { class: 'inbox-title' }, conversation ? titleOf(conversation, people) : people.label(message.author)),
        h('time', { datetime: message.postedAt, title: inFull(date) }, ago(date))),
      h('span', { class: 'inbox-line' }, h('span', { class: 'inbox-last' }, people.label(message.author), ': ', snippet ? marked(snippet) : summary(message)))));
  }
}

/** A snippet with the words that were found pointed out. */
function marked(snippet) {
  return snippet.split(/(<mark>.*?<\/mark>)/s).map((part) => {
    const found = part.match(/^<mark>(.*)<\/mark>$/s);
    return found ? h('mark', {}, unescaped(found[1])) : unescaped(part);
  });
}

const ENTITIES = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#34;': '"', '&#39;': "'" };
const unescaped = (text) => text.replace(/&(?:amp|lt|gt|quot|#34|#39);/g, (entity) => ENTITIES[entity]);
