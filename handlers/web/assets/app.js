// Where the page begins: it signs people in and shows the rooms that their
// token opens.

import { Api } from './api.js';
import { Audit } from './audit.js';
import { forgetDrafts } from './compose.js';
import { button, h } from './dom.js';
import { Growth } from './growth.js';
import { icon, mark } from './icons.js';
import { Messages } from './messages.js';
import { People } from './people.js';
import { Reports } from './reports.js';
import { currentSession, signIn, signOut, takeTokenFromAddress } from './session.js';
import { exactly } from './time.js';

const ROOMS = [
  { path: '/', name: 'Messages', room: Messages },
  { path: '/growth', name: 'Growth', room: Growth, scope: 'analyst' },
  { path: '/audit', name: 'Audit', room: Audit, scope: 'auditor' },
  { path: '/reports', name: 'Reports', room: Reports, scope: 'operator' },
];

const opens = (session, { scope }) => (scope ? session.has(scope) : session.user !== null);

const app = document.getElementById('app');

/** What is shown for one session, from signing in to signing out. */
class Home {
  #session;
  #people;
  #api;
  #rooms;
  #room = null;
  #path = null;
  #navigate = () => this.#show();

  constructor(session) {
    this.#session = session;
    this.#api = new Api(session.token, (problem) => leave(this, problem.explanation));
    this.#people = new People(this.#api, session.user);
    this.#rooms = ROOMS.filter((room) => opens(session, room));
    this.status = h('span', { class: 'connection', role: 'status' });
    this.links = h('nav', { class: 'rooms', 'aria-label': 'Rooms' }, this.#rooms.length > 1 ? this.#rooms.map((room) => this.#link(room)) : null);
    this.place = h('div', { class: 'place' });
    app.replaceChildren(this.#bar(), this.place);
    addEventListener('popstate', this.#navigate);
    this.#show();
  }

  #bar() {
    return h('header', { class: 'bar' },
      h('span', { class: 'brand' }, mark(), h('span', { class: 'brand-name' }, 'Parley')),
      this.links, this.status,
      button('Your account', { content: icon('account'), kind: 'tool', popovertarget: 'account' }),
      this.#account());
  }

  #account() {
    const { user, scopes, expires } = this.#session;
    return h('div', { id: 'account', class: 'account', popover: 'auto' },
      user ? h('p', { class: 'account-name' }, this.#people.avatar(user), h('span', {}, this.#people.label(user, { own: 'name' }), this.#people.handle(user))) : null,
      user ? h('p', { class: 'hint' }, 'Your id ', h('code', { class: 'id' }, user)) : null,
      scopes.size > 0 ? h('p', { class: 'hint' }, `Signed in as ${[...scopes].join(', ')}`) : null,
      expires ? h('p', { class: 'hint' }, `This token holds until ${exactly(expires)}`) : null,
      button('Sign out', { onClick: () => leave(this, '') }));
  }

  #link(room, kind = null) {
    return h('a', {
      href: room.path, class: kind, on: {
        click: (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
          event.preventDefault();
          if (room.path !== this.#path) history.pushState(null, '', room.path);
          this.#show();
        },
      },
    }, room.name);
  }

  #show() {
    const closed = ROOMS.find((r) => r.scope && r.path === location.pathname && !this.#rooms.includes(r));
    if (closed) return this.#refuse(closed);
    if (this.#rooms.length === 0) return this.place.replaceChildren(noRooms());
    let room = this.#rooms.find((r) => r.path === location.pathname);
    if (!room) {
      [room] = this.#rooms;
      history.replaceState(null, '', room.path);
    }
    if (room.path !== this.#path) this.#enter(room);
    this.#room.open(new URLSearchParams(location.hash.slice(1)));
  }

  #enter(room) {
    this.#room?.close();
    this.#path = room.path;
    document.title = room.name === 'Messages' ? 'Parley' : `${room.name} · Parley`;
    this.#mark();
    this.#room = new room.room({
      api: this.#api, people: this.#people, session: this.#session, report: (state) => this.#report(state),
    });
    this.#report({ live: true });
    this.place.replaceChildren(this.#room.element);
    this.#room.start();
  }

  /** Says why a room does not open, and what does. */
  #refuse({ path, name, scope }) {
    this.#room?.close();
    this.#room = null;
    this.#path = path;
    document.title = `${name} · Parley`;
    this.#mark();
    this.#report({ live: true });
    this.place.replaceChildren(h('main', { class: 'nothing-open' }, mark(),
      h('h1', { class: 'pane-title' }, `“${name}” needs a token with the scope ${scope}`),
      h('p', {}, 'The one you are signed in with does not have it.'),
      h('p', { class: 'ways-out' }, this.#rooms.map((room) => this.#link(room, 'button')),
        button('Sign in with another token', { kind: this.#rooms.length === 0 ? 'primary' : '', onClick: () => leave(this, '') }))));
  }

  /** Marks the link of the room that is shown. */
  #mark() {
    for (const link of this.links.querySelectorAll('a')) {
      if (link.pathname === this.#path) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }

  #report({ live }) {
    const text = live ? '' : 'Reconnecting';
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  close() {
    removeEventListener('popstate', this.#navigate);
    this.#room?.close();
  }
}

function noRooms() {
  return h('main', { class: 'nothing-open' }, mark(),
    h('p', {}, 'This token opens none of these rooms. It is meant for the API.'));
}

let home = null;

function enter(token) {
  home?.close();
  const session = signIn(token);
  home = new Home(session);
}

function leave(from, reason) {
  if (from !== home) return;
  home.close();
  home = null;
  signOut();
  forgetDrafts();
  document.title = 'Parley';
  history.replaceState(null, '', location.pathname);
  showSignIn(reason);
}

function showSignIn(reason = '') {
  const trouble = h('p', { class: 'field-error', role: 'alert' }, reason);
  const token = h('textarea', {
    class: 'input token', id: 'token', rows: '5', required: true, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off',
    'aria-describedby': 'token-hint', on: {
      keydown: (event) => {
        if (event.key !== 'Enter') return;
        event.preventDefault();
        event.target.form.requestSubmit();
      },
    },
  });
  const submit = (event) => {
    event.preventDefault();
    try {
      enter(token.value);
    } catch (error) {
      trouble.textContent = error.message;
      token.focus();
    }
  };
  app.replaceChildren(h('main', { class: 'sign-in' },
    h('form', { class: 'sign-in-card', novalidate: true, on: { submit } },
      h('h1', { class: 'brand' }, mark(), h('span', { class: 'brand-name' }, 'Parley')),
      h('p', { class: 'sign-in-line' }, 'Conversations that are kept word for word.'),
      h('div', { class: 'field' }, h('label', { for: 'token' }, 'Your token'), token,
        h('p', { class: 'hint', id: 'token-hint' }, 'It stays in this tab and is forgotten when you close it.')),
      trouble,
      button('Sign in', { type: 'submit', kind: 'primary' }))));
  token.focus();
}

function begin() {
  const token = takeTokenFromAddress();
  try {
    if (token !== null) return enter(token);
    const session = currentSession();
    if (session) home = new Home(session);
    else showSignIn();
  } catch (error) {
    showSignIn(error.message);
  }
}

addEventListener('hashchange', () => location.hash.startsWith('#token=') && begin());
begin();
