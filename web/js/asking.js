import { ApiError } from "./errors.js";
import { ANSWER_TIMEOUT, STREAM_TIMEOUT } from "./http.js";
import { randomText } from "./random.js";

/** One question, from its first request to its answer, with the rules of travel_gpt/client for repeating it. */

/** How often a request is repeated that failed. */
const RETRIES = 2;

/** Seconds before a request is repeated whose connection failed. */
const RETRY_PAUSE = 0.5;

/** Seconds; where the API asks for more, the request is not repeated. */
const LONGEST_PAUSE = 20;

/** Milliseconds in which a stream that was stopped ends: its function looks for that every 2 s. */
const STOP_TIMEOUT = 5000;

/**
 * What is called while an answer arrives, each with the data of the event of docs/streaming.md or docs/itineraries.md.
 * A buffered answer calls them too, one after another, each with all of it.
 * @typedef {object} AskHandlers
 * @property {(data: Api.StreamStart) => void} [start] may come again: then what was shown is to be cleared
 * @property {(data: Api.StreamDelta) => void} [delta]
 * @property {(data: Api.StreamOutline) => void} [outline]
 * @property {(data: Api.StreamDay) => void} [day]
 * @property {(data: Api.StreamRevised) => void} [revised]
 * @property {(data: Api.StreamItinerary) => void} [itinerary]
 * @property {(data: Api.StreamChecks) => void} [checks]
 * @property {(data: Api.StreamUsage) => void} [usage]
 * @property {(data: Api.StreamDone) => void} [done]
 * @property {(data: { error: ApiError }) => void} [waiting] the request failed, and is repeated in a while
 */

/**
 * An answer, as POST /travel-gpt has it; what was stopped may have less.
 * @typedef {object} Answered
 * @property {string} answer
 * @property {string} model
 * @property {string} request_id
 * @property {boolean} truncated
 * @property {boolean} [stopped] the reader stopped it
 * @property {Api.Usage | null} [usage]
 * @property {Api.Budget} [budget]
 * @property {string[]} [warnings]
 * @property {Api.Trip} [itinerary]
 * @property {{ [name: string]: unknown }} [understood]
 * @property {Api.Checks} [checks]
 * @property {Api.Repair} [repair]
 */

/** @typedef {Pick<import("./http.js").PageApi, "ask" | "stream" | "stop">} AnswerApi */

/** A question that is asked. */
export class Asking {
  #api;
  #request;
  #streaming;
  #handlers;
  #control = new AbortController();
  #requestId = "";
  #reading = false;
  #stopped = false;
  #refused = false;
  /** @type {Answered} */
  #answer = { answer: "", model: "", request_id: "", truncated: true };
  /** @type {() => void} */
  #ended = () => {};
  /** @type {Promise<void>} */
  #end = new Promise((resolve) => (this.#ended = resolve));

  /**
   * @param {AnswerApi} api
   * @param {Api.Query} request
   * @param {object} options
   * @param {string} [options.key] the idempotency key: with that of an earlier try, the answer is paid for once
   * @param {boolean} [options.streaming] whether the API streams
   * @param {AskHandlers} [options.handlers]
   */
  constructor(api, request, { key = randomText(16), streaming = true, handlers = {} } = {}) {
    this.#api = api;
    this.#request = request;
    this.#streaming = streaming;
    this.#handlers = handlers;
    /** The idempotency key: the same question with it gets the same answer for ten minutes. */
    this.key = key;
  }

