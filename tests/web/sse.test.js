import assert from "node:assert/strict";
import test from "node:test";

import { readEvents } from "../../web/js/sse.js";

/** Returns a stream of bytes in pieces of a size, and notes whether it was cancelled. */
function streamOf(text, size) {
  const bytes = new TextEncoder().encode(text);
  const state = { cancelled: false };
  let at = 0;
  state.stream = new ReadableStream({
    pull(control) {
      if (at >= bytes.length) return control.close();
      control.enqueue(bytes.slice(at, at + size));
      at += size;
    },
    cancel() {
      state.cancelled = true;
    },
  });
  return state;
}

async function eventsOf(text, size = 1) {
  const found = [];
  for await (const { name, data } of readEvents(streamOf(text, size).stream)) found.push([name, data]);
  return found;
}

// The cases are those of the HTML standard, "Parsing an event stream" and "Interpreting an event stream".
const CASES = [
  ["events with names", "event: a\ndata: 1\n\nevent: b\ndata: 2\n\n", [["a", "1"], ["b", "2"]]],
  ["every end of a line", "event: a\r\ndata: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", [["a", "1"], ["", "2"], ["", "3"]]],
  ["several lines of data", "data: YHOO\ndata: +2\ndata: 10\n\n", [["", "YHOO\n+2\n10"]]],
  ["comments and unknown fields", ": test\n\nid: 1\nretry: 5\ndata:first\nunknown\n\n:\n\n", [["", "first"]]],
  ["one space after the colon only", "data:test\n\ndata: test\n\ndata:  test\n\n", [["", "test"], ["", "test"], ["", " test"]]],
  ["a field without a colon is empty", "data\n\ndata\ndata\n\n", [["", ""], ["", "\n"]]],
  ["an event without data is none, nor does its name stay", "event: a\n\ndata: 1\n\n", [["", "1"]]],
  ["a byte order mark", "\ufeffdata: 1\n\n", [["", "1"]]],
  ["what no blank line ends is none", "data: 1\n\ndata: 2\n", [["", "1"]]],
  ["characters of several bytes, and Unicode's line separators", "data: é😀\u2028ü\u0085\n\n", [["", "é😀\u2028ü\u0085"]]],
];

for (const [name, text, expected] of CASES) {
  test(`${name}, however the bytes are cut`, async () => {
    for (let size = 1; size <= 8; size += 1) assert.deepEqual(await eventsOf(text, size), expected, `pieces of ${size}`);
    assert.deepEqual(await eventsOf(text, 10_000), expected);
  });
}

test("all that arrives is noticed, comments too", async () => {
  let arrived = 0;

  for await (const event of readEvents(streamOf(":\n\n:\n\ndata: 1\n\n", 3).stream, () => (arrived += 1))) assert.ok(event);

  assert.equal(arrived, 5);
});

test("a reader that leaves cancels the stream", async () => {
  const state = streamOf("data: 1\n\ndata: 2\n\n", 4);

  for await (const event of readEvents(state.stream)) {
    assert.equal(event.data, "1");
    break;
  }

  assert.equal(state.cancelled, true);
});

test("a stream that fails passes its failure on", async () => {
  const failing = new ReadableStream({ pull: (control) => control.error(new TypeError("cut")) });

  await assert.rejects(async () => {
    for await (const event of readEvents(failing)) assert.fail(event.name);
  }, TypeError);
});
