import { button, byId, make } from "./elements.js";
import { DIETS, EMPTY_FORM, MOBILITIES, PACES } from "./question.js";
import { isTextKey, LOCALE, text } from "./strings.js";

/** The form of a question. */

/** @typedef {import("./question.js").QuestionForm} QuestionForm */

const EXAMPLES = /** @type {const} */ (["form.example_1", "form.example_2", "form.example_3"]);
/** In the place of a date that lacks a part: a browser gives it as empty, and it would be dropped. */
const UNFINISHED = "?";
/** The first ones of the list. */
const CURRENCIES = ["EUR", "USD", "GBP"];
/** The fields that may be left empty, with the attributes of their inputs; two of them are lists to choose from. */
export const DETAILS = /** @type {const} */ ([
  ["origin", { maxlength: 100, dir: "auto" }],
  ["start", { type: "date" }],
  ["end", { type: "date" }],
  ["nights", { inputmode: "numeric" }],
  ["pace", {}],
  ["adults", { inputmode: "numeric" }],
  ["children", {}],
  ["budget", { inputmode: "decimal" }],
  ["currency", {}],
]);

export class FormView {
  /**
   * @param {object} calls
   * @param {() => void} calls.ask the question is to be asked
   * @param {() => void} calls.change a field has changed
   */
  constructor({ ask, change }) {
    this.form = /** @type {HTMLFormElement} */ (byId("ask"));
    this.change = change;
    this.#addChoices();
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask();
    });
    this.form.addEventListener("input", (event) => {
      if (event.target instanceof HTMLElement) this.#clearProblem(event.target.id);
      this.#setCleared(null);
      this.#showKind();
      change();
    });
    byId("query").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
    byId("reset").addEventListener("click", () => {
      const { cleared } = this;
      this.replace(cleared ?? EMPTY_FORM);
      if (cleared) this.#setCleared(null);
      this.focus();
    });
    this.#setCleared(null);
  }

  /** @param {QuestionForm | null} values what was cleared, and can be brought back until something else is typed */
  #setCleared(values) {
    this.cleared = values;
    byId("reset").textContent = text(values ? "form.undo" : "form.reset");
  }

  /**
   * Fills in another question, and offers to bring back what was written before.
   * @param {QuestionForm} values
   */
  replace(values) {
    // What an earlier click replaced was written; what it filled in was not.
    const before = this.cleared ?? this.values();
    this.fill(values);
    const isThere = JSON.stringify(before) === JSON.stringify(this.values());
    this.#setCleared(!isThere && (before.query || optionsOf(before)) ? before : null);
    this.change();
  }

  /** @returns {QuestionForm} */
  values() {
    const data = new FormData(this.form);
    const typed = Object.fromEntries([...data].filter(([, value]) => typeof value === "string"));
    for (const { name, validity } of this.#controls()) if (validity.badInput) typed[name] = UNFINISHED;
    const [diet, mobility] = [data.getAll("diet").map(String), data.getAll("mobility").map(String)];
    return { ...EMPTY_FORM, ...typed, trip: data.get("format") === "itinerary", diet, mobility };
  }

  /**
   * Fills in a question.
   * @param {QuestionForm} values
   */
  fill(values) {
    /** @type {{ [name: string]: unknown }} */
    const fields = { ...values, format: values.trip ? "itinerary" : "prose", currency: values.currency || CURRENCIES[0] };
    for (const control of this.#controls()) {
      const value = fields[control.name];
      if (control instanceof HTMLInputElement && (control.type === "radio" || control.type === "checkbox")) {
        control.checked = Array.isArray(value) ? value.includes(control.value) : value === control.value;
      } else if (value !== UNFINISHED) control.value = String(value ?? "");
      this.#clearProblem(control.id);
    }
    this.#showKind();
  }

  /**
   * Says what is wrong with fields, and moves to the first of them.
   * @param {import("./form_reader.js").FieldProblem[]} problems
   */
  showProblems(problems) {
    /** @type {HTMLElement | undefined} */
    let first;
    for (const control of this.#controls()) {
      this.#clearProblem(control.id);
      const said = problems.find(({ field }) => field === control.name)?.text;
      const place = document.getElementById(`${control.id}-problem`);
      if (!said || !place) continue;
      place.textContent = said;
      control.setAttribute("aria-invalid", "true");
      first ??= control;
    }
    if (!first) return;
    if (byId("options").contains(first)) byId("options").setAttribute("open", "");
    first.focus();
  }

  /**
   * Keeps a second question from being asked while one is answered.
   * @param {boolean} busy
   */
  setBusy(busy) {
    byId("submit").setAttribute("aria-disabled", String(busy));
    byId("busy").hidden = !busy;
  }

  focus() {
    byId("query").focus();
  }

  /** @returns {(HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement)[]} */
  #controls() {
    return [...this.form.querySelectorAll("input, select, textarea")].map(
      (each) => /** @type {HTMLInputElement} */ (each),
    );
  }

  /** @param {string} id */
  #clearProblem(id) {
    const place = id && document.getElementById(`${id}-problem`);
    if (!place) return;
    place.textContent = "";
    document.getElementById(id)?.removeAttribute("aria-invalid");
  }

  #showKind() {
    const values = this.values();
    const count = optionsOf(values);
    byId("submit").textContent = text(values.trip ? "form.ask_itinerary" : "form.ask_prose");
    byId("options-count").textContent = count > 0 ? text("form.options_count", { count }) : "";
  }

  #addChoices() {
    for (const name of EXAMPLES) {
      const example = text(name);
      byId("examples").append(
        button(example, () => {
          this.replace({ ...this.values(), query: example });
          this.focus();
        }),
      );
    }
    const paces = PACES.map((pace) => make("option", { value: pace }, text(`pace.${pace}`)));
    /** @type {{ [name: string]: HTMLElement[] }} */
    const lists = { pace: [make("option", { value: "" }, text("pace.any")), ...paces], currency: currencyOptions() };
    for (const [name, attributes] of DETAILS) {
      const named = { ...attributes, id: name, name };
      const options = lists[name];
      byId("fields").append(
        field(name, options ? make("select", named, ...options) : make("input", { ...named, autocomplete: "off" })),
      );
    }
    byId("diet").append(...DIETS.map((diet) => box("diet", diet, text(`diet.${diet}`))));
    byId("mobility").append(...MOBILITIES.map((each) => box("mobility", each, text(`mobility.${each}`))));
  }
}

