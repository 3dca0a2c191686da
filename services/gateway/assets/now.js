// What is in view now, over all cameras or one: large numbers, a second old at most.

import { h, mark, renew, write } from "./dom.js";
import { capital, glyph, listing, plural, sorted, uncounted } from "./words.js";

export class Now {
  #counts = new Map();

  constructor(camera) {
    this.camera = camera;
    this.body = h("div", {});
    this.title = h("h2", { id: "now-title" }, "In view now");
    this.element = h(
      "section",
      { class: "now panel", "aria-labelledby": "now-title", "data-testid": "now" },
      this.title,
      this.body,
    );
  }

  update(state, up) {
    this.state = state;
    write(this.title, up ? "In view now" : "In view when last heard");
    mark(this.element, "data-old", !up);
    const cameras = state.cameras.filter((c) => !this.camera || c.id === this.camera);
    this.#counts = new Map(cameras.map((c) => [c.id, c.state === "streaming" ? c.counts : {}]));
    this.#draw();
  }

  counts({ camera_id: id, counts }) {
    if (!this.#counts.has(id)) return;
    this.#counts.set(id, counts);
    this.#draw();
  }

  total() {
    const sum = {};
    for (const counts of this.#counts.values())
      for (const [l, n] of Object.entries(counts)) sum[l] = (sum[l] ?? 0) + n;
    return sum;
  }

  spoken() {
    return this.state
      ? uncounted(undefined, this.state) || `In view now: ${listing(this.total())}`
      : "Nothing is known yet";
  }

  #draw() {
    const sum = this.total();
    const labels = sorted(Object.keys(sum));
    const why = this.state ? uncounted(undefined, this.state) : "";
    renew(this.body, JSON.stringify(sum) + why, () => {
      if (!labels.length)
        return h("p", { class: "muted" }, `${capital(why || "nothing is counted at the moment")}.`);
      return h(
        "dl",
        { class: "figures" },
        ...labels.map((l) =>
          h(
            "div",
            {
              class: `${l === "car" || l === "person" ? "chief" : ""} ${sum[l] ? "" : "zero"}`,
              "data-label": l,
            },
            h("dt", {}, glyph(l), plural(sum[l], l)),
            h("dd", {}, String(sum[l])),
          ),
        ),
      );
    });
  }
}
