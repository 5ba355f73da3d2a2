import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";

import { DETAILS } from "../../web/js/form_view.js";
import { isTextKey, localeOf, text } from "../../web/js/strings.js";

test("values are put into a text once, and numbers as the locale writes them", () => {
  const problem = text("error.request", { message: "{message} $& <b>" });

  assert.equal(problem, "The server did not accept the question. {message} $& <b>");
  assert.match(text("field.line_too_long", { most: 4000 }), /4,000 characters/);
});

test("a plural form is chosen by the number that the text names", () => {
  assert.match(text("field.nights_differ", { nights: 1 }), /is 1 night\.$/);
  assert.match(text("field.nights_differ", { nights: 0 }), /are 0 nights\.$/);
});

test("a value in a right-to-left script does not move what is around it", () => {
  assert.equal(text("next.at", { moment: "קהיר 5" }), "at \u2068קהיר 5\u2069");
  assert.equal(text("next.at", { moment: "noon" }), "at noon");
});

test("a value that is missing stays visible, and names of objects are no values", () => {
  assert.equal(text("next.at"), "at {moment}");
  assert.equal(isTextKey("constructor"), false);
  assert.equal(isTextKey(undefined), false);
  assert.equal(isTextKey("title"), true);
});

test("the locale is a variety of English, whatever the browser names", () => {
  assert.equal(localeOf(["de-DE", "en-US@posix", "en-GB", "en-US"]), "en-GB");
  assert.equal(localeOf(["ar"]), "en");
  assert.equal(localeOf([]), "en");
});

test("each text that the HTML names is there", () => {
  const html = readFileSync(new URL("../../web/index.html", import.meta.url), "utf-8");

  const named = [...html.matchAll(/\sdata-text[\w-]*="([^"]*)"/g)].map((found) => found[1]);

  assert.deepEqual(named.filter((key) => !isTextKey(key)), []);
});

test("each text is used, by its name, as that of a field, or by the part before its first point", () => {
  const folder = new URL("../../web/js/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name !== "strings.js");
  const code = files.map((name) => readFileSync(new URL(name, folder), "utf-8")).join("\n");
  const html = readFileSync(new URL("../../web/index.html", import.meta.url), "utf-8");
  const texts = readFileSync(new URL("strings.js", folder), "utf-8").split("export const LANGUAGE")[0];
  // As it is written, and as it is served.
  const keys = [...texts.matchAll(/[,{]\s*(?:\/\/.*\s*)*"?([\w.]+)"?:\s*"/g)].map((found) => found[1]);

  // The form makes the names of these from those of its fields.
  const ofFields = DETAILS.flatMap(([name]) => [`form.${name}`, `form.${name}_hint`]);

  const unused = keys.filter((key) => {
    const [prefix] = key.split(".");
    if (`${code}${html}`.includes(`"${key}"`) || ofFields.includes(key)) return false;
    return prefix === "form" || (!code.includes(`\`${prefix}.\${`) && !code.includes(`word("${prefix}"`));
  });

  assert.ok(keys.length > 100);
  assert.deepEqual(unused, []);
});
