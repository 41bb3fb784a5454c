// One row of the transcript: a message, or one that is still on its way.

import { attachments, nameOf } from './attachments.js';
import { announce, button, h } from './dom.js';
import { icon } from './icons.js';
import { orderNews } from './order_card.js';
import { quickReplies, templateCard } from './template.js';
import { dayHeading, inFull, sameDay, timeInMargin, timeOfDay } from './time.js';

const PAUSE = 5 * 60_000;
const LONG = 1_600;
const NAMED = 8;
const ADDRESS = /\bhttps?:\/\/[^\s<>"]+[^\s<>"'.,;:!?)\]}]/g;
const ACTION = /^\/me (?=\S)/;

/**
 * What a message looks like after the one before it: with its author or
 * following on, under a new day, below the line where unread ones begin.
 */
export function lookOf(message, previous, unreadFrom) {
  const date = new Date(message.postedAt);
  const before = previous && new Date(previous.postedAt);
  const day = !before || !sameDay(before, date);
  const unread = message.number === unreadFrom;
  const lead = day || unread || message.replyTo != null || previous.author !== message.author
    || date - before > PAUSE || ACTION.test(message.text);
  return { day, unread, lead };
}

/**
 * The row of a message. `context` has `people`, `self`, `history`, `seen`, and
 * what to do: `reply(message)`, `edit(message)`, `jump(number)`, `actions`.
 */
export function messageRow(message, look, context) {
  context.people.meet(message);
  const date = new Date(message.postedAt);
  const action = ACTION.test(message.text);
  return row(message, look, context, { number: message.number }, [
    look.day ? heading(date) : null,
    look.unread ? h('p', { class: 'unread-line' }, h('span', {}, 'New')) : null,
    line(look, context.people.avatar(message.author), date, [
      byline(message, look, context, date),
      message.forwarded ? h('p', { class: 'forwarded' }, icon('forward'), 'Forwarded from ', context.people.label(message.forwarded.author, { own: 'you' })) : null,
      message.replyTo != null ? quote(message.replyTo, context) : null,
      contents(message, action, context),
      reactions(message, context),
      look.offers ? quickReplies(message.quickReplies, (chosen) => context.choose(message, chosen)) : null,
      look.seen ? h('p', { class: 'seen' }, look.seen) : null,
    ], message.retracted ? null : tools(message, context), action),
  ]);
}

/** The row of an entry of the outbox; `context` has `retry`, `discard` and `rewrite` as well. */
export function pendingRow(entry, look, context) {
  const date = new Date(entry.postedAt);
  return row(entry, look, context, {}, [
    look.day ? heading(date) : null,
    line(look, context.people.avatar(context.self), date, [
      byline({ text: '', author: context.self, postedAt: entry.postedAt }, look, context, date),
      entry.replyTo !== null ? quote(entry.replyTo, context) : null,
      words(entry, context),
      attachments(entry, context.media),
      sendingState(entry, context),
    ], null, false),
  ], ` ${entry.state}`);
}

const heading = (date) => h('h3', { class: 'day' }, h('span', {}, dayHeading(date)));

function row(message, look, { self, reply, edit }, data, children, state = '') {
  const own = message.author === self ? ' own' : '';
  const more = ({ currentTarget }) => currentTarget.querySelector('.tool.more')?.click();
  return h('li', {
    class: `message${look.lead ? ' lead' : ''}${own}${state}`, tabindex: '-1', data,
    on: {
      keydown: (event) => {
        const act = { r: () => reply(message), m: more, e: message.author === self ? () => edit(message) : null }[event.key];
        if (!act || event.ctrlKey || event.metaKey || event.altKey || data.number === undefined || event.target !== event.currentTarget) return;
        event.preventDefault();
        act(event);
      },
      focusin: ({ currentTarget }) => letTab(currentTarget, true),
      focusout: ({ currentTarget, relatedTarget }) => currentTarget.contains(relatedTarget) || letTab(currentTarget, false),
    },
  }, children);
}

/** The tools of the message that has the focus are reached by Tab, and no others. */
function letTab(row, may) {
  for (const tool of row.querySelectorAll('.tools .tool')) tool.tabIndex = may ? 0 : -1;
}

function line(look, avatar, date, body, side, action) {
  return h('div', { class: action ? 'line action' : 'line' },
    h('div', { class: 'gutter' }, look.lead ? avatar : h('time', { class: 'side-time', 'aria-hidden': 'true' }, timeInMargin(date))),
    h('div', { class: 'body' }, body),
    side);
}

function byline(message, look, { people }, date) {
  const action = message.text.match(ACTION);
  const author = h('span', { class: 'author' }, message.app ? h('span', { class: 'name' }, message.persona?.name ?? message.app.name) : people.label(message.author));
  const time = h('time', { datetime: message.postedAt, title: inFull(date) }, timeOfDay(date));
  if (action) return h('p', { class: 'text' }, author, ' ', linked(message.text.slice(action[0].length)), ' ', time);
  return h('p', { class: look.lead ? 'byline' : 'unseen' }, author, ' ', standing(message, people), ' ', time);
}

/** What a name alone does not say: that it is an app's, or for whom an agent speaks. */
function standing({ app, author, merchant, persona }, people) {
  if (app) return h('span', { class: 'standing' }, persona ? app.name : 'App');
  if (merchant && merchant !== author) return h('span', { class: 'standing' }, people.label(merchant));
  return null;
}

/** What a message says and has; the buttons of a template of media stand below what they are for. */
function contents(message, action, context) {
  const words = action ? null : said(message, context);
  const files = attachments(message, context.media);
  return message.template?.template_type === 'media' ? [files, words] : [words, files];
}

/** What a message says: its words, or what stands for them. */
function said(message, context) {
  if (message.retracted) return words(message, context);
  if (message.order) return orderNews(message, context);
  return message.template ? templateCard(message, context) : words(message, context);
}

function words(message, context) {
  if (message.retracted) return h('p', { class: 'text gone' }, 'This message was retracted.');
  if (message.text === '' && message.attachments?.length) return null;
  if (message.text === '') return h('p', { class: 'text gone' }, 'The words of this message were forgotten with their author.');
  const text = h('p', { class: message.text.length > LONG ? 'text long' : 'text', dir: 'auto' }, linked(message.text));
  const edited = message.editedAt ? button('Edited: show earlier versions', {
    content: 'edited', kind: 'edited', onClick: () => context.actions.versions(message),
  }) : null;
  return [text, edited, message.text.length > LONG ? unfold(text) : null];
}

function unfold(text) {
  const more = button('Show all of it', { kind: 'quiet', onClick: () => {
    text.classList.remove('long');
    more.remove();
  } });
  return more;
}

/** Text with its web addresses as links. */
function linked(text) {
  const parts = [];
  let end = 0;
  for (const { 0: address, index } of text.matchAll(ADDRESS)) {
    parts.push(text.slice(end, index), h('a', { href: address, target: '_blank', rel: 'noopener noreferrer nofollow' }, address));
    end = index + address.length;
  }
  parts.push(text.slice(end));
  return parts;
}

/** What a reply answers; it leads there. */
function quote(number, { people, history, jump }) {
  const words = h('span', { class: 'quote-text pending' }, '\u2007');
  const author = h('span', { class: 'quote-author' });
  const element = h('button', { type: 'button', class: 'quote', on: { click: () => jump(number) } },
    h('span', { class: 'unseen' }, 'In reply to '), author, words);
  history.find(number).then((answered) => {
    words.classList.remove('pending');
    if (answered) people.meet(answered);
    if (answered) author.append(people.label(answered.author), ' ');
    words.textContent = answered ? summary(answered) : 'A message that cannot be shown';
  }, () => { words.textContent = `Message ${number}`; });
  return element;
}

/** A message in few words, for quotes and lists. */
export function summary(message) {
  if (message.retracted) return 'Message retracted';
  const words = message.text.replace(ACTION, '').replace(/\s+/g, ' ').slice(0, 200);
  return words || (message.attachments?.length ? nameOf(message.attachments[0]) : 'Words forgotten');
}

/** Says what others have just written to those who listen to the page. */
export function announceNews(messages, people) {
  if (messages.length === 0) return;
  const last = messages.reduce((a, b) => (a.number > b.number ? a : b));
  people.meet(last);
  announce(messages.length > 3 ? `${messages.length} new messages` : `${people.name(last.author)}: ${summary(last)}`);
}

/** Who gave each of the emoji of a message, in words. */
export function givers(message, people) {
  return (message.reactions ?? []).map(({ userIds }) => {
    const names = userIds.slice(0, NAMED).map((id) => people.name(id)).join(', ');
    return userIds.length > NAMED ? `${names} and ${userIds.length - NAMED} more` : names;
  });
}

/** The emoji that were given, each a button to give it too or to take it back. */
function reactions(message, { people, self, actions }) {
  if (!message.reactions?.length) return null;
  const names = givers(message, people);
  return h('ul', { class: 'reactions', role: 'list', 'aria-label': 'Reactions' }, message.reactions.map(({ emoji, userIds }, i) =>
    h('li', {}, h('button', {
      type: 'button', class: 'reaction', 'aria-pressed': String(userIds.includes(self)), title: names[i],
      'aria-label': `${emoji} by ${names[i]}`, on: { click: () => actions.react(message, emoji) },
    }, emoji, h('span', {}, String(userIds.length))))));
}

/** What can be done with a message. */
function tools(message, { reply, edit, actions }) {
  const tool = (label, sign, onClick) => button(`${label} message ${message.number}`, { content: icon(sign), kind: `tool ${sign}`, tabindex: '-1', onClick });
  return h('div', { class: 'tools' },
    tool('React to', 'smile', (event) => actions.chooseEmoji(event.currentTarget, message)),
    tool('Reply to', 'reply', () => reply(message)),
    tool('More for', 'more', (event) => actions.menu(event.currentTarget, message, { edit: () => edit(message), reply: () => reply(message) })));
}

function sendingState(entry, { retry, discard, rewrite }) {
  if (entry.state === 'sending') return h('p', { class: 'state' }, 'Sending');
  const waiting = entry.state === 'waiting';
  return h('div', { class: 'state', role: 'alert' },
    h('p', {}, icon('alert'), waiting ? 'Not sent yet. It will be tried again when Parley can be reached.' : `Not sent. ${entry.reason}`),
    h('span', { class: 'choices' },
      button('Retry', { content: waiting ? 'Send now' : 'Retry', kind: 'quiet', onClick: () => retry(entry) }),
      waiting ? null : button('Edit', { kind: 'quiet', onClick: () => rewrite(entry) }),
      button('Discard', { kind: 'quiet', onClick: () => discard(entry) })));
}
