// The view of one camera: a larger picture, what is in it, the facts, and the addresses to use.

import { h, mark, renew, write } from "./dom.js";
import { Hour } from "./hour.js";
import { Now } from "./now.js";
import { Picture } from "./picture.js";
import { Timeline } from "./timeline.js";
import { problemOf } from "./wall.js";
import { BASES, capital, glyph, health, lagOf, listing, percent, sorted, plural, span, uncounted } from "./words.js";

const RATE = 15;
const SOURCES = { v4l2: "USB camera", replay: "replayed video", rtsp: "network camera", synthetic: "synthetic scene" };

/** Where programs fetch pictures of a camera. */
const addresses = (id) => {
  const q = `camera=${encodeURIComponent(id)}`;
  return [
    ["Stream (MJPEG)", `/stream?${q}`],
    ["Stream with boxes", `/stream?${q}&boxes=1`],
    ["One picture", `/snapshot?${q}`],
    ["Frames with boxes (JSON and JPEG)", `/api/v1/cameras/${encodeURIComponent(id)}/live`],
  ];
};

async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // plain http has no clipboard interface: the old way
    field.select();
    return document.execCommand("copy");
  }
}

export class CameraView {
  constructor(id) {
    this.id = id;
    this.now = new Now(id);
    this.hour = new Hour(id);
    this.timeline = new Timeline(id);
    this.title = h("h2", { class: "title", tabindex: -1 });
    this.health = h("span", { class: "health" });
    this.others = h("nav", { class: "others", "aria-label": "Other cameras" });
    this.stage = h("div", { class: "stage" });
    this.live = h("p", { class: "facts mono" });
    this.facts = h("dl", { class: "pairs" });
    this.passed = h("div", { class: "passed" });
    this.inView = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Objects in view" });
    this.tell = h("p", { class: "hidden", role: "status" });
    this.element = h("article", { class: "one", "data-testid": "camera-view", "data-camera": id },
      h("div", { class: "crumbs" }, h("a", { class: "back", href: "#/" }, "All cameras"), this.others),
      h("div", { class: "columns" },
        h("div", { class: "left" },
          h("section", { class: "view", "aria-label": "Live picture" }, this.stage, h("div", { class: "caption" }, h("div", { class: "line" }, this.title, this.health), this.live)),
          this.hour.element,
          this.timeline.element),
        h("div", { class: "right" },
          this.now.element,
          h("section", { class: "objects panel", "aria-labelledby": "objects-title" }, h("h2", { id: "objects-title" }, "Each one in view"), this.inView),
          this.passed,
          h("section", { class: "panel", "aria-labelledby": "facts-title" }, h("h2", { id: "facts-title" }, "This camera"), this.facts),
          this.#links())));
  }

  #links() {
    const field = ([name, path]) => {
      const input = h("input", { type: "text", readonly: true, value: location.origin + path, "aria-label": name, onfocus: (e) => e.target.select() });
      const button = h("button", { type: "button", "data-testid": "copy", "aria-label": `Copy: ${name}`, onclick: async () => {
        const done = await copy(input.value, input);
        write(button, done ? "Copied" : "Select it");
        write(this.tell, done ? `${name}: address copied` : "Copying is not allowed here; the address is selected");
        setTimeout(() => write(button, "Copy"), 2000);
      } }, "Copy");
      return h("li", {}, h("span", {}, name), h("div", { class: "copy" }, input, button));
    };
    return h("section", { class: "panel", "aria-labelledby": "links-title" }, h("h2", { id: "links-title" }, "Use it elsewhere"), h("ul", { class: "links", role: "list" }, ...addresses(this.id).map(field)), h("p", {}, h("a", { href: "/openapi.json" }, "All of the interface (OpenAPI)")), this.tell);
  }

  update(state, up) {
    this.state = state;
    const camera = state.cameras.find((c) => c.id === this.id);
    this.now.update(state, up);
    this.timeline.update(state);
    this.#neighbours(state);
    if (!camera) {
      write(this.title, `No camera “${this.id}”`);
      write(this.health, "");
      renew(this.stage, "none", () => h("p", { class: "plate still" }, "The node does not know this camera. It may have another name now; see all cameras."));
      return;
    }
    this.camera = camera;
    if (!this.picture) {
      this.picture = new Picture(camera, RATE, (seen) => this.#shown(seen));
      this.stage.replaceChildren(this.picture.element);
    }
    write(this.title, camera.label);
    const { level, word } = up ? health(camera) : { level: "wait", word: "last seen" };
    mark(this.element, "data-level", level);
    write(this.health, word);
    this.stage.style.setProperty("--aspect", camera.width && camera.height ? camera.width / camera.height : 16 / 9);
    this.picture.update(camera, problemOf(state, camera.id));
    this.#describe(camera);
    this.#totals(camera);
  }

  counts(counts) {
    this.now.counts(counts);
    if (counts.camera_id !== this.id || !this.picture) return;
    mark(this.picture.canvas, "aria-label", `${this.camera.label}: ${uncounted(this.seen?.basis, this.state) || listing(counts.counts)}`);
    if (this.seen) this.#objects(this.seen);
  }

  event(event) { this.timeline.add(event); }

  reload() {
    this.hour.load();
    this.timeline.load();
  }

  #shown(seen) {
    if (!this.seen) this.#objects(seen);
    this.seen = seen;
    const why = uncounted(seen.basis, this.state);
    renew(this.live, `${seen.frame_id}`, () => [
      h("span", { "data-testid": "tile-lag" }, why ? capital(why) : lagOf(seen.lag_ms)),
      h("span", { "data-testid": "tile-frame" }, `frame ${seen.frame_id}`),
      h("span", {}, `moved ${percent(seen.gate_area)}`),
      h("span", { class: "basis" }, BASES[seen.basis] ?? seen.basis),
    ]);
  }

  #neighbours({ cameras }) {
    renew(this.others, cameras.map((c) => c.id + c.label).join(), () => (cameras.length < 2 ? [] : cameras.map((c) => h("a", { href: `#/camera/${encodeURIComponent(c.id)}`, "aria-current": c.id === this.id && "page" }, c.label))));
  }

  /** The id of the camera `step` places on, round the corner. */
  neighbour(step) {
    const ids = this.state?.cameras.map((c) => c.id) ?? [];
    const at = ids.indexOf(this.id);
    return ids.length > 1 && at >= 0 ? ids[(at + step + ids.length) % ids.length] : null;
  }

  #objects({ objects }) {
    renew(this.inView, JSON.stringify(objects.map((o) => [o.track, Math.round(o.dwell_ms / 1000), o.zones, o.stationary])), () => (objects.length === 0
      ? h("p", { class: "muted" }, "Nothing.")
      : h("table", {}, h("thead", {}, h("tr", {}, ...["What", "Score", "For", "Where"].map((t) => h("th", { scope: "col" }, t)))),
        h("tbody", {}, ...[...objects].sort((a, b) => a.track - b.track).map((o) => h("tr", {},
          h("th", { scope: "row" }, glyph(o.label), `${o.label} ${o.track}`), h("td", {}, percent(o.score)), h("td", {}, span(o.dwell_ms)),
          h("td", {}, [...o.zones, o.stationary && "standing"].filter(Boolean).join(", "))))))));
  }

