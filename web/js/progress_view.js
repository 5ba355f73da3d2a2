import { announce } from "./announcer.js";
import { byId } from "./elements.js";
import { text } from "./strings.js";

/** What the page shows while it waits for an answer. */

const SECONDS_UNTIL_SHOWN = 5;
const SECONDS_BETWEEN_ANNOUNCEMENTS = 15;

/** @type {{ said: string, began: number, timer: ReturnType<typeof setInterval> | undefined }} */
const progress = { said: "", began: 0, timer: undefined };

/**
 * Shows what is being done.
 * @param {string} said
 * @param {number} [done] how many of `all` are done; without them, nothing is known of how much is left
 * @param {number} [all]
 */
export function showProgress(said, done, all) {
  const bar = /** @type {HTMLProgressElement} */ (byId("progress-bar"));
  if (done === undefined || !all) bar.removeAttribute("value");
  else {
    bar.max = all;
    bar.value = done;
  }
  if (progress.timer === undefined) {
    progress.began = performance.now();
    progress.timer = setInterval(tick, 1000);
  }
  if (said !== progress.said) announce(said);
  progress.said = said;
  byId("progress").hidden = false;
  show();
}

/** Hides it again. */
export function hideProgress() {
  clearInterval(progress.timer);
  Object.assign(progress, { said: "", timer: undefined });
  byId("progress").hidden = true;
}

function tick() {
  show();
  const seconds = secondsWaited();
  if (seconds % SECONDS_BETWEEN_ANNOUNCEMENTS === 0) announce(text("progress.seconds", { said: progress.said, seconds }));
}

function show() {
  const seconds = secondsWaited();
  byId("progress-text").textContent =
    seconds < SECONDS_UNTIL_SHOWN ? progress.said : text("progress.seconds", { said: progress.said, seconds });
}

function secondsWaited() {
  return Math.round((performance.now() - progress.began) / 1000);
}
