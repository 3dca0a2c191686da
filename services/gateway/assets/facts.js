// The panels of one camera that stand still: its facts, its totals, each object, and addresses.

import { h, write } from "./dom.js";
import { capital, glyph, inSight, percent, plural, sorted, span } from "./words.js";

const SOURCES = {
  v4l2: "USB camera",
  replay: "replayed video",
  rtsp: "network camera",
  synthetic: "synthetic scene",
};

const pair = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

/** What a camera is, as rows of name and value. */
export function facts(camera) {
  return [
    ["Source", SOURCES[camera.source] ?? camera.source],
    ["Location", camera.location],
    ["Picture", `${camera.width} × ${camera.height}, ${camera.format || "unknown format"}`],
    ["Rate", `${Math.round(camera.frame_rate)} pictures a second`],
    ["Condition", camera.picture === "ok" ? "good" : camera.picture],
    ["Privacy masks", camera.masks ? String(camera.masks) : "none"],
    ["Zones and lines", camera.shapes.map((shape) => shape.name).join(", ") || "none"],
    ["Id", camera.id],
  ];
}

export const rows = (pairs) => pairs.map(([name, value]) => pair(name, value));

/** Arrivals and crossings since the detector started; nothing when there are none. */
export function totals({ arrivals, crossings }) {
  const arrived = sorted(Object.keys(arrivals)).map((label) =>
    pair([glyph(label), capital(plural(2, label))], String(arrivals[label])),
  );
  const crossed = Object.keys(crossings)
    .sort()
    .map((key) => {
      const [line, way] = key.split("/");
      return pair(`Crossed ${line}${way ? `, ${way}wards` : ""}`, String(crossings[key]));
    });
  if (arrived.length + crossed.length === 0) return [];
  return h(
    "section",
    { class: "panel", "aria-labelledby": "passed-title" },
    h("h2", { id: "passed-title" }, "Since the detector started"),
    h("dl", { class: "pairs" }, ...arrived, ...crossed),
  );
}

/** Zones, whether it stands, and why it counts although it has no box. */
const whereabouts = (object) =>
  [...object.zones, object.stationary && "standing", !inSight(object) && "out of sight for a moment"]
    .filter(Boolean)
    .join(", ");

/** Each object in view, by track. */
export function objects(found) {
  if (found.length === 0) return h("p", { class: "muted" }, "Nothing.");
  const heads = ["What", "Score", "For", "Where"].map((text) => h("th", { scope: "col" }, text));
  const body = [...found]
    .sort((a, b) => a.track - b.track)
    .map((object) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, glyph(object.label), `${object.label} ${object.track}`),
        h("td", {}, percent(object.score)),
        h("td", {}, span(object.dwell_ms)),
        h("td", {}, whereabouts(object)),
      ),
    );
  return h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...body));
}

/** Where programs fetch pictures of a camera. */
function addresses(id) {
  const camera = encodeURIComponent(id);
  return [
    ["Stream (MJPEG)", `/stream?camera=${camera}`],
    ["Stream with boxes", `/stream?camera=${camera}&boxes=1`],
    ["One picture", `/snapshot?camera=${camera}`],
    ["Frames with boxes (JSON and JPEG)", `/api/v1/cameras/${camera}/live`],
  ];
}

/** Puts a text on the clipboard; plain HTTP has no interface for that, only the old command. */
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.select();
    return document.execCommand("copy");
  }
}

/** The addresses, each with a button that copies it. */
export function links(id) {
  const told = h("p", { class: "hidden", role: "status" });
  const entry = ([name, path]) => {
    const field = h("input", {
      type: "text",
      readonly: true,
      value: location.origin + path,
      "aria-label": name,
      onfocus: () => field.select(),
    });
    const press = async () => {
      const done = await copy(field);
      write(button, done ? "Copied" : "Select it");
      write(told, done ? `${name}: address copied` : "Copying is not allowed here; the address is selected");
      setTimeout(() => write(button, "Copy"), 2000);
    };
    const button = h(
      "button",
      { type: "button", "data-testid": "copy", "aria-label": `Copy: ${name}`, onclick: press },
      "Copy",
    );
    return h(
      "li",
      {},
      h("span", { "aria-hidden": "true" }, name),
      h("div", { class: "copy" }, field, button),
    );
  };
  return h(
    "section",
    { class: "panel", "aria-labelledby": "links-title" },
    h("h2", { id: "links-title" }, "Use it elsewhere"),
    h("ul", { class: "links", role: "list" }, ...addresses(id).map(entry)),
    h("p", {}, h("a", { href: "/openapi.json" }, "All of the interface (OpenAPI)")),
    told,
  );
}
