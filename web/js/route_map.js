import { placeLabels } from "./map_labels.js";

/**
 * Where a trip leads, as points and lines of a drawing: Mercator's projection of the places whose coordinates are
 * known. There is no map below it, which would have to come from elsewhere.
 */

/**
 * @typedef {object} RoutePoint
 * @property {string} name
 * @property {number} x
 * @property {number} y
 * @property {number[]} days the numbers of the days that are spent there
 * @property {import("./map_labels.js").MapLabel} label
 */

/** @typedef {[x1: number, y1: number, x2: number, y2: number]} Segment */

/**
 * @typedef {object} RouteLine
 * @property {string} from
 * @property {string} to
 * @property {Api.Leg["mode"]} mode
 * @property {Segment[]} segments two where the line leaves at one side and comes back at the other
 */

/**
 * @typedef {object} RouteMap
 * @property {number} width
 * @property {number} height
 * @property {RoutePoint[]} points in the order of the trip
 * @property {RouteLine[]} lines in the order of the trip
 * @property {string[]} unknown places of the trip whose coordinates are not known
 */

/** @typedef {{ name: string, longitude: number, height: number, days: number[] }} KnownPlace */
/** @typedef {Pick<Api.Trip, "places" | "days">} Route */

/** As wide as a phone, so that labels are legible there; wider screens show it larger. */
const WIDTH = 360;
const LEAST_HEIGHT = 180;
const MOST_HEIGHT = 300;
const MARGIN = 40;
/** Degrees: a trip within one town is not drawn larger than this. */
const LEAST_EXTENT = 0.2;
/** Where Mercator's projection is cut, since the poles are infinitely far away. */
const MOST_LATITUDE = 85;

/**
 * Returns the drawing of a trip.
 * @param {Route} trip also one whose days are not complete
 * @returns {RouteMap | null} null where no place is known
 */
export function routeMap(trip) {
  const names = namesInOrder(trip);
  const known = knownPlaces(trip, names);
  if (!known.size) return null;
  const frame = new MapFrame([...known.values()]);
  const points = [...known.values()].map((place) => ({
    name: place.name,
    x: frame.x(place.longitude),
    y: frame.y(place.height),
    days: place.days,
  }));
  const labels = placeLabels(points, frame.width, frame.height);
  return {
    width: frame.width,
    height: frame.height,
    points: points.map((point, at) => ({ ...point, label: /** @type {RoutePoint["label"]} */ (labels[at]) })),
    lines: routeLines(trip, known, frame),
    unknown: names.filter((name) => !known.has(name)),
  };
}

/**
 * Returns the names of the places, in the order in which the trip comes to them.
 * @param {Route} trip
 * @returns {string[]}
 */
function namesInOrder(trip) {
  const days = [...trip.days].sort((one, other) => one.number - other.number);
  const visited = days.flatMap((day) => [...day.legs.flatMap((leg) => [leg.origin, leg.destination]), day.town]);
  return [...new Set([...visited, ...trip.places.map((place) => place.name)])].filter(Boolean);
}

/**
 * @param {Route} trip
 * @param {string[]} names
 * @returns {Map<string, KnownPlace>}
 */
function knownPlaces(trip, names) {
  const places = new Map(trip.places.map((place) => [place.name, place]));
  /** @type {Map<string, KnownPlace>} */
  const known = new Map();
  for (const name of names) {
    const { latitude = null, longitude = null } = places.get(name) ?? {};
    if (!Number.isFinite(latitude) || !Number.isFinite(longitude)) continue;
    const days = trip.days.filter((day) => day.town === name).map((day) => day.number);
    known.set(name, { name, longitude: Number(longitude), height: mercator(Number(latitude)), days });
  }
  return known;
}

/**
 * Returns the height of a latitude in Mercator's projection, in degrees of the equator.
 * @param {number} latitude
 * @returns {number}
 */
function mercator(latitude) {
  const radians = (Math.max(-MOST_LATITUDE, Math.min(MOST_LATITUDE, latitude)) * Math.PI) / 180;
  return (Math.log(Math.tan(Math.PI / 4 + radians / 2)) * 180) / Math.PI;
}

/** The part of the world that is drawn, and its size. */
class MapFrame {
  #west;
  #centre;
  #middle;
  #scale;

