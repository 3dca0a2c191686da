// An hour of minutes as numbers, bars, a sentence and a table. Knows nothing of cursors or loading.

import { h, s } from "./dom.js";
import { capital, decimal, glyph, kind, minuteOf, plural, sorted } from "./words.js";

export const MINUTES = 60;
const MINUTE_USEC = 60_000_000;
const NOTHING = { max: 0, mean: 0, arrivals: 0 };

/** Minutes of all cameras added up: slots oldest first, `labels` null where nobody counted. */
export function gather(minutes, nowUsec) {
  const indexOf = (usec) => Math.floor(usec / MINUTE_USEC);
  const newest = Math.max(indexOf(nowUsec), ...minutes.map((minute) => indexOf(minute.start_usec)));
  const oldest = newest - MINUTES + 1;
  const slots = Array.from({ length: MINUTES }, (_, i) => ({
    start: (oldest + i) * MINUTE_USEC,
    labels: null,
  }));
  for (const { start_usec: start, labels } of minutes) {
    const slot = slots[indexOf(start) - oldest];
    if (slot && Object.keys(labels).length > 0) add((slot.labels ??= {}), labels);
  }
  const names = new Set(slots.flatMap((slot) => Object.keys(slot.labels ?? {})));
  const worth = (label) => label === "car" || label === "person" || figures(slots, label).max > 0;
  const cameras = new Set(minutes.map((minute) => minute.camera_id)).size;
  return { slots, cameras, labels: sorted(names).filter(worth) };
}

function add(sums, labels) {
  for (const [label, { max, mean, arrivals }] of Object.entries(labels)) {
    const sum = (sums[label] ??= { ...NOTHING });
    sum.max += max;
    sum.mean += mean;
    sum.arrivals += arrivals;
  }
}

/** One label over some minutes: arrivals, average and most in view; `null` where nobody counted. */
export function figures(slots, label) {
  const known = slots.filter((slot) => slot.labels).map((slot) => slot.labels[label] ?? NOTHING);
  if (!known.length) return null;
  const sum = (field) => known.reduce((n, minute) => n + minute[field], 0);
  return {
    arrivals: sum("arrivals"),
    mean: sum("mean") / known.length,
    max: Math.max(...known.map((minute) => minute.max)),
  };
}

/** One minute for a screen reader. */
export function sentence({ start, labels }, order) {
  if (!labels) return `${minuteOf(start)}: no record`;
  const some = order.filter((label) => labels[label]?.max || labels[label]?.arrivals);
  const each = some.map((label) => {
    const { arrivals, mean, max } = labels[label];
    return `${capital(plural(2, label))}: ${arrivals} arrived, ${decimal(mean)} in view on average, ${max} at most`;
  });
  return `${minuteOf(start)}. ${each.join(". ") || "Nothing in view"}`;
}

/** The bars of one label, its name before them and `sum` behind. The scale is its own. */
export function row(label, slots, sum) {
  const top = Math.max(4, ...slots.map((slot) => slot.labels?.[label]?.max ?? 0));
  const bar = (i, value, name) => {
    const height = Math.max(2, (value / top) * 100);
    return s("rect", { class: name, x: i + 0.12, y: 100 - height, width: 0.76, height });
  };
  const gap = (from) => {
    const end = slots.findIndex((slot, i) => i > from && slot.labels);
    return s("rect", { class: "void", x: from, y: 0, width: (end < 0 ? MINUTES : end) - from, height: 100 });
  };
  const bars = slots.flatMap(({ labels }, i) => {
    if (!labels) return slots[i - 1]?.labels === null ? [] : gap(i);
    const { max, mean } = labels[label] ?? NOTHING;
    return max ? [bar(i, max, "max"), bar(i, mean, "mean")] : bar(i, 0, "zero");
  });
  const cursor = s("rect", { class: "cursor", x: -2, y: 0, width: 1, height: 100 });
  const chart = s(
    "svg",
    { viewBox: `0 0 ${MINUTES} 100`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...bars,
    cursor,
  );
  const peak = h("span", { class: "peak mono", "aria-hidden": "true" }, String(top));
  return h(
    "div",
    { class: `row k-${kind(label)}` },
    h("p", { class: "what" }, glyph(label), capital(plural(2, label))),
    h("div", { class: "bars" }, chart, peak),
    sum,
  );
}

/** The same numbers as a table, newest first. */
export function table({ slots, labels }) {
  const head = labels.map((label) =>
    h("th", { scope: "col" }, capital(plural(2, label)), h("small", {}, "average, most, arrived")),
  );
  const cell = (minute, label) => {
    if (!minute) return h("td", {}, "no record");
    const { mean, max, arrivals } = minute[label] ?? NOTHING;
    return h("td", {}, `${decimal(mean)}, ${max}, ${arrivals}`);
  };
  const line = (slot) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, minuteOf(slot.start)),
      ...labels.map((label) => cell(slot.labels, label)),
    );
  return h(
    "table",
    {},
    h("caption", { class: "hidden" }, "Counts by minute, newest first"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Minute"), ...head)),
    h("tbody", {}, ...[...slots].reverse().map(line)),
  );
}
