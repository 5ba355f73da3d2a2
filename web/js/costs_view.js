import { cost } from "./day_view.js";
import { make, makeSvg } from "./elements.js";
import { money } from "./format.js";
import { text } from "./strings.js";

/** What a trip costs, against its budget. */

/**
 * Makes the sums of a trip.
 * @param {Api.Trip} trip
 * @param {{ amount: number, currency: string } | null} budget what the trip may cost
 * @returns {HTMLElement}
 */
export function costsView(trip, budget) {
  const { total } = trip.costs;
  const comparable = budget !== null && budget.currency === trip.currency;
  const over = comparable && total > budget.amount;
  const rows = /** @type {const} */ (["transport", "lodging", "meals", "visits"]).flatMap((name) => [
    make("dt", {}, text(`costs.${name}`)),
    make("dd", {}, cost(trip.costs[name], trip)),
  ]);
  return make(
    "section",
    { class: over ? "card costs over" : "card costs", "aria-labelledby": "costs-heading" },
    make("h3", { id: "costs-heading" }, text("costs.heading")),
    make(
      "dl",
      {},
      ...rows,
      make("dt", { class: "total" }, text("costs.total")),
      make("dd", { class: "total" }, cost(total, trip)),
    ),
    comparable && bar(total / budget.amount),
    budget && make("p", { class: over ? "over" : null }, againstBudget(trip, budget, comparable)),
    make("p", { class: "small" }, text("costs.for_all")),
  );
}

/**
 * @param {Api.Trip} trip
 * @param {{ amount: number, currency: string }} budget
 * @param {boolean} comparable
 * @returns {string}
 */
function againstBudget(trip, budget, comparable) {
  if (!comparable) return text("costs.other_currency", { budget: money(budget.amount, budget.currency) });
  const left = budget.amount - trip.costs.total;
  return text(left < 0 ? "costs.over" : "costs.left", {
    amount: cost(Math.abs(left), trip),
    budget: cost(budget.amount, trip),
  });
}

/**
 * Draws a share; what it says is in the sentence below it.
 * @param {number} share
 * @returns {Element}
 */
function bar(share) {
  const width = `${Math.min(100, Math.round(share * 100))}%`;
  return makeSvg("svg", { "aria-hidden": "true" }, makeSvg("rect", { width, height: "100%", fill: "currentColor" }));
}
