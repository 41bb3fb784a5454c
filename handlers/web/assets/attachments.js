// The files of a message, as elements: pictures, moving pictures, players, and
// what can only be downloaded.

import { animation } from './animation.js';
import { h } from './dom.js';
import { icon } from './icons.js';

const NAMES = { image: 'An image', animation: 'An animation', video: 'A video', audio: 'A sound', file: 'A file' };

/** What a file is called where it has no name of its own. */
export const nameOf = ({ name, type }) => name || NAMES[type];

/** The files of a message; `media` makes links. */
export function attachments(message, media) {
  if (!message.attachments?.length) return null;
  return h('div', { class: 'attachments' }, message.attachments.map((a) => element(a, media)));
}

function element(attachment, media) {
  switch (attachment.type) {
    case 'image': return picture(attachment, media);
    case 'animation': return linked(animation(attachment, nameOf(attachment), (broken) => broken.replaceWith(download(attachment, media))), attachment, media);
    case 'video':
    case 'audio': return player(attachment, media);
    default: return download(attachment, media);
  }
}

function picture(attachment, media) {
  const { width, height } = attachment;
  const image = h('img', { class: 'attachment', alt: nameOf(attachment), width, height, loading: 'lazy', decoding: 'async' });
  const whole = h('a', { class: 'picture', target: '_blank', rel: 'noopener', title: 'Open in a tab of its own' }, image);
  image.addEventListener('error', () => whole.replaceWith(download(attachment, media)));
  return linked({ element: whole, show: (url) => { image.src = url; whole.href = url; } }, attachment, media);
}

/** A video or a sound, with the browser's own controls and its name below. */
function player(attachment, media) {
  const { type, size } = attachment;
  const name = nameOf(attachment);
  const control = h(type, { class: 'attachment', controls: true, preload: 'metadata', playsinline: type === 'video', 'aria-label': name });
  const figure = h('figure', { class: `player ${type}` }, control,
    h('figcaption', {}, icon(type), h('span', { class: 'file-name' }, name), h('span', { class: 'hint' }, sizeOf(size))));
  control.addEventListener('error', () => figure.replaceWith(download(attachment, media)));
  return linked({ element: figure, show: (url) => { control.src = url; } }, attachment, media);
}

function download(attachment, media) {
  const { contentType, size } = attachment;
  const name = attachment.name || (attachment.type === 'file' ? contentType : nameOf(attachment));
  const link = h('a', { class: 'attachment file', download: attachment.name || '', 'aria-label': `Download ${name}, ${sizeOf(size)}` },
    icon('file'), h('span', { class: 'file-name' }, name), h('span', { class: 'hint' }, sizeOf(size)), icon('down'));
  return linked({ element: link, show: (url) => { link.href = url; } }, attachment, media);
}

/** Gives what shows a file its link, and returns its element. */
function linked({ element: shown, show }, { media: digest }, media) {
  media.link(digest).then(show, (problem) => {
    shown.replaceWith(h('p', { class: 'text gone' }, problem.status === 404 ? 'This file is not there any more.' : 'This file cannot be shown now.'));
  });
  return shown;
}

const UNITS = ['byte', 'kilobyte', 'megabyte'];

/** A size in bytes, to be read. */
export function sizeOf(bytes) {
  const step = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return (bytes / 1000 ** step).toLocaleString('en', { style: 'unit', unit: UNITS[step], maximumFractionDigits: step > 1 ? 1 : 0 });
}
