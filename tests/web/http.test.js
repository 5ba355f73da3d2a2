import assert from "node:assert/strict";
import test from "node:test";

import { PageApi } from "../../web/js/http.js";
import { cut, events, json, refusal, scriptedServer } from "./scripted_server.js";

const ME = { status: "success", access: "invitation", session: "none", client: null, problem: null };

async function read(stream) {
  const found = [];
  for await (const { name, data } of stream.events) found.push([name, data]);
  return found;
}

test("me is a GET without our header", async (context) => {
  const server = await scriptedServer(context, [json(200, ME)]);

  const me = await new PageApi(server.base).me();

  assert.equal(me.session, "none");
  const [request] = server.requests;
  assert.deepEqual([request.method, request.url], ["GET", "/Prod/travel-gpt/app/api/me"]);
  assert.equal(request.headers["x-travel-gpt"], undefined);
});

test("every POST has our header, and a question its idempotency key", async (context) => {
  const stopping = json(202, { status: "success" });
  const server = await scriptedServer(context, [
    json(200, { status: "success", client: { name: "ann", expires_at: 5 } }),
    json(200, { status: "success", answer: "Yes." }),
    events([["done", {}]]),
    stopping,
    json(200, { status: "success" }),
  ]);
  const api = new PageApi(server.base);

  const redeemed = await api.redeem({ code: "c", nonce: "n", device: "d" });
  await api.ask({ query: "Oslo?" }, "key-1");
  await read(await api.stream({ query: "Oslo?" }, "key-2"));
  await api.stop("a/b?c");
  await api.signOut();

  assert.equal(redeemed.client.name, "ann");
  const sent = server.requests.map(({ url, body, headers }) => [
    url.replace("/Prod/travel-gpt/app/api/", ""),
    JSON.parse(body),
    headers["idempotency-key"],
  ]);
  assert.deepEqual(sent, [
    ["redeem", { code: "c", nonce: "n", device: "d" }, undefined],
    ["ask", { query: "Oslo?" }, "key-1"],
    ["stream", { query: "Oslo?" }, "key-2"],
    ["stream/a%2Fb%3Fc/stop", {}, undefined],
    ["sign-out", {}, undefined],
  ]);
  for (const { method, headers } of server.requests) {
    assert.equal(method, "POST");
    assert.equal(headers["x-travel-gpt"], "page");
    assert.equal(headers["content-type"], "application/json");
  }
});

test("a refusal has the code, the message, the id and the time to wait", async (context) => {
  const server = await scriptedServer(context, [
    refusal(429, "rate_limited", { "Retry-After": "7" }),
    refusal(503, "paused", { "Retry-After": new Date(Date.now() + 60_000).toUTCString() }),
    refusal(401, "session_expired", { "Retry-After": "soon" }),
  ]);
  const api = new PageApi(server.base);

  const [first, second, third] = [
    await api.ask({ query: "?" }, "k").catch((error) => error),
    await api.stream({ query: "?" }, "k").catch((error) => error),
    await api.me().catch((error) => error),
  ];

  assert.deepEqual(
    [first.code, first.said, first.status, first.requestId, first.retryAfter],
    ["rate_limited", "said of rate_limited", 429, "r-1", 7],
  );
  assert.equal(second.code, "paused");
  assert.ok(Math.abs(second.retryAfter - 60) <= 2);
  assert.deepEqual([third.code, third.retryAfter], ["session_expired", null]);
});

test("what is not of this API is an unexpected answer, with its status", async (context) => {
  const html = (status) => (response) => {
    response.writeHead(status, { "Content-Type": "text/html", "x-amzn-requestid": "r-2" });
    response.end("<title>Bad gateway</title>");
  };
  const server = await scriptedServer(context, [html(502), html(200), json(200, []), json(200, {}), json(200, {})]);
  const api = new PageApi(server.base);

  const failures = [
    await api.me().catch((error) => error),
    await api.me().catch((error) => error),
    await api.ask({ query: "?" }, "k").catch((error) => error),
    await api.ask({ query: "?" }, "k").catch((error) => error),
    await api.stream({ query: "?" }, "k").catch((error) => error),
  ];

  assert.deepEqual(failures.map((error) => error.code), Array(5).fill("unexpected_answer"));
  assert.deepEqual(failures.map((error) => error.status), [502, 200, 200, 200, 200]);
  assert.equal(failures[0].requestId, "r-2");
});

