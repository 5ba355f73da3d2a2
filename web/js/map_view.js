import { word } from "./day_view.js";
import { make, makeSvg } from "./elements.js";
import { list } from "./format.js";
import { routeMap } from "./route_map.js";
import { text } from "./strings.js";

/** The route of a trip as a drawing. What it shows is in its description too. */

const STOP_RADIUS = 5;
/** How far the line of a flight bends, as a share of its length: so the way back does not cover the way there. */
const BEND = 0.14;

/**
 * Makes the map of a trip.
 * @param {Api.Trip} trip
 * @returns {HTMLElement | null} null where no place is known
 */
export function mapView(trip) {
  const map = routeMap(trip);
  if (!map) return null;
  const ways = map.lines.map(({ from, to, mode }) => text("map.way", { mode: word("mode", mode), from, to }));
  const described = ways.length > 0 ? list(ways) : list(map.points.map(({ name }) => name));
  return make(
    "section",
    { class: "card map", "aria-labelledby": "map-heading" },
    make("h3", { id: "map-heading" }, text("map.heading")),
    makeSvg(
      "svg",
      { viewBox: `0 0 ${map.width} ${map.height}`, role: "img", "aria-label": text("map.described", { ways: described }) },
      ...map.lines.flatMap(({ mode, segments }) => segments.map((segment) => wayLine(mode, segment))),
      ...map.points.map(({ x, y, days }) =>
        makeSvg("circle", { cx: x, cy: y, r: STOP_RADIUS, class: days.length > 0 ? "stop night" : "stop" }),
      ),
      ...map.points.map(({ label }) => makeSvg("text", { x: label.x, y: label.y, "text-anchor": label.anchor }, label.text)),
    ),
    map.lines.some(({ mode }) => mode === "flight") && make("p", { class: "small" }, text("map.legend")),
    map.unknown.length > 0 && make("p", { class: "small" }, text("map.unknown", { places: list(map.unknown) })),
  );
}

/**
 * @param {Api.Leg["mode"]} mode
 * @param {import("./route_map.js").Segment} segment
 * @returns {Element}
 */
function wayLine(mode, [x1, y1, x2, y2]) {
  const bend = mode === "flight" ? BEND : 0;
  const [x, y] = [(x1 + x2) / 2 + (y2 - y1) * bend, (y1 + y2) / 2 - (x2 - x1) * bend];
  return makeSvg("path", { class: `way ${mode}`, d: `M${x1} ${y1}Q${x} ${y} ${x2} ${y2}` });
}
