/** The questions and answers of this device. They are kept nowhere else. */

/** @typedef {import("./asking.js").Answered} Answered */

/**
 * @typedef {object} HistoryEntry
 * @property {string} id the idempotency key of the question
 * @property {number} at when it was asked, in milliseconds since 1970
 * @property {Api.Query} request
 * @property {"asked" | "answered" | "failed"} state
 * @property {Answered | null} answer
 */

const HISTORY = "history";

/** Questions that are kept, and the characters of all of them: browsers allow some five million. */
const MOST_QUESTIONS = 30;
const MOST_CHARACTERS = 2_000_000;

/** The history, of which the newest part is kept. */
export class QuestionHistory {
  #storage;
  /** @type {HistoryEntry[] | null} what the device does not keep */
  #unkept = null;

  /** @param {Pick<import("./device_storage.js").DeviceStorage, "read" | "write" | "remove">} storage */
  constructor(storage) {
    this.#storage = storage;
  }

  /** @returns {boolean} whether the device keeps it: otherwise it is gone with the page */
  get isKept() {
    return this.#unkept === null;
  }

  /** @returns {HistoryEntry[]} the newest first */
  entries() {
    const found = this.#unkept ?? this.#storage.read(HISTORY);
    return Array.isArray(found) ? found.map(entryOf).filter((each) => each !== null) : [];
  }

  /**
   * Adds a question, or sets one back that is asked again.
   * @param {string} id
   * @param {Api.Query} request
   * @param {number} at
   */
  asked(id, request, at = Date.now()) {
    this.#keep([{ id, at, request, state: "asked", answer: null }, ...this.#others(id)]);
  }

  /**
   * @param {string} id
   * @param {Answered} answer
   */
  answered(id, answer) {
    this.#change(id, { state: "answered", answer });
  }

  /** @param {string} id */
  failed(id) {
    this.#change(id, { state: "failed" });
  }

  /** Deletes all of it from this device. */
  clear() {
    this.#unkept = null;
    this.#storage.remove(HISTORY);
  }

  /**
   * @param {string} id
   * @returns {HistoryEntry[]}
   */
  #others(id) {
    return this.entries().filter((each) => each.id !== id);
  }

  /**
   * @param {string} id
   * @param {Partial<HistoryEntry>} changes
   */
  #change(id, changes) {
    // Another tab may have deleted it meanwhile.
    this.#keep(this.entries().map((each) => (each.id === id ? { ...each, ...changes } : each)));
  }

  /** @param {HistoryEntry[]} entries */
  #keep(entries) {
    let kept = entries.slice(0, MOST_QUESTIONS);
    while (kept.length > 1 && JSON.stringify(kept).length > MOST_CHARACTERS) kept = kept.slice(0, -1);
    for (let count = kept.length; count >= Math.min(1, kept.length); count -= 1) {
      if (this.#storage.write(HISTORY, kept.slice(0, count))) {
        this.#unkept = null;
        return;
      }
    }
    this.#unkept = kept;
  }
}

/**
 * Returns an entry as it can be shown: what is kept may be of another version of the page.
 * @param {any} found
 * @returns {HistoryEntry | null}
 */
function entryOf(found) {
  const isEntry = typeof found?.id === "string" && typeof found.request?.query === "string";
  if (!isEntry || !Number.isFinite(found.at) || !["asked", "answered", "failed"].includes(found.state)) return null;
  const { id, at, request, state } = found;
  const answer = isShowable(found.answer) ? found.answer : null;
  return { id, at, request, state: state === "answered" && !answer ? "failed" : state, answer };
}

/**
 * @param {any} answer
 * @returns {boolean}
 */
function isShowable(answer) {
  const itinerary = answer?.itinerary;
  return typeof answer?.answer === "string" && (itinerary === undefined || itinerary?.version === "1");
}
