// The view of one camera: a larger picture, what is in it, and the panels about it.

import { h, mark, renew, write } from "./dom.js";
import { facts, links, objects, rows, totals } from "./facts.js";
import { Hour } from "./hour.js";
import { Now } from "./now.js";
import { Picture } from "./picture.js";
import { problemOf } from "./tile.js";
import { Timeline } from "./timeline.js";
import { BASES, capital, health, inSight, lagOf, listing, percent, uncounted } from "./words.js";

const RATE = 15;
const TABLE_MS = 500; // the picture may flicker, a table may not

export class CameraView {
  constructor(id) {
    this.id = id;
    this.tabled = 0;
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
    this.element = this.#layout();
  }

  #layout() {
    const panel = (name, title, body) =>
      h(
        "section",
        { class: `${name} panel`, "aria-labelledby": `${name}-title` },
        h("h2", { id: `${name}-title` }, title),
        body,
      );
    return h(
      "article",
      { class: "one", "data-testid": "camera-view", "data-camera": this.id },
      h("div", { class: "crumbs" }, h("a", { class: "back", href: "#/" }, "All cameras"), this.others),
      h(
        "div",
        { class: "columns" },
        h(
          "div",
          { class: "left" },
          h(
            "section",
            { class: "view", "aria-label": "Live picture" },
            this.stage,
            h("div", { class: "caption" }, h("div", { class: "line" }, this.title, this.health), this.live),
          ),
          this.hour.element,
          this.timeline.element,
        ),
        h(
          "div",
          { class: "right" },
          this.now.element,
          panel("objects", "Each one in view", this.inView),
          this.passed,
          panel("about", "This camera", this.facts),
          links(this.id),
        ),
      ),
    );
  }

  update(state, up) {
    this.state = state;
    this.now.update(state, up);
    this.timeline.update(state);
    this.#neighbours(state);
    const camera = state.cameras.find((c) => c.id === this.id);
    if (camera) this.#describe(camera, up);
    else this.#unknown();
  }

  #unknown() {
    write(this.title, `No camera “${this.id}”`);
    write(this.health, "");
    if (!this.picture)
      renew(this.stage, "none", () =>
        h(
          "p",
          { class: "plate still" },
          "The node does not know this camera. It may have another name now; see all cameras.",
        ),
      );
  }

  #describe(camera, up) {
    this.camera = camera;
    if (!this.picture) {
      this.picture = new Picture(camera, RATE, (seen) => this.#shown(seen));
      this.stage.replaceChildren(this.picture.element);
    }
    write(this.title, camera.label);
    const { level, word } = health(camera, this.state, up);
    mark(this.element, "data-level", level);
    write(this.health, word);
    this.stage.style.setProperty(
      "--aspect",
      camera.width && camera.height ? camera.width / camera.height : 16 / 9,
    );
    this.picture.update(camera, problemOf(this.state, camera.id));
    const known = facts(camera);
    renew(this.facts, JSON.stringify(known), () => rows(known));
    renew(this.passed, JSON.stringify([camera.arrivals, camera.crossings]), () => totals(camera));
  }

  /** Once a second: what a screen reader finds, and the table of objects. */
  counts(counts) {
    this.now.counts(counts);
    if (counts.camera_id !== this.id || !this.picture) return;
    mark(
      this.picture.canvas,
      "aria-label",
      `${this.camera.label}: ${uncounted(counts.counts, this.seen?.basis, this.state) || listing(counts.counts)}`,
    );
  }

  event(event) {
    this.timeline.add(event);
  }

  reload() {
    this.hour.load();
    this.timeline.load();
  }

  #shown(seen) {
    this.now.counts(seen);
    this.seen = seen;
    if (performance.now() - this.tabled > TABLE_MS) this.#objects(seen);
    const why = uncounted(seen.counts, seen.basis, this.state);
    renew(this.live, String(seen.frame_id), () => [
      h("span", { "data-testid": "tile-lag" }, why ? capital(why) : lagOf(seen.lag_ms)),
      h("span", { "data-testid": "tile-frame" }, `frame ${seen.frame_id}`),
      h("span", {}, `moved ${percent(seen.gate_area)}`),
      h("span", {}, BASES[seen.basis] ?? seen.basis),
    ]);
  }

  #objects({ objects: found }) {
    this.tabled = performance.now();
    const key = found.map((o) => [
      o.track,
      o.label,
      Math.round(o.dwell_ms / 1000),
      o.zones,
      o.stationary,
      inSight(o),
    ]);
    renew(this.inView, JSON.stringify(key), () => objects(found));
  }

  #neighbours({ cameras }) {
    const link = ({ id, label }) =>
      h("a", { href: `#/camera/${encodeURIComponent(id)}`, "aria-current": id === this.id && "page" }, label);
    renew(this.others, JSON.stringify(cameras.map((c) => [c.id, c.label])), () =>
      cameras.length > 1 ? cameras.map(link) : [],
    );
  }

  /** The id of the camera `step` places on, round the corner. */
  neighbour(step) {
    const ids = this.state?.cameras.map((c) => c.id) ?? [];
    const at = ids.indexOf(this.id);
    return ids.length > 1 && at >= 0 ? ids[(at + step + ids.length) % ids.length] : null;
  }

  close() {
    this.picture?.close();
    this.hour.close();
  }
}
