import { make } from "./elements.js";

/** Files of an answer, and printing it. */

const LONGEST_FILE_NAME = 60;

/**
 * Gives the reader a file.
 * @param {string} title what its name is made of
 * @param {"md" | "json"} kind
 * @param {string} content
 */
export function saveFile(title, kind, content) {
  const type = kind === "md" ? "text/markdown;charset=utf-8" : "application/json";
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = make("a", { href: url, download: `${fileName(title)}.${kind}` });
  link.click();
  // The browser reads the file after this function has ended.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Returns a name that every file system takes, in any script.
 * @param {string} title
 * @returns {string}
 */
export function fileName(title) {
  const name = title
    .normalize("NFC")
    .replace(/[^\p{Letter}\p{Mark}\p{Number}]+/gu, "-")
    .slice(0, LONGEST_FILE_NAME)
    .replace(/^-+|-+$/g, "");
  return name.toLowerCase() || "answer";
}

/** Unfolds what is folded before the answer is printed, however that was asked for. */
export function unfoldBeforePrinting() {
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("#answer details")) details.setAttribute("open", "");
  });
}
