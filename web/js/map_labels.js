/** Where the names of points are in a drawing, so that they cover one another as little as can be. */

/**
 * @typedef {object} MapLabel
 * @property {string} text the name, shortened where it is long
 * @property {number} x
 * @property {number} y the text's base line
 * @property {"start" | "middle" | "end"} anchor which part of the text is at x
 */

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box */
/** @typedef {{ name: string, x: number, y: number }} NamedPoint */

/** The size of a character and of a point. Without a browser, the real width of a text is not known. */
const CHARACTER_WIDTH = 7.5;
const LINE_HEIGHT = 15;
const POINT_RADIUS = 6;
const GAP = 4;
const LONGEST_LABEL = 24;

/**
 * Returns the label of each point, in their order.
 * @param {NamedPoint[]} points
 * @param {number} width of the drawing
 * @param {number} height of the drawing
 * @returns {MapLabel[]}
 */
export function placeLabels(points, width, height) {
  const taken = points.map(({ x, y }) => boxAround(x, y, POINT_RADIUS));
  return points.map((point) => {
    const options = labelOptions(point);
    const costs = options.map(({ box }) => {
      const outside = box.left < 0 || box.top < 0 || box.right > width || box.bottom > height;
      return (outside ? 100 : 0) + taken.filter((other) => overlap(box, other)).length;
    });
    const best = options[costs.indexOf(Math.min(...costs))];
    if (best) taken.push(best.box);
    return best?.label ?? { text: "", x: point.x, y: point.y, anchor: "start" };
  });
}

/**
 * Returns the places that a label may have: beside its point, above and below it.
 * @param {NamedPoint} point
 * @returns {{ label: MapLabel, box: Box }[]}
 */
function labelOptions({ name, x, y }) {
  const characters = [...name];
  const text = characters.length > LONGEST_LABEL ? `${characters.slice(0, LONGEST_LABEL - 1).join("")}…` : name;
  const width = Math.min(characters.length, LONGEST_LABEL) * CHARACTER_WIDTH;
  const [aside, level] = [POINT_RADIUS + GAP, LINE_HEIGHT / 3];
  const above = y - aside;
  const below = y + aside + LINE_HEIGHT - GAP;
  return [
    labelAt(text, "start", x + aside, y + level, x + aside, width),
    labelAt(text, "end", x - aside, y + level, x - aside - width, width),
    labelAt(text, "middle", x, above, x - width / 2, width),
    labelAt(text, "middle", x, below, x - width / 2, width),
  ];
}

/**
 * @param {string} text
 * @param {MapLabel["anchor"]} anchor
 * @param {number} x
 * @param {number} y
 * @param {number} left
 * @param {number} width
 * @returns {{ label: MapLabel, box: Box }}
 */
function labelAt(text, anchor, x, y, left, width) {
  return {
    label: { text, anchor, x, y },
    box: { left, right: left + width, top: y - LINE_HEIGHT + GAP, bottom: y + GAP },
  };
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @returns {Box}
 */
function boxAround(x, y, radius) {
  return { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius };
}

/**
 * @param {Box} one
 * @param {Box} other
 * @returns {boolean}
 */
function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
