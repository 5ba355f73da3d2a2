import assert from "node:assert/strict";
import test from "node:test";

import { ApiError } from "../../web/js/errors.js";
import { Asking } from "../../web/js/asking.js";
import { PageApi } from "../../web/js/http.js";
import { cut, events, json, refusal, scriptedServer } from "./scripted_server.js";

const START = ["start", { request_id: "r-9", model: "m" }];
const USAGE = ["usage", { usage: { total_tokens: 3 }, budget: { left_usd: 1 }, warnings: ["80 %"] }];
const DONE = ["done", { truncated: false, text_milliseconds: 5 }];
const TRIP = { title: "Oslo", days: [] };
const PROSE = [START, ["delta", { text: "Three " }], ["delta", { text: "days." }], USAGE, DONE];
const NAMES = ["start", "delta", "outline", "day", "revised", "itinerary", "checks", "usage", "done", "waiting"];
const QUESTION = { query: "Oslo?", nights: 2 };

/** Starts a question to a scripted server, and notes what its handlers are called with. */
async function ask(context, answers, options = {}) {
  const server = await scriptedServer(context, answers);
  const called = [];
  const handlers = Object.fromEntries(NAMES.map((name) => [name, (data) => called.push([name, data])]));
  const asking = new Asking(new PageApi(server.base), QUESTION, { handlers, ...options });
  return { asking, called, names: () => called.map(([name]) => name), requests: server.requests };
}

