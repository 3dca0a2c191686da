// One tile of the wall: the picture, whose it is, how it is, and what is counted on that very frame.

import { h, mark, renew, write } from "./dom.js";
import { Picture } from "./picture.js";
import { away, capital, glyph, health, lagOf, listing, plural, sorted, uncounted } from "./words.js";

const SLOW_MS = 500;

/** The counts of one frame as small numbers with a shape, a colour and a word. */
function chips(counts) {
  const chief = (l) => l === "car" || l === "person";
  const shown = sorted(Object.keys(counts)).filter((l) => counts[l] > 0 || chief(l));
  // The words give way to their shapes before a second line would make the wall jump.
  const many = shown.length > 3 ? "many" : "";
  return h(
    "span",
    { class: `chips ${many}` },
    ...shown.map((l) =>
      h(
        "span",
        { class: `chip k-${counts[l] ? "on" : "off"}` },
        glyph(l),
        h("b", {}, String(counts[l])),
        h("span", { class: "word" }, ` ${plural(counts[l], l)} `),
      ),
    ),
  );
}

/** What a problem about this camera says, as a sentence and its remedy. */
export function problemOf(state, id) {
  const found = state.problems.find((p) => p.subject === id);
  if (!found && away(state, "camera")) return "The camera service is away. The pictures come back with it.";
  return found && `${capital(found.what)}. ${capital(found.fix)}.`.replaceAll("`", "");
}

export class Tile {
  /** `told(counts)` hears the counts of each frame that is drawn. */
  constructor(camera, rate, told) {
    const id = `tile-${camera.id}`;
    this.picture = new Picture(camera, rate, (seen) => {
      this.shown(seen);
      told(seen);
    });
    this.link = h("a", {
      class: "name",
      href: `#/camera/${encodeURIComponent(camera.id)}`,
      "aria-describedby": id,
      tabindex: -1,
    });
    this.health = h("span", { class: "health", "data-testid": "tile-health" });
    this.counts = h("p", { class: "counts", "data-testid": "tile-counts" });
    this.lag = h("span", { "data-testid": "tile-lag" });
    this.frame = h("span", { "data-testid": "tile-frame" });
    this.summary = h("span", { class: "hidden", id });
    this.element = h(
      "li",
      { class: "tile", "data-testid": "tile", "data-camera": camera.id },
      this.picture.element,
      h(
        "div",
        { class: "caption" },
        h("div", { class: "line" }, this.link, this.health),
        h("div", { class: "line" }, this.counts, h("p", { class: "facts mono" }, this.lag, this.frame)),
        this.summary,
      ),
    );
  }

  update(camera, state, up) {
    this.camera = camera;
    this.state = state;
    write(this.link, camera.label);
    const { level, word } = health(camera, state, up);
    mark(this.element, "data-level", level);
    write(this.health, word);
    this.picture.update(camera, problemOf(state, camera.id));
    if (!this.picture.able()) this.numbers({}, null, undefined);
    else if (!this.picture.drawn) this.numbers(camera.counts, camera.lag_ms, undefined);
    this.describe();
  }

  shown(seen) {
    write(this.frame, `frame ${seen.frame_id}`);
    this.numbers(seen.counts, seen.lag_ms, seen.basis);
  }

  numbers(counts, lag, basis) {
    this.why = this.picture.able() ? uncounted(counts, basis, this.state) : "not counting: no picture";
    if (!this.why && Object.keys(counts).length === 0) this.why = "nothing counted yet";
    this.now = counts;
    renew(this.counts, this.why || JSON.stringify(counts), () =>
      this.why ? h("span", { class: "muted" }, capital(this.why)) : chips(counts),
    );
    write(this.lag, this.why ? "" : lagOf(lag));
    mark(this.lag, "class", lag > SLOW_MS ? "slow" : "");
  }

  describe() {
    const text = `${this.why || listing(this.now ?? {})}, ${this.health.textContent}`;
    write(this.summary, text);
    mark(this.picture.canvas, "aria-label", `${this.camera.label}: ${text}`);
  }
}