  /** @param {KnownPlace[]} places at least one */
  constructor(places) {
    this.#west = westernmost(places.map((place) => place.longitude));
    const longitudes = places.map((place) => this.#unwrapped(place.longitude));
    const heights = places.map((place) => place.height);
    const [east, north, south] = [Math.max(...longitudes), Math.max(...heights), Math.min(...heights)];
    const [across, down] = [Math.max(east - this.#west, LEAST_EXTENT), north - south];
    this.#scale = Math.min((WIDTH - 2 * MARGIN) / across, (MOST_HEIGHT - 2 * MARGIN) / down);
    this.width = WIDTH;
    this.height = Math.round(Math.max(LEAST_HEIGHT, down * this.#scale + 2 * MARGIN));
    this.#centre = (this.#west + east) / 2;
    this.#middle = (north + south) / 2;
  }

  /**
   * @param {number} longitude
   * @returns {number}
   */
  x(longitude) {
    return this.#column(this.#unwrapped(longitude));
  }

  /**
   * @param {number} height of Mercator's projection
   * @returns {number}
   */
  y(height) {
    return rounded(this.height / 2 - (height - this.#middle) * this.#scale);
  }

  /**
   * Returns the shortest line between two places.
   * @param {KnownPlace} from
   * @param {KnownPlace} to
   * @returns {Segment[]}
   */
  segments(from, to) {
    const [begin, end] = [this.#unwrapped(from.longitude), this.#unwrapped(to.longitude)];
    const [y1, y2] = [this.y(from.height), this.y(to.height)];
    const way = positive(to.longitude - from.longitude + 180) - 180;
    if (Math.abs(begin + way - end) < 1) return [[this.#column(begin), y1, this.#column(end), y2]];
    // It leaves at one side of the frame, and comes back at the other.
    const [out, back] = way > 0 ? [this.width, 0] : [0, this.width];
    const across = this.#column(begin + way) - this.#column(begin);
    /** @param {number} x @param {number} start */
    const heightAt = (x, start) => rounded(y1 + ((y2 - y1) * (x - start)) / across);
    return [
      [this.#column(begin), y1, out, heightAt(out, this.#column(begin))],
      [back, heightAt(back, this.#column(end - way)), this.#column(end), y2],
    ];
  }

  /**
   * Returns a longitude in the turn that begins at the western side of the frame.
   * @param {number} longitude
   * @returns {number}
   */
  #unwrapped(longitude) {
    return this.#west + positive(longitude - this.#west);
  }

  /**
   * @param {number} longitude an unwrapped one
   * @returns {number}
   */
  #column(longitude) {
    return rounded(this.width / 2 + (longitude - this.#centre) * this.#scale);
  }
}

/**
 * Returns the longitude at which a frame begins that has all places and is as narrow as can be: east of the largest
 * gap between them. So a trip across the date line is in one piece.
 * @param {number[]} longitudes at least one
 * @returns {number}
 */
function westernmost(longitudes) {
  const sorted = [...longitudes].sort((one, other) => one - other);
  let [west, widest] = [sorted[0] ?? 0, -1];
  sorted.forEach((longitude, at) => {
    const before = sorted.at(at - 1) ?? longitude;
    const gap = sorted.length > 1 ? positive(longitude - before) : 360;
    if (gap > widest) [west, widest] = [longitude, gap];
  });
  return west;
}

/**
 * @param {Route} trip
 * @param {Map<string, KnownPlace>} known
 * @param {MapFrame} frame
 * @returns {RouteLine[]}
 */
function routeLines(trip, known, frame) {
  /** @type {Map<string, RouteLine>} */
  const lines = new Map();
  for (const day of [...trip.days].sort((one, other) => one.number - other.number)) {
    for (const { origin, destination, mode } of day.legs) {
      const [from, to] = [known.get(origin), known.get(destination)];
      const key = JSON.stringify([origin, destination, mode]);
      if (!from || !to || from === to || lines.has(key)) continue;
      lines.set(key, { from: origin, to: destination, mode, segments: frame.segments(from, to) });
    }
  }
  return [...lines.values()];
}

/**
 * Returns an angle from 0 up to 360 degrees.
 * @param {number} degrees
 * @returns {number}
 */
function positive(degrees) {
  return ((degrees % 360) + 360) % 360;
}

/**
 * @param {number} value
 * @returns {number}
 */
function rounded(value) {
  return Math.round(value * 10) / 10;
}
