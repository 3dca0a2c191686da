// The last hour, minute by minute: a row of bars per label (so that colour carries nothing alone),
// a cursor that pointer and arrow keys move, and the same numbers as a table.

import { ask, h, mark, nodeTime, renew, write } from "./dom.js";
import { MINUTES, figures, gather, row, sentence, table } from "./minutes.js";
import { decimal, minuteOf } from "./words.js";

const REFRESH_MS = 15000;
const LEGEND = [
  ["mean", "average in view"],
  ["max", "most at once"],
  ["void", "no record"],
];
const STEPS = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -15,
  PageUp: 15,
  Home: -MINUTES,
  End: MINUTES,
};

export class Hour {
  #data = null;
  #at = MINUTES - 1;
  #sums = new Map();

  constructor(camera) {
    this.camera = camera;
    this.said = h("p", { class: "said muted" });
    this.rows = h("div", { class: "rows" });
    this.plot = h(
      "div",
      {
        class: "plot",
        tabindex: 0,
        role: "slider",
        "aria-label": "Minute of the last hour",
        "aria-valuemin": 0,
        "aria-valuemax": MINUTES - 1,
        onkeydown: (e) => this.#key(e),
        onpointermove: (e) => this.#point(e),
        onpointerleave: () => this.#rest(),
        onblur: () => this.#rest(),
        onfocus: () => this.#show(this.#at),
      },
      this.rows,
    );
    this.table = h("div", {
      class: "scroll",
      tabindex: 0,
      role: "region",
      "aria-label": "The last hour as a table",
    });
    this.details = h(
      "details",
      { "data-testid": "history-table", ontoggle: () => this.#tabulate() },
      h("summary", {}, "Show as a table"),
      this.table,
    );
    this.element = h(
      "section",
      { class: "hour panel", "aria-labelledby": "hour-title", "data-testid": "history" },
      h(
        "div",
        { class: "head" },
        h("h2", { id: "hour-title" }, "Last hour"),
        h(
          "p",
          { class: "legend" },
          ...LEGEND.map(([name, text]) => h("span", {}, h("span", { class: `swatch ${name}` }), text)),
        ),
      ),
      this.said,
      this.plot,
      this.details,
    );
    this.timer = setInterval(() => document.hidden || this.load(), REFRESH_MS);
    this.load();
  }

  async load() {
    try {
      const query = this.camera ? `&camera=${encodeURIComponent(this.camera)}` : "";
      const { minutes } = await ask(`/api/v1/history?minutes=${MINUTES}${query}`);
      this.#data = gather(minutes, nodeTime());
      this.#draw();
    } catch {
      if (!this.#data) write(this.said, "The history cannot be read at the moment.");
    }
  }

  #draw() {
    const { slots, labels } = this.#data;
    mark(this.plot, "aria-valuenow", this.#at);
    this.plot.hidden = this.details.hidden = labels.length === 0;
    renew(this.rows, JSON.stringify(this.#data), () => [
      this.#sums.clear(),
      ...labels.map((label) => row(label, slots, this.#sum(label))),
      h(
        "div",
        { class: "axis mono", "aria-hidden": "true" },
        ...[0, 15, 30, 45, 59].map((i) => h("span", {}, minuteOf(slots[i].start))),
      ),
    ]);
    this.#tabulate();
    if (!this.plot.matches(":focus, :hover")) this.#rest();
  }

  #sum(label) {
    const sum = h("p", { class: "sum", "aria-hidden": "true" }, h("b", {}), " ", h("small", {}));
    this.#sums.set(label, sum);
    return sum;
  }

  #show(i) {
    if (!this.#data) return;
    this.#at = i;
    const slot = this.#data.slots[i];
    write(this.said, `The minute ${minuteOf(slot.start)}${slot.labels ? "" : ": no record"}`);
    mark(this.plot, "aria-valuenow", i);
    mark(this.plot, "aria-valuetext", sentence(slot, this.#data.labels));
    this.#tell([slot], i);
  }

  /** Writes the figures of some minutes beside the rows, where they take no other room than before. */
  #tell(slots, cursor) {
    for (const [label, sum] of this.#sums) {
      const found = figures(slots, label);
      write(sum.firstChild, found ? `${found.arrivals} arrived` : "–");
      write(sum.lastChild, found ? `average ${decimal(found.mean)}, most ${found.max}` : "no record");
    }
    for (const mark of this.rows.querySelectorAll(".cursor")) mark.setAttribute("x", cursor);
  }

  #rest() {
    if (!this.#data) return;
    const { slots, labels, cameras } = this.#data;
    this.#tell(slots, -2);
    const since = `From ${minuteOf(slots[0].start)} to now${cameras > 1 ? ", all cameras together" : ""}`;
    write(this.said, labels.length ? since : "Nothing is recorded yet. The first minute appears soon.");
    mark(this.plot, "aria-valuetext", sentence(slots[this.#at], labels));
  }

  #key(event) {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#show(Math.max(0, Math.min(MINUTES - 1, this.#at + step)));
  }

  #point(event) {
    const bars = this.rows.querySelector("svg")?.getBoundingClientRect();
    if (!bars || event.clientX < bars.left || event.clientX > bars.right) return;
    this.#show(Math.min(MINUTES - 1, Math.floor(((event.clientX - bars.left) / bars.width) * MINUTES)));
  }

  #tabulate() {
    if (this.details.open && this.#data)
      renew(this.table, JSON.stringify(this.#data), () => table(this.#data));
  }

  close() {
    clearInterval(this.timer);
  }
}
