import { checksView, verdict, violations } from "./checks_view.js";
import { costsView } from "./costs_view.js";
import { dayView } from "./day_view.js";
import { fill, make } from "./elements.js";
import { calendarDate, dateRange, list } from "./format.js";
import { mapView } from "./map_view.js";
import { text } from "./strings.js";

/** A trip, from its outline to the checked whole. */
export class TripView {
  /**
   * @param {HTMLElement} heading where its title is shown
   * @param {HTMLElement} body where the rest is shown
   */
  constructor(heading, body) {
    this.heading = heading;
    this.head = make("div", { class: "trip-head" });
    this.overview = make("div", { class: "overview" });
    this.days = make("ol", { class: "days" });
    this.foot = make("div");
    fill(body, this.head, this.overview, this.days, this.foot);
    /** @type {Api.Trip | null} */
    this.trip = null;
    this.complete = false;
    this.ended = false;
    /** @type {Set<number>} */
    this.changed = new Set();
    /** @type {{ [name: string]: unknown }} */
    this.understood = {};
    /** @type {{ checks: Api.Checks, repair: Api.Repair } | null} */
    this.result = null;
  }

  /**
   * Shows the frame of the trip, before its days are written: it calls all of them missing, for a reason of later.
   * @param {Api.Trip} trip
   */
  outline(trip) {
    this.trip = { ...trip, missing_because: {} };
    this.#show();
  }

  /**
   * Shows a day once it is written, or again once a repair has changed it.
   * @param {Api.Day} day
   * @param {boolean} changed
   */
  day(day, changed) {
    if (!this.trip) return;
    const { number } = day;
    if (changed) this.changed.add(number);
    this.trip = {
      ...this.trip,
      days: this.trip.days.map((each) => (each.number === number ? day : each)),
      missing_days: this.trip.missing_days.filter((each) => each !== number),
    };
    const shown = this.days.querySelector(`#day-${number}`);
    if (shown) shown.replaceWith(this.#dayView(day, this.trip));
    else this.#show();
  }

  /**
   * Shows the whole trip.
   * @param {Api.Trip} trip
   * @param {{ [name: string]: unknown }} understood
   */
  whole(trip, understood) {
    this.trip = trip;
    this.understood = understood;
    this.complete = true;
    this.#show();
  }

  /**
   * Shows what there is of a trip that was stopped before.
   * @param {Api.Trip} trip
   */
  part(trip) {
    this.trip = trip;
    this.end();
  }

  /**
   * Shows what the checks found: from now on the trip is no longer provisional.
   * @param {Api.Checks} checks
   * @param {Api.Repair} repair
   */
  checked(checks, repair) {
    this.result = { checks, repair };
    for (const number of repair.days) this.changed.add(number);
    this.#show();
  }

  /** Shows what is missing of a trip that was stopped, or that failed. */
  end() {
    this.ended = true;
    this.#show();
  }

  /** Says in a sentence what came out, for those who do not see the page. */
  outcome() {
    if (!this.trip) return "";
    const days = text("trip.days", { days: this.trip.days.length });
    return this.result ? `${days} ${verdict(this.trip, this.result.checks)}` : days;
  }

  #show() {
    const trip = this.trip;
    if (!trip) return;
    fill(this.heading, make("span", { lang: trip.language }, trip.title));
    fill(this.head, this.#badge(trip), ...frame(trip));
    fill(this.overview, mapView(trip), this.complete && costsView(trip, budgetOf(this.understood)));
    const days = new Map(trip.days.map((day) => [day.number, day]));
    const numbers = [...new Set([...days.keys(), ...trip.missing_days])].sort((first, second) => first - second);
    fill(
      this.days,
      ...numbers.map((number) => {
        const day = days.get(number);
        return day ? this.#dayView(day, trip) : unplanned(number, this.#missing(number, trip));
      }),
    );
    const { result } = this;
    fill(this.foot, result && checksView(trip, result.checks, result.repair));
  }

  /** @param {Api.Trip} trip */
  #badge(trip) {
    const { result } = this;
    if (!result) return make("p", { class: "badge plain" }, text("trip.provisional"));
    const kind = result.checks.verified ? "good" : result.checks.errors > 0 ? "error" : "warning";
    return make("p", { class: `badge ${kind}` }, verdict(trip, result.checks));
  }

  /**
   * @param {number} number
   * @param {Api.Trip} trip
   */
  #missing(number, trip) {
    // Until then, the days are missing that are still being written.
    const isMissing = (this.complete || this.ended) && trip.missing_days.includes(number);
    return isMissing ? (trip.missing_because[String(number)] ?? "unknown") : null;
  }

  /**
   * @param {Api.Day} day
   * @param {Api.Trip} trip
   */
  #dayView(day, trip) {
    const { number } = day;
    const found = this.result ? violations(this.result.checks) : [];
    return dayView(day, trip, {
      written: !trip.missing_days.includes(number),
      changed: this.changed.has(number),
      missing: this.#missing(number, trip),
      found: found.filter(({ violation }) => violation.day === number),
    });
  }
}

/**
 * Makes what is said about the whole trip.
 * @param {Api.Trip} trip
 * @returns {HTMLElement[]}
 */
function frame(trip) {
  const { adults, children, children_without_ages: more } = trip.travellers;
  const who = [text("trip.adults", { count: adults })];
  if (children.length > 0) who.push(text("trip.children", { count: children.length, ages: list(children.map(String)) }));
  if (more > 0) who.push(text("trip.children_more", { count: more }));
  const parts = [
    trip.start && trip.end ? dateRange(trip.start, trip.end) : trip.start ? calendarDate(trip.start) : "",
    text("trip.nights", { count: trip.nights }),
    list(who),
    trip.origin ? text("trip.from", { place: trip.origin }) : "",
  ];
  return [
    make("ul", { class: "frame" }, ...parts.filter(Boolean).map((part) => make("li", {}, part))),
    ...(trip.summary ? [make("p", { class: "summary", dir: "auto", lang: trip.language }, trip.summary)] : []),
  ];
}

/**
 * Makes a day of which nothing is known.
 * @param {number} number
 * @param {import("./day_view.js").DayState["missing"]} missing
 * @returns {HTMLElement}
 */
function unplanned(number, missing) {
  return make(
    "li",
    { class: "day card" },
    make("h3", {}, text("day.number", { number })),
    missing && make("p", { class: "remark warning" }, text(`missing.${missing}`)),
  );
}

/**
 * @param {{ [name: string]: unknown }} understood
 * @returns {{ amount: number, currency: string } | null}
 */
function budgetOf(understood) {
  const budget = /** @type {{ amount?: unknown, currency?: unknown } | null | undefined} */ (understood["budget"]);
  return typeof budget?.amount === "number" && typeof budget.currency === "string"
    ? { amount: budget.amount, currency: budget.currency }
    : null;
}
