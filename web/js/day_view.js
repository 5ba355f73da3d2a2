import { bdi, make } from "./elements.js";
import { clock, distance, duration, list, money, weekday } from "./format.js";
import { isTextKey, text } from "./strings.js";

/** One day of a trip: what happens when, where and for how much, and what the checks found there. */

/**
 * @typedef {object} DayState
 * @property {boolean} written whether what is done on the day is there, and not only its frame
 * @property {boolean} changed whether a repair has changed it
 * @property {Api.Trip["missing_because"][string] | "unknown" | null} missing why it will not be written; null: it is
 * @property {{ severity: Api.Severity, violation: Api.Violation }[]} found violations of this day
 */

/**
 * Makes the view of a day.
 * @param {Api.Day} day
 * @param {Api.Trip} trip
 * @param {DayState} state
 * @returns {HTMLElement}
 */
export function dayView(day, trip, { written, changed, missing, found }) {
  const general = found.filter(({ violation }) => violation.leg === null && violation.visit === null);
  const rows = rowsOf(day, trip, found).map(({ row }) => row);
  return make(
    "li",
    { class: "day card", id: `day-${day.number}` },
    make(
      "div",
      { class: "day-head" },
      make(
        "h3",
        {},
        make(
          "span",
          { class: "number" },
          text("day.number", { number: day.number }),
          day.date && make("span", {}, ` · ${weekday(day.date)}`),
        ),
        make("span", { dir: "auto", lang: trip.language }, day.title || day.town),
      ),
      day.cost > 0 && make("p", { class: "cost" }, cost(day.cost, trip)),
      changed && make("p", { class: "badge plain" }, text("day.changed")),
    ),
    remarks([
      ...(day.holidays ?? []).map((holiday) => remark("note", text("day.holiday", { name: holiday.name }))),
      ...general.map(({ severity, violation }) => remark(severity, violation.message)),
    ]),
    rows.length > 0 && make("ol", { class: "rows" }, ...rows),
    missing && make("p", { class: "remark warning" }, text(`missing.${missing}`)),
    !written && !missing && make("p", { class: "small" }, text("day.writing")),
  );
}

/**
 * @param {Api.Day} day
 * @param {Api.Trip} trip
 * @param {DayState["found"]} found
 * @returns {{ begin: string, row: HTMLElement }[]}
 */
function rowsOf(day, trip, found) {
  const about = (/** @type {"leg" | "visit"} */ kind, /** @type {number} */ index) =>
    remarks(
      found
        .filter(({ violation }) => violation[kind] === index)
        .map(({ severity, violation }) => remark(severity, violation.message)),
    );
  const timed = [
    ...day.legs.map((leg, index) => ({ begin: leg.depart, row: legRow(leg, trip, about("leg", index)) })),
    ...day.visits.map((visit, index) => ({ begin: visit.start, row: visitRow(visit, trip, about("visit", index)) })),
  ];
  // What begins at the same time stays in the order of the plan. Times are HH:MM.
  timed.sort((first, second) => (first.begin < second.begin ? -1 : Number(first.begin > second.begin)));
  if (day.stay) timed.push({ begin: "", row: stayRow(day.stay, trip) });
  return timed;
}

/**
 * @param {Api.Leg} leg
 * @param {Api.Trip} trip
 * @param {Element | null} about
 */
function legRow(leg, trip, about) {
  const later = leg.days_later ? ` ${text("day.later", { days: signed(leg.days_later) })}` : "";
  const details = [
    leg.minutes === null ? "" : duration(leg.minutes),
    leg.distance_km === null ? "" : distance(leg.distance_km),
  ].filter(Boolean);
  return row("leg", `${clock(leg.depart)} – ${clock(leg.arrive)}${later}`, leg.cost, trip, about, [
    make(
      "p",
      { class: "name" },
      `${word("mode", leg.mode)} `,
      end(leg.origin, leg.from_airport),
      " – ",
      end(leg.destination, leg.to_airport),
    ),
    details.length > 0 && make("p", { class: "small" }, bdi(details.join(" · "))),
  ]);
}

/**
 * @param {Api.Visit} visit
 * @param {Api.Trip} trip
 * @param {Element | null} about
 */
function visitRow(visit, trip, about) {
  const kind = visit.kind === "meal" || visit.kind === "rest" ? word("visit", visit.kind) : "";
  return row(visit.kind, `${clock(visit.start)} – ${clock(visit.end)}`, visit.cost, trip, about, [
    make("p", { class: "name" }, bdi(visit.name)),
    make("p", { class: "small" }, kind && `${kind} · `, bdi(visit.place)),
    visit.why && make("p", { dir: "auto", lang: trip.language }, visit.why),
    visit.diet.length > 0 &&
      make("p", { class: "small" }, text("day.suits", { diets: list(visit.diet.map((diet) => word("diet", diet))) })),
    visit.step_free !== null &&
      make("p", { class: "small" }, text(visit.step_free ? "day.step_free" : "day.steps")),
  ]);
}

/**
 * @param {Api.Stay} stay
 * @param {Api.Trip} trip
 */
function stayRow(stay, trip) {
  return row("stay", text("day.night"), stay.cost, trip, null, [
    make("p", { class: "name" }, bdi(stay.name)),
    make("p", { class: "small" }, stay.kind !== "other" && `${word("stay", stay.kind)} · `, bdi(stay.place)),
  ]);
}

/**
 * @param {string} kind
 * @param {string} time
 * @param {number} price
 * @param {Api.Trip} trip
 * @param {Element | null} about
 * @param {import("./elements.js").Child[]} what
 * @returns {HTMLElement}
 */
function row(kind, time, price, trip, about, what) {
  return make(
    "li",
    { class: kind },
    make("p", { class: "time" }, bdi(time)),
    make("div", { class: "what" }, ...what),
    price > 0 && make("p", { class: "cost" }, cost(price, trip)),
    about,
  );
}

/**
 * @param {string} place
 * @param {string | null} airport
 */
function end(place, airport) {
  return bdi(airport ? `${place} (${airport})` : place);
}

/**
 * @param {HTMLElement[]} items
 * @returns {HTMLElement | null}
 */
function remarks(items) {
  return items.length > 0 ? make("ul", { class: "remarks" }, ...items) : null;
}

/**
 * Makes a line that says what the checks found.
 * @param {Api.Severity} severity
 * @param {string} message
 * @returns {HTMLElement}
 */
export function remark(severity, message) {
  return make(
    "li",
    { class: `remark ${severity}` },
    make("b", {}, text(`severity.${severity}`)),
    " ",
    make("span", { dir: "auto" }, message),
  );
}

/**
 * Returns an amount in the currency of a trip.
 * @param {number} amount
 * @param {Api.Trip} trip
 * @returns {string}
 */
export function cost(amount, trip) {
  return money(amount, trip.currency, trip.currency_digits);
}

/**
 * Returns a value of the API's contract in words: its own name, where a newer version has others.
 * @param {string} area
 * @param {string} value
 * @returns {string}
 */
export function word(area, value) {
  const key = `${area}.${value}`;
  return isTextKey(key) ? text(key) : value.replaceAll("_", " ");
}

/** @param {number} days */
function signed(days) {
  return days > 0 ? `+${days}` : String(days);
}
