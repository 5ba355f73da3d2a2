import assert from "node:assert/strict";
import { test } from "node:test";

import { verdict, violations } from "../../web/js/checks_view.js";

const checksOf = (results, more = {}) => ({ verified: false, errors: 0, results, ...more });
const result = (severity, ...messages) => ({ severity, violations: messages.map((message) => ({ message })) });

test("what breaks rules comes by its severity, and then in the order of the rules", () => {
  const found = violations(checksOf([result("note", "a"), result("error", "b", "c"), result("warning", "d"), result("error", "e")]));

  assert.deepEqual(
    found.map(({ severity, violation }) => [severity, violation.message]),
    [["error", "b"], ["error", "c"], ["error", "e"], ["warning", "d"], ["note", "a"]],
  );
});

test("a trip that is not verified says why", () => {
  const [whole, short] = [{ missing_days: [] }, { missing_days: [2] }];

  assert.equal(verdict(whole, checksOf([], { verified: true })), "Verified: the checks found no error.");
  assert.equal(verdict(short, checksOf([], { errors: 1 })), "Not verified: the checks found 1 error.");
  assert.equal(verdict(whole, checksOf([], { errors: 2 })), "Not verified: the checks found 2 errors.");
  assert.equal(verdict(short, checksOf([])), "Not verified: days are missing.");
  assert.equal(verdict(whole, checksOf([])), "Not verified: too little could be checked.");
});
