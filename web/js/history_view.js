import { announce } from "./announcer.js";
import { byId, confirmed, fill, make } from "./elements.js";
import { moment } from "./format.js";
import { text } from "./strings.js";

/** @typedef {import("./history.js").HistoryEntry} HistoryEntry */

const LONGEST_TITLE = 100;

/** The questions that this device has kept. */
export class HistoryView {
  #history;
  #draft;
  #open;

  /**
   * @param {import("./history.js").QuestionHistory} history
   * @param {import("./draft.js").FormDraft} draft
   * @param {(entry: HistoryEntry) => void} open
   */
  constructor(history, draft, open) {
    this.#history = history;
    this.#draft = draft;
    this.#open = open;
    byId("history-clear").addEventListener("click", () => void this.#clear());
    // Another tab may delete it, or ask.
    addEventListener("storage", ({ key }) => {
      if (!key || key.endsWith(":history")) this.show();
    });
  }

  /** Shows what is kept now. */
  show() {
    const entries = this.#history.entries();
    byId("history").hidden = entries.length === 0;
    byId("history-kept").textContent = text(this.#history.isKept ? "history.kept" : "history.not_kept");
    fill(byId("history-list"), ...entries.map((entry) => make("li", {}, this.#button(entry))));
  }

  /** @param {HistoryEntry} entry */
  #button(entry) {
    const { request, answer, at, state } = entry;
    const trip = answer?.itinerary;
    const title = trip?.title || request.query.slice(0, LONGEST_TITLE);
    return make(
      "button",
      { type: "button", click: () => this.#open(entry) },
      make("span", { class: "title", dir: "auto", lang: trip?.language ?? "" }, title),
      make("small", {}, moment(new Date(at)), state !== "answered" && ` · ${text("history.not_answered")}`),
    );
  }

  async #clear() {
    if (!(await confirmed(text("history.clear_question"), text("history.clear"), text("page.cancel")))) return;
    // They are not to stay in the form's draft either.
    this.#draft.forget(this.#history.entries().map(({ request }) => request.query));
    this.#history.clear();
    this.show();
    announce(text("history.cleared"));
    // The button is no longer there.
    byId("query").focus();
  }
}
