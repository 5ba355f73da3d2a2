import { text } from "./strings.js";

/** Characters of a query, and of a name. */
const LONGEST_QUERY = 4000;
const LONGEST_NAME = 100;
const MOST_CHILDREN = 20;
const MILLISECONDS_OF_A_DAY = 86_400_000;

/** @typedef {import("./question.js").QuestionForm} QuestionForm */
/** @typedef {{ field: keyof QuestionForm, text: string }} FieldProblem */

/** Reads the fields of the form that a person types. */
export class FormReader {
  #form;

  /** @param {QuestionForm} form */
  constructor(form) {
    this.#form = form;
    /** @type {FieldProblem[]} */
    this.problems = [];
  }

  /** @returns {string} */
  query() {
    const value = this.#form.query.trim();
    if (!/[^\s\p{C}]/u.test(value)) this.#refuse("query", text("field.query"));
    this.#checkLength("query", value, LONGEST_QUERY);
    return value;
  }

  /**
   * @param {keyof QuestionForm} field
   * @param {string} problem
   */
  #refuse(field, problem) {
    this.problems.push({ field, text: problem });
  }

  /**
   * @param {keyof QuestionForm} field
   * @param {string} value
   * @param {number} most
   */
  #checkLength(field, value, most) {
    if ([...value].length > most) this.#refuse(field, text("field.line_too_long", { most }));
  }

  /** @returns {string} */
  origin() {
    const value = this.#form.origin.trim();
    this.#checkLength("origin", value, LONGEST_NAME);
    return value;
  }

  /**
   * @param {"adults" | "nights"} field
   * @param {number} least
   * @param {number} most
   * @param {string} problem
   * @returns {number | undefined}
   */
  #whole(field, least, most, problem) {
    const value = this.#form[field].trim();
    if (!value) return undefined;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return number;
    this.#refuse(field, problem);
    return undefined;
  }

  /** @returns {number | undefined} */
  adults() {
    return this.#whole("adults", 1, 50, text("field.adults"));
  }

  /** @returns {number[]} */
  ages() {
    const parts = this.#form.children.split(/[\s,;]+/).filter(Boolean);
    if (parts.length > MOST_CHILDREN) this.#refuse("children", text("field.too_many_children", { most: MOST_CHILDREN }));
    if (parts.every((each) => /^\d{1,2}$/.test(each) && Number(each) <= 17)) return parts.map(Number);
    this.#refuse("children", text("field.children"));
    return [];
  }

  /**
   * @param {number} mostDays
   * @returns {{ start: string, end: string, nights: number | undefined }}
   */
  dates(mostDays) {
    const { start, end } = this.#form;
    const nights = this.#whole("nights", 0, mostDays - 1, text("field.nights", { most: mostDays - 1 }));
    const [first, last] = [this.#day("start"), this.#day("end")];
    if (first !== null && last !== null) {
      const between = (last - first) / MILLISECONDS_OF_A_DAY;
      if (between < 0) this.#refuse("end", text("field.end_before_start"));
      else if (between >= mostDays) this.#refuse("end", text("field.trip_too_long", { most: mostDays }));
      else if (nights !== undefined && nights !== between) {
        this.#refuse("nights", text("field.nights_differ", { nights: between }));
      }
    }
    return { start, end, nights };
  }

  /**
   * @param {"start" | "end"} field
   * @returns {number | null}
   */
  #day(field) {
    const value = this.#form[field];
    if (!value) return null;
    const day = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(`${value}T00:00Z`) : NaN;
    if (!Number.isNaN(day)) return day;
    this.#refuse(field, text("field.date"));
    return null;
  }

  /** @returns {Api.Query["budget"] | undefined} of an amount with or without commas, as English has them: 1,500 or 1,50,000 */
  budget() {
    const [written, currency] = [this.#form.budget.trim(), this.#form.currency.trim().toUpperCase()];
    if (!written) return undefined;
    const isAmount = /^(\d+|\d{1,3}(,\d{2,3})*,\d{3})(\.\d{1,2})?$/.test(written);
    const amount = Number(written.replaceAll(",", ""));
    if (!(isAmount && amount > 0 && amount <= 1_000_000_000)) this.#refuse("budget", text("field.budget"));
    if (!/^[A-Z]{3}$/.test(currency)) this.#refuse("currency", text("field.currency"));
    return { amount, currency };
  }
}
