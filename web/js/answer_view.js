import { fill, make } from "./elements.js";
import { blocksOf } from "./markdown.js";
import { text } from "./strings.js";

/** @typedef {import("./markdown.js").Block} Block */
/** @typedef {import("./markdown_inline.js").Inline} Inline */

/** The headings of an answer stand below that of the page's section. */
const HEADING_TAGS = /** @type {const} */ (["h3", "h4", "h5", "h6"]);

/** An answer in words, while it is written and when it is complete. */
export class AnswerView {
  #written = "";
  #frame = 0;
  /** @type {string[]} */
  #shown = [];

  /**
   * @param {HTMLElement} heading
   * @param {HTMLElement} body
   */
  constructor(heading, body) {
    heading.textContent = text("answer.heading");
    // Its language is not known, and need not be that of the page.
    this.prose = make("div", { class: "prose", dir: "auto", lang: "" });
    fill(body, this.prose);
  }

  /** @param {string} piece */
  add(piece) {
    this.#written += piece;
    // As often as the screen is drawn, however often pieces arrive.
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#show();
    });
  }

  /** Replaces the parts that have changed, usually the last: what is read or selected above it stays. */
  #show() {
    const blocks = blocksOf(this.#written);
    const sources = blocks.map((each) => JSON.stringify(each));
    const same = this.#shown.findIndex((source, index) => source !== sources[index]);
    const kept = same < 0 ? this.#shown.length : same;
    for (const old of [...this.prose.children].slice(kept)) old.remove();
    this.prose.append(...blocks.slice(kept).map(blockView));
    this.#shown = sources;
  }
}

/**
 * @param {Block} block
 * @returns {HTMLElement}
 */
function blockView(block) {
  switch (block.type) {
    case "heading":
      return make(HEADING_TAGS[Math.min(block.level, 4) - 1] ?? "h3", { dir: "auto" }, ...block.content.map(inlineView));
    case "paragraph":
      return make("p", { dir: "auto" }, ...block.content.map(inlineView));
    case "list": {
      const items = block.items.map((blocks) => make("li", { dir: "auto" }, ...blocks.map(blockView)));
      return block.ordered ? make("ol", { start: block.start }, ...items) : make("ul", {}, ...items);
    }
    case "rule":
      return make("hr");
  }
}

/**
 * @param {Inline} inline
 * @returns {Node | string}
 */
function inlineView(inline) {
  switch (inline.type) {
    case "text":
      return inline.text;
    case "break":
      return make("br");
    case "strong":
      return make("strong", {}, ...inline.content.map(inlineView));
    case "emphasis":
      return make("em", {}, ...inline.content.map(inlineView));
    case "link":
      return make("a", { href: inline.url, rel: "noreferrer" }, ...inline.content.map(inlineView));
  }
}
