import assert from "node:assert/strict";
import test from "node:test";

import { blocksOf } from "../../web/js/markdown.js";
import { safeAddress } from "../../web/js/markdown_inline.js";

/** Writes a tree in a short form: strong as **, emphasis as *, links as [text](address). */
function shown(block) {
  if (Array.isArray(block)) return block.map(shown).join("");
  switch (block.type) {
    case "text":
      return block.text;
    case "break":
      return "⏎";
    case "strong":
      return `**${shown(block.content)}**`;
    case "emphasis":
      return `*${shown(block.content)}*`;
    case "link":
      return `[${shown(block.content)}](${block.url})`;
    case "heading":
      return `h${block.level}(${shown(block.content)})`;
    case "paragraph":
      return `p(${shown(block.content)})`;
    case "rule":
      return "rule";
    case "list":
      return `${block.ordered ? `ol${block.start}` : "ul"}(${block.items.map(shown).join("|")})`;
  }
  return assert.fail(block.type);
}

const CASES = {
  "headings, paragraphs and rules": ["# A\n## B ##\n\nOne\ntwo\n\nThree\n***\n#no", "h1(A)h2(B)p(One⏎two)p(Three)rulep(#no)"],
  "lists of each kind": ["- a\n- b\n\n* c\n\n1. d\n2. e\n\n4) f", "ul(p(a)|p(b))ul(p(c))ol1(p(d)|p(e))ol4(p(f))"],
  "a list with points, as plain text has them": ["Eat:\n• one\n• two", "p(Eat:)ul(p(one)|p(two))"],
  "a list after a paragraph, and what only looks like one": ["Take:\n- a\n\nIn\n1998. It was", "p(Take:)ul(p(a))p(In⏎1998. It was)"],
  "lists in lists, also those that are indented too little": ["1. a\n   - b\n   - c\n2. d\n  - e", "ol1(p(a)ul(p(b)|p(c))|p(d)ul(p(e)))"],
  "an item of several paragraphs and lines": ["- a\nlazy\n\n  b\n\nafter", "ul(p(a⏎lazy)p(b))p(after)"],
  "strong and emphasis": ["**a** *b* __c__ _d_ ***e*** **f *g***", "p(**a** *b* **c** *d* ***e*** **f *g***)"],
  "what is neither": ["2 * 3 * 4, snake_case_name, **open, * a*, \\*b\\*", "p(2 * 3 * 4, snake_case_name, **open, * a*, *b*)"],
  links: ['[a **b**](https://example.com/x_(y) "title")', "p([a **b**](https://example.com/x_(y)))"],
  "a link for mail": ["[us](mailto:us@example.com)", "p([us](mailto:us@example.com))"],
  "bare addresses": [
    "See https://example.com/a?b=c, (http://example.com/d) or <https://example.com/e>.",
    "p(See [https://example.com/a?b=c](https://example.com/a?b=c), ([http://example.com/d](http://example.com/d)) or " +
      "[https://example.com/e](https://example.com/e).)",
  ],
  "no link in a link": ["[https://example.com/a](https://example.com/b)", "p([https://example.com/a](https://example.com/b))"],
  "an image is a link to it, and not loaded": ["![x](https://example.com/x.png)", "p(![x](https://example.com/x.png))"],
  "what is not complete yet": ["## Day 1\n- **Morn", "h2(Day 1)ul(p(**Morn))"],
  "other ends of lines, and a tab": ["# A\r\n-\tb\r\n- c\rd", "h1(A)ul(p(b)|p(c⏎d))"],
  "empty items and texts": ["-\n-\n\n#\n\n\n", "ul(|)h1()"],
};

for (const [name, [markdown, expected]] of Object.entries(CASES)) {
  test(name, () => assert.equal(shown(blocksOf(markdown)), expected));
}

test("HTML is text", () => {
  const html = '<img src=x onerror="alert(1)"> <script>a</script> &lt;b&gt; <a href="https://example.com">';

  const [paragraph] = blocksOf(html);

  assert.equal(paragraph.type, "paragraph");
  assert.equal(paragraph.content.filter((part) => part.type === "text").map((part) => part.text).join("").slice(0, 55), html.slice(0, 55));
  assert.ok(paragraph.content.every((part) => part.type === "text" || part.url === "https://example.com/"));
});

const UNSAFE = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\nscript:alert(1)",
  "java\tscript:alert(1)",
  "\u0001javascript:alert(1)",
  " javascript:alert(1)",
  "javascript&colon;alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:a",
  "file:///etc/passwd",
  "blob:null/1",
  "//example.com/a",
  "/travel-gpt/app",
  "?a=b",
  "#invitation=x",
  "http://",
  "",
];

test("only addresses of the web and for mail are links", () => {
  for (const address of UNSAFE) {
    assert.equal(safeAddress(address), null, address);
    for (const markdown of [`[a](${address})`, `[a](<${address}>)`, `<${address}>`, address, `![a](${address})`]) {
      assert.ok(!JSON.stringify(blocksOf(markdown)).includes('"link"'), markdown);
    }
  }
  assert.equal(safeAddress("HTTPS://example.com"), "https://example.com/");
});

/** Returns a function that returns whole numbers below a limit: the same ones in each run. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.trunc((state / 2_147_483_648) * below);
  };
}

function linksOf(blocks) {
  const found = [];
  JSON.stringify(blocks, (key, value) => (value?.type === "link" ? found.push(value.url) && value : value));
  return found;
}

test("no text breaks it, and no text becomes a link that is not safe", () => {
  const next = numbers(12);
  const parts = ["*", "**", "_", "`", "[", "](", ")", "<", ">", "javascript:", "https://a.b", "\n", "\n\n", "- ", "1. "];
  parts.push("# ", "  ", "    ", "\\", "word", "é", "😀", '"', "\t", "---", "&", "mailto:a@b.c", "data:", "\u2028");
  for (let each = 0; each < 3000; each += 1) {
    const text = Array.from({ length: next(40) }, () => parts[next(parts.length)]).join("");
    for (const url of linksOf(blocksOf(text))) assert.match(url, /^(https?:\/\/|mailto:)/, text);
  }
});

test("plain words all stay, in their order", () => {
  const next = numbers(7);
  const marks = ["- ", "1. ", "# ", "\n", "\n\n", "   ", " "];
  for (let each = 0; each < 500; each += 1) {
    const words = Array.from({ length: 1 + next(12) }, (_, at) => `w${at}x`);
    const text = words.map((word) => word + (marks[next(marks.length)] ?? "")).join(" ");
    const tree = JSON.stringify(blocksOf(text));
    assert.deepEqual([...tree.matchAll(/w\d+x/g)].map((found) => found[0]), words, text);
  }
});

test("no text takes long", () => {
  const length = 20_000;
  for (const part of ["*", "**a", "*a ", "_a", "[", "[a](", "`", "` ", "<", "https://", "- ", "\\", "1. a\n", " - a\n  ", "[a]"]) {
    const text = part.repeat(length / part.length);
    const begun = performance.now();
    blocksOf(text);
    assert.ok(performance.now() - begun < 3000, `${part}: ${performance.now() - begun} ms`);
  }
});
