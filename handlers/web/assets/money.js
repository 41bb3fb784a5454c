// Amounts as people read and write them. They are whole numbers of a currency's
// minor units everywhere else, and never pass through a fraction.

import { language } from './time.js';

const formats = new Map();

function formatOf(currency, exponent) {
  const key = `${currency} ${exponent}`;
  if (!formats.has(key)) {
    formats.set(key, new Intl.NumberFormat(language, {
      style: 'currency', currency, minimumFractionDigits: exponent, maximumFractionDigits: exponent,
    }));
  }
  return formats.get(key);
}

/** "€58.10": minor units of a currency with `exponent` decimals. */
export function money(amount, { currency, exponent }) {
  return formatOf(currency, exponent).format(decimal(amount, exponent));
}

/** "58.10", to be written on. */
export function decimal(amount, exponent) {
  const digits = String(Math.abs(amount)).padStart(exponent + 1, '0');
  const sign = amount < 0 ? '-' : '';
  return exponent === 0 ? sign + digits : `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** Minor units of what was written, as "58.10" or "58,1"; null if it is no amount. */
export function minorUnits(text, exponent) {
  const [, whole, fraction = ''] = text.trim().match(/^(\d{1,13})(?:[.,](\d+))?$/) ?? [];
  if (whole === undefined || fraction.length > exponent) return null;
  return Number(whole + fraction.padEnd(exponent, '0'));
}
