// Where a parcel was: a map we draw ourselves, of a grid of degrees and the
// points that are known. It shows no coasts, since it knows none.

import { h, svg } from './dom.js';
import { toTheMinute } from './time.js';

const WIDTH = 352;
const HEIGHT = 176;
const MARGIN = 28;
// A single point has this many degrees around it.
const LEAST_SPAN = 0.5;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30];
const BETWEEN_LINES = 44;
const KM_PER_DEGREE = 111.32;
const LETTER = 6;
const GAP = 10;

/** Whether an entry has a point that can be drawn. */
export const pointOf = ({ latitude, longitude }) => latitude !== undefined && longitude !== undefined;

const degrees = (value, positive, negative, digits) => `${Math.abs(value).toFixed(digits)}° ${value < 0 ? negative : positive}`;
const northing = (value, digits = 4) => degrees(value, 'N', 'S', digits);
const easting = (value, digits = 4) => degrees(value > 180 ? value - 360 : value, 'E', 'W', digits);

/** A place in words: its name and its coordinates, as far as they are known. */
export function written(entry) {
  const coordinates = pointOf(entry) ? `${northing(entry.latitude)}, ${easting(entry.longitude)}` : '';
  return [entry.place, coordinates].filter(Boolean).join(' · ');
}

/** The map of a way; `entries` have `place`, `latitude`, `longitude` and `at`, first to last. */
export function parcelMap(entries) {
  const view = viewOf(entries);
  const points = entries.map((e, i) => ({ ...view.at(e.latitude, longitudeOf(e, view.turned)), place: e.place ?? '', last: i === entries.length - 1 }));
  const last = entries.at(-1);
  const way = entries.length > 1 ? `The way of ${entries.length} places, from ${entries[0].place || 'an unnamed place'} to ${last.place || 'an unnamed place'}` : last.place || 'One place';
  return h('figure', { class: 'parcel-map' },
    svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${way}. Last ${written(last)}.` },
      grid(view),
      svg('polyline', { class: 'map-way', points: points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ') }),
      points.map(({ x, y, last: end }) => [
        end ? svg('circle', { class: 'map-halo', cx: x, cy: y, r: 10 }) : null,
        svg('circle', { class: end ? 'map-here' : 'map-point', cx: x, cy: y, r: end ? 5 : 3.5 })]),
      labels(points), scaleBar(view)),
    h('figcaption', {}, h('strong', {}, last.place || 'Parcel'), ' ', h('span', { class: 'hint' },
      `${northing(last.latitude)}, ${easting(last.longitude)} · `, h('time', { datetime: last.at }, toTheMinute(new Date(last.at))))));
}

const longitudeOf = ({ longitude }, turned) => (turned && longitude < 0 ? longitude + 360 : longitude);

/** What part of the world is shown, and how a place comes to its point of it. */
function viewOf(entries) {
  const spread = (values) => Math.max(...values) - Math.min(...values);
  // A way over the date line is shorter when it is counted on to the east.
  const turned = spread(entries.map((e) => e.longitude)) > 180;
  const latitudes = entries.map((e) => e.latitude);
  const longitudes = entries.map((e) => longitudeOf(e, turned));
  const middle = (values) => (Math.max(...values) + Math.min(...values)) / 2;
  const latitude = middle(latitudes);
  const longitude = middle(longitudes);
  const squeeze = Math.max(0.05, Math.cos(latitude * Math.PI / 180));
  const scale = Math.min(
    (HEIGHT - 2 * MARGIN) / Math.max(LEAST_SPAN, spread(latitudes)),
    (WIDTH - 4 * MARGIN) / Math.max(LEAST_SPAN, spread(longitudes) * squeeze));
  return {
    turned, scale, squeeze, latitude, longitude,
    at: (lat, lon) => ({ x: WIDTH / 2 + (lon - longitude) * squeeze * scale, y: HEIGHT / 2 - (lat - latitude) * scale }),
  };
}

/** Lines of whole degrees, or parts of one, with what they are. */
function grid({ scale, squeeze, latitude, longitude, at }) {
  const lines = (centre, perDegree, length, draw) => {
    const step = STEPS.find((s) => s * perDegree >= BETWEEN_LINES) ?? STEPS.at(-1);
    const reach = length / 2 / perDegree;
    const drawn = [];
    for (let n = Math.ceil((centre - reach) / step); n * step <= centre + reach; n++) drawn.push(draw(n * step, step < 1 ? 1 : 0));
    return drawn;
  };
  return svg('g', { class: 'map-grid' },
    lines(latitude, scale, HEIGHT, (lat, digits) => {
      const { y } = at(lat, longitude);
      return Math.abs(lat) > 90 ? null : [svg('line', { x1: 0, x2: WIDTH, y1: y, y2: y }), y > 14 && y < HEIGHT - 18 ? svg('text', { x: 4, y: y - 3 }, northing(lat, digits)) : null];
    }),
    lines(longitude, scale * squeeze, WIDTH, (lon, digits) => {
      const { x } = at(latitude, lon);
      return [svg('line', { x1: x, x2: x, y1: 0, y2: HEIGHT }), x > 40 && x < WIDTH - 90 ? svg('text', { x: x + 3, y: HEIGHT - 5 }, easting(lon, digits)) : null];
    }));
}

/** The places' names, the last one's first, on the side where there is room; one that finds none is left out. */
function labels(points) {
  const taken = [];
  const free = (box) => box.left >= 0 && box.right <= WIDTH && taken.every((t) => box.right < t.left || box.left > t.right || box.bottom < t.top || box.top > t.bottom);
  return svg('g', { class: 'map-names' }, points.toReversed().map(({ x, y, place, last }) => {
    const name = place.length > 24 ? `${place.slice(0, 23)}…` : place;
    const boxes = (x > WIDTH / 2 ? [-1, 1] : [1, -1]).map((side) => boxOf(x, y, side, name.length * LETTER));
    const box = name && boxes.find(free);
    if (!box) return null;
    taken.push(box);
    return svg('text', { x: x + box.side * GAP, y: y + 4, 'text-anchor': box.side < 0 ? 'end' : 'start', class: last ? 'map-last' : null }, name);
  }));
}

const boxOf = (x, y, side, width) => ({ side, left: side < 0 ? x - GAP - width : x + GAP, right: side < 0 ? x - GAP : x + GAP + width, top: y - 8, bottom: y + 8 });

/** A bar of a round number of kilometres. */
function scaleBar({ scale }) {
  const most = 72 / scale * KM_PER_DEGREE;
  const round = 10 ** Math.floor(Math.log10(most));
  const km = [5, 2, 1].map((n) => n * round).find((n) => n <= most);
  const length = km / KM_PER_DEGREE * scale;
  const x = WIDTH - 8 - length;
  const y = HEIGHT - 6;
  return svg('g', { class: 'map-scale' },
    svg('path', { d: `M${x.toFixed(1)} ${y - 4}v4h${length.toFixed(1)}v-4` }),
    svg('text', { x: WIDTH - 8 - length / 2, y: y - 5, 'text-anchor': 'middle' }, km >= 1 ? `${km.toLocaleString('en')} km` : `${Math.round(km * 1000)} m`));
}
