// JSON laid out for reading. Personal values are sealed in the log; they are
// shown as what they are, not as a heap of letters.

import { h } from './dom.js';
import { icon } from './icons.js';

// The personal values of every fact, by the names they are stored under.
const SEALED = {
  UserRegistered: ['handle', 'displayName', 'name'],
  ProfileChanged: ['displayName'],
  ConversationStarted: ['title'],
  MessagePosted: ['text'],
};

/** A value as an element; `type` is the event's, so that sealed values are known. */
export function jsonView(value, type = '') {
  return h('pre', { class: 'json', tabindex: '0' }, print(value, '', new Set(SEALED[type] ?? [])));
}

function print(value, indent, sealed) {
  if (Array.isArray(value)) {
    return block('[', ']', indent, value.map((item) => print(item, `${indent}  `, new Set())));
  }
  if (value !== null && typeof value === 'object') {
    return block('{', '}', indent, Object.entries(value).map(([name, item]) => [
      h('span', { class: 'json-name' }, JSON.stringify(name)), ': ',
      sealed.has(name) && typeof item === 'string' ? seal(item) : print(item, `${indent}  `, new Set()),
    ]));
  }
  return [h('span', { class: `json-${value === null ? 'null' : typeof value}` }, JSON.stringify(value))];
}

function block(open, close, indent, items) {
  if (items.length === 0) return [open + close];
  const lines = items.flatMap((item, i) => [`${indent}  `, ...item, i < items.length - 1 ? ',\n' : '\n']);
  return [`${open}\n`, ...lines, indent + close];
}

/** A sealed value: base64, of which only the size says something. */
function seal(base64) {
  const bytes = Math.floor(base64.replace(/=+$/, '').length * 3 / 4);
  return h('span', { class: 'sealed', title: 'Encrypted under the key of the person it belongs to' },
    icon('lock'), `sealed, ${bytes.toLocaleString('en')} bytes`);
}
