// The room of analysts: how many people there are, how many came, which
// product grows fastest. All days here are UTC days, as in the API.

import { button, failure, h } from './dom.js';
import { utcDay, utcMonthOf } from './time.js';

const DAY = 86_400_000;
// Data that ended this long ago is history: the range ends where it does.
const QUIET = 60 * DAY;
const TABLE_STEP = 200;
const MEASURES = [{ measure: 'users', height: 320 }, { measure: 'registered', height: 220 }, { measure: 'active', height: 220 }];

const isoDay = (date) => date.toISOString().slice(0, 10);
const midnight = (day) => new Date(`${day}T00:00:00Z`);
const number = (n) => n.toLocaleString('en');
const percent = (p) => (p === null || p === undefined ? null : `${p > 0 ? '+' : p < 0 ? '\u2212' : ''}${Math.abs(p).toLocaleString('en', { maximumFractionDigits: Math.abs(p) < 10 ? 1 : 0 })} %`);
const signed = (n) => `${n > 0 ? '+' : n < 0 ? '\u2212' : ''}${number(Math.abs(n))}`;

export class Growth {
  #api;
  #report;
  #span = null;
  #series = null;
  #rows = TABLE_STEP;
  // Answers to an older choice are dropped.
  #asked = 0;

  constructor({ api, report }) {
    this.#api = api;
    this.#report = report;
    this.#buildControls();
    this.#buildCharts();
    this.figures = h('dl', { class: 'figures' });
    this.ranking = h('section', { class: 'card ranking', 'aria-label': 'Products' });
    this.results = h('div', { class: 'results' }, this.figures, this.charts, this.tableCard, this.ranking);
    this.notice = h('div', { class: 'report-notice' });
    this.element = h('main', { class: 'report growth' },
      h('header', { class: 'report-head' }, h('h1', {}, 'Growth'), h('p', { class: 'hint' }, 'Days are UTC days.')),
      this.form, this.notice, this.results);
    this.results.hidden = true;
  }

