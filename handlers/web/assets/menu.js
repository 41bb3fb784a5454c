// What opens beside a button: a menu, or emoji to choose from. One is open at
// a time, and it closes when something else is touched.

import { button, h } from './dom.js';
import { icon } from './icons.js';

const GAP = 4;
const EMOJI = ['👍', '❤️', '😂', '😮', '😢', '🙏', '🎉', '🔥', '👏', '👀', '✅', '❓', '💯', '😊', '🤔', '🙌'];

/**
 * Opens a menu. An item is `{label, sign, act}` with the name of an icon, and
 * `grave` if it takes something away; null items are left out.
 */
export function openMenu(anchor, label, items) {
  const menu = h('div', { class: 'menu', role: 'menu', 'aria-label': label, on: { keydown: stepThrough } },
    items.filter(Boolean).map(({ label: name, sign, act, grave }) => h('button', {
      type: 'button', role: 'menuitem', class: grave ? 'menu-item grave' : 'menu-item',
      on: { click: () => { menu.hidePopover(); act(); } },
    }, icon(sign), name)));
  openBeside(anchor, menu);
}

/** Lets an emoji be chosen; any other can be typed. */
export function openEmoji(anchor, choose) {
  const take = (emoji) => {
    box.hidePopover();
    choose(emoji);
  };
  const other = h('input', { class: 'input', 'aria-label': 'Another emoji', placeholder: 'Another', autocomplete: 'off', maxlength: '32' });
  const box = h('div', { class: 'menu emoji', role: 'group', 'aria-label': 'React with' },
    h('div', { class: 'emoji-grid', on: { keydown: stepThrough } }, EMOJI.map((emoji) =>
      h('button', { type: 'button', class: 'emoji-choice', on: { click: () => take(emoji) } }, emoji))),
    h('form', { class: 'emoji-other', on: { submit: (event) => { event.preventDefault(); if (other.value.trim()) take(other.value.trim()); } } },
      other, button('Add', { type: 'submit', kind: 'quiet' })));
  openBeside(anchor, box);
}

function stepThrough(event) {
  const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [...event.currentTarget.querySelectorAll('button')];
  all.at((all.indexOf(document.activeElement) + step) % all.length).focus();
}

function openBeside(anchor, box) {
  box.setAttribute('popover', 'auto');
  box.addEventListener('toggle', (event) => {
    if (event.newState === 'open') return;
    box.remove();
    if (document.activeElement === document.body) anchor.focus();
  });
  document.body.append(box);
  box.showPopover();
  const at = anchor.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = box;
  const below = at.bottom + GAP + offsetHeight <= innerHeight;
  box.style.left = `${Math.max(GAP, Math.min(at.right - offsetWidth, innerWidth - offsetWidth - GAP))}px`;
  box.style.top = `${Math.max(GAP, below ? at.bottom + GAP : at.top - GAP - offsetHeight)}px`;
  box.querySelector('button').focus();
}
