import { ApiError } from "./errors.js";
import { readEvents } from "./sse.js";

/** The requests of the page: where they go, how long they may take, and what failures mean. */

/** Milliseconds for what the API answers without the model. */
const QUICK_TIMEOUT = 15_000;

/** Milliseconds for a whole answer. API Gateway ends a request after 29 s. */
export const ANSWER_TIMEOUT = 35_000;

/** Milliseconds between two pieces of a stream, which has a comment in every 10 s without an event. */
const IDLE_TIMEOUT = 30_000;

/** Milliseconds for a whole stream. API Gateway ends one after 15 minutes. */
export const STREAM_TIMEOUT = 900_000;

/** @typedef {{ name: string, data: { [name: string]: unknown } }} AnswerEvent */
/** @typedef {{ requestId: string, events: AsyncGenerator<AnswerEvent, void, void> }} EventStream */

/** The API of the page. */
export class PageApi {
  #root;
  #fetch;

  /**
   * @param {string} base what the paths of the stage begin with, such as /Prod
   * @param {typeof fetch} send
   */
  constructor(base, send = (...request) => fetch(...request)) {
    this.#root = `${base}/travel-gpt/app/api`;
    this.#fetch = send;
  }

  /**
   * Asks who may ask on this device, and what is left of the budget.
   * @returns {Promise<Api.Me>}
   */
  async me() {
    const timer = new RequestTimer(QUICK_TIMEOUT);
    const body = await this.#json("me", { method: "GET" }, timer);
    if (typeof body.session !== "string") throw new ApiError("unexpected_answer", { status: 200 });
    return /** @type {Api.Me} */ (/** @type {unknown} */ (body));
  }

  /**
   * Redeems an invitation. Repeated with the same nonce, it uses up no other device.
   * @param {Api.Redeem} invitation
   * @returns {Promise<Api.Redeemed>}
   */
  async redeem(invitation) {
    const body = await this.#json("redeem", posted(invitation), new RequestTimer(QUICK_TIMEOUT));
    return /** @type {Api.Redeemed} */ (/** @type {unknown} */ (body));
  }

  /** Ends the session of this device. */
  async signOut() {
    await this.#json("sign-out", posted({}), new RequestTimer(QUICK_TIMEOUT));
  }

  /**
   * Asks, and waits for the whole answer.
   * @param {Api.Query} request
   * @param {string} key the idempotency key
   * @param {AbortSignal} [signal]
   * @returns {Promise<Api.Answer>}
   */
  async ask(request, key, signal) {
    const body = await this.#json("ask", posted(request, key), new RequestTimer(ANSWER_TIMEOUT, signal));
    if (typeof body.answer !== "string") throw new ApiError("unexpected_answer", { status: 200 });
    return /** @type {Api.Answer} */ (/** @type {unknown} */ (body));
  }

  /**
   * Asks, and returns the events of the answer while it is written.
   * @param {Api.Query} request
   * @param {string} key the idempotency key
   * @param {AbortSignal} [signal]
   * @returns {Promise<EventStream>}
   */
  async stream(request, key, signal) {
    const timer = new RequestTimer(IDLE_TIMEOUT, signal);
    const response = await this.#send("stream", posted(request, key), timer);
    const type = response.headers.get("content-type")?.split(";")[0]?.trim();
    if (type !== "text/event-stream" || !response.body) {
      timer.end();
      throw new ApiError("unexpected_answer", { status: response.status });
    }
    // The event `start` has it too, which may come seconds later.
    return { requestId: requestIdOf(response), events: answerEvents(response.body, timer) };
  }

  /**
   * Stops a stream: a deployed API does not see when its reader leaves.
   * @param {string} requestId
   */
  async stop(requestId) {
    const timer = new RequestTimer(QUICK_TIMEOUT);
    await this.#json(`stream/${encodeURIComponent(requestId)}/stop`, posted({}), timer);
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   * @param {RequestTimer} timer
   * @returns {Promise<{ [name: string]: unknown }>}
   */
  async #json(path, init, timer) {
    try {
      const response = await this.#send(path, init, timer);
      const body = jsonObject(await timer.during(response.text()));
      if (body === null) throw new ApiError("unexpected_answer", { status: response.status });
      return body;
    } finally {
      timer.end();
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   * @param {RequestTimer} timer it is ended where this throws
   * @returns {Promise<Response>} a 2xx, with its body to be read
   */
  async #send(path, init, timer) {
    try {
      const sent = this.#fetch(`${this.#root}/${path}`, {
        cache: "no-store",
        redirect: "error",
        signal: timer.signal,
        ...init,
      });
      const response = await timer.during(sent);
      if (response.ok) return response;
      throw refusal(response, jsonObject(await timer.during(response.text())));
    } catch (error) {
      timer.end();
      throw error;
    }
  }
}