  #describe(camera) {
    const rows = [
      ["Source", SOURCES[camera.source] ?? camera.source],
      ["Location", camera.location],
      ["Picture", `${camera.width} × ${camera.height}, ${camera.format || "unknown format"}`],
      ["Rate", `${Math.round(camera.frame_rate)} pictures a second`],
      ["Condition", camera.picture === "ok" ? "good" : camera.picture],
      ["Privacy masks", camera.masks ? String(camera.masks) : "none"],
      ["Zones and lines", (camera.shapes ?? []).map((x) => x.name).join(", ") || "none"],
      ["Id", camera.id],
    ];
    renew(this.facts, JSON.stringify(rows), () => rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  }

  #totals({ arrivals, crossings }) {
    const rows = sorted(Object.keys(arrivals)).map((l) => [glyph(l), capital(plural(2, l)), arrivals[l]])
      .concat(Object.keys(crossings).sort().map((k) => [null, `Crossed ${k.replace("/", ", ")}${/\/(in|out)$/.test(k) ? "wards" : ""}`, crossings[k]]));
    renew(this.passed, JSON.stringify([arrivals, crossings]), () => (rows.length === 0 ? [] : h("section", { class: "panel", "aria-labelledby": "passed-title" },
      h("h2", { id: "passed-title" }, "Since the detector started"),
      h("dl", { class: "pairs" }, ...rows.map(([icon, name, n]) => h("div", {}, h("dt", {}, icon ?? "", name), h("dd", {}, String(n))))))));
  }

  close() {
    this.picture?.close();
    this.hour.close();
    this.timeline.close();
  }
}
