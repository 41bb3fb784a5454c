// A moving picture that can be held still. It begins to move by itself, unless
// its reader has asked the system for less motion.

import { button, h } from './dom.js';
import { icon } from './icons.js';

const CALM = matchMedia('(prefers-reduced-motion: reduce)');
// A still is drawn no larger than it is ever shown.
const WIDEST = 768;

/**
 * Returns `{element, show}`: `show(url)` gives the picture its address.
 * `refused(element)` is told if the browser cannot show it.
 */
export function animation({ width, height }, name, refused) {
  const scale = Math.min(1, WIDEST / Math.max(1, width, height));
  const image = h('img', { class: 'attachment', alt: name, width, height, decoding: 'async' });
  const still = h('canvas', {
    class: 'attachment', role: 'img', 'aria-label': `${name}, held still`,
    width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)),
  });
  const toggle = button('', { kind: 'motion', onClick: () => turn(!element.classList.contains('still')) });
  const element = h('div', { class: 'moving' }, image, still, toggle);

  const turn = (hold) => {
    if (hold && image.complete) still.getContext('2d').drawImage(image, 0, 0, still.width, still.height);
    element.classList.toggle('still', hold);
    image.hidden = hold;
    still.hidden = !hold;
    toggle.setAttribute('aria-label', `${hold ? 'Play' : 'Hold still'}: ${name}`);
    toggle.replaceChildren(icon(hold ? 'play' : 'pause'));
  };

  image.addEventListener('load', () => turn(element.classList.contains('still')));
  image.addEventListener('error', () => refused(element));
  turn(CALM.matches);
  return { element, show: (url) => { image.src = url; } };
}
