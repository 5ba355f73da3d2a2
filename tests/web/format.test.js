import assert from "node:assert/strict";
import test from "node:test";

// West of Greenwich, a date that begins at midnight there is still the day before.
process.env.TZ = "America/Los_Angeles";

const {
  calendarDate,
  clock,
  dateRange,
  distance,
  dollars,
  duration,
  list,
  moment,
  money,
  timeUntil,
  weekday,
} = await import("../../web/js/format.js");

/** Intl writes spaces that look like others; which of them is no matter here. */
const plain = (written) => written.replace(/[\u00a0\u2009\u202f]/g, " ");

test("an amount has the currency's decimal places, and a whole one none", () => {
  assert.equal(money(900, "EUR", 2), "€900");
  assert.equal(money(900.5, "EUR", 2), "€900.50");
  assert.equal(money(12_345.4, "JPY", 0), "¥12,345");
  assert.equal(plain(money(1.234, "KWD", 3)), "KWD 1.234");
  assert.equal(money(2.5, "USD"), "$2.50");
});

test("a code that is no currency is shown as it is", () => {
  assert.equal(money(7, "euros"), "7 euros");
  assert.equal(money(7, "<b>"), "7 <b>");
  assert.equal(money(7, ""), "7");
  assert.equal(money(7.5, "EUR", 99), "€7.5000");
  assert.equal(money(7.5, "EUR", -1), "€8");
});

test("dollars below a cent are not rounded to nothing", () => {
  assert.equal(dollars(0), "$0.00");
  assert.equal(dollars(0.000345), "$0.00035");
  assert.equal(dollars(1.999), "$2.00");
});

test("dates do not depend on the reader's time zone", () => {
  assert.equal(weekday("2027-05-03"), "Mon, May 3");
  assert.equal(calendarDate("2027-05-03"), "May 3, 2027");
  assert.equal(plain(dateRange("2027-05-03", "2027-05-07")), "May 3 – 7, 2027");
  assert.equal(plain(dateRange("2027-12-30", "2028-01-02")), "Dec 30, 2027 – Jan 2, 2028");
});

test("what is no date or time stays as it was written", () => {
  for (const value of ["", "2027-02-31x", "soon", "2027-13-01", "20270503"]) {
    assert.equal(weekday(value), value);
    assert.equal(calendarDate(value), value);
  }
  for (const value of ["", "24:00", "9:30", "late"]) assert.equal(clock(value), value);
  assert.equal(dateRange("2027-05-07", "2027-05-03"), "May 7, 2027 – May 3, 2027");
  assert.equal(dateRange("x", "y"), "x – y");
});

test("times", () => {
  assert.equal(plain(clock("14:30")), "2:30 PM");
  assert.equal(plain(clock("00:05")), "12:05 AM");
  assert.equal(moment(0), moment(new Date(0)));
});

test("a time to wait is never shorter than it is", () => {
  assert.equal(timeUntil(0.2), "in 1 second");
  assert.equal(timeUntil(119), "in 119 seconds");
  assert.equal(timeUntil(121), "in 3 minutes");
  assert.equal(timeUntil(7200), "in 2 hours");
  assert.equal(timeUntil(30 * 86_400), "in 30 days");
});

test("durations, distances and lists", () => {
  assert.equal(plain(duration(0)), "0 min");
  assert.equal(plain(duration(60)), "1 hr");
  assert.equal(plain(duration(155)), "2 hr 35 min");
  assert.equal(plain(distance(1234.5)), "1,235 km");
  assert.equal(list(["a", "b", "c"]), "a, b, and c");
});