/**
 * @param {QuestionForm} values
 * @returns {number} how many options are given
 */
function optionsOf({ diet, mobility, ...others }) {
  const given = DETAILS.filter(([name]) => name !== "currency" && others[name]).length;
  return given + [diet, mobility].filter((each) => each.length > 0).length;
}

/**
 * @param {(typeof DETAILS)[number][0]} name
 * @param {HTMLElement} control
 * @returns {HTMLElement}
 */
function field(name, control) {
  const hint = `form.${name}_hint`;
  const problem = `${name}-problem`;
  const hinted = isTextKey(hint) && make("p", { class: "hint", id: `${name}-hint` }, text(hint));
  control.setAttribute("aria-describedby", hinted ? `${hinted.id} ${problem}` : problem);
  const label = make("label", { for: name }, text(`form.${name}`));
  return make("div", { class: "field" }, label, control, hinted, make("p", { class: "problem", id: problem }));
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} label
 * @returns {HTMLElement}
 */
function box(name, value, label) {
  return make("label", {}, make("input", { type: "checkbox", name, value }), label);
}

/** @returns {HTMLOptionElement[]} */
function currencyOptions() {
  const names = new Intl.DisplayNames(LOCALE, { type: "currency" });
  const all = "supportedValuesOf" in Intl ? Intl.supportedValuesOf("currency") : [];
  return [...new Set([...CURRENCIES, ...all])].map((code) =>
    make("option", { value: code }, `${code} – ${names.of(code)}`),
  );
}
