import { FormReader } from "./form_reader.js";

/**
 * What is asked: as the form has it, and as the API takes it (docs/itineraries.md, "What to ask"). The form has the
 * fields that most travellers need; others can be said in the question.
 */

/** @typedef {import("./form_reader.js").FieldProblem} FieldProblem */
/** @typedef {NonNullable<Api.Query["pace"]>} Pace */
/** @typedef {NonNullable<Api.Query["diet"]>[number]} Diet */
/** @typedef {NonNullable<Api.Query["mobility"]>[number]} Mobility */

/** @type {readonly Pace[]} */
export const PACES = ["relaxed", "moderate", "packed"];
/** @type {readonly Diet[]} */
export const DIETS = ["vegetarian", "vegan", "pescatarian", "halal", "kosher", "gluten_free", "dairy_free", "nut_free"];
/** @type {readonly Mobility[]} */
export const MOBILITIES = ["wheelchair", "limited_walking", "stroller"];

/**
 * The values of the form: what a person typed, and the values of what they chose; empty where they did neither.
 * @typedef {object} QuestionForm
 * @property {string} query
 * @property {boolean} trip whether the answer is to be a trip, not a text
 * @property {string} origin
 * @property {string} start YYYY-MM-DD
 * @property {string} end YYYY-MM-DD
 * @property {string} nights
 * @property {string} adults
 * @property {string} children their ages, with commas between them
 * @property {string} budget
 * @property {string} currency
 * @property {string} pace
 * @property {string[]} diet
 * @property {string[]} mobility
 */

/** @type {Readonly<QuestionForm>} */
export const EMPTY_FORM = Object.freeze({
  query: "",
  trip: true,
  origin: "",
  start: "",
  end: "",
  nights: "",
  adults: "",
  children: "",
  budget: "",
  currency: "",
  pace: "",
  diet: [],
  mobility: [],
});

/**
 * Returns the request for what the form says, and what a person has to correct before. The API has the last word.
 * @param {QuestionForm} form
 * @param {number} mostDays the days of the longest trip
 * @returns {{ request: Api.Query, problems: FieldProblem[] }} what was left empty is not in the request
 */
export function requestOf(form, mostDays) {
  const read = new FormReader(form);
  const travellers = withoutEmpty({ adults: read.adults(), children: read.ages() });
  const request = {
    query: read.query(),
    format: form.trip ? "itinerary" : undefined,
    origin: read.origin(),
    ...read.dates(mostDays),
    travellers: Object.keys(travellers).length ? travellers : undefined,
    budget: read.budget(),
    pace: PACES.find((each) => each === form.pace),
    diet: chosen(DIETS, form.diet),
    mobility: chosen(MOBILITIES, form.mobility),
  };
  return { request: /** @type {Api.Query} */ (withoutEmpty(request)), problems: read.problems };
}

/**
 * Returns the values of the form for a request, so that it can be changed and asked again.
 * @param {Api.Query} request
 * @returns {QuestionForm}
 */
export function formOf(request) {
  const { travellers, budget } = request;
  return {
    query: request.query,
    trip: request.format === "itinerary",
    origin: request.origin ?? "",
    start: request.start ?? "",
    end: request.end ?? "",
    nights: written(request.nights),
    adults: written(travellers?.adults),
    children: (travellers?.children ?? []).join(", "),
    budget: written(budget?.amount),
    currency: budget?.currency ?? "",
    pace: request.pace ?? "",
    diet: [...(request.diet ?? [])],
    mobility: [...(request.mobility ?? [])],
  };
}

/**
 * @template T
 * @param {readonly T[]} options
 * @param {readonly unknown[]} values
 * @returns {T[]}
 */
function chosen(options, values) {
  return options.filter((each) => values.includes(each));
}

/**
 * @param {{ [name: string]: unknown }} fields
 * @returns {{ [name: string]: unknown }}
 */
function withoutEmpty(fields) {
  const isEmpty = (/** @type {unknown} */ value) =>
    value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

/**
 * @param {number | null | undefined} number
 * @returns {string}
 */
function written(number) {
  return number === null || number === undefined ? "" : String(number);
}
