import { button, fill, make } from "./elements.js";
import { describe } from "./errors.js";
import { text } from "./strings.js";

/** Boxes that say something at the top of the page or of an answer. */

/**
 * @typedef {object} NoticeAction
 * @property {string} label
 * @property {() => void} act
 */

/**
 * Makes a notice.
 * @param {"plain" | "warning" | "error"} kind
 * @param {string} said
 * @param {NoticeAction[]} [actions]
 * @returns {HTMLElement}
 */
export function notice(kind, said, actions = []) {
  return make(
    "div",
    // What appears after something failed is read out at once.
    { class: `notice ${kind}`, role: kind === "error" ? "alert" : null },
    make("p", { dir: "auto" }, said),
    actions.length > 0 && make("div", { class: "buttons" }, ...actions.map(({ label, act }) => button(label, act))),
  );
}

/**
 * Shows what failed and what to do next.
 * @param {Element} place
 * @param {unknown} error
 * @param {() => void} [again] what a button does where another try may help
 */
export function showProblem(place, error, again) {
  const { text: said, action, reference } = describe(error);
  /** @type {NoticeAction[]} */
  const actions = [];
  if (again && (action === "retry" || action === "wait")) actions.push({ label: text("problem.again"), act: again });
  if (action === "reload") actions.push({ label: text("problem.reload"), act: () => location.reload() });
  const box = notice(action === "none" ? "plain" : "error", said, actions);
  if (reference && action !== "none") box.append(make("p", { class: "small" }, text("problem.reference", { reference })));
  fill(place, box);
}
