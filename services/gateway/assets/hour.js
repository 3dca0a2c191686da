// The last hour, minute by minute: a row of bars per label (so that colour carries nothing alone),
// a cursor that pointer and arrow keys move, and the same numbers as a table.

import { ask, h, mark, nodeTime, renew, s, write } from "./dom.js";
import { capital, decimal, glyph, kind, minuteOf, plural, sorted } from "./words.js";

const MINUTES = 60;
const MINUTE_USEC = 60_000_000;
const REFRESH_MS = 15000;
const LEGEND = [["mean", "average in view"], ["max", "most at once"], ["void", "no record"]];

/** Minutes of all cameras added up: slots oldest first, `labels` null where nobody counted. */
export function gather(minutes, nowUsec) {
  const newest = Math.max(Math.floor(nowUsec / MINUTE_USEC), ...minutes.map((m) => Math.floor(m.start_usec / MINUTE_USEC)));
  const slots = Array.from({ length: MINUTES }, (_, i) => ({ start: (newest - MINUTES + 1 + i) * MINUTE_USEC, labels: null }));
  const names = new Set();
  for (const { start_usec: start, labels } of minutes) {
    const slot = slots[Math.floor(start / MINUTE_USEC) - newest + MINUTES - 1];
    if (!slot || Object.keys(labels).length === 0) continue; // nobody counted in that minute
    slot.labels ??= {};
    for (const [label, { max, mean, arrivals }] of Object.entries(labels)) {
      const sum = (slot.labels[label] ??= { max: 0, mean: 0, arrivals: 0 });
      sum.max += max;
      sum.mean += mean;
      sum.arrivals += arrivals;
      names.add(label);
    }
  }
  const seen = (l) => slots.some((x) => x.labels?.[l]?.max > 0 || x.labels?.[l]?.arrivals > 0);
  const cameras = new Set(minutes.map((m) => m.camera_id)).size;
  return { slots, cameras, labels: sorted(names).filter((l) => l === "car" || l === "person" || seen(l)) };
}

/** One label over some minutes: arrivals, average and most in view; `null` where nobody counted. */
export function figures(slots, label) {
  const known = slots.filter((slot) => slot.labels).map((slot) => slot.labels[label] ?? { max: 0, mean: 0, arrivals: 0 });
  if (!known.length) return null;
  const sum = (field) => known.reduce((n, minute) => n + minute[field], 0);
  return { arrivals: sum("arrivals"), mean: sum("mean") / known.length, max: Math.max(...known.map((minute) => minute.max)) };
}

export class Hour {
  #data = null;
  #at = MINUTES - 1;
  #sums = new Map();

