import { LOCALE } from "./strings.js";

/** Amounts, dates, times and distances as the reader's locale writes them. */

const DAY_PARTS = /** @type {const} */ ({ weekday: "short", month: "short", day: "numeric" });
const DAY_FORMAT = new Intl.DateTimeFormat(LOCALE, { ...DAY_PARTS, timeZone: "UTC" });
const DATE_FORMAT = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeZone: "UTC" });
const CLOCK_FORMAT = new Intl.DateTimeFormat(LOCALE, { timeStyle: "short", timeZone: "UTC" });
const MOMENT_FORMAT = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const RELATIVE_FORMAT = new Intl.RelativeTimeFormat(LOCALE);
const LIST_FORMAT = new Intl.ListFormat(LOCALE);
const CALENDAR_DAY = /^\d{4}-\d{2}-\d{2}$/;
const CLOCK = /^([01]\d|2[0-3]):[0-5]\d$/;

/**
 * Returns an amount with its currency. A whole amount has no decimal places.
 * @param {number} amount
 * @param {string} currency its ISO 4217 code, as a model wrote it
 * @param {number | null} digits the currency's decimal places, where they are known
 * @returns {string}
 */
export function money(amount, currency, digits = null) {
  const places = Number.isInteger(amount) ? 0 : Math.min(Math.max(digits ?? 2, 0), 4);
  const options = { minimumFractionDigits: places, maximumFractionDigits: places };
  try {
    return new Intl.NumberFormat(LOCALE, { style: "currency", currency, ...options }).format(amount);
  } catch {
    // A code that is not three letters.
    return `${new Intl.NumberFormat(LOCALE, options).format(amount)} ${currency}`.trim();
  }
}

/**
 * Returns what a question cost, or what is left of a budget: less than a cent has two significant digits.
 * @param {number} amount
 * @returns {string}
 */
export function dollars(amount) {
  const small = amount !== 0 && Math.abs(amount) < 0.01;
  const options = small ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return new Intl.NumberFormat(LOCALE, { style: "currency", currency: "USD", ...options }).format(amount);
}

/**
 * Returns a date with its day of the week, for the days of a trip: "Mon, May 3".
 * @param {string} date YYYY-MM-DD
 * @returns {string} what was given, where that is no date
 */
export function weekday(date) {
  return formatted(DAY_FORMAT, date, CALENDAR_DAY, "T00:00Z");
}

/**
 * Returns a date with its year: "May 3, 2027".
 * @param {string} date YYYY-MM-DD
 * @returns {string} what was given, where that is no date
 */
export function calendarDate(date) {
  return formatted(DATE_FORMAT, date, CALENDAR_DAY, "T00:00Z");
}

/**
 * Returns the first and the last day of a trip: "May 3 – 7, 2027".
 * @param {string} start YYYY-MM-DD
 * @param {string} end YYYY-MM-DD
 * @returns {string}
 */
export function dateRange(start, end) {
  const [first, last] = [new Date(`${start}T00:00Z`), new Date(`${end}T00:00Z`)];
  const known = CALENDAR_DAY.test(start) && CALENDAR_DAY.test(end) && first <= last;
  return known ? DATE_FORMAT.formatRange(first, last) : `${calendarDate(start)} – ${calendarDate(end)}`;
}

/**
 * Returns a time of day, local to where it is: "2:30 PM".
 * @param {string} time HH:MM
 * @returns {string} what was given, where that is no time
 */
export function clock(time) {
  return formatted(CLOCK_FORMAT, time, CLOCK, "Z", "1970-01-01T");
}

/**
 * Returns a moment as a date and a time of the reader.
 * @param {Date | number} when a number is in seconds since 1970, as the API writes moments
 * @returns {string}
 */
export function moment(when) {
  return MOMENT_FORMAT.format(typeof when === "number" ? when * 1000 : when);
}

/**
 * Returns a time to wait, in the largest unit that two of fit into it: "in 20 seconds".
 * @param {number} seconds
 * @returns {string}
 */
export function timeUntil(seconds) {
  const left = Math.max(1, Math.ceil(seconds));
  /** @type {[number, Intl.RelativeTimeFormatUnit][]} */
  const units = [
    [86_400, "day"],
    [3600, "hour"],
    [60, "minute"],
  ];
  const [size, unit] = units.find(([each]) => left >= 2 * each) ?? [1, "second"];
  return RELATIVE_FORMAT.format(Math.ceil(left / size), unit);
}

/**
 * Returns how long something takes: "2 hr, 35 min".
 * @param {number} minutes
 * @returns {string}
 */
export function duration(minutes) {
  const [hours, rest] = [Math.trunc(minutes / 60), Math.round(minutes % 60)];
  const parts = hours ? [quantity(hours, "hour")] : [];
  if (rest || !hours) parts.push(quantity(rest, "minute"));
  return parts.join(" ");
}

/**
 * Returns a distance: "313 km".
 * @param {number} kilometres
 * @returns {string}
 */
export function distance(kilometres) {
  return quantity(Math.round(kilometres), "kilometer");
}

/**
 * Returns a list: "a, b, and c".
 * @param {Iterable<string>} names
 * @returns {string}
 */
export function list(names) {
  return LIST_FORMAT.format(names);
}

/**
 * @param {number} value
 * @param {string} unit
 * @returns {string}
 */
function quantity(value, unit) {
  return new Intl.NumberFormat(LOCALE, { style: "unit", unit, unitDisplay: "short" }).format(value);
}

/**
 * @param {Intl.DateTimeFormat} format
 * @param {string} value
 * @param {RegExp} shape
 * @param {string} after
 * @param {string} before
 * @returns {string}
 */
function formatted(format, value, shape, after, before = "") {
  const when = new Date(`${before}${value}${after}`);
  return shape.test(value) && !Number.isNaN(when.getTime()) ? format.format(when) : value;
}
