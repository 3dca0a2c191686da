// Plain words for numbers, labels and states. Everything that a person reads and that depends on
// data is worded here, so that tiles, table and screen reader say the same.

import { s } from "./dom.js";

const PLURAL = { person: "people", bus: "buses" };
const ORDER = ["car", "person", "bicycle", "motorcycle", "bus", "truck"];
// A shape beside each colour, for eyes that do not tell green from red.
const SHAPES = {
  car: "M1 1h10v10H1z",
  person: "M6 .5a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11z",
  bicycle: "M6 .8 11.700 11H.3z",
  motorcycle: "M6 0l6 6-6 6-6-6z",
  bus: "M0 3.200h12v5.600H0z",
  other:
    "M6 .5a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11zm0 2.600a2.900 2.900 0 1 0 0 5.800 2.900 2.900 0 0 0 0-5.800z",
};

/** The class of a label: one of the five with a colour, or `other`. */
export const kind = (label) => (label in SHAPES ? label : "other");
export const outline = (label) => SHAPES[kind(label)];
export const glyph = (label) =>
  s(
    "svg",
    { class: `glyph k-${kind(label)}`, viewBox: "0 0 12 12", "aria-hidden": "true" },
    s("path", { d: outline(label) }),
  );

/** Labels in the order in which they are always shown. */
export function sorted(labels) {
  const rank = (l) => (ORDER.includes(l) ? ORDER.indexOf(l) : ORDER.length);
  return [...labels].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

export const plural = (n, label) => (n === 1 ? label : (PLURAL[label] ?? `${label}s`));
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export function join(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** A box that no detection supports is where the tracker expects its object. It is drawn faint and
 * dashed for this long, then not at all: beside something fast it would be wrong. */
const EXPECTED_MS = 300;
export const expected = ({ unseen_ms: unseen }) => unseen > 0;
/** Whether an object has a box on the picture. What stands still is where it was. */
export const inSight = ({ stationary, unseen_ms: unseen }) => stationary || !(unseen > EXPECTED_MS);

/** `3 cars and 2 people`, leaving out what is not there. */
export function listing(counts) {
  const present = sorted(Object.keys(counts)).filter((l) => counts[l] > 0);
  return present.length
    ? join(present.map((l) => `${counts[l]} ${plural(counts[l], l)}`))
    : "nothing counted in view";
}

export function span(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds === 0) return "less than 1\u00a0s";
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds}\u00a0s`; // a number and its unit stay on one line
  return minutes < 60
    ? `${minutes}\u00a0min ${seconds % 60}\u00a0s`
    : `${Math.floor(minutes / 60)}\u00a0h ${minutes % 60}\u00a0min`;
}

const TIME = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const MINUTE = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const LAST_MS = 8.64e15; // the end of time, as JavaScript has it
const dateOf = (usec) => new Date(Math.min(usec / 1000, LAST_MS));
export const timeOf = (usec) => TIME.format(dateOf(usec));
export const minuteOf = (usec) => MINUTE.format(dateOf(usec));
export const isoOf = (usec) => dateOf(usec).toISOString();
export const decimal = (n) => (Number.isInteger(n) ? String(n) : n.toFixed(n < 0.95 ? 2 : 1));
/** From capture to counts; `null` while nobody counts. */
export const lagOf = (ms) => (typeof ms === "number" ? `lag ${Math.round(ms)} ms` : "");
export const percent = (share) => `${Math.round(share * 100)} %`;

const STATES = {
  starting: ["wait", "starting"],
  failed: ["bad", "no pictures"],
  absent: ["bad", "unplugged"],
};
const PICTURES = { frozen: "frozen", black: "black", dark: "too dark", torn: "damaged" };

/** Whether a service is known to be away. */
export const away = (state, noun) => state?.services.some((x) => x.noun === noun && !x.present) ?? false;

/** Whether a service is there and does not answer. */
const silent = (state, unit) =>
  state?.problems.some((x) => x.code === "peer-silent" && x.subject === unit) ?? false;

/** How a camera is: a level (`ok`, `wait`, `bad`) and a word or two. */
export function health(camera, state, up) {
  if (!up) return { level: "wait", word: "last seen" };
  if (away(state, "camera")) return { level: "bad", word: "camera service away" };
  if (silent(state, "vigla-camera")) return { level: "bad", word: "no answer: an old picture" };
  if (camera.state in STATES) {
    const [level, word] = STATES[camera.state];
    return { level, word };
  }
  if (camera.picture in PICTURES) return { level: "bad", word: PICTURES[camera.picture] };
  return { level: "ok", word: "live" };
}

/**
 * Why nobody counts, or "": from what the detector said of a frame (`basis`), or without a frame
 * from the state of the node. A zero is only shown where somebody looked.
 */
export function uncounted(counts, basis, state) {
  if (Object.values(counts).some((n) => n > 0)) return "";
  if (basis === "no-model") return "not counting: no model";
  if (basis !== undefined && basis !== "none") return "";
  if (away(state, "detector")) return "not counting: detector away";
  if (state?.model.name === "") return "not counting: no model";
  return basis === "none" ? "not counting: waiting for the detector" : "";
}

const LOOKS = {
  first: "it was the first picture",
  motion: "something moved",
  cut: "the scene changed",
  linger: "something moved a moment ago",
  unsure: "an object was uncertain",
  heartbeat: "it was time to look",
  still: "nothing moved",
  skipped: "nothing moved lately",
};
export const BASES = {
  inferred: "the model looked",
  still: "still scene, carried over",
  truth: "drawn scene, known exactly",
  "no-model": "no model",
  none: "nobody looked",
};

/** A rule and its value, as a person would put it; what we do not know is shown as it is. */
export function reason(key, value) {
  const [rule, ...rest] = key.split(" ");
  const name = rest.join(" ");
  switch (rule) {
    case "basis":
      return ["On this frame", BASES[value] ?? value];
    case "gate":
      return ["Looked, because", LOOKS[value] ?? value];
    case "gate-area":
      return ["Part of the picture that moved", percent(Number(value))];
    case "scores":
      return ["Scores, look by look", value || "none"];
    case "unseen-ms":
      return ["Not seen for", span(Number(value))];
    case "zone":
      return [`Zone “${name}”`, value];
    case "line":
      return [`Line “${name}”`, `${value}wards`];
    case "count":
      return [`${capital(plural(2, name))} in view`, value];
    default:
      return [capital(key.replaceAll("-", " ")), value];
  }
}

/** What happened, in a clause. */
export function happening(event) {
  const who = event.track ? `${capital(event.label)} ${event.track}` : capital(event.label);
  if (event.kind === "arrival") return `${who} arrived`;
  if (event.kind === "departure") return `${who} left after ${span(event.dwell_ms)}`;
  if (event.kind === "crossing") {
    const [line, way] = (event.zones.find((z) => /\/(in|out)$/.test(z)) ?? "a line/").split("/");
    return `${who} crossed ${line}${way ? `, ${way}wards` : ""}`;
  }
  if (event.kind === "count") {
    const n = event.counts[event.label] ?? 0;
    return n > 0 ? `${n} ${plural(n, event.label)} in view` : `No ${plural(0, event.label)} in view any more`;
  }
  return `${who}: ${event.kind}`;
}
