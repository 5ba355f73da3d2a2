/** Where the names of points are in a drawing, so that they cover one another as little as can be. */

/**
 * @typedef {object} MapLabel
 * @property {string} text the name, shortened where it is long
 * @property {number} x
 * @property {number} y the text's base line
 * @property {"start" | "middle" | "end"} anchor which part of the text is at x
 */

/** @typedef {[left: number, top: number, right: number, bottom: number]} Box */
/** @typedef {{ name: string, x: number, y: number }} NamedPoint */

/** The width of a character, about: without a browser, that of a text is not known. */
const CHARACTER_WIDTH = 7.5;
const LONGEST_LABEL = 24;

/**
 * Returns the label of each point, in their order: beside it, above it or below it.
 * @param {NamedPoint[]} points
 * @param {number} width of the drawing
 * @param {number} height of the drawing
 * @returns {MapLabel[]}
 */
export function placeLabels(points, width, height) {
  const taken = points.map(({ x, y }) => /** @type {Box} */ ([x - 6, y - 6, x + 6, y + 6]));
  return points.map(({ name, x, y }) => {
    const text = name.length > LONGEST_LABEL ? `${[...name].slice(0, LONGEST_LABEL - 1).join("")}…` : name;
    const length = text.length * CHARACTER_WIDTH;
    /** @type {[MapLabel["anchor"], x: number, y: number, left: number][]} */
    const options = [
      ["start", x + 10, y + 5, x + 10],
      ["end", x - 10, y + 5, x - 10 - length],
      ["middle", x, y - 10, x - length / 2],
      ["middle", x, y + 21, x - length / 2],
    ];
    const boxes = options.map(([, , base, left]) => /** @type {Box} */ ([left, base - 11, left + length, base + 4]));
    const costs = boxes.map((box) => {
      const outside = box[0] < 0 || box[1] < 0 || box[2] > width || box[3] > height;
      return (outside ? 100 : 0) + taken.filter((other) => overlap(box, other)).length;
    });
    const best = costs.indexOf(Math.min(...costs));
    taken.push(/** @type {Box} */ (boxes[best]));
    const [anchor, labelX, labelY] = /** @type {typeof options[0]} */ (options[best]);
    return { text, anchor, x: labelX, y: labelY };
  });
}

/**
 * @param {Box} one
 * @param {Box} other
 * @returns {boolean}
 */
function overlap(one, other) {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}
