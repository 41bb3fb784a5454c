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
  more: 'M4.5 10v.1M10 10v.1M15.5 10v.1',
  smile: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM7 8v.1M13 8v.1M7 12c.7 1.1 1.8 1.7 3 1.7s2.3-.6 3-1.7',
  forward: 'M12 5l4.5 4.5L12 14M16 9.5H8.5a5 5 0 0 0-5 5v1',
  pin: 'M7 3.5h6M8 3.5v5l-2.5 3h9L12 8.5v-5M10 11.5V17',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.25l2.75 1.75',
  flag: 'M5.5 17V3.5M5.5 4h8.5l-1.75 3.25L14 10.5H5.5',
  bin: 'M4 5.5h12M8 5.5v-2h4v2M5.5 5.5l.75 11h7.5l.75-11M8.5 8.5v5M11.5 8.5v5',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l3.75 3.75',
  mute: 'M4 12.5h12c-1.25-1-1.75-2.5-1.75-5A4.25 4.25 0 0 0 7 4.5M5.75 7.5c0 2.5-.5 4-1.75 5M8.5 15a1.6 1.6 0 0 0 3 0M3.5 3.5l13 13',
  bell: 'M4 12.5h12c-1.25-1-1.75-2.5-1.75-5a4.25 4.25 0 0 0-8.5 0c0 2.5-.5 4-1.75 5zM8.5 15a1.6 1.6 0 0 0 3 0',
  box: 'M3.5 4.5h13v3h-13zM4.5 7.5v8h11v-8M8 10.5h4',
  block: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM5.25 5.25l9.5 9.5',
  clip: 'M14.5 9.5 9.75 14.25a3 3 0 0 1-4.25-4.25l6-6a2 2 0 0 1 2.85 2.85L8.5 12.65a1 1 0 0 1-1.4-1.4l4.75-4.75',
  file: 'M5.5 3.5h6l3.5 3.5v9.5h-9.5zM11.5 3.5V7H15',
  apps: 'M4 4h5v5H4zM11 4h5v5h-5zM4 11h5v5H4zM13.5 11v5M11 13.5h5',
  play: 'M7 4.5v11l8.5-5.5z',
  pause: 'M7 5v10M13 5v10',
  video: 'M3.5 5.5h9v9h-9zM12.5 9l4-2.5v7l-4-2.5',
  audio: 'M8 15V5.5l7-1.5v9.5M8 15a2 1.75 0 1 1-4 0 2 1.75 0 0 1 4 0zM15 13.5a2 1.75 0 1 1-4 0 2 1.75 0 0 1 4 0z',
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
