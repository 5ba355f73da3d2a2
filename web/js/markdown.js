import { inlineOf } from "./markdown_inline.js";

/**
 * The Markdown that answers are written in, as a tree: headings, lists, paragraphs and rules (a part of CommonMark
 * 0.31, chapters 4 and 5). What is not of that part stays text, HTML too: nothing of an answer becomes markup.
 */

/** @typedef {import("./markdown_inline.js").Inline} Inline */

/** @typedef {{ type: "heading", level: number, content: Inline[] }} Heading */
/** @typedef {{ type: "paragraph", content: Inline[] }} Paragraph */
/** @typedef {{ type: "list", ordered: boolean, start: number, items: Block[][] }} List */
/** @typedef {{ type: "rule" }} Rule */
/** @typedef {Heading | Paragraph | List | Rule} Block */

/** Lists in lists: deeper ones become text, so that no answer exhausts the stack. */
const DEEPEST_LIST = 8;

const HEADING_LINE = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const RULE_LINE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const ITEM_LINE = /^( {0,3})([-+*•]|\d{1,9}[.)])([ \t]+|$)(.*)$/;

/**
 * Returns the blocks of a text.
 * @param {string} markdown also one that is not complete yet
 * @returns {Block[]}
 */
export function blocksOf(markdown) {
  return blocksOfLines(markdown.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

/**
 * @param {string[]} lines
 * @param {number} depth
 * @returns {Block[]}
 */
function blocksOfLines(lines, depth) {
  /** @type {Block[]} */
  const blocks = [];
  /** @type {string[]} */
  let paragraph = [];
  const endParagraph = () => {
    if (paragraph.length) blocks.push({ type: "paragraph", content: inlineOf(paragraph.join("\n")) });
    paragraph = [];
  };
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? "";
    const heading = HEADING_LINE.exec(line);
    const item = RULE_LINE.test(line) ? null : itemOf(line);
    if (item && depth < DEEPEST_LIST && (!paragraph.length || item.interrupts)) {
      endParagraph();
      const [list, next] = listAt(lines, at, item, depth);
      blocks.push(list);
      at = next;
      continue;
    }
    if (!line.trim()) {
      endParagraph();
    } else if (heading) {
      endParagraph();
      blocks.push({ type: "heading", level: heading[1]?.length ?? 1, content: inlineOf(heading[2] ?? "") });
    } else if (RULE_LINE.test(line)) {
      endParagraph();
      blocks.push({ type: "rule" });
    } else {
      paragraph.push(line.trim());
    }
    at += 1;
  }
  endParagraph();
  return blocks;
}

/**
 * The beginning of an item of a list.
 * @typedef {object} Item
 * @property {string} kind items of another kind begin another list
 * @property {number} start the number of an item of an ordered list
 * @property {number} before the column of its mark
 * @property {number} indent the column of its text
 * @property {string} text its first line
 * @property {boolean} interrupts whether it may follow a paragraph without an empty line
 */

/**
 * @param {string} line
 * @returns {Item | null}
 */
function itemOf(line) {
  const [, before = "", marker = "", gap = "", text = ""] = ITEM_LINE.exec(line) ?? [];
  if (!marker) return null;
  const ordered = /\d/.test(marker);
  return {
    kind: ordered ? marker.slice(-1) : marker,
    before: before.length,
    start: ordered ? Number(marker.slice(0, -1)) : 0,
    // Five spaces or more would begin code, which there is not here.
    indent: before.length + marker.length + Math.max(1, Math.min(gap.length, 4)),
    text,
    // A line of a paragraph may begin with a year and a full stop.
    interrupts: text !== "" && (!ordered || marker.slice(0, -1) === "1"),
  };
}

/**
 * @param {string[]} lines
 * @param {number} from
 * @param {Item} first
 * @param {number} depth
 * @returns {[list: List, next: number]} the list, and the line after it
 */
function listAt(lines, from, first, depth) {
  /** @type {string[][]} */
  const items = [[first.text]];
  let { indent } = first;
  let at = from + 1;
  for (; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const indented = line.length - line.trimStart().length;
    const item = RULE_LINE.test(line) ? null : itemOf(line);
    const lastLines = items.at(-1) ?? [];
    if (!line.trim()) {
      lastLines.push("");
    } else if (indented >= indent) {
      lastLines.push(line.slice(indent));
    } else if (item && item.kind !== first.kind && item.before > first.before) {
      // Models indent by less than the item's mark is wide.
      lastLines.push(line.trim());
    } else if (item && item.kind === first.kind) {
      items.push([item.text]);
      indent = item.indent;
    } else if (item || HEADING_LINE.test(line) || RULE_LINE.test(line)) {
      break;
    } else if (indented > 0 || lastLines.at(-1) !== "") {
      // Models do not always indent what belongs to an item.
      lastLines.push(line.trim());
    } else {
      break;
    }
  }
  const ordered = /[.)]/.test(first.kind);
  const list = { type: /** @type {const} */ ("list"), ordered, start: first.start };
  return [{ ...list, items: items.map((each) => blocksOfLines(each, depth + 1)) }, at];
}
