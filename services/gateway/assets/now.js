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
    if (!this.state) return "Nothing is known yet";
    const sum = this.total();
    return capital(uncounted(sum, undefined, this.state)) || `In view now: ${listing(sum)}`;
  }

  #draw() {
    const sum = this.total();
    const none = Object.keys(sum).length === 0 ? "nothing is counted at the moment" : "";
    const why = uncounted(sum, undefined, this.state) || none;
    renew(this.body, JSON.stringify(sum) + why, () =>
      why ? h("p", { class: "muted" }, `${capital(why)}.`) : list(sum),
    );
  }
}

function list(sum) {
  const figure = (label) => {
    const chief = label === "car" || label === "person" ? "chief" : "";
    const name = h("dt", {}, glyph(label), plural(sum[label], label));
    const number = h("dd", {}, String(sum[label]));
    return h("div", { class: `${chief} ${sum[label] ? "" : "zero"}`, "data-label": label }, name, number);
  };
  return h("dl", { class: "figures" }, ...sorted(Object.keys(sum)).map(figure));
}
