// Small questions that stand before everything else.

import { button, failure, h } from './dom.js';
import { icon } from './icons.js';

/**
 * Opens a dialog and returns what closes it. `body` is nodes; `action` is
 * `{label, grave, run}`, of which `run` may fail with a problem that is shown
 * in the dialog, or is left out if there is nothing to do.
 */
export function openDialog(title, body, action) {
  const trouble = h('p', { class: 'field-error', role: 'alert' });
  const element = h('dialog', { class: 'dialog', 'aria-label': title, on: { close: () => element.remove() } },
    h('form', { on: { submit: (event) => { event.preventDefault(); submit(); } } },
      h('header', { class: 'panel-head' }, h('h2', {}, title), button('Close', { content: icon('close'), kind: 'tool', onClick: () => element.close() })),
      body, trouble,
      action ? h('footer', { class: 'dialog-foot' },
        button('Cancel', { onClick: () => element.close() }),
        button(action.label, { type: 'submit', kind: action.grave ? 'grave' : 'primary' })) : null));
  const submit = async () => {
    if (!action) return;
    const [send] = element.querySelectorAll('[type=submit]');
    send.disabled = true;
    trouble.textContent = '';
    try {
      await action.run();
      element.close();
    } catch (problem) {
      trouble.textContent = problem.explanation;
      send.disabled = false;
    }
  };
  document.body.append(element);
  element.showModal();
  return () => element.close();
}

/** Opens a dialog that shows what `load` comes to, as nodes. */
export async function openReading(title, load) {
  const body = h('div', { class: 'dialog-body' }, h('p', { class: 'hint' }, 'One moment'));
  openDialog(title, body, null);
  try {
    body.replaceChildren(...[await load()].flat());
  } catch (problem) {
    body.replaceChildren(failure(problem));
  }
}
