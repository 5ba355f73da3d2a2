import assert from "node:assert/strict";
import test from "node:test";

import { placeLabels } from "../../web/js/map_labels.js";
import { routeMap } from "../../web/js/route_map.js";

const PLACES = {
  Lisbon: [38.72, -9.13],
  Porto: [41.15, -8.61],
  Sintra: [38.8, -9.38],
  London: [51.51, -0.13],
  Tokyo: [35.69, 139.69],
  Honolulu: [21.31, -157.86],
  Auckland: [-36.85, 174.76],
  "Los Angeles": [34.05, -118.24],
  Longyearbyen: [78.22, 15.65],
  Pole: [90, 0],
  Nowhere: [null, null],
};

/** Returns a trip by train from each place to the next, a day in each. */
function tripOf(...names) {
  const days = names.map((town, at) => ({
    number: at + 1,
    town,
    legs: at ? [{ origin: names[at - 1], destination: town, mode: "train" }] : [],
  }));
  const places = [...new Set(names)].map((name) => ({ name, latitude: PLACES[name][0], longitude: PLACES[name][1] }));
  return { places, days };
}

const pointOf = (map, name) => map.points.find((point) => point.name === name);

test("north is up, east is right, and all is within the frame", () => {
  const map = routeMap(tripOf("Lisbon", "Sintra", "Porto"));

  const [lisbon, porto, sintra] = ["Lisbon", "Porto", "Sintra"].map((name) => pointOf(map, name));
  assert.ok(porto.y < sintra.y && sintra.y < lisbon.y);
  assert.ok(sintra.x < lisbon.x && lisbon.x < porto.x);
  for (const { x, y } of map.points) assert.ok(x >= 40 && x <= map.width - 40 && y >= 40 && y <= map.height - 40);
  assert.deepEqual(map.points.map((point) => [point.name, point.days]), [["Lisbon", [1]], ["Sintra", [2]], ["Porto", [3]]]);
  assert.deepEqual(map.lines[0].segments, [[lisbon.x, lisbon.y, sintra.x, sintra.y]]);
});

test("the projection keeps angles: far from the equator, a degree of longitude is as short as it is", () => {
  const around = (latitude) => {
    const places = [[0, 0], [1, 0], [0, 1]].map(([up, right], at) => ({ name: `${at}`, latitude: latitude + up, longitude: right }));
    const [from, up, right] = routeMap({ places, days: [] }).points;
    return (right.x - from.x) / (from.y - up.y);
  };

  assert.ok(Math.abs(around(0) - 1) < 0.01);
  assert.ok(Math.abs(around(60) - 0.5) < 0.02);
});

test("a trip across the date line is in one piece", () => {
  for (const names of [["Tokyo", "Honolulu"], ["Auckland", "Honolulu"], ["Honolulu", "Auckland", "Tokyo"]]) {
    const map = routeMap(tripOf(...names));

    assert.ok(pointOf(map, "Honolulu").x > pointOf(map, names.find((name) => name !== "Honolulu")).x);
    for (const line of map.lines) assert.equal(line.segments.length, 1);
  }
});

test("a trip around the world has a line that leaves at one side and comes back at the other", () => {
  const map = routeMap(tripOf("London", "Tokyo", "Los Angeles", "London"));

  const split = map.lines.filter((line) => line.segments.length === 2);
  assert.equal(split.length, 1);
  const [[line], [from, to]] = [split, [pointOf(map, split[0].from), pointOf(map, split[0].to)]];
  const [[x1, y1, out, y2], [back, y3, x4, y4]] = line.segments;
  assert.deepEqual([x1, y1, x4, y4], [from.x, from.y, to.x, to.y]);
  assert.deepEqual([out, back].sort((one, other) => one - other), [0, map.width]);
  assert.ok((out > x1) === (back < x4));
  for (const y of [y2, y3]) assert.ok(y >= Math.min(y1, y4) && y <= Math.max(y1, y4));
  // The other way round, the line leaves at the other side.
  const [other] = routeMap(tripOf("London", "Los Angeles", "Tokyo", "London")).lines.filter((each) => each.segments.length === 2);
  assert.ok(other);
});

test("what is not known is listed, and never drawn", () => {
  const map = routeMap(tripOf("Lisbon", "Nowhere", "Porto"));

  assert.deepEqual(map.unknown, ["Nowhere"]);
  assert.deepEqual(map.points.map((point) => point.name), ["Lisbon", "Porto"]);
  assert.deepEqual(map.lines, []);
  assert.equal(routeMap(tripOf("Nowhere")), null);
  assert.equal(routeMap({ places: [], days: [] }), null);
});

test("one place, poles, and long ways have a frame of a possible size", () => {
  for (const names of [["Lisbon"], ["Pole", "Auckland"], ["Longyearbyen", "Auckland"], ["Lisbon", "Sintra"], ["London", "Tokyo"]]) {
    const { width, height, points } = routeMap(tripOf(...names));

    assert.ok(width === 360 && height >= 180 && height <= 300, names.join());
    for (const { x, y } of points) assert.ok(x >= 0 && x <= width && y >= 0 && y <= height, names.join());
  }
  assert.equal(routeMap(tripOf("Lisbon")).height, 180);
});

test("there and back is two lines, and twice the same way is one", () => {
  const { lines, points } = routeMap(tripOf("Lisbon", "Porto", "Lisbon", "Porto"));

  assert.deepEqual(lines.map(({ from, to }) => [from, to]), [["Lisbon", "Porto"], ["Porto", "Lisbon"]]);
  assert.deepEqual(points.map(({ days }) => days), [[1, 3], [2, 4]]);
});

test("days in any order, as they arrive, give the same drawing", () => {
  const trip = tripOf("Lisbon", "Sintra", "Porto");

  assert.deepEqual(routeMap({ ...trip, days: [...trip.days].reverse() }), routeMap(trip));
});

test("labels of places near one another do not cover one another, where there is space", () => {
  const points = [
    { name: "Lisbon", x: 300, y: 100 },
    { name: "Sintra", x: 310, y: 102 },
    { name: "A place at the eastern side", x: 630, y: 100 },
  ];

  const [first, second, third] = placeLabels(points, 640, 200);

  assert.deepEqual([first.anchor, second.anchor], ["end", "start"]);
  assert.equal(third.anchor, "end");
  assert.equal([...third.text].length, 24);
  assert.ok(third.text.endsWith("…"));
});
