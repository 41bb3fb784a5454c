// The question whether an app shall take part in a conversation.

import { h } from './dom.js';
import { openDialog } from './dialogs.js';
import { GrantChoice } from './grants.js';

/**
 * Asks what an app may do. `given` is what it may do already, if it takes part;
 * `install(grants)` puts it in, and may fail with a problem that is shown.
 */
export function openInstall({ people }, app, given, install) {
  people.meet({ app });
  const choice = new GrantChoice(app.grants, given);
  openDialog(given ? `Change ${app.name}` : `Add ${app.name}`, [
    h('div', { class: 'app-row' }, people.avatar(app.id), h('div', { class: 'app-about' },
      h('p', {}, app.description || 'It does not say what it does.'),
      app.website ? h('p', {}, h('a', { href: app.website, target: '_blank', rel: 'noopener noreferrer nofollow' }, new URL(app.website).hostname)) : null)),
    choice.element,
    h('p', { class: 'hint' }, 'Everybody here sees that it takes part, and can remove it.'),
  ], { label: given ? 'Change' : 'Add to the conversation', run: () => install(choice.granted) });
}
