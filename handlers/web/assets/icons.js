// The page's own icons, on a grid of 20, drawn with one line weight.

import { svg } from './dom.js';

const paths = {
  back: 'M12.5 4.5 7 10l5.5 5.5',
  people: 'M7.5 9.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5zM2.5 16c0-2.76 2.24-4.5 5-4.5s5 1.74 5 4.5M13 9.25a2.25 2.25 0 1 0-.5-4.4M14.25 11.75c1.9.4 3.25 1.85 3.25 4.25',
  write: 'M11.5 4.5H5.5a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h8a2 2 0 0 0 2-2V9.5M9 11.5l.4-2.1 6.3-6.3 1.7 1.7-6.3 6.3z',
  send: 'M3.5 10h12M10.5 4.5 16 10l-5.5 5.5',
  reply: 'M8 5 3.5 9.5 8 14M4 9.5h7.5a5 5 0 0 1 5 5v1',
  close: 'm5.5 5.5 9 9m0-9-9 9',
  down: 'M10 4v12m-5-5 5 5 5-5',
  lock: 'M6.5 9V7a3.5 3.5 0 0 1 7 0v2M5.5 9h9v7.5h-9z',
  account: 'M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4.5 16.5c0-2.75 2.5-4.5 5.5-4.5s5.5 1.75 5.5 4.5',
  alert: 'M10 6.5v4.25M10 13.4v.1M10 3 2.5 16.25h15z',
  copy: 'M7.5 7.5v-4h9v9h-4M3.5 7.5h9v9h-9z',
  leave: 'M8.5 4h-5v12h5M8 10h9m-3.5-3.5L17 10l-3.5 3.5',
};

/** An icon without a name of its own: whatever holds it is named. */
export function icon(name) {
  return svg('svg', { class: 'icon', viewBox: '0 0 20 20', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: paths[name] }));
}

/** Parley's mark: two voices. */
export function mark() {
  return svg('svg', { class: 'mark', viewBox: '0 0 32 32', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { class: 'mark-one', d: 'M2 23V12.5a10.5 10.5 0 1 1 10.5 10.5z' }),
    svg('path', { class: 'mark-two', d: 'M30 30v-7a7 7 0 1 0-7 7z' }));
}
