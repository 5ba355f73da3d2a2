import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const read = (name) => readFileSync(new URL(`../../web/${name}`, import.meta.url), "utf8");
const html = read("index.html");
const modules = readdirSync(new URL("../../web/js/", import.meta.url)).map((name) => [name, read(`js/${name}`)]);
const allOf = (pattern, source) => [...source.matchAll(pattern)].map((found) => found[1]);

test("the HTML has no text of its own but its name, and what is read where no script runs", () => {
  const body = html.slice(html.indexOf("<body>")).replace(/<noscript>.*<\/noscript>/s, "");
  const texts = body.split(/<[^>]*>/).map((each) => each.trim()).filter(Boolean);

  assert.deepEqual(texts, ["Travel GPT", "The page is loading. If this stays, load it again."]);
});

test("the modules look up elements that the HTML has", () => {
  const ids = new Set(allOf(/ id="([^"]+)"/g, html));
  const wanted = new Set(modules.flatMap(([, source]) => allOf(/byId\("([^"]+)"\)/g, source)));

  assert.ok(wanted.size > 10);
  assert.deepEqual([...wanted].filter((id) => !ids.has(id)), []);
});

test("nothing makes markup of a text, or a style of an attribute", () => {
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|style=|"style"/;

  for (const [name, source] of [["index.html", html], ...modules]) assert.doesNotMatch(source, forbidden, name);
});

test("the style sheet works from right to left: it names no side", () => {
  const sides = /(?:margin|padding|border|inset)-(?:left|right)|(?<![\w-])(?:left|right|float|text-align):/;
  const declarations = read("app.css").replace(/text-align: (?:start|end|center)/g, "");

  assert.doesNotMatch(declarations, sides);
});
