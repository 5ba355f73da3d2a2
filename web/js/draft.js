import { EMPTY_FORM } from "./question.js";

/** @typedef {import("./question.js").QuestionForm} QuestionForm */

const DRAFT = "draft";

/** The question that a person is writing: it is there again after a reload, or another invitation. */
export class FormDraft {
  #storage;

  /** @param {Pick<import("./device_storage.js").DeviceStorage, "read" | "write" | "remove">} storage */
  constructor(storage) {
    this.#storage = storage;
  }

  /** @param {QuestionForm} form */
  save(form) {
    this.#storage.write(DRAFT, form);
  }

  /** @returns {QuestionForm | null} null where nothing was written */
  load() {
    const found = this.#storage.read(DRAFT);
    if (found === null || typeof found !== "object") return null;
    // What is kept may be of another version of the page.
    const known = Object.entries(found).filter(([name, value]) => isValueOf(name, value));
    return known.length ? { ...EMPTY_FORM, ...Object.fromEntries(known) } : null;
  }

  clear() {
    this.#storage.remove(DRAFT);
  }
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
