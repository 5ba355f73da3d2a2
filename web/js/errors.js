import { moment, timeUntil } from "./format.js";
import { text } from "./strings.js";

/**
 * What can fail, and what a person can do about it.
 *
 * The codes are those of docs/errors.md, and these of the page itself:
 *   offline, connection_failed, timed_out   no answer came
 *   cut                                     a stream ended before the answer was complete
 *   aborted                                 the reader ended the request
 *   unexpected_answer                       what answered is not this version of the API
 */

/** A request that failed. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {object} known
   * @param {string} [known.message] what the API says
   * @param {number | null} [known.status] the HTTP status; null where there was none
   * @param {string} [known.requestId] what the owner can search the log for
   * @param {number | null} [known.retryAfter] seconds after which another try may succeed
   */
  constructor(code, { message = "", status = null, requestId = "", retryAfter = null } = {}) {
    super(message || code);
    this.name = "ApiError";
    this.code = code;
    /** What the API says; empty where it said nothing. */
    this.said = message;
    this.status = status;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/**
 * What a person can do next:
 *   retry        ask again, with the same key: that is paid for once
 *   wait         the same, later
 *   change       change the question
 *   invitation   open an invitation
 *   owner        ask the owner
 *   reload       reload the page
 *   none         nothing
 * @typedef {"retry" | "wait" | "change" | "invitation" | "owner" | "reload" | "none"} ErrorAction
 */

/** @typedef {import("./strings.js").TextKey} ErrorText */
/** @typedef {[cause: ErrorText, action: ErrorAction, next?: ErrorText]} ErrorKind */

/** @type {{ [action in ErrorAction]: ErrorText | null }} */
const NEXT_STEPS = {
  retry: "next.retry",
  wait: "next.later",
  change: "next.change",
  invitation: "next.invitation",
  owner: "next.owner",
  reload: "next.reload",
  none: null,
};

/** @type {ErrorKind} */
const OF_REQUEST = ["error.request", "change"];
/** @type {ErrorKind} */
const NOT_READY = ["error.not_ready", "owner"];

/** @type {{ [code: string]: ErrorKind }} */
const KINDS = {
  // The session, and who may ask.
  session_required: ["error.session", "invitation"],
  session_expired: ["error.session_over", "invitation"],
  invitation_invalid: ["error.invitation", "owner"],
  origin_refused: ["error.origin", "reload"],
  // A policy of the API refuses the caller. What API Gateway says is about API keys, which no visitor has.
  forbidden: ["error.forbidden", "owner"],
  client_disabled: ["error.access", "owner"],
  client_expired: ["error.expired", "owner"],
  page_disabled: ["error.page_disabled", "owner"],
  // Limits.
  budget_exhausted: ["error.budget", "wait", "next.owner"],
  rate_limited: ["error.rate", "wait"],
  paused: ["error.paused", "wait"],
  limits_unavailable: ["error.limits", "wait", "next.retry"],
  // The question.
  invalid_query: OF_REQUEST,
  invalid_constraint: OF_REQUEST,
  invalid_json: OF_REQUEST,
  payload_too_large: OF_REQUEST,
  content_refused: ["error.refused", "change"],
  context_length_exceeded: ["error.too_long", "change"],
  request_too_large: ["error.too_long", "change"],
  request_in_progress: ["error.running", "wait", "next.retry_once"],
  idempotency_key_reused: OF_REQUEST,
  invalid_idempotency_key: OF_REQUEST,
  // The credential, and the settings.
  secret_not_found: NOT_READY,
  invalid_secret: NOT_READY,
  access_denied: NOT_READY,
  credential_rejected: NOT_READY,
  credential_expired: NOT_READY,
  credentials_unavailable: ["error.not_ready", "wait", "next.retry"],
  misconfigured: NOT_READY,
  model_unavailable: NOT_READY,
  quota_exhausted: NOT_READY,
  upstream_api_unsupported: NOT_READY,
  upstream_not_found: NOT_READY,
  upstream_unreachable: NOT_READY,
  // The model.
  upstream_error: ["error.model_failed", "retry"],
  upstream_timeout: ["error.model_slow", "retry", "next.less"],
  upstream_rate_limited: ["error.model_busy", "wait"],
  invalid_itinerary: ["error.no_trip", "change", "next.change_trip"],
  internal_error: ["error.internal", "retry"],
  // The way to the API.
  offline: ["error.offline", "retry", "next.online"],
  connection_failed: ["error.no_connection", "retry"],
  timed_out: ["error.timed_out", "retry", "next.retry_once"],
  cut: ["error.cut", "retry", "next.retry_once"],
  aborted: ["error.aborted", "none"],
};

/** The codes that this page explains. Of others it says that it does not understand the server. */
export const EXPLAINED_CODES = Object.keys(KINDS);

/**
 * What a person reads about a failure.
 * @typedef {object} Described
 * @property {string} cause what happened
 * @property {string} text that, and what to do next
 * @property {ErrorAction} action
 * @property {string} reference what the owner can search the log for; may be empty
 */

/**
 * Says what failed, and what to do next.
 * @param {unknown} error what was thrown; an ApiError can also be made of `problem` in the answer of `me`
 * @param {number} now milliseconds since 1970
 * @returns {Described}
 */
export function describe(error, now = Date.now()) {
  if (!(error instanceof ApiError)) {
    const cause = text("error.script");
    return { cause, text: `${cause} ${text("next.reload")}`, action: "reload", reference: "" };
  }
  const [kind, action, next] = kindOf(error);
  const cause = text(kind, { message: error.said }).trim();
  const until = error.retryAfter === null ? null : new Date(now + error.retryAfter * 1000);
  const step = until ? text("next.wait", { when: whenOf(until, now) }) : nextStep(action, next);
  return {
    cause,
    text: [cause, step].filter(Boolean).join(" "),
    // A time is only said where another try may succeed.
    action: until ? "wait" : action,
    reference: error.requestId,
  };
}

/**
 * @param {ApiError} error
 * @returns {ErrorKind}
 */
function kindOf(error) {
  if (Object.hasOwn(KINDS, error.code)) return /** @type {ErrorKind} */ (KINDS[error.code]);
  // It is the answer of a proxy, or this page and the API are not of the same version.
  return (error.status ?? 0) >= 500 ? ["error.unavailable", "retry"] : ["error.unexpected", "reload"];
}

/**
 * @param {ErrorAction} action
 * @param {ErrorText | undefined} next
 * @returns {string}
 */
function nextStep(action, next) {
  const key = next ?? NEXT_STEPS[action];
  return key ? text(key) : "";
}

/**
 * Returns a moment as the end of a sentence: "in 20 seconds", or a date.
 * @param {Date} until
 * @param {number} now
 * @returns {string}
 */
function whenOf(until, now) {
  const seconds = (until.getTime() - now) / 1000;
  return seconds < 3600 ? timeUntil(seconds) : text("next.at", { moment: moment(until) });
}
