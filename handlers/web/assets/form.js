// Parts of the small forms in dialogs.

import { h } from './dom.js';

let made = 0;

/** A labelled field. `tag` is input, textarea or select; `options` are `[value, words]`. */
export function field(label, { tag = 'input', hint = '', options = [], ...props } = {}) {
  const id = `field-${++made}`;
  const control = h(tag, {
    id, class: 'input', autocomplete: 'off', 'aria-describedby': hint ? `${id}-hint` : null, ...(tag === 'textarea' ? { rows: '3' } : {}), ...props,
  }, options.map(([value, words]) => h('option', { value }, words)));
  return { control, element: h('div', { class: 'field' }, h('label', { for: id }, label), control, hint ? h('p', { class: 'hint', id: `${id}-hint` }, hint) : null) };
}

/** The trimmed text of a field, or undefined if it is empty: then it is left out of a body. */
export const textOf = ({ control }) => control.value.trim() || undefined;

/** The moment that a field of the type datetime-local names, or undefined. */
export const momentOf = ({ control }) => (control.value ? new Date(control.value).toISOString() : undefined);

/** The number that a field holds, or undefined if it is empty. */
export const numberOf = ({ control }) => (control.value.trim() === '' ? undefined : Number(control.value.trim().replace(',', '.')));

/** A refusal that the page itself has to make, worded as the server's are. */
export const refusal = (explanation) => Object.assign(new Error(explanation), { explanation });