/** Ends a request that takes too long, or that its reader ended. */
class RequestTimer {
  #control = new AbortController();
  #milliseconds;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timeout;
  #forget;

  /**
   * @param {number} milliseconds
   * @param {AbortSignal} [reader] with which the reader ends the request
   */
  constructor(milliseconds, reader) {
    this.#milliseconds = milliseconds;
    const abort = () => this.abort("aborted");
    reader?.addEventListener("abort", abort);
    this.#forget = () => reader?.removeEventListener("abort", abort);
    if (reader?.aborted) abort();
    this.restart();
  }

  get signal() {
    return this.#control.signal;
  }

  /** Gives the request the whole time again. */
  restart() {
    clearTimeout(this.#timeout);
    this.#timeout = setTimeout(() => this.abort("timed_out"), this.#milliseconds);
  }

  /**
   * Ends the request.
   * @param {string} code why
   */
  abort(code) {
    this.#control.abort(new ApiError(code));
  }

  /** Forgets the request, which is over. */
  end() {
    clearTimeout(this.#timeout);
    this.#forget();
  }

  /**
   * Waits for a part of the request.
   * @template T
   * @param {Promise<T>} part
   * @returns {Promise<T>}
   */
  async during(part) {
    try {
      return await part;
    } catch (error) {
      throw this.failure(error, "connection_failed");
    }
  }

  /**
   * Returns what it means that a part of the request failed.
   * @param {unknown} error
   * @param {string} code that of the failure of a connection
   * @returns {unknown}
   */
  failure(error, code) {
    if (error instanceof ApiError) return error;
    // Browsers differ in what an ended request fails with.
    if (this.signal.aborted) return this.signal.reason;
    return new ApiError(globalThis.navigator?.onLine === false ? "offline" : code);
  }
}

/**
 * @param {ReadableStream<Uint8Array>} body
 * @param {RequestTimer} timer
 * @returns {AsyncGenerator<AnswerEvent, void, void>}
 */
async function* answerEvents(body, timer) {
  const begun = Date.now();
  const arrived = () => (Date.now() - begun < STREAM_TIMEOUT ? timer.restart() : timer.abort("timed_out"));
  try {
    for await (const event of readEvents(body, arrived)) {
      const data = jsonObject(event.data);
      if (data === null) throw new ApiError("unexpected_answer", { status: 200 });
      yield { name: event.name, data };
    }
  } catch (error) {
    throw timer.failure(error, "cut");
  } finally {
    timer.end();
  }
}

/**
 * @param {object} body
 * @param {string} [key]
 * @returns {RequestInit}
 */
function posted(body, key) {
  /** @type {{ [name: string]: string }} */
  // Pages of other origins cannot send this header without being asked for permission first.
  const headers = { "Content-Type": "application/json", "X-Travel-GPT": "page" };
  if (key) headers["Idempotency-Key"] = key;
  return { method: "POST", headers, body: JSON.stringify(body) };
}

/**
 * @param {Response} response
 * @param {{ [name: string]: unknown } | null} body
 * @returns {ApiError}
 */
function refusal(response, body) {
  const known = body !== null && typeof body.code === "string" && typeof body.message === "string";
  return new ApiError(known ? String(body.code) : "unexpected_answer", {
    message: known ? String(body.message) : "",
    status: response.status,
    requestId: typeof body?.request_id === "string" ? body.request_id : requestIdOf(response),
    retryAfter: secondsOf(response.headers.get("retry-after") ?? ""),
  });
}

/**
 * @param {Response} response
 * @returns {string}
 */
function requestIdOf(response) {
  return response.headers.get("x-amzn-requestid") ?? "";
}

/**
 * Returns the seconds of Retry-After: a number, or a date (RFC 9110, section 10.2.3).
 * @param {string} value
 * @returns {number | null}
 */
function secondsOf(value) {
  if (/^\d+$/.test(value.trim())) return Number(value.trim().slice(0, 9));
  const moment = Date.parse(value);
  return Number.isNaN(moment) ? null : Math.max(0, Math.round((moment - Date.now()) / 1000));
}

/**
 * @param {string} content
 * @returns {{ [name: string]: unknown } | null}
 */
function jsonObject(content) {
  try {
    const found = JSON.parse(content);
    return found !== null && typeof found === "object" && !Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}
