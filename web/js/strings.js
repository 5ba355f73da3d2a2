/** All texts that a person reads. */

/** @type {Readonly<Record<string, string>>} */
const TEXTS = Object.freeze({ title: "Travel GPT" });

/**
 * Return a text.
 *
 * @param {string} key
 * @returns {string}
 */
export function text(key) {
  const found = TEXTS[key];
  if (found === undefined) {
    throw new Error(`no text ${key}`);
  }
  return found;
}
