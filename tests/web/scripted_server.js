/** A server on this machine that answers as a test says, over real HTTP. */

import { createServer } from "node:http";

/**
 * Starts a server that answers each request with the next of some answers.
 * @param {import("node:test").TestContext} context the test, at whose end it is closed
 * @param {((request: Request, response: import("node:http").ServerResponse) => unknown)[]} answers
 * @returns {Promise<{ base: string, requests: object[] }>} where the stage is, and what was received
 */
export async function scriptedServer(context, answers) {
  const requests = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      requests.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      const answer = answers.shift();
      if (answer) answer(response, request);
      else response.destroy();
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { base: `http://127.0.0.1:${server.address().port}/Prod`, requests };
}

/** Answers with JSON. */
export function json(status, body, headers = {}) {
  return (response) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
}

/** Refuses, with the body of docs/errors.md. */
export function refusal(status, code, headers = {}) {
  return json(status, { status: "error", code, message: `said of ${code}`, request_id: "r-1", timestamp: 1 }, headers);
}

/** Answers with events, as docs/streaming.md has them; `end` says what happens after the last. */
export function events(list, end = (response) => response.end()) {
  return (response, request) => {
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "x-amzn-requestid": "r-early" });
    for (const [name, data] of list) response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    // What was written is on its way before the connection is cut.
    setTimeout(() => end(response, request), 20);
  };
}

/** Cuts the connection. */
export function cut(response) {
  response.destroy();
}
