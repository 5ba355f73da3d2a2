/** What a screen reader says while the page works: short sentences, not more often than every two seconds. */

import { byId } from "./elements.js";

const MILLISECONDS_APART = 2000;

/** @type {{waiting: string, timer: ReturnType<typeof setTimeout> | undefined, last: number}} */
const announcer = { waiting: "", timer: undefined, last: -MILLISECONDS_APART };

/**
 * Have a sentence read out. One that still waits is replaced: what it said is no longer so.
 *
 * @param {string} sentence
 */
export function announce(sentence) {
  announcer.waiting = sentence;
  if (announcer.timer !== undefined) return;
  const wait = announcer.last + MILLISECONDS_APART - performance.now();
  announcer.timer = setTimeout(say, Math.max(0, wait));
}

function say() {
  announcer.timer = undefined;
  announcer.last = performance.now();
  byId("announcements").textContent = announcer.waiting;
}
