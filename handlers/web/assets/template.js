// What bots say with more than words: templates with buttons, and answers that
// they offer. Pictures from elsewhere are not shown: whoever keeps them would
// learn who looks.

import { announce, button, h } from './dom.js';
import { openDialog } from './dialogs.js';
import { field, refusal } from './form.js';

/** A template as the message has it; `context` has `api`, and `served` if the reader only looks on. Null if there is nothing to show besides the words. */
export function templateCard(message, context) {
  const { template } = message;
  const elements = template.elements ?? [];
  switch (template.template_type) {
    case 'button': return h('div', { class: 'template' }, h('p', { class: 'text', dir: 'auto' }, String(template.text)), buttons(template.buttons, message, context));
    case 'generic': return h('ul', { class: 'templates', role: 'list' }, elements.map((element) => h('li', { class: 'template' }, generic(element), buttons(element.buttons, message, context))));
    case 'list': return h('div', { class: 'template' }, h('ul', { class: 'templates', role: 'list' }, elements.map((element) => h('li', { class: 'template' }, generic(element), buttons(element.buttons, message, context)))), buttons(template.buttons, message, context));
    case 'open_graph': return h('div', { class: 'template' }, elements.map(({ url, buttons: offered }) => [h('p', { class: 'template-title' }, away(String(url), url)), buttons(offered, message, context)]));
    case 'media': return elements.length > 0 && elements[0].buttons?.length ? h('div', { class: 'template' }, buttons(elements[0].buttons, message, context)) : null;
    default: return h('p', { class: 'text', dir: 'auto' }, message.text);
  }
}

/** The title leads where the whole element does. */
function generic({ title, subtitle, default_action: action }) {
  const name = String(title);
  return [
    h('p', { class: 'template-title', dir: 'auto' }, action?.url ? away(name, action.url) : name),
    subtitle ? h('p', { class: 'hint', dir: 'auto' }, String(subtitle)) : null,
  ];
}

const away = (name, url, kind = null) => h('a', { class: kind, href: url, target: '_blank', rel: 'noopener noreferrer nofollow' }, name);

function buttons(all = [], message, context) {
  const shown = all.map((one) => templateButton(one, message, context)).filter(Boolean);
  return shown.length > 0 ? h('div', { class: 'template-buttons' }, shown) : null;
}

function templateButton({ type, title, payload, url }, message, context) {
  const name = String(title ?? '');
  switch (type) {
    case 'postback': return button(name, { disabled: context.served, onClick: (event) => press(event.currentTarget, name, { number: message.number, payload: String(payload) }, message.conversationId, context) });
    case 'web_url': return away(name, url, 'button');
    case 'account_link': return away('Log in', url, 'button');
    case 'phone_number': return h('a', { class: 'button', href: `tel:${String(payload).replace(/[^+\d]/g, '')}` }, name);
    default: return null;
  }
}

/**
 * Tells the app that a button was pressed: `what` is its payload, and the number
 * of the message that has it, if one does.
 */
export async function press(pressed, name, what, conversation, { api }) {
  pressed.disabled = true;
  try {
    await api.post(`/v1/conversations/${conversation}/buttons`, what);
    pressed.classList.add('pressed');
    announce(`${name}: told`);
  } catch (problem) {
    openDialog(problem.title, h('p', {}, problem.explanation), null);
  } finally {
    pressed.disabled = false;
  }
}

const ASKED = {
  user_email: { label: 'Tell your e-mail address', type: 'email' },
  user_phone_number: { label: 'Tell your telephone number', type: 'tel' },
};

/** The answers that a message offers, for as long as nothing was said since. `choose({text, payload})` gives one. */
export function quickReplies(replies, choose) {
  const shown = replies.map(({ content_type: type, title, payload }) => {
    if (type === 'text') return button(String(title), { kind: 'quick-reply', onClick: () => choose({ text: String(title), payload: String(payload) }) });
    const asked = ASKED[type];
    return asked ? button(asked.label, { kind: 'quick-reply', onClick: () => tell(asked, choose) }) : null;
  }).filter(Boolean);
  return shown.length > 0 ? h('div', { class: 'quick-replies', role: 'group', 'aria-label': 'Answers to choose from' }, shown) : null;
}

function tell({ label, type }, choose) {
  const value = field('It is said in the conversation', { type, required: true, maxlength: '200', autocomplete: type });
  openDialog(label, value.element, {
    label: 'Tell', run: () => {
      const text = value.control.value.trim();
      if (text === '') throw refusal('Write it first.');
      choose({ text, payload: text });
    },
  });
  value.control.focus();
}
