import assert from "node:assert/strict";
import { test } from "node:test";

import { fileName } from "../../web/js/saving.js";

test("a file is named after its title, in any script, and by nothing that a file system refuses", () => {
  assert.equal(fileName("Lisbon and Porto by train"), "lisbon-and-porto-by-train");
  assert.equal(fileName("../../etc/passwd\u0000.exe"), "etc-passwd-exe");
  assert.equal(fileName("Três dias: São Paulo?"), "três-dias-são-paulo");
  assert.equal(fileName("رحلة إلى لشبونة"), "رحلة-إلى-لشبونة");
  assert.equal(fileName("x".repeat(500)).length, 60);
  for (const nothing of ["", "???", "\u202e/"]) assert.equal(fileName(nothing), "answer");
});
