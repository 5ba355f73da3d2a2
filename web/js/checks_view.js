import { remark, word } from "./day_view.js";
import { make } from "./elements.js";
import { list } from "./format.js";
import { text } from "./strings.js";

/** What the checks say about a trip, and what a repair changed. */

/** @type {readonly Api.Severity[]} */
const SEVERITIES = ["error", "warning", "note"];

/**
 * Makes the results of the checks.
 * @param {Api.Trip} trip
 * @param {Api.Checks} checks
 * @param {Api.Repair} repair
 * @returns {HTMLElement}
 */
export function checksView(trip, checks, repair) {
  const found = violations(checks).map(({ severity, violation }) => remark(severity, withDay(violation)));
  const unchecked = checks.results
    .filter((result) => result.applies && result.why && (result.outcome === "not_checkable" || result.checked < 1))
    .map((result) => make("li", {}, `${word("rule", result.rule)}: ${result.why}`));
  return make(
    "section",
    { class: "checked card", "aria-labelledby": "checks-heading" },
    make("h3", { id: "checks-heading" }, text("checks.heading")),
    make("p", {}, make("b", {}, verdict(trip, checks)), ` ${share(checks)}`),
    found.length > 0 && make("ul", { class: "remarks" }, ...found),
    unchecked.length > 0 &&
      make(
        "details",
        {},
        make("summary", {}, text("checks.unchecked", { count: unchecked.length })),
        make("ul", {}, ...unchecked),
      ),
    repair.outcome !== "not_needed" && make("p", {}, repaired(repair)),
    make("p", { class: "small" }, text("page.look_up")),
  );
}

/**
 * Returns what breaks a rule, the most severe first.
 * @param {Api.Checks} checks
 * @returns {{ severity: Api.Severity, violation: Api.Violation }[]}
 */
export function violations(checks) {
  return SEVERITIES.flatMap((severity) =>
    checks.results
      .filter((result) => result.severity === severity)
      .flatMap((result) => result.violations.map((violation) => ({ severity, violation }))),
  );
}

/**
 * Says whether a trip is verified, and why not.
 * @param {Api.Trip} trip
 * @param {Api.Checks} checks
 * @returns {string}
 */
export function verdict(trip, checks) {
  if (checks.verified) return text("checks.verified");
  if (checks.errors > 0) return text("checks.errors", { count: checks.errors });
  return text(trip.missing_days.length > 0 ? "checks.missing_days" : "checks.too_little");
}

/** @param {Api.Checks} checks */
function share(checks) {
  return text("checks.share", {
    checked: checks.rules_checked,
    count: checks.rules_that_apply,
    // Rounded down, so that 79.9 % do not look like the 80 % that are needed.
    percent: Math.trunc(checks.share_checked * 100 + 1e-9),
  });
}

/** @param {Api.Violation} violation */
function withDay(violation) {
  const day = violation.day === null ? "" : text("day.number", { number: violation.day });
  return !day || violation.message.startsWith(day) ? violation.message : `${day}: ${violation.message}`;
}

/** @param {Api.Repair} repair */
function repaired(repair) {
  const days = list(repair.days.map(String));
  return text(`repair.${repair.outcome === "not_needed" ? "done" : repair.outcome}`, { days });
}