  /**
   * Asks. What the reader stopped is an answer too.
   * @returns {Promise<Answered>}
   * @throws {ApiError} there is no answer, or not the whole one
   */
  async run() {
    try {
      return await this.#repeated();
    } catch (error) {
      if (!this.#stopped || !(error instanceof ApiError)) throw error;
      Object.assign(this.#answer, { truncated: true, stopped: true });
      this.#handlers.done?.({ truncated: true, stopped: true });
      return this.#answer;
    } finally {
      this.#ended();
    }
  }

  /** Stops the answer, so that it costs no more. `run` returns what there is of it. */
  async stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    try {
      if (this.#requestId) {
        await this.#api.stop(this.#requestId);
        // What is written until it ends arrives too.
        if (this.#reading) await Promise.race([this.#end, pause(STOP_TIMEOUT)]);
      }
    } catch {
      // Then its connection is closed, which some servers see.
    }
    this.#control.abort();
  }

  /** @returns {Promise<Answered>} */
  async #repeated() {
    const until = Date.now() + (this.#streaming ? STREAM_TIMEOUT : ANSWER_TIMEOUT);
    let left = RETRIES;
    for (;;) {
      try {
        return this.#streaming ? await this.#streamed() : await this.#buffered();
      } catch (error) {
        if (!(error instanceof ApiError) || this.#stopped || this.#refused) throw error;
        if (this.#streaming && error.code === "streaming_disabled") {
          this.#streaming = false;
          continue;
        }
        const seconds = pauseAfter(error);
        // An earlier try still runs: its answer is waited for.
        const runs = error.code === "request_in_progress" && Date.now() < until;
        if (seconds === null || !(left || runs)) throw error;
        if (!runs) left -= 1;
        this.#handlers.waiting?.({ error });
        await pause(seconds * 1000, this.#control.signal);
      }
    }
  }

  /** @returns {Promise<Answered>} */
  async #streamed() {
    const { requestId, events } = await this.#api.stream(this.#request, this.key, this.#control.signal);
    this.#requestId = requestId || this.#requestId;
    this.#reading = true;
    try {
      for await (const { name, data } of events) {
        if (this.#take(name, data)) return this.#answer;
      }
    } finally {
      this.#reading = false;
    }
    throw new ApiError("cut", { requestId: this.#requestId });
  }

  /** @returns {Promise<Answered>} */
  async #buffered() {
    const body = await this.#api.ask(this.#request, this.key, this.#control.signal);
    this.#take("start", body);
    if (body.itinerary) this.#take("itinerary", body);
    else this.#take("delta", { text: body.answer });
    if (body.checks) this.#take("checks", body);
    this.#take("usage", body);
    this.#take("done", body);
    return this.#answer;
  }

  /**
   * Takes one event; those of later versions are ignored.
   * @param {string} name
   * @param {any} data
   * @returns {boolean} whether the answer is complete
   */
  #take(name, data) {
    switch (name) {
      case "start":
        this.#requestId = data.request_id;
        this.#answer = { answer: "", model: data.model, request_id: data.request_id, truncated: true };
        this.#handlers.start?.(data);
        break;
      case "delta":
        this.#answer.answer += data.text;
        this.#handlers.delta?.(data);
        break;
      case "outline":
      case "day":
      case "revised":
        this.#handlers[name]?.(data);
        break;
      case "itinerary":
      case "checks":
      case "usage":
        Object.assign(this.#answer, data);
        this.#handlers[name]?.(data);
        break;
      case "done":
        this.#answer.truncated = data.truncated === true;
        if (data.stopped === true) this.#answer.stopped = true;
        this.#handlers.done?.(data);
        return true;
      case "error":
        // What the model wrote until then may be paid for: only a person asks again.
        this.#refused = true;
        throw new ApiError(String(data.code), {
          message: String(data.message),
          requestId: String(data.request_id),
          retryAfter: typeof data.retry_after === "number" ? data.retry_after : null,
        });
    }
    return false;
  }
}

/**
 * Returns the seconds before a request is repeated; null where it is not.
 * @param {ApiError} error
 * @returns {number | null}
 */
function pauseAfter(error) {
  if (error.retryAfter !== null) return error.retryAfter <= LONGEST_PAUSE ? error.retryAfter : null;
  // The answer is not paid for twice: the idempotency key is the same.
  return ["connection_failed", "cut", "timed_out"].includes(error.code) ? RETRY_PAUSE : null;
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, milliseconds);
    const aborted = () => {
      clearTimeout(timeout);
      reject(new ApiError("aborted"));
    };
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted) aborted();
  });
}
