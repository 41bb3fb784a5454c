// What the bots of a conversation offer always: a menu beside the text, and
// questions to begin with while nothing was said.

import { button, h } from './dom.js';
import { icon } from './icons.js';
import { openMenu } from './menu.js';
import { press } from './template.js';

export class BotMenu {
  #context;
  #conversation;
  #pages = [];

  constructor(context, conversation) {
    this.#context = context;
    this.#conversation = conversation;
    this.button = button('Menu', { content: icon('list'), kind: 'tool', hidden: true, 'aria-haspopup': 'menu', onClick: () => this.#open() });
    this.beginnings = h('div', { class: 'beginnings', role: 'group', 'aria-label': 'Begin with', hidden: true });
  }

  /** Finds out what is offered; `silent` tells that nothing was said yet. */
  async load(silent) {
    const { pages } = await this.#context.api.get(`/v1/conversations/${this.#conversation}/pages`).catch(() => ({ pages: [] }));
    this.#pages = pages.map(({ profile }) => profile);
    this.button.hidden = this.#actions().length === 0;
    const questions = this.#pages.flatMap((profile) => breakersOf(profile));
    this.beginnings.hidden = !silent || questions.length === 0;
    this.beginnings.replaceChildren(...questions.map(({ question, payload }) => button(question, {
      kind: 'quick-reply', onClick: (event) => this.#press(event.currentTarget, question, payload),
    })));
  }

  /** Something was said: there is no beginning any more. */
  begun() {
    this.beginnings.hidden = true;
  }

  #press(pressed, name, payload) {
    return press(pressed, name, { payload }, this.#conversation, this.#context);
  }

  #actions() {
    return this.#pages.flatMap(({ persistent_menu: menus }) => actionsOf(inLanguage(menus)));
  }

  #open(actions = this.#actions()) {
    openMenu(this.button, 'Menu', actions.map(({ type, title, payload, url, call_to_actions: nested }) => {
      const label = String(title);
      if (type === 'nested') return { label, sign: 'more', act: () => this.#open(actionsOf({ call_to_actions: nested })) };
      if (type === 'web_url') return { label, sign: 'forward', act: () => window.open(url, '_blank', 'noopener,noreferrer') };
      return { label, sign: 'send', act: () => this.#press(this.button, label, String(payload)) };
    }));
  }
}

/** Of what a bot says in several languages, what is for the reader. */
function inLanguage(all) {
  const known = Array.isArray(all) ? all.filter((one) => one && typeof one === 'object') : [];
  const wanted = navigator.language.replace('-', '_');
  return known.find(({ locale }) => locale === wanted) ?? known.find(({ locale }) => locale === undefined || locale === 'default') ?? known[0] ?? {};
}

function actionsOf({ call_to_actions: actions }) {
  const isWeb = (url) => /^https?:\/\//i.test(url ?? '');
  return (Array.isArray(actions) ? actions : []).filter((a) => a?.title && (a.type === 'postback' && a.payload || a.type === 'web_url' && isWeb(a.url) || a.type === 'nested'));
}

/** The questions of a page: bare, or by language. */
function breakersOf({ ice_breakers: breakers, get_started: start }) {
  const bare = Array.isArray(breakers) && breakers.some((one) => one?.question);
  const asked = bare ? breakers : inLanguage(breakers).call_to_actions;
  const questions = (Array.isArray(asked) ? asked : []).filter((one) => one?.question && one.payload).map(({ question, payload }) => ({ question: String(question), payload: String(payload) }));
  return questions.length === 0 && start?.payload ? [{ question: 'Get started', payload: String(start.payload) }] : questions;
}