test("a connection that fails before the answer, within it, and a redirect", async (context) => {
  const half = (response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "100" });
    response.write('{"status"');
    setTimeout(() => response.destroy(), 20);
  };
  const away = (response) => {
    response.writeHead(302, { Location: "/elsewhere" });
    response.end();
  };
  const server = await scriptedServer(context, [cut, half, away, json(200, ME)]);
  const api = new PageApi(server.base);

  for (let each = 0; each < 3; each += 1) {
    await assert.rejects(api.me(), { name: "ApiError", code: "connection_failed" });
  }
  assert.equal(server.requests.length, 3);
});

test("a device without a connection is said to be offline", async (context) => {
  const server = await scriptedServer(context, [cut]);
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  context.after(() => {
    if (before) Object.defineProperty(globalThis, "navigator", before);
    else delete globalThis.navigator;
  });

  await assert.rejects(new PageApi(server.base).me(), { code: "offline" });
});

test("the events of a stream, and the id before the first", async (context) => {
  const server = await scriptedServer(context, [events([["start", { request_id: "r" }], ["delta", { text: "a" }]])]);

  const stream = await new PageApi(server.base).stream({ query: "?" }, "k");

  assert.equal(stream.requestId, "r-early");
  assert.deepEqual(await read(stream), [["start", { request_id: "r" }], ["delta", { text: "a" }]]);
});

test("a stream that is cut, one whose data is no object, and one that its reader ends", async (context) => {
  const server = await scriptedServer(context, [
    events([["delta", { text: "a" }]], cut),
    events([["delta", "text"]]),
    events([["delta", { text: "a" }]], () => {}),
  ]);
  const api = new PageApi(server.base);
  const control = new AbortController();

  await assert.rejects(read(await api.stream({ query: "?" }, "k")), { code: "cut" });
  await assert.rejects(read(await api.stream({ query: "?" }, "k")), { code: "unexpected_answer" });
  const third = await api.stream({ query: "?" }, "k", control.signal);
  setTimeout(() => control.abort(), 60);
  await assert.rejects(read(third), { code: "aborted" });
});

test("what its reader ended before is not sent", async (context) => {
  const server = await scriptedServer(context, [json(200, { answer: "Yes." })]);

  await assert.rejects(new PageApi(server.base).ask({ query: "?" }, "k", AbortSignal.abort()), { code: "aborted" });
  assert.equal(server.requests.length, 0);
});

test("an answer may take its time, and no longer", async (context) => {
  // Time is the test's here, so that the page's own limits are the ones that are tested.
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const hanging = (url, { signal }) =>
    new Promise((resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const api = new PageApi("", hanging);

  const answer = api.ask({ query: "?" }, "k").then(assert.fail, (error) => error.code);
  context.mock.timers.tick(34_000);
  const late = await Promise.race([answer, Promise.resolve("waits")]);
  context.mock.timers.tick(1_000);

  assert.equal(late, "waits");
  assert.equal(await answer, "timed_out");
});

test("a stream may last as long as something arrives, for fifteen minutes", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let control;
  const streaming = async (url, { signal }) => {
    const body = new ReadableStream({ start: (found) => (control = found) });
    signal.addEventListener("abort", () => control.error(signal.reason));
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  };
  const next = () => new Promise((resolve) => setImmediate(resolve));
  const api = new PageApi("", streaming);
  const codes = [];
  const follow = async () => codes.push(await read(await api.stream({ query: "?" }, "k")).catch((error) => error.code));

  // Given a stream with a comment every 10 s, and one that falls silent
  const alive = follow();
  for (let seconds = 0; seconds < 890; seconds += 10) {
    await next();
    context.mock.timers.tick(10_000);
    control.enqueue(new TextEncoder().encode(":\n\n"));
  }
  await next();
  const before = [...codes];
  context.mock.timers.tick(10_000);
  control.enqueue(new TextEncoder().encode(":\n\n"));
  await alive;
  const silent = follow();
  await next();
  context.mock.timers.tick(30_000);
  await silent;

  // Then the first ends after fifteen minutes, and the other after 30 s
  assert.deepEqual(before, []);
  assert.deepEqual(codes, ["timed_out", "timed_out"]);
});
