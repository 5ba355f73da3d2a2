import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { ApiError, describe, EXPLAINED_CODES } from "../../web/js/errors.js";

const NOW = Date.parse("2027-05-03T10:00:00Z");
const OWN_CODES = ["aborted", "connection_failed", "cut", "offline", "timed_out"];
/** What the page does not send, where page and API are of the same version. */
const OF_OTHER_VERSIONS = [
  "bad_request",
  "invalid_parameter",
  "method_not_allowed",
  "not_found",
  "streaming_disabled",
  "unsupported_media_type",
];

test("every code of the API is explained, and no other", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf-8");
  const documented = [...page.matchAll(/^## ([a-z_]+)$/gm)].map((found) => found[1]);

  assert.ok(documented.length > 30);
  assert.deepEqual(documented.filter((code) => !EXPLAINED_CODES.includes(code)), OF_OTHER_VERSIONS);
  assert.deepEqual(EXPLAINED_CODES.filter((code) => !documented.includes(code)).sort(), OWN_CODES);
});

test("each explanation is whole sentences with what to do next", () => {
  for (const code of EXPLAINED_CODES) {
    // What the API says would be a second sentence.
    const { cause, text, action } = describe(new ApiError(code, { message: "" }), NOW);

    assert.match(text, /^[A-Z][^{}]*\.$/, code);
    assert.match(cause, /^[A-Z][^.{}]*\.$/, code);
    if (action !== "none") assert.match(text, /\. [A-Z]/, code);
  }
});

test("a time is said where it is known: short ones in seconds, others as a date", () => {
  const busy = describe(new ApiError("rate_limited", { status: 429, retryAfter: 20 }), NOW);
  const slow = describe(new ApiError("upstream_error", { status: 502, retryAfter: 120 }), NOW);
  const spent = describe(new ApiError("budget_exhausted", { status: 429, retryAfter: 86_400 }), NOW);

  assert.equal(busy.text, "There were too many requests. You can try again in 20 seconds.");
  assert.equal(busy.cause, "There were too many requests.");
  assert.equal(busy.action, "wait");
  assert.deepEqual([slow.text.split(". ")[1], slow.action], ["You can try again in 2 minutes.", "wait"]);
  assert.match(spent.text, /^The budget for questions is used up\. You can try again at May [45], 2027, /);
});

test("what the API says is repeated where only it knows what is wrong", () => {
  const said = '"end" must not be before "start".';

  const { text, action } = describe(new ApiError("invalid_constraint", { message: said, status: 400 }));

  assert.ok(text.includes(said));
  assert.equal(action, "change");
  for (const code of ["client_disabled", "forbidden"]) {
    assert.ok(!describe(new ApiError(code, { message: said })).text.includes(said), code);
  }
});

test("an answer without a code that is known is one of a proxy, or of another version", () => {
  assert.equal(describe(new ApiError("unexpected_answer", { status: 502 })).action, "retry");
  assert.equal(describe(new ApiError("of_next_year", { status: 503 })).action, "retry");
  assert.equal(describe(new ApiError("unexpected_answer", { status: 200 })).action, "reload");
  assert.equal(describe(new ApiError("constructor", { status: 400 })).action, "reload");
  for (const code of OF_OTHER_VERSIONS) assert.equal(describe(new ApiError(code, { status: 404 })).action, "reload");
});

test("a visitor whom a policy of the API refuses is not sent to an invitation", () => {
  const { text, action } = describe(new ApiError("forbidden", { message: "This API needs an API key.", status: 403 }));

  assert.deepEqual([text, action], ["The server refuses your requests. The owner of this page can help.", "owner"]);
});

test("a bug of the page is no fault of the API", () => {
  const { cause, text, action } = describe(new TypeError("secret detail"));

  assert.deepEqual([cause, text], ["Something went wrong in this page.", `${cause} Reload the page.`]);
  assert.equal(action, "reload");
});

test("the id for the owner is kept apart from the text", () => {
  const { text, reference } = describe(new ApiError("internal_error", { requestId: "c6af9ac6" }));

  assert.equal(reference, "c6af9ac6");
  assert.ok(!text.includes("c6af9ac6"));
});