/** Waits until something is so, however busy the machine is. */
async function until(isSo) {
  for (const end = Date.now() + 20_000; !isSo() && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(isSo());
}

const lastOf = (url) => url.replace("/Prod/travel-gpt/app/api/", "");

test("a streamed text", async (context) => {
  const { asking, called, requests } = await ask(context, [events(PROSE)], { key: "key-1" });

  const answer = await asking.run();

  assert.deepEqual(called, PROSE);
  assert.deepEqual(answer, {
    answer: "Three days.",
    model: "m",
    request_id: "r-9",
    truncated: false,
    ...USAGE[1],
  });
  assert.deepEqual([requests[0].headers["idempotency-key"], JSON.parse(requests[0].body)], ["key-1", QUESTION]);
});

test("a streamed trip, with events that this page does not know", async (context) => {
  const trip = [
    START,
    ["outline", { itinerary: TRIP }],
    ["day", { day: { number: 2 } }],
    ["of_next_year", { a: 1 }],
    ["revised", { day: { number: 2 } }],
    ["itinerary", { answer: "# Oslo", itinerary: TRIP, understood: { nights: 2 } }],
    ["checks", { checks: { verified: true }, repair: { outcome: "done" } }],
    USAGE,
    ["done", { truncated: true }],
  ];
  const { asking, called } = await ask(context, [events(trip)]);

  const answer = await asking.run();

  assert.deepEqual(called, trip.filter(([name]) => name !== "of_next_year"));
  assert.deepEqual(
    [answer.answer, answer.itinerary, answer.understood, answer.checks, answer.repair, answer.truncated],
    ["# Oslo", TRIP, { nights: 2 }, { verified: true }, { outcome: "done" }, true],
  );
});

test("a buffered answer calls the same handlers", async (context) => {
  const body = { status: "success", model: "m", request_id: "r-9", truncated: false, ...USAGE[1] };
  const checks = { checks: { verified: true }, repair: { outcome: "done" } };
  const trip = { answer: "# Oslo", itinerary: TRIP, understood: {}, ...checks };
  const first = await ask(context, [json(200, { ...body, answer: "Three days." })], { streaming: false });
  const second = await ask(context, [json(200, { ...body, ...trip })], { streaming: false });

  const answers = [await first.asking.run(), await second.asking.run()];

  assert.deepEqual(answers.map(({ answer }) => answer), ["Three days.", "# Oslo"]);
  assert.deepEqual(first.names(), ["start", "delta", "usage", "done"]);
  assert.deepEqual(second.names(), ["start", "itinerary", "checks", "usage", "done"]);
  assert.deepEqual(second.called[2][1].checks, checks.checks);
  assert.deepEqual(second.called[3][1].budget, USAGE[1].budget);
  assert.equal(lastOf(first.requests[0].url), "ask");
  assert.notEqual(first.asking.key, second.asking.key);
});

test("where the API does not stream, the answer is waited for, with the same key", async (context) => {
  const whole = json(200, { answer: "Yes.", model: "m", request_id: "r", usage: null, truncated: false });
  const { asking, names, requests } = await ask(context, [refusal(409, "streaming_disabled"), whole]);

  const answer = await asking.run();

  assert.deepEqual([answer.answer, answer.usage], ["Yes.", null]);
  assert.deepEqual(names(), ["start", "delta", "usage", "done"]);
  assert.deepEqual(requests.map(({ url }) => lastOf(url)), ["stream", "ask"]);
  assert.equal(requests[0].headers["idempotency-key"], requests[1].headers["idempotency-key"]);
});

test("a stream that was cut is asked for again with the same key, and what was shown is cleared", async (context) => {
  const stored = [["start", { ...START[1], repeated: true }], ["delta", { text: "Three days." }], USAGE, DONE];
  const answers = [
    cut,
    events(PROSE.slice(0, 2), cut),
    refusal(409, "request_in_progress", { "Retry-After": "0" }),
    refusal(409, "request_in_progress", { "Retry-After": "0" }),
    refusal(409, "request_in_progress", { "Retry-After": "0" }),
    events(stored),
  ];
  const { asking, names, called, requests } = await ask(context, answers);

  const answer = await asking.run();

  assert.equal(answer.answer, "Three days.");
  const waited = Array(3).fill("waiting");
  assert.deepEqual(names(), ["waiting", "start", "delta", "waiting", ...waited, "start", "delta", "usage", "done"]);
  assert.equal(called[0][1].error.code, "connection_failed");
  assert.equal(called[3][1].error.code, "cut");
  assert.equal(new Set(requests.map(({ headers }) => headers["idempotency-key"])).size, 1);
});

test("a request is repeated twice, and not where that would take long or not help", async (context) => {
  const cases = [
    [[cut, cut, cut], "connection_failed", 3],
    [[events([START]), events([START]), events([START])], "cut", 3],
    [[refusal(429, "rate_limited", { "Retry-After": "0" }), cut, refusal(503, "paused")], "paused", 3],
    [[refusal(429, "budget_exhausted", { "Retry-After": "21" })], "budget_exhausted", 1],
    [[refusal(502, "upstream_error")], "upstream_error", 1],
    [[refusal(401, "session_expired")], "session_expired", 1],
  ];
  await Promise.all(
    cases.map(async ([answers, code, count]) => {
      const { asking, requests } = await ask(context, answers);

      await assert.rejects(asking.run(), { name: "ApiError", code });
      assert.equal(requests.length, count, code);
    }),
  );
});

test("an error event ends the answer: what was written may be paid for", async (context) => {
  const error = { code: "upstream_error", message: "said", request_id: "r-9", retry_after: 1 };
  const { asking, requests } = await ask(context, [events([...PROSE.slice(0, 2), ["error", error]])]);

  const failed = await asking.run().catch((found) => found);

  assert.ok(failed instanceof ApiError);
  assert.deepEqual([failed.code, failed.said, failed.requestId, failed.retryAfter], ["upstream_error", "said", "r-9", 1]);
  assert.equal(requests.length, 1);
});

test("stopped by its route, an answer has all that was written until its end", async (context) => {
  let stream;
  const open = events(PROSE.slice(0, 2), (response) => (stream = response));
  const stop = (response) => {
    json(202, { status: "success" })(response);
    for (const [name, data] of [["delta", { text: "more " }], ["done", { truncated: true, stopped: true }]]) {
      stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  };
  const { asking, names, requests } = await ask(context, [open, stop]);
  const answered = asking.run();
  await until(() => names().includes("delta") && stream);

  await Promise.all([asking.stop(), asking.stop()]);

  const answer = await answered;
  assert.deepEqual([answer.answer, answer.stopped, answer.truncated], ["Three more ", true, true]);
  assert.deepEqual(names(), ["start", "delta", "delta", "done"]);
  assert.deepEqual(requests.map(({ url }) => lastOf(url)), ["stream", "stream/r-9/stop"]);
});

test("where the route cannot stop it, its connection is closed", async (context) => {
  let closed;
  const gone = new Promise((resolve) => (closed = resolve));
  let watched = false;
  const open = events(PROSE.slice(0, 2), (response) => {
    response.on("close", closed);
    watched = true;
  });
  const { asking, called } = await ask(context, [open, refusal(404, "not_found")]);
  const answered = asking.run();
  await until(() => watched && called.some(([name]) => name === "delta"));

  await asking.stop();

  assert.deepEqual((await answered).stopped, true);
  assert.deepEqual(called.at(-1), ["done", { truncated: true, stopped: true }]);
  await gone;
});

test("stopped before the answer begins, or while it waits, nothing is asked again", async (context) => {
  const silent = await ask(context, [() => {}]);
  const waiting = await ask(context, [refusal(429, "rate_limited", { "Retry-After": "19" })]);
  const answers = [silent.asking.run(), waiting.asking.run()];
  await until(() => silent.requests.length === 1 && waiting.names().includes("waiting"));

  await silent.asking.stop();
  await waiting.asking.stop();

  for (const answer of await Promise.all(answers)) assert.deepEqual([answer.answer, answer.stopped], ["", true]);
  assert.deepEqual(silent.names(), ["done"]);
  assert.deepEqual(waiting.names(), ["waiting", "done"]);
  assert.deepEqual([silent.requests.length, waiting.requests.length], [1, 1]);
});

test("a bug in a handler is not taken for a failure of the API", async (context) => {
  const handlers = { delta: () => { throw new TypeError("a bug"); } };
  const { asking, requests } = await ask(context, [events(PROSE)], { handlers });

  await assert.rejects(asking.run(), TypeError);
  assert.equal(requests.length, 1);
});
