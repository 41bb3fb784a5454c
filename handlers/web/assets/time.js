// Times as people read them: in their own zone, in the page's language.

/** The language of the page, as the reader's region writes it. */
export const language = navigator.languages.find((l) => l.startsWith('en')) ?? 'en-GB';

const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(language, { weekday: 'short' });
const dayOfYear = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' });
const shortDate = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric' });
const longDay = new Intl.DateTimeFormat(language, { weekday: 'long', day: 'numeric', month: 'long' });
const longDate = new Intl.DateTimeFormat(language, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const full = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'medium' });
const precise = new Intl.DateTimeFormat(language, {
  year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
});
const utcDate = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const utcMonth = new Intl.DateTimeFormat(language, { month: 'short', year: 'numeric', timeZone: 'UTC' });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** "14:05" */
export const timeOfDay = (date) => clock.format(date);

/** "02:05" or "14:05", whichever clock it is: for the margin. */
export const timeInMargin = (date) => clock.formatToParts(date)
  .filter(({ type }) => type !== 'dayPeriod').map(({ value }) => value).join('').trim();

/** "22 Nov 2026, 13:36" */
export const toTheMinute = (date) => `${shortDate.format(date)}, ${clock.format(date)}`;

/** The date and time to the second. */
export const exactly = (date) => precise.format(date);

/** Everything there is to say about a moment, for a tooltip. */
export const inFull = (date) => full.format(date);

/** "25 Mar 2015", the UTC day. */
export const utcDay = (date) => utcDate.format(date);

/** "Mar 2015", the UTC month. */
export const utcMonthOf = (date) => utcMonth.format(date);

/** Days between two moments as the reader's calendar counts them. */
function daysApart(earlier, later) {
  const midnight = (d) => Date.UTC(d.getFullYear(), d.getMonth(), d.getDate());
  return Math.round((midnight(later) - midnight(earlier)) / (24 * HOUR));
}

export const sameDay = (a, b) => daysApart(a, b) === 0;

/** How long ago, short enough for a list: "now", "12 min", "14:05", "Yesterday", "Mon", "3 Mar". */
export function ago(date, now = new Date()) {
  const passed = now - date;
  const days = daysApart(date, now);
  if (passed < MINUTE && passed > -MINUTE) return 'now';
  if (passed >= 0 && passed < HOUR) return `${Math.floor(passed / MINUTE)} min`;
  if (days === 0) return clock.format(date);
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return weekday.format(date);
  return date.getFullYear() === now.getFullYear() ? dayOfYear.format(date) : shortDate.format(date);
}

/** The heading over a day's messages. */
export function dayHeading(date, now = new Date()) {
  const days = daysApart(date, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return (date.getFullYear() === now.getFullYear() ? longDay : longDate).format(date);
}

/** Keeps every <time data-ago> under `root` true; returns what stops it. */
export function keepAgo(root) {
  const timer = setInterval(() => {
    for (const element of root.querySelectorAll('time[data-ago]')) {
      const text = ago(new Date(element.dateTime));
      if (element.textContent !== text) element.textContent = text;
    }
  }, MINUTE / 2);
  return () => clearInterval(timer);
}
