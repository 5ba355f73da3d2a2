import assert from "node:assert/strict";
import test from "node:test";

import { randomText } from "../../web/js/random.js";

test("random bytes are written as base64url, without padding", () => {
  const values = Array.from({ length: 200 }, () => randomText(32));

  assert.equal(new Set(values).size, 200);
  for (const value of values) {
    assert.match(value, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(Buffer.from(value, "base64url").length, 32);
  }
  assert.ok(values.join("").includes("-") && values.join("").includes("_"));
});
