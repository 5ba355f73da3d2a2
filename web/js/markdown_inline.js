/**
 * What is inside a paragraph of Markdown: strong, emphasis, links and line breaks (a part of CommonMark 0.31,
 * chapter 6). A single line break is kept: models write addresses and simple lists with it.
 */

/** @typedef {{ type: "text", text: string }} InlineText */
/** @typedef {{ type: "break" }} LineBreak */
/** @typedef {{ type: "strong" | "emphasis", content: Inline[] }} Emphasis */
/** @typedef {{ type: "link", url: string, content: Inline[] }} Link */
/** @typedef {InlineText | LineBreak | Emphasis | Link} Inline */

const LINK_PROTOCOLS = ["http:", "https:", "mailto:"];

/**
 * Each part that is not plain text: a character with a backslash, a line break, a link, an address, strong and emphasis
 * by stars and by underscores. Lengths are limited, so that reading takes no longer than in proportion to the text.
 * "2 * 3" and "snake_case" are no emphasis.
 */
const INLINE = new RegExp(
  [
    String.raw`\\(?<escaped>[!-/:-@[-\x60{-~])`,
    String.raw`(?<line>\n)`,
    String.raw`\[(?<label>[^[\]\n]{1,300})\]\((?<target>(?:[^\s()]|\([^\s()]{0,200}\)){1,600})(?: "[^"\n]{0,200}")?\)`,
    String.raw`<?(?<address>https?://(?:[^\s<>"*()[\]]|\([^\s()]{0,200}\)){1,600}(?<![?!.,:;'_~]))>?`,
    String.raw`\*\*(?<strong>(?!\s)[^\n]{0,500}?[^\s*]\*?)\*\*(?!\*)`,
    String.raw`\*(?<stars>(?![\s*,.;:!?)])(?:\\.|\*\*[^*\n]{1,300}\*\*|[^*\n\\]){1,500}(?<!\s))\*`,
    String.raw`(?<![\p{L}\p{N}])(?<mark>__?)(?<lines>(?![\s_])[^_\n]{1,500}(?<!\s))\k<mark>(?![\p{L}\p{N}])`,
  ].join("|"),
  "giu",
);

/**
 * Returns the content of a paragraph.
 * @param {string} source
 * @param {boolean} inLink links have no links inside
 * @returns {Inline[]}
 */
export function inlineOf(source, inLink = false) {
  /** @type {Inline[]} */
  const found = [];
  let [at, plain] = [0, ""];
  for (const match of source.matchAll(INLINE)) {
    const part = partOf(match, inLink);
    plain += source.slice(at, match.index);
    at = match.index + match[0].length;
    if (typeof part === "string") plain += part;
    else {
      if (plain) found.push({ type: "text", text: plain });
      plain = "";
      found.push(part);
    }
  }
  plain += source.slice(at);
  return plain ? [...found, { type: "text", text: plain }] : found;
}

/**
 * @param {RegExpExecArray} match
 * @param {boolean} inLink
 * @returns {Inline | string} a text where it is no more than that
 */
function partOf(match, inLink) {
  const { escaped, line, label, target, address, strong, stars, mark, lines } = match.groups ?? {};
  if (line) return { type: "break" };
  if (strong) return { type: "strong", content: inlineOf(strong, inLink) };
  if (stars) return { type: "emphasis", content: inlineOf(stars, inLink) };
  if (lines) return { type: mark === "_" ? "emphasis" : "strong", content: inlineOf(lines, inLink) };
  // Without an address that is safe, it is shown as it was written.
  const url = inLink ? null : safeAddress(target ?? address ?? "");
  if (url === null) return escaped ?? match[0];
  return { type: "link", url, content: label ? inlineOf(label, true) : [{ type: "text", text: address ?? "" }] };
}

/**
 * Returns the address of a link that may be followed: of the web, or for mail.
 * @param {string} address
 * @returns {string | null} null for scripts, for files, and for addresses within this page
 */
export function safeAddress(address) {
  try {
    const url = new URL(address);
    return LINK_PROTOCOLS.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