  #buildControls() {
    const changed = () => this.#changed();
    this.from = h('input', { class: 'input', type: 'date', id: 'growth-from', required: true, on: { change: changed } });
    this.to = h('input', { class: 'input', type: 'date', id: 'growth-to', required: true, on: { change: changed } });
    this.product = h('select', { class: 'input', id: 'growth-product', on: { change: changed } }, h('option', { value: '' }, 'All products'));
    this.intervals = h('fieldset', { class: 'segments' }, h('legend', {}, 'Interval'), ['day', 'week', 'month'].map((interval) => [
      h('input', { type: 'radio', name: 'interval', id: `growth-${interval}`, value: interval, on: { change: changed } }),
      h('label', { for: `growth-${interval}` }, interval[0].toUpperCase() + interval.slice(1)),
    ]));
    this.presets = h('div', { class: 'presets', role: 'group', 'aria-label': 'Ranges' },
      [[30, '30 days'], [90, '90 days'], [365, '1 year'], [0, 'All']].map(([days, label]) =>
        button(label, { kind: 'quiet', onClick: () => this.#preset(days) })));
    this.form = h('form', { class: 'controls', on: { submit: (event) => event.preventDefault() } },
      h('div', { class: 'field' }, h('label', { for: 'growth-from' }, 'From'), this.from),
      h('div', { class: 'field' }, h('label', { for: 'growth-to' }, 'To, included'), this.to),
      this.intervals,
      h('div', { class: 'field' }, h('label', { for: 'growth-product' }, 'Product'), this.product),
      this.presets);
  }

  #buildCharts() {
    this.charts = h('div', { class: 'charts' }, MEASURES.map(({ measure }) => h('figure', { class: 'card chart', data: { measure } })));
    this.table = h('div', { class: 'table-frame', hidden: true, tabindex: '0', role: 'region', 'aria-label': 'The numbers behind the charts' });
    this.tableButton = button('Show as a table', { kind: 'quiet', 'aria-expanded': 'false', onClick: () => this.#toggleTable() });
    this.tableCard = h('section', { class: 'data', 'aria-label': 'Data' },
      h('div', { class: 'data-tools' }, this.tableButton, button('Download CSV', { kind: 'quiet', onClick: () => this.#download() })),
      this.table);
  }

  open() {}

  start() {
    this.#begin();
  }

  close() {
    this.#asked++;
  }

  /** Finds out what there is, and shows what the address asks for, or all of it. */
  async #begin() {
    const asked = ++this.#asked;
    try {
      const [months, { products }] = await Promise.all([
        this.#api.get('/v1/growth?interval=month'), this.#api.get('/v1/growth/ranking'),
      ]);
      if (asked !== this.#asked) return;
      this.#span = spanOf(months.points);
      this.product.append(...products.map((p) => p.product).sort().map((name) => h('option', { value: name }, name)));
      this.#choose(new URLSearchParams(location.search));
      await this.#load();
    } catch (problem) {
      if (asked === this.#asked) this.#fail(problem, () => this.#begin());
    }
  }

  #choose(query) {
    this.from.value = query.get('from') ?? isoDay(this.#lastDays(usualDays(this.#span)));
    this.to.value = query.get('to') ?? isoDay(this.#span.to);
    this.product.value = query.get('product') ?? '';
    if (this.product.selectedIndex < 0) this.product.value = '';
    const days = (midnight(this.to.value) - midnight(this.from.value)) / DAY;
    const fitting = days <= 120 ? 'day' : days <= 800 ? 'week' : 'month';
    const interval = query.get('interval') ?? fitting;
    (this.form.querySelector(`#growth-${CSS.escape(interval)}`) ?? this.form.querySelector('#growth-day')).checked = true;
  }

  get #interval() {
    return this.form.querySelector('[name=interval]:checked')?.value ?? 'day';
  }

  #preset(days) {
    this.from.value = isoDay(days === 0 ? this.#span.from : this.#lastDays(days));
    this.to.value = isoDay(this.#span.to);
    this.#changed();
  }

  /** Where the last days of all there is begin. */
  #lastDays(days) {
    const { from, to } = this.#span;
    return new Date(Math.max(from, to - (days - 1) * DAY));
  }

  #changed() {
    if (!this.form.checkValidity()) return;
    const query = new URLSearchParams({ from: this.from.value, to: this.to.value, interval: this.#interval });
    if (this.product.value) query.set('product', this.product.value);
    history.replaceState(null, '', `${location.pathname}?${query}`);
    this.#load();
  }

  /** The chosen range as the API takes it: moments, the end excluded. */
  #range() {
    return { from: midnight(this.from.value), end: new Date(+midnight(this.to.value) + DAY) };
  }

  #query(format) {
    const { from, end } = this.#range();
    const query = new URLSearchParams({ from: from.toISOString(), to: end.toISOString(), interval: this.#interval });
    if (this.product.value) query.set('product', this.product.value);
    if (format) query.set('format', format);
    return query;
  }

  async #load() {
    const { from, end } = this.#range();
    if (!(from < end)) return this.#fail({ title: 'The range ends before it begins.' });
    const asked = ++this.#asked;
    this.results.classList.add('stale');
    try {
      const moment = new Date(+end - 1).toISOString();
      const before = new Date(+from - 1).toISOString();
      const [series, summary, ranking] = await Promise.all([
        this.#api.get(`/v1/growth?${this.#query()}`),
        this.#api.get(`/v1/growth/summary?${new URLSearchParams({ since: before, asOf: moment })}`),
        this.#api.get(`/v1/growth/ranking?${new URLSearchParams({ from: before, to: moment })}`),
      ]);
      if (asked !== this.#asked) return;
      this.#report({ live: true });
      this.#show(series, summary, ranking);
    } catch (problem) {
      if (asked === this.#asked) this.#fail(problem, () => this.#load());
    }
  }

  #fail(problem, retry) {
    this.results.classList.remove('stale');
    this.results.hidden = true;
    this.notice.replaceChildren(failure(problem, retry));
    if (problem.passing) this.#report({ live: false });
  }

  #show(series, summary, ranking) {
    this.notice.replaceChildren();
    this.results.hidden = false;
    this.results.classList.remove('stale');
    this.#series = series;
    this.#rows = TABLE_STEP;
    this.#showFigures(summary, ranking);
    this.#showCharts(this.#asked);
    if (!this.table.hidden) this.#drawTable();
    this.#showRanking(ranking.products);
  }

  /** The charts are drawn by the server, in the width there is. */
  async #showCharts(asked) {
    await Promise.all(MEASURES.map(async ({ measure, height }) => {
      const frame = this.charts.querySelector(`[data-measure=${measure}]`);
      const width = Math.max(280, frame.clientWidth);
      try {
        const chart = await this.#api.picture(`/v1/growth/chart.svg?${this.#query()}&${new URLSearchParams({ measure, width, height, theme: 'light' })}`);
        if (asked === this.#asked) frame.replaceChildren(named(chart, measure));
      } catch (problem) {
        if (asked === this.#asked) frame.replaceChildren(failure(problem, () => this.#showCharts(asked)));
      }
    }));
  }

  #showFigures(summary, { products }) {
    const chosen = this.product.value;
    const of = chosen ? products.find((p) => p.product === chosen) ?? { users: 0, added: 0, growthPercent: null } : summary;
    const figure = (name, value, note) => h('div', { class: 'figure card' }, h('dt', {}, name), h('dd', {}, h('strong', {}, value), h('span', {}, note)));
    const { from } = this.#range();
    const last = this.#series.points.at(-1);
    this.figures.replaceChildren(
      figure('Users', number(of.users), `on ${utcDay(midnight(this.to.value))}`),
      figure('Added', signed(of.added), `since ${utcDay(from)}`),
      figure('Growth', percent(of.growthPercent) ?? '\u2014', of.growthPercent === null || of.growthPercent === undefined ? 'there was nobody before' : `from ${number(of.users - of.added)} users`),
      figure('Active', number(last?.active ?? 0), last ? `in ${this.#intervalName(new Date(last.start))}` : ''));
  }

  #intervalName(start) {
    if (this.#interval === 'month') return utcMonthOf(start);
    return this.#interval === 'week' ? `the week of ${utcDay(start)}` : utcDay(start);
  }

  #toggleTable() {
    this.table.hidden = !this.table.hidden;
    this.tableButton.textContent = this.table.hidden ? 'Show as a table' : 'Hide the table';
    this.tableButton.setAttribute('aria-expanded', String(!this.table.hidden));
    if (!this.table.hidden) this.#drawTable();
  }

  #drawTable() {
    const { points } = this.#series;
    const head = ['From', 'Users', 'Registered', 'Active'];
    const row = (p) => h('tr', {}, h('th', { scope: 'row' }, utcDay(new Date(p.start))), [p.users, p.registered, p.active].map((n) => h('td', {}, number(n))));
    const newestFirst = points.toReversed().slice(0, this.#rows);
    this.table.replaceChildren(
      h('table', {}, h('caption', { class: 'unseen' }, 'Users, registered and active users by interval, newest first'),
        h('thead', {}, h('tr', {}, head.map((name) => h('th', { scope: 'col' }, name)))), h('tbody', {}, newestFirst.map(row))),
      ...(points.length > this.#rows ? [button('Show more rows', { kind: 'quiet', onClick: () => { this.#rows += TABLE_STEP; this.#drawTable(); } })] : []));
  }

  async #download() {
    const file = URL.createObjectURL(await this.#api.file(`/v1/growth?${this.#query('csv')}`));
    h('a', { href: file, download: `growth-${this.from.value}-${this.to.value}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(file), 60_000);
  }

  #showRanking(products) {
    const most = Math.max(1, ...products.map((p) => p.growthPercent ?? 0));
    const row = (p, i) => h('tr', {}, h('td', { class: 'rank' }, String(i + 1)), h('th', { scope: 'row' }, p.product),
      h('td', {}, number(p.users)), h('td', {}, signed(p.added)),
      h('td', { class: 'share' },
        p.growthPercent === null ? null : h('meter', { min: '0', max: String(most), value: String(Math.max(0, p.growthPercent)), 'aria-hidden': 'true' }),
        h('span', {}, percent(p.growthPercent) ?? 'new')));
    this.ranking.replaceChildren(
      h('h2', {}, 'Products, fastest-growing first'),
      products.length === 0 ? h('p', { class: 'hint' }, 'No product had users in this range.') : h('div', { class: 'table-frame' }, h('table', {},
        h('thead', {}, h('tr', {}, ['', 'Product', 'Users', 'Added', 'Growth'].map((name) => h('th', { scope: 'col' }, name || h('span', { class: 'unseen' }, 'Rank'))))),
        h('tbody', {}, products.map(row)))));
  }
}

/** A chart whose title and description no other chart of the page has. */
function named(chart, measure) {
  for (const part of chart.querySelectorAll('[id]')) part.id = `${measure}-${part.id}`;
  chart.setAttribute('aria-labelledby', chart.getAttribute('aria-labelledby').split(' ').map((id) => `${measure}-${id}`).join(' '));
  return chart;
}

/** How many days to show at first: few enough that there was somebody before, to grow from. */
function usualDays({ from, to }) {
  return to - from > 2 * 365 * DAY ? 365 : 90;
}

/** From the first interval with users to now, or to where the data ended long ago. */
function spanOf(months) {
  const now = new Date();
  const first = months.find((p) => p.users > 0 || p.registered > 0) ?? months[0];
  const last = months.findLast((p) => p.active > 0 || p.registered > 0);
  const from = first ? new Date(first.start) : new Date(+now - 30 * DAY);
  const start = last ? new Date(last.start) : now;
  const end = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 0));
  return { from, to: now - end > QUIET ? end : new Date(Math.max(Math.min(now, end), from)) };
}
