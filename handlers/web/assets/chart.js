// Charts of one series over time, as SVG: a line over its area, or bars. They
// take the width they are given, and can be read with pointer and keyboard.

import { h, svg } from './dom.js';

const MARGIN = { top: 12, right: 12, bottom: 26, left: 52 };
const MOST_BARS = 400;

let charts = 0;

export class Chart {
  #points = [];
  #label;
  #kind;
  #height;
  #width = 0;
  #at = -1;
  #resized = new ResizeObserver(([entry]) => this.#resize(entry.contentRect.width));

  /**
   * `kind` is 'line' or 'bars'; `label(point)` names a point's time in full;
   * `tick(point)` names it on the axis.
   */
  constructor({ title, kind, height, label, tick }) {
    this.title = title;
    this.#kind = kind;
    this.#height = height;
    this.#label = label;
    this.tick = tick;
    this.readout = h('p', { class: 'readout', role: 'status' });
    this.frame = h('div', {
      class: 'chart-frame', tabindex: '0', on: {
        pointermove: (event) => this.#point(event), pointerleave: () => this.#select(-1), blur: () => this.#select(-1),
        keydown: (event) => this.#key(event),
      },
    });
    this.frame.style.height = `${height}px`;
    this.element = h('figure', { class: 'chart' },
      h('figcaption', {}, h('h3', {}, title), this.readout), this.frame);
    this.#resized.observe(this.frame);
  }

  close() {
    this.#resized.disconnect();
  }

  /** Shows `points`, each `{start: Date, value: number}`, in order of time. */
  show(points) {
    this.#points = points;
    this.#at = -1;
    this.#draw();
  }

  #resize(width) {
    if (Math.abs(width - this.#width) < 1) return;
    this.#width = width;
    this.#draw();
  }

  #draw() {
    if (this.#width === 0) return;
    const points = this.#points;
    const top = niceTop(Math.max(1, ...points.map((p) => p.value)));
    this.inner = { width: this.#width - MARGIN.left - MARGIN.right, height: this.#height - MARGIN.top - MARGIN.bottom };
    this.y = (value) => MARGIN.top + this.inner.height * (1 - value / top.value);
    this.x = (i) => MARGIN.left + this.inner.width * (this.#kind === 'bars' ? (i + 0.5) / points.length : points.length < 2 ? 0.5 : i / (points.length - 1));
    this.cursor = svg('g', { class: 'cursor' });
    const id = `chart-${++charts}`;
    this.frame.replaceChildren(svg('svg', {
      width: this.#width, height: this.#height, role: 'img', 'aria-labelledby': `${id}-title ${id}-desc`,
    },
    svg('title', { id: `${id}-title` }, this.title),
    svg('desc', { id: `${id}-desc` }, this.#description()),
    this.#grid(top), this.#ticks(), points.length > 0 ? (this.#kind === 'bars' ? this.#bars() : this.#line()) : null, this.cursor));
    this.#select(-1);
  }

  #description() {
    const points = this.#points;
    if (points.length === 0) return 'There is nothing in this range.';
    const say = (p) => `${p.value.toLocaleString('en')} (${this.#label(p)})`;
    const highest = points.reduce((a, b) => (b.value > a.value ? b : a));
    return `${points.length} points, from ${say(points[0])} to ${say(points.at(-1))}; highest ${say(highest)}. The table below has them all.`;
  }

  #grid({ value, steps }) {
    return svg('g', { class: 'grid', 'aria-hidden': 'true' }, Array.from({ length: steps + 1 }, (_, i) => {
      const level = (value / steps) * i;
      return [
        svg('line', { x1: MARGIN.left, x2: this.#width - MARGIN.right, y1: this.y(level), y2: this.y(level) }),
        svg('text', { x: MARGIN.left - 10, y: this.y(level) + 4, 'text-anchor': 'end' }, short(level)),
      ];
    }));
  }

  #ticks() {
    const points = this.#points;
    const count = Math.min(points.length, Math.max(2, Math.floor(this.inner.width / 130)));
    const chosen = new Set(Array.from({ length: count }, (_, i) => (count === 1 ? 0 : Math.round((i * (points.length - 1)) / (count - 1)))));
    return svg('g', { class: 'ticks', 'aria-hidden': 'true' }, [...chosen].map((i) => {
      const edge = count > 1 ? { 0: 'start', [points.length - 1]: 'end' }[i] : null;
      const x = { start: MARGIN.left, end: this.#width - MARGIN.right }[edge] ?? this.x(i);
      return svg('text', { x, y: this.#height - 6, 'text-anchor': edge ?? 'middle' }, this.tick(points[i]));
    }));
  }

  #line() {
    const path = this.#points.map((p, i) => `${i === 0 ? 'M' : 'L'}${this.x(i).toFixed(1)} ${this.y(p.value).toFixed(1)}`).join('');
    const floor = this.y(0);
    const last = this.#points.length - 1;
    return svg('g', { 'aria-hidden': 'true' },
      svg('path', { class: 'area', d: `${path}L${this.x(last).toFixed(1)} ${floor}L${this.x(0).toFixed(1)} ${floor}Z` }),
      svg('path', { class: 'stroke', d: path }),
      svg('circle', { class: 'dot', cx: this.x(last), cy: this.y(this.#points[last].value), r: 3.5 }));
  }

  #bars() {
    const points = this.#points;
    const slot = this.inner.width / points.length;
    const width = Math.max(0.75, points.length > MOST_BARS ? slot : slot * 0.72);
    const bar = (p, i) => {
      const x = this.x(i) - width / 2;
      return `M${x.toFixed(2)} ${this.y(0)}V${this.y(p.value).toFixed(1)}h${width.toFixed(2)}V${this.y(0)}z`;
    };
    return svg('path', { class: 'columns', 'aria-hidden': 'true', d: points.map((p, i) => (p.value > 0 ? bar(p, i) : '')).join('') });
  }

  #point(event) {
    if (this.#points.length === 0) return;
    const x = event.clientX - this.frame.getBoundingClientRect().left - MARGIN.left;
    const share = x / this.inner.width;
    const count = this.#points.length;
    const i = this.#kind === 'bars' ? Math.floor(share * count) : Math.round(share * (count - 1));
    this.#select(Math.min(count - 1, Math.max(0, i)));
  }

  #key(event) {
    const last = this.#points.length - 1;
    const from = this.#at < 0 ? last + 1 : this.#at;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, Escape: -1 }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.#select(event.key === 'Escape' ? -1 : Math.min(last, Math.max(0, to)));
  }

  /** Points one out; -1 is the last one, without its mark. */
  #select(i) {
    this.#at = i;
    const point = this.#points.at(i);
    this.readout.replaceChildren(...(point ? [h('strong', {}, point.value.toLocaleString('en')), ` ${this.#label(point)}`] : []));
    this.cursor?.replaceChildren(...(i < 0 ? [] : [
      svg('line', { x1: this.x(i), x2: this.x(i), y1: MARGIN.top, y2: this.y(0) }),
      svg('circle', { cx: this.x(i), cy: this.y(point.value), r: 4 }),
    ]));
  }
}

/** The top of an axis that holds `value`, and into how many even steps it is cut. */
function niceTop(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  for (const [factor, steps] of [[1, 4], [1.5, 3], [2, 4], [3, 3], [4, 4], [5, 5], [6, 3], [8, 4], [10, 5]]) {
    if (value > factor * unit) continue;
    const top = factor * unit;
    return { value: top, steps: top < steps ? Math.ceil(top) : steps };
  }
  return { value, steps: 1 };
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });

const short = (value) => compact.format(value);
