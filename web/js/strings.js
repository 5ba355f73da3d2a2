/** All texts of the page that a person reads, in English, and how values are put into them. */

/** In a text, {name} is replaced by the value of that name, and {name|day|days} by the plural form for that number. */
const TEXTS = {
  title: "Travel GPT",
  // The frame of the page: index.html.
  "page.skip_to_question": "Skip to your question",
  "page.look_up": "Times, prices and opening hours are the model's estimates. Look them up before you book.",
  "page.privacy": "Your questions and answers are kept in this browser only, until you delete them.",
  "page.cancel": "Cancel",
  // The form of a question.
  "form.heading": "Where would you like to go?",
  "form.lead": "Describe the trip in your own words. You get days with times, places and costs, checked by rules.",
  "form.query": "Your question",
  "form.example_1": "Lisbon and Porto by train, five days",
  "form.example_2": "Kyoto and Nara in autumn",
  "form.example_3": "Rome and Florence with two children",
  "form.format": "What you would like",
  "form.itinerary": "A day-by-day trip",
  "form.itinerary_hint": "with times, costs, a map and checks",
  "form.prose": "An answer in words",
  "form.prose_hint": "for any question about travel",
  "form.options": "Dates, people, budget and more",
  "form.options_count": "({count} given)",
  "form.options_hint": "All of it is optional. What you give here counts more than your words.",
  "form.origin": "From where",
  "form.start": "First day",
  "form.end": "Last day",
  "form.nights": "Nights",
  "form.nights_hint": "In the place of a last day.",
  "form.adults": "Adults",
  "form.children": "Ages of children",
  "form.children_hint": "Such as 4, 9.",
  "form.budget": "Budget",
  "form.budget_hint": "For everyone together.",
  "form.currency": "Currency",
  "form.pace": "Pace",
  "form.diet": "Food",
  "form.mobility": "Getting around",
  "form.ask_itinerary": "Plan the trip",
  "form.ask_prose": "Ask",
  "form.reset": "Clear the form",
  "form.undo": "Bring back what I wrote",
  "form.busy": "An answer is being written. Stop it before you ask again.",
  "pace.any": "No preference",
  "pace.relaxed": "Relaxed: up to 4 sights a day",
  "pace.moderate": "Moderate: up to 6",
  "pace.packed": "Packed: up to 10",
  "diet.vegetarian": "Vegetarian",
  "diet.vegan": "Vegan",
  "diet.pescatarian": "Pescatarian",
  "diet.halal": "Halal",
  "diet.kosher": "Kosher",
  "diet.gluten_free": "Gluten-free",
  "diet.dairy_free": "Dairy-free",
  "diet.nut_free": "Nut-free",
  "mobility.wheelchair": "Wheelchair",
  "mobility.limited_walking": "Limited walking",
  "mobility.stroller": "Stroller",
  // Sessions and invitations.
  "session.name": "Guest: {name}",
  "session.left": "{amount} left",
  "session.sign_out": "Sign out",
  "session.sign_out_question": "Sign out on this device? To come back you need an invitation that is not used up.",
  "session.signed_out": "You are signed out.",
  "session.none": "To ask here you need an invitation: open the link that the owner of this page gave you.",
  "invitation.heading": "You are invited",
  "invitation.said": "The owner of {host} invites you to plan trips here. There is nothing to install, and no password.",
  "invitation.other": "This browser is signed in as {name}. To accept ends that session.",
  "invitation.device": "Name of this device",
  "invitation.device_hint": "The owner sees it in the list of sessions.",
  "invitation.this_device": "This device",
  "invitation.accept": "Accept the invitation",
  "invitation.replace": "Sign {name} out of this browser, and use the invitation?",
  "invitation.replace_yes": "Use the invitation",
  "invitation.stay": "Stay signed in as {name}",
  "invitation.accepted": "Welcome, {name}. You can ask now.",
  // While an answer is written, and what failed.
  "progress.asking": "Sending the question",
  "progress.outline": "Writing the outline of the trip",
  "progress.days": "Writing the days: {done} of {all} are there",
  "progress.checking": "Checking the trip, and repairing it where that is needed",
  "progress.repairing": "Repairing the trip: {count} {count|day|days} written again",
  "progress.writing": "Writing the answer",
  "progress.waiting": "Waiting for the answer",
  "progress.again": "Trying again. {problem}",
  "progress.stopping": "Stopping",
  "progress.stop": "Stop",
  "progress.seconds": "{said} ({seconds} s)",
  "problem.again": "Try again",
  "problem.reload": "Reload the page",
  "problem.reference": "For the owner: request {reference}",
  // An answer.
  "answer.heading": "Answer",
  "answer.complete": "The answer is complete.",
  "answer.stopped": "You stopped this answer. What was written until then is below.",
  "answer.stopped_empty": "You stopped this answer before its first words. It may cost as much as a whole one.",
  "answer.cut_short": "The answer reached its longest length and ends early.",
  "answer.repeated": "This answer was given before, and is not paid for twice.",
  "answer.cost": "This answer cost {cost}.",
  "answer.left": "{amount} of {limit} are left until {renews}.",
  "answer.model": "Model: {model}",
  "answer.change": "Change the question",
  "answer.save_markdown": "Save as Markdown",
  "answer.save_json": "Save as JSON",
  "answer.print": "Print",
  "answer.interrupted": "The page was loaded again while this question was being answered.",
  "answer.continue": "Get the answer",
  // A trip.
  "trip.planning": "Your trip",
  "trip.provisional": "Provisional: not checked yet",
  "trip.days": "The trip of {days} {days|day|days} is there.",
  "trip.nights": "{count} {count|night|nights}",
  "trip.adults": "{count} {count|adult|adults}",
  "trip.children": "{count|a child|children} of {ages}",
  "trip.children_more": "{count} {count|child|children} of unknown {count|age|ages}",
  "trip.from": "from {place}",
  "day.number": "Day {number}",
  "day.changed": "Changed after the checks",
  "day.writing": "This day is being written.",
  "day.holiday": "Public holiday: {name}",
  "day.later": "({days} d)",
  "day.night": "Night",
  "day.suits": "Said to suit: {diets}",
  "day.step_free": "Said to be step-free",
  "day.steps": "Said to have steps",
  "mode.flight": "Flight",
  "mode.train": "Train",
  "mode.bus": "Bus",
  "mode.car": "Car",
  "mode.taxi": "Taxi",
  "mode.ferry": "Ferry",
  "mode.metro": "Metro",
  "mode.tram": "Tram",
  "mode.bicycle": "Bicycle",
  "mode.walk": "Walk",
  "mode.other": "On the way:",
  "visit.meal": "Meal",
  "visit.rest": "Rest",
  "stay.hotel": "Hotel",
  "stay.hostel": "Hostel",
  "stay.apartment": "Apartment",
  "stay.guesthouse": "Guesthouse",
  "stay.resort": "Resort",
  "stay.campsite": "Campsite",
  "missing.no_time": "This day is missing: no time was left. Ask again, or for fewer days.",
  "missing.no_budget": "This day is missing: the budget for questions had too little left. Ask for fewer days.",
  "missing.invalid": "This day is missing: the model wrote nothing usable. Ask again.",
  "missing.refused": "This day is missing: the model declined it. Ask in other words.",
  "missing.upstream": "This day is missing: the model's server failed. Ask again later.",
  "missing.unknown": "This day was not written. Ask again, or for fewer days.",
  // What a trip costs, and what the checks found.
  "costs.heading": "Costs",
  "costs.transport": "Transport",
  "costs.lodging": "Lodging",
  "costs.meals": "Meals",
  "costs.visits": "Visits",
  "costs.total": "Together",
  "costs.for_all": "Estimates for all travellers together.",
  "costs.left": "{amount} of the budget of {budget} are left.",
  "costs.over": "That is {amount} more than the budget of {budget}.",
  "costs.other_currency": "The budget of {budget} is in another currency.",
  "checks.heading": "What was checked",
  "checks.verified": "Verified: the checks found no error.",
  "checks.errors": "Not verified: the checks found {count} {count|error|errors}.",
  "checks.missing_days": "Not verified: days are missing.",
  "checks.too_little": "Not verified: too little could be checked.",
  "checks.share": "{checked} of {count} rules that apply could be checked, for {percent} % of what they are about.",
  "checks.unchecked": "Could not be checked, or not all of it: {count}",
  "severity.error": "Error:",
  "severity.warning": "Warning:",
  "severity.note": "Note:",
  "repair.done": "Written again after the checks, by day: {days}.",
  "repair.partly": "Written again after the checks, by day: {days}. Not all that was wrong could be repaired.",
  "repair.not_possible": "What is wrong cannot be repaired day by day.",
  "repair.failed": "A repair was tried, and the new days were not better.",
  "repair.no_time": "There was no time for a repair.",
  "repair.no_budget": "The budget for questions had too little left for a repair.",
  // The map.
  "map.heading": "Route",
  "map.described": "Map of the route: {ways}.",
  "map.way": "{mode} from {from} to {to}",
  "map.legend": "Dotted lines are flights.",
  "map.unknown": "Not on the map: {places}.",
  // History.
  "history.heading": "Earlier on this device",
  "history.clear": "Delete the history",
  "history.clear_question": "Delete the history of this device? It cannot be brought back.",
  "history.cleared": "The history is deleted.",
  "history.not_answered": "not answered",
  "history.not_kept": "This browser keeps nothing after you close the page.",
  "history.kept": "Kept in this browser only.",
  // What failed: see errors.js.
  "error.aborted": "The answer was stopped.",
  "error.access": "The owner has ended your access to this page.",
  "error.budget": "The budget for questions is used up.",
  "error.cut": "The connection was lost before the answer was complete.",
  "error.expired": "The time for which the owner invited you is over.",
  "error.forbidden": "The server refuses your requests.",
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
  "next.retry_once": "Try again: the answer may be there by now.",
  "next.wait": "You can try again {when}.",
  // Problems of the form's fields: see question.js.
  "field.adults": "Enter a whole number from 1 to 50.",
  "field.budget": "Enter an amount above 0 in digits, such as 1500.",
  "field.children": "Enter the age of each child, from 0 to 17, with commas between them.",
  "field.currency": "Enter a currency as three letters, such as EUR.",
  "field.date": "Enter a whole date: day, month and year.",
  "field.end_before_start": "The trip ends before it begins.",
  "field.line_too_long": "Use {most} {most|character|characters} at most.",
  "field.nights": "Enter a whole number from 0 to {most}.",
  "field.nights_differ": "From the first day to the last there {nights|is|are} {nights} {nights|night|nights}.",
  "field.query": "Write your question.",
  "field.too_many_children": "Enter {most} ages at most.",
  "field.trip_too_long": "A trip has {most} {most|day|days} at most. Ask for a longer one in parts.",
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
  return TEXTS[key].replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name, one, other) => {
    const value = values[name];
    if (other !== undefined) return PLURAL_RULES.select(Number(value)) === "one" ? one : other;
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
