/**
 * What is inside a paragraph of Markdown: strong, emphasis, code, links and line breaks (a part of CommonMark 0.31,
 * chapter 6). A single line break is kept: models write addresses and simple lists with it.
 */

/** @typedef {{ type: "text", text: string }} InlineText */
/** @typedef {{ type: "code", text: string }} InlineCode */
/** @typedef {{ type: "break" }} LineBreak */
/** @typedef {{ type: "strong" | "emphasis", content: Inline[] }} Emphasis */
/** @typedef {{ type: "link", url: string, content: Inline[] }} Link */
/** @typedef {InlineText | InlineCode | LineBreak | Emphasis | Link} Inline */

/** Emphasis in emphasis in a link: what is deeper stays text. */
const DEEPEST_INLINE = 6;

/** Characters of the longest link or emphasis: so reading takes no longer than in proportion to the text. */
const LONGEST_SPAN = 1000;

const LINK_PROTOCOLS = ["http:", "https:", "mailto:"];
const SPECIAL = /[\\`*_[<\n]|https?:\/\//gi;
const ESCAPABLE = /^[!-/:-@[-`{-~]$/;
const BARE_ADDRESS = /https?:\/\/[^\s<>"`*[\]]+/iy;
const ANGLE_ADDRESS = /<((?:https?:|mailto:)[^\s<>]+)>/iy;
const CODE_SPAN = /(`{1,8})(?!`)([^\n]{1,500}?)(?<!`)\1(?!`)/y;
const LINK_TARGET = /\]\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+"[^"\n]{0,200}")?\s*\)/y;

/**
 * Returns the content of a paragraph.
 * @param {string} source
 * @returns {Inline[]}
 */
export function inlineOf(source) {
  return contentOf(source, 0, false);
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

/**
 * @param {string} source
 * @param {number} depth
 * @param {boolean} inLink links have no links inside
 * @returns {Inline[]}
 */
function contentOf(source, depth, inLink) {
  /** @type {Inline[]} */
  const found = [];
  let plain = "";
  const add = (/** @type {Inline} */ part) => {
    if (plain) found.push({ type: "text", text: plain });
    plain = "";
    found.push(part);
  };
  let at = 0;
  while (at < source.length) {
    SPECIAL.lastIndex = at;
    const next = SPECIAL.exec(source)?.index ?? source.length;
    plain += source.slice(at, next);
    if (next === source.length) break;
    const following = source[next + 1] ?? "";
    if (source[next] === "\\" && ESCAPABLE.test(following)) {
      plain += following;
      at = next + 2;
      continue;
    }
    const span = spanAt(source, next, depth, inLink);
    if (span) add(span.part);
    else plain += source[next];
    at = span ? span.end : next + 1;
  }
  if (plain) found.push({ type: "text", text: plain });
  return found;
}

/** @typedef {{ part: Inline, end: number }} Span */

/**
 * @param {string} source
 * @param {number} at where a special character is
 * @param {number} depth
 * @param {boolean} inLink
 * @returns {Span | null} null where it is a character like others
 */
function spanAt(source, at, depth, inLink) {
  switch (source[at]) {
    case "\n":
      return { part: { type: "break" }, end: at + 1 };
    case "`": {
      const code = matchAt(CODE_SPAN, source, at);
      return code && { part: { type: "code", text: (code[2] ?? "").trim() }, end: at + code[0].length };
    }
    case "*":
    case "_":
      return depth < DEEPEST_INLINE ? emphasisAt(source, at, depth, inLink) : null;
    case "[":
      return depth < DEEPEST_INLINE && !inLink ? linkAt(source, at, depth) : null;
    case "<": {
      const address = matchAt(ANGLE_ADDRESS, source, at);
      return address && !inLink ? addressSpan(address[1] ?? "", at + address[0].length) : null;
    }
    case "\\":
      return null;
    default: {
      const address = matchAt(BARE_ADDRESS, source, at);
      if (!address || inLink) return null;
      const bare = withoutTrailing(address[0]);
      return addressSpan(bare, at + bare.length);
    }
  }
}

/**
 * @param {string} source
 * @param {number} at
 * @param {number} depth
 * @param {boolean} inLink
 * @returns {Span | null}
 */
function emphasisAt(source, at, depth, inLink) {
  const mark = source[at] ?? "";
  const width = source[at + 1] === mark ? 2 : 1;
  const from = at + width;
  // "2 * 3" and "snake_case" have no emphasis.
  if (!isVisible(source[from]) || (mark === "_" && isWord(source[at - 1]))) return null;
  const run = mark.repeat(width);
  for (let to = source.indexOf(run, from + 1); to >= 0; to = source.indexOf(run, to + 1)) {
    if (to - from > LONGEST_SPAN) return null;
    const after = source[to + width];
    // A longer run closes at its end, so that emphasis inside strong is closed first.
    if (!isVisible(source[to - 1]) || source[to - 1] === "\\" || after === mark) continue;
    if (width === 1 && source[to - 1] === mark) continue;
    if (mark === "_" && isWord(after)) continue;
    const content = contentOf(source.slice(from, to), depth + 1, inLink);
    return { part: { type: width === 2 ? "strong" : "emphasis", content }, end: to + width };
  }
  return null;
}

/**
 * @param {string} source
 * @param {number} at
 * @param {number} depth
 * @returns {Span | null}
 */
function linkAt(source, at, depth) {
  let open = 0;
  const last = Math.min(source.length, at + LONGEST_SPAN);
  for (let to = at; to < last; to += 1) {
    if (source[to] === "\\") to += 1;
    else if (source[to] === "[") open += 1;
    else if (source[to] === "]" && (open -= 1) === 0) {
      const target = matchAt(LINK_TARGET, source, to);
      if (!target) return null;
      const url = safeAddress(target[1] ?? "");
      // Without an address that is safe, it is shown as it was written.
      if (url === null) return null;
      const content = contentOf(source.slice(at + 1, to), depth + 1, true);
      return content.length ? { part: { type: "link", url, content }, end: to + target[0].length } : null;
    }
  }
  return null;
}

/**
 * @param {string} address
 * @param {number} end
 * @returns {Span | null}
 */
function addressSpan(address, end) {
  const url = safeAddress(address);
  return url === null ? null : { part: { type: "link", url, content: [{ type: "text", text: address }] }, end };
}

/**
 * Returns a bare address without the punctuation of the sentence that it ends (GitHub Flavored Markdown, "Autolinks").
 * @param {string} address
 * @returns {string}
 */
function withoutTrailing(address) {
  const bare = address.replace(/[?!.,:;'~_*]+$/, "");
  const unbalanced = bare.endsWith(")") && bare.split(")").length > bare.split("(").length;
  return unbalanced ? withoutTrailing(bare.slice(0, -1)) : bare;
}

/**
 * @param {RegExp} expression one with the flag y
 * @param {string} source
 * @param {number} at
 * @returns {RegExpExecArray | null}
 */
function matchAt(expression, source, at) {
  expression.lastIndex = at;
  return expression.exec(source);
}

/**
 * @param {string | undefined} character
 * @returns {boolean}
 */
function isVisible(character) {
  return character !== undefined && /\S/.test(character);
}

/**
 * @param {string | undefined} character
 * @returns {boolean}
 */
function isWord(character) {
  return character !== undefined && /[\p{L}\p{N}]/u.test(character);
}
