import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import {
  DIETS,
  EMPTY_FORM,
  formOf,
  MOBILITIES,
  PACES,
  requestOf,
} from "../../web/js/question.js";

const DAYS = 14;
const document = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf-8"));
const FIELDS = document.components.schemas.Query.properties;
const FULL = {
  query: "Lisbon with a day at the sea",
  format: "itinerary",
  origin: "Madrid",
  start: "2027-05-03",
  end: "2027-05-07",
  nights: 4,
  travellers: { adults: 2, children: [4, 9] },
  budget: { amount: 900.5, currency: "EUR" },
  pace: "relaxed",
  diet: ["vegan"],
  mobility: ["stroller"],
};

/** Returns what is wrong with a form that asks something, by field. */
function problemsOf(values) {
  const { problems } = requestOf({ ...EMPTY_FORM, query: "Lisbon?", ...values }, DAYS);
  return Object.fromEntries(problems.map(({ field, text }) => [field, text]));
}

test("the choices are those of the API", () => {
  assert.deepEqual(PACES, FIELDS.pace.enum.filter(Boolean));
  assert.deepEqual(DIETS, FIELDS.diet.items.enum);
  assert.deepEqual(MOBILITIES, FIELDS.mobility.items.enum);
});

test("what is asked comes back into the form, in the API's fields", () => {
  assert.deepEqual(Object.keys(FULL).filter((name) => !(name in FIELDS)), []);

  const { request, problems } = requestOf(formOf(FULL), DAYS);

  assert.deepEqual(problems, []);
  assert.deepEqual(request, FULL);
});

test("what was left empty is not asked", () => {
  const { request, problems } = requestOf({ ...EMPTY_FORM, query: "  Lisbon? ", trip: false }, DAYS);

  assert.deepEqual([request, problems], [{ query: "Lisbon?" }, []]);
  assert.deepEqual(formOf({ query: "Lisbon?" }), { ...EMPTY_FORM, query: "Lisbon?", trip: false });
});

test("a question needs words, and not too many", () => {
  for (const query of ["", "  \n", "\u200b"]) assert.deepEqual(Object.keys(problemsOf({ query })), ["query"]);
  assert.deepEqual(problemsOf({ query: "😀".repeat(4000) }), {});
  assert.match(problemsOf({ query: "é".repeat(4001) }).query, /4,000/);
});

test("dates and nights have to agree, and a trip is not too long", () => {
  const [start, end] = ["2027-02-27", "2027-03-02"];

  assert.deepEqual(problemsOf({ start, end, nights: "3" }), {});
  assert.match(problemsOf({ start, end, nights: "2" }).nights, /3 nights/);
  for (const last of ["2027-02-26", "2026-12-31"]) assert.match(problemsOf({ start, end: last }).end, /before/);
  assert.deepEqual(problemsOf({ start, end: start }), {});
  assert.deepEqual(problemsOf({ start, end: "2027-03-12" }), {});
  assert.match(problemsOf({ start, end: "2027-03-13" }).end, /14 days/);
  assert.deepEqual(problemsOf({ nights: "13" }), {});
  assert.match(problemsOf({ nights: "14" }).nights, /0 to 13/);
  assert.deepEqual(Object.keys(problemsOf({ start: "soon", end: "2027-13-01" })), ["start", "end"]);
});

test("numbers of people", () => {
  assert.deepEqual(problemsOf({ adults: "50", children: "0 17,3" }), {});
  for (const adults of ["0", "51", "2.5", "-1", "two"]) assert.ok(problemsOf({ adults }).adults, adults);
  for (const children of ["18", "four", "4.5", "-4"]) assert.ok(problemsOf({ children }).children, children);
  assert.ok(problemsOf({ children: "4 ".repeat(21) }).children);
});

test("a budget needs an amount and a currency", () => {
  assert.deepEqual(problemsOf({ budget: "0.5", currency: "eur" }), {});
  assert.deepEqual(problemsOf({ budget: "", currency: "EUR" }), {});
  for (const budget of ["0", "-5", "much", "1e12"]) assert.ok(problemsOf({ budget, currency: "EUR" }).budget, budget);
  for (const budget of ["1.500", "0x10", "1e3", "1,5", "1,50", "1,5000", ",500", "0,500,0"]) {
    assert.match(problemsOf({ budget, currency: "EUR" }).budget, /in digits, such as 1500/, budget);
  }
  for (const [budget, amount] of [["1,500", 1500], ["12,500.50", 12500.5], ["1,50,000", 150000], [" 99.9 ", 99.9]]) {
    const { request, problems } = requestOf({ ...EMPTY_FORM, query: "?", budget, currency: "EUR" }, DAYS);
    assert.deepEqual([request.budget, problems], [{ amount, currency: "EUR" }, []], budget);
  }
  for (const currency of ["", "€", "EURO"]) assert.ok(problemsOf({ budget: "5", currency }).currency, currency);
});

test("a name that the API would refuse", () => {
  assert.deepEqual(problemsOf({ origin: "x".repeat(100) }), {});
  assert.match(problemsOf({ origin: "x".repeat(101) }).origin, /100/);
});

test("a choice that there is not is left out", () => {
  const { request } = requestOf({ ...EMPTY_FORM, query: "?", pace: "fast", diet: ["vegan", "meat"] }, DAYS);

  assert.deepEqual([request.pace, request.diet], [undefined, ["vegan"]]);
});