  constructor(camera) {
    this.camera = camera;
    this.said = h("p", { class: "said muted" });
    this.rows = h("div", { class: "rows" });
    this.plot = h("div", {
      class: "plot", tabindex: 0, role: "slider", "aria-label": "Minute of the last hour", "aria-valuemin": 0, "aria-valuemax": MINUTES - 1,
      onkeydown: (e) => this.#key(e), onpointermove: (e) => this.#point(e), onpointerleave: () => this.#rest(), onblur: () => this.#rest(), onfocus: () => this.#show(this.#at),
    }, this.rows);
    this.table = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The last hour as a table" });
    this.details = h("details", { "data-testid": "history-table", ontoggle: () => this.#tabulate() }, h("summary", {}, "Show as a table"), this.table);
    this.element = h("section", { class: "hour panel", "aria-labelledby": "hour-title", "data-testid": "history" },
      h("div", { class: "head" }, h("h2", { id: "hour-title" }, "Last hour"), h("p", { class: "legend" }, ...LEGEND.map(([name, text]) => h("span", {}, h("span", { class: `swatch ${name}` }), text)))),
      this.said, this.plot, this.details);
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
      ...labels.map((label) => this.#row(label, slots)),
      h("div", { class: "axis mono", "aria-hidden": "true" }, ...[0, 15, 30, 45, 59].map((i) => h("span", {}, minuteOf(slots[i].start)))),
    ]);
    this.#tabulate();
    if (!this.plot.matches(":focus, :hover")) this.#rest();
  }

  #row(label, slots) {
    const top = Math.max(4, ...slots.map((x) => x.labels?.[label]?.max ?? 0));
    const bars = slots.flatMap((slot, i) => {
      if (!slot.labels) return s("rect", { class: "void", x: i, y: 0, width: 1, height: 100 });
      const { max = 0, mean = 0 } = slot.labels[label] ?? {};
      const bar = (value, name, least) => {
        const height = Math.max(least, (value / top) * 100);
        return s("rect", { class: name, x: i + 0.12, y: 100 - height, width: 0.76, height });
      };
      return max ? [bar(max, "max", 2), bar(mean, "mean", 2)] : bar(0, "zero", 2);
    });
    const sum = h("p", { class: "sum", "aria-hidden": "true" }, h("b", {}), " ", h("small", {}));
    this.#sums.set(label, sum);
    return h("div", { class: `row k-${kind(label)}` },
      h("p", { class: "what" }, glyph(label), capital(plural(2, label))),
      h("div", { class: "bars" }, s("svg", { viewBox: "0 0 60 100", preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars, s("rect", { class: "cursor", x: -2, y: 0, width: 1, height: 100 })), h("span", { class: "peak mono", "aria-hidden": "true" }, String(top))),
      sum);
  }

  #sentence(i) {
    const { slots, labels } = this.#data;
    const { start, labels: minute } = slots[i];
    if (!minute) return `${minuteOf(start)}: no record`;
    const some = labels.filter((l) => minute[l]?.max || minute[l]?.arrivals);
    const each = some.map((l) => `${capital(plural(2, l))}: ${minute[l].arrivals} arrived, ${decimal(minute[l].mean)} in view on average, ${minute[l].max} at most`);
    return `${minuteOf(start)}. ${each.join(". ") || "Nothing in view"}`;
  }

  #show(i) {
    if (!this.#data) return;
    this.#at = i;
    const slot = this.#data.slots[i];
    write(this.said, `The minute ${minuteOf(slot.start)}${slot.labels ? "" : ": no record"}`);
    mark(this.plot, "aria-valuenow", i);
    mark(this.plot, "aria-valuetext", this.#sentence(i));
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
    const { slots, labels } = this.#data;
    this.#tell(slots, -2);
    write(this.said, labels.length ? `From ${minuteOf(slots[0].start)} to now${this.#data.cameras > 1 ? ", all cameras together" : ""}` : "Nothing is recorded yet. The first minute appears soon.");
    mark(this.plot, "aria-valuetext", this.#sentence(this.#at));
  }

  #key(event) {
    const to = { ArrowLeft: this.#at - 1, ArrowDown: this.#at - 1, ArrowRight: this.#at + 1, ArrowUp: this.#at + 1, PageDown: this.#at - 15, PageUp: this.#at + 15, Home: 0, End: MINUTES - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.#show(Math.max(0, Math.min(MINUTES - 1, to)));
  }

  #point(event) {
    const bars = this.rows.querySelector("svg")?.getBoundingClientRect();
    if (!bars || event.clientX < bars.left || event.clientX > bars.right) return;
    this.#show(Math.min(MINUTES - 1, Math.floor(((event.clientX - bars.left) / bars.width) * MINUTES)));
  }

  #tabulate() {
    if (!this.details.open || !this.#data) return;
    const { slots, labels } = this.#data;
    renew(this.table, JSON.stringify(this.#data), () => h("table", {},
      h("caption", { class: "hidden" }, "Counts by minute, newest first"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Minute"), ...labels.map((l) => h("th", { scope: "col" }, capital(plural(2, l)), h("small", {}, "average, most, arrived"))))),
      h("tbody", {}, ...[...slots].reverse().map((slot) => h("tr", {}, h("th", { scope: "row" }, minuteOf(slot.start)),
        ...labels.map((l) => h("td", {}, slot.labels ? (({ mean = 0, max = 0, arrivals = 0 }) => `${decimal(mean)}, ${max}, ${arrivals}`)(slot.labels[l] ?? {}) : "no record")))))));
  }

  close() {
    clearInterval(this.timer);
  }
}
