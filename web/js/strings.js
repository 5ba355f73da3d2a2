/** All texts of the page that a person reads, in English, and how values are put into them. */

/**
 * Each is a text, in which {name} is replaced by the value of that name; or one for each plural form of the number
 * that `of` names.
 */
const TEXTS = {
  title: "Travel GPT",
  // What failed: see errors.js.
  "error.aborted": "The answer was stopped.",
  "error.access": "The owner has ended your access to this page.",
  "error.budget": "The budget for questions is used up.",
  "error.cut": "The connection was lost before the answer was complete.",
  "error.expired": "The time for which the owner invited you is over.",
  "error.internal": "Something went wrong on the server.",
  "error.invitation": "This invitation cannot be used. {message}",
  "error.limits": "The server cannot check its limits at the moment.",
  "error.model_busy": "The model is too busy at the moment.",
  "error.model_failed": "The model did not give a usable answer.",
  "error.model_slow": "The model took too long.",
  "error.no_connection": "The server cannot be reached.",
  "error.no_trip": "The model did not write a trip that can be used.",
  "error.not_ready": "Questions cannot be answered at the moment. {message}",
  "error.offline": "This device is offline.",
  "error.origin": "The server does not accept requests from this page. {message}",
  "error.page_disabled": "This page is turned off.",
  "error.paused": "The owner has paused this service.",
  "error.rate": "There were too many requests.",
  "error.refused": "The model declined to answer this question.",
  "error.request": "The server did not accept the question. {message}",
  "error.running": "The same question is still being answered.",
  "error.script": "Something went wrong in this page.",
  "error.session": "You are not signed in on this device.",
  "error.session_over": "Your session on this device has ended.",
  "error.timed_out": "The server did not answer in time.",
  "error.too_long": "The question is too long for the model.",
  "error.unexpected": "The server answered in a way that this page does not understand.",
  "error.unavailable": "The server is not available at the moment.",
  // What to do next, after what failed.
  "next.at": "at {moment}",
  "next.change": "Change the question and ask again.",
  "next.change_trip": "Ask again, for fewer days, or for a text in the place of a trip.",
  "next.invitation": "Open your invitation link again, or ask the owner for a new one.",
  "next.later": "Try again later.",
  "next.less": "Ask again, or ask for less at once.",
  "next.online": "Try again when you are connected to the internet.",
  "next.owner": "The owner of this page can help.",
  "next.reload": "Reload the page.",
  "next.retry": "Try again.",
  "next.retry_once": "Try again: what has been answered already is not paid for twice.",
  "next.wait": "You can try again {when}.",
  // Problems of the form's fields: see question.js.
  "field.adults": "Enter a whole number from 1 to 50.",
  "field.budget": "Enter an amount above 0, and its currency.",
  "field.children": "Enter the age of each child, from 0 to 17, with commas between them.",
  "field.children_number": "Enter a whole number from 1 to 20.",
  "field.currency": "Enter a currency as three letters, such as EUR.",
  "field.date": "Enter a date.",
  "field.end_before_start": "The trip ends before it begins.",
  "field.language": "Enter a language as its code, such as de or pt-BR.",
  "field.line_too_long": { of: "most", one: "Use {most} character at most.", other: "Use {most} characters at most." },
  "field.nights": "Enter a whole number from 0 to {most}.",
  "field.nights_differ": {
    of: "nights",
    one: "From the first day to the last there is {nights} night.",
    other: "From the first day to the last there are {nights} nights.",
  },
  "field.query": "Write your question.",
  "field.too_many": { of: "most", one: "Use {most} entry at most.", other: "Use {most} entries at most." },
  "field.trip_too_long": {
    of: "most",
    one: "A trip has {most} day at most. Ask for a longer one in parts.",
    other: "A trip has {most} days at most. Ask for a longer one in parts.",
  },
};

/** @typedef {keyof typeof TEXTS} TextKey */
/** @typedef {{ [name: string]: string | number }} TextValues */

/** The language of the texts. */
export const LANGUAGE = "en";

/** The reader's variety of that language, by which numbers, dates and amounts are written. */
export const LOCALE = localeOf(globalThis.navigator?.languages ?? []);

const PLURAL_RULES = new Intl.PluralRules(LANGUAGE);
const NUMBERS = new Intl.NumberFormat(LOCALE);
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/**
 * Returns a text of the page.
 * @param {TextKey} key
 * @param {TextValues} values what to put into it; numbers are written as the reader's locale does
 * @returns {string}
 */
export function text(key, values = {}) {
  /** @type {string | { of: string, one: string, other: string }} */
  const found = TEXTS[key];
  const chosen = typeof found === "string" ? found : found[pluralForm(Number(values[found.of]))];
  return chosen.replace(/\{(\w+)\}/g, (whole, /** @type {string} */ name) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (typeof value === "number") return NUMBERS.format(value);
    // Isolates keep a name in a right-to-left script from moving what is around it.
    return value === undefined ? whole : RIGHT_TO_LEFT.test(value) ? `\u2068${value}\u2069` : value;
  });
}

/**
 * Tells whether there is a text with this key: those of index.html are only known at run time.
 * @param {string | undefined} key
 * @returns {key is TextKey}
 */
export function isTextKey(key) {
  return key !== undefined && Object.hasOwn(TEXTS, key);
}

/**
 * Returns the first of the reader's languages that is a variety of the texts' language.
 * @param {readonly string[]} languages
 * @returns {string}
 */
export function localeOf(languages) {
  return (
    languages.find((each) => {
      try {
        return new Intl.Locale(each).language === LANGUAGE;
      } catch {
        return false; // Some browsers name a POSIX locale, such as en-US@posix.
      }
    }) ?? LANGUAGE
  );
}

/**
 * @param {number} count
 * @returns {"one" | "other"}
 */
function pluralForm(count) {
  return PLURAL_RULES.select(count) === "one" ? "one" : "other";
}
