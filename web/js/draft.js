import { EMPTY_FORM } from "./question.js";

/** @typedef {import("./question.js").QuestionForm} QuestionForm */

const DRAFT = "draft";

/** @typedef {Pick<import("./device_storage.js").DeviceStorage, "read" | "write" | "remove">} DraftStorage */

/** The question that a person is writing: it is there again after a reload, or another invitation. */
export class FormDraft {
  #storages;

  /** @param {DraftStorage[]} storages the tab's own comes first: two tabs can have two questions */
  constructor(...storages) {
    this.#storages = storages;
  }

  /** @param {QuestionForm} form */
  save(form) {
    for (const storage of this.#storages) storage.write(DRAFT, form);
  }

  /** @returns {QuestionForm | null} null where nothing was written */
  load() {
    return this.#storages.map(draftIn).find(Boolean) ?? null;
  }

  /**
   * Deletes what was asked. What is still being written stays.
   * @param {string[]} queries
   */
  forget(queries) {
    for (const storage of this.#storages) {
      if (queries.includes(draftIn(storage)?.query.trim() ?? "")) storage.remove(DRAFT);
    }
  }
}

/**
 * @param {DraftStorage} storage
 * @returns {QuestionForm | null}
 */
function draftIn(storage) {
  const found = storage.read(DRAFT);
  if (found === null || typeof found !== "object") return null;
  // What is kept may be of another version of the page.
  const known = Object.entries(found).filter(([name, value]) => isValueOf(name, value));
  return known.length ? { ...EMPTY_FORM, ...Object.fromEntries(known) } : null;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {boolean}
 */
function isValueOf(name, value) {
  if (!Object.hasOwn(EMPTY_FORM, name)) return false;
  const usual = EMPTY_FORM[/** @type {keyof QuestionForm} */ (name)];
  if (Array.isArray(usual)) return Array.isArray(value) && value.every((each) => typeof each === "string");
  return typeof value === typeof usual;
}
