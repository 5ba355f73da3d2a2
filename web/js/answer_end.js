import { button, make } from "./elements.js";
import { dollars, moment } from "./format.js";
import { notice } from "./notices.js";
import { saveFile } from "./saving.js";
import { text } from "./strings.js";

/** What stands below an answer: what it cost, what is left, and what can be done with it. */

/**
 * @param {Api.Query} request
 * @param {import("./asking.js").Answered} answered
 * @param {string} title what saved files are named after
 * @param {() => void} change the reader wants to change the question
 * @returns {HTMLElement}
 */
export function answerEnd(request, answered, title, change) {
  const { usage, budget, warnings = [] } = answered;
  const cost = usage?.cost_usd;
  const sentences = [
    typeof cost === "number" ? text("answer.cost", { cost: dollars(cost) }) : "",
    budget ? leftOf(budget) : "",
    answered.model ? text("answer.model", { model: answered.model }) : "",
  ];
  const keeping = [
    // Of a trip that was stopped there is none.
    answered.answer &&
      button(text("answer.save_markdown"), () => saveFile(title, "md", markdownOf(request, answered))),
    button(text("answer.save_json"), () =>
      saveFile(title, "json", JSON.stringify({ question: request, ...answered }, null, 2)),
    ),
    button(text("answer.print"), () => window.print()),
  ];
  return make(
    "div",
    { class: "after" },
    answered.truncated && !answered.stopped && !answered.itinerary && notice("warning", text("answer.cut_short")),
    ...warnings.map((warning) => notice("warning", warning)),
    make(
      "div",
      { class: "buttons" },
      button(text("answer.change"), change, "primary"),
      // Of what was stopped before its first words, there is nothing to keep.
      ...(answered.answer || answered.itinerary ? keeping : []),
    ),
    make("p", { class: "small" }, sentences.filter(Boolean).join(" ")),
  );
}

/**
 * Says what is left of a budget.
 * @param {Api.Budget} budget
 * @returns {string}
 */
function leftOf(budget) {
  return text("answer.left", {
    amount: dollars(budget.left_usd),
    limit: dollars(budget.limit_usd),
    renews: moment(budget.renews_at),
  });
}

/**
 * Returns an answer as a Markdown document: a trip is one already.
 * @param {Api.Query} request
 * @param {import("./asking.js").Answered} answered
 * @returns {string}
 */
function markdownOf(request, answered) {
  if (answered.itinerary) return `${answered.answer}\n`;
  const question = request.query.replace(/^/gm, "> ");
  return `${question}\n\n${answered.answer}\n`;
}
