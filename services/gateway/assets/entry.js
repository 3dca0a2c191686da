// One event of the timeline: picture, what happened, where and when; on opening it, why.

import { h } from "./dom.js";
import { capital, glyph, happening, isoOf, percent, reason, span, timeOf } from "./words.js";

// Ids start again with the detector, so the frame and the time belong to the key.
export const keyOf = (event) => `${event.camera_id} ${event.time_usec} ${event.frame_id} ${event.id}`;

const pair = ([name, value]) => h("div", {}, h("dt", {}, capital(name)), h("dd", {}, value));

/** The item for an event at `where` (empty in the view of one camera), and the node that names the place. */
export function entry(event, where) {
  const id = `why-${keyOf(event).replace(/[^\w-]/g, "_")}`;
  const place = h("span", {}, where);
  const why = h("div", { class: "why", id, hidden: true });
  const time = h("time", { class: "mono", datetime: isoOf(event.time_usec) }, timeOf(event.time_usec));
  const row = h(
    "button",
    {
      type: "button",
      class: "row",
      "aria-expanded": "false",
      "aria-controls": id,
      onclick: () => turn(row, why, event, where !== ""),
    },
    thumb(event),
    h(
      "span",
      { class: "text" },
      h("span", { class: "did" }, glyph(event.label), happening(event)),
      h("span", { class: "meta" }, place, time),
    ),
    h("span", { class: "turn", "aria-hidden": "true" }),
  );
  const item = h(
    "li",
    {
      class: "event",
      "data-testid": "event",
      "data-kind": event.kind,
      "data-event-id": event.id,
      "data-time": event.time_usec,
    },
    row,
    why,
  );
  return { item, place };
}

/** The picture over the shape of the label, which stays when there is no picture any more. */
function thumb(event) {
  const image = h("img", {
    // The time is for the browser, which may not take the picture of another event 7 for this one's.
    src: `/api/v1/events/${event.id}/picture?at=${event.time_usec}`,
    alt: "",
    loading: "lazy",
    decoding: "async",
    onerror: () => image.remove(),
    onload: () => image.classList.add("there"),
  });
  return h("span", { class: "thumb" }, glyph(event.label), image);
}

function turn(row, why, event, linked) {
  why.hidden = !why.hidden;
  row.setAttribute("aria-expanded", String(!why.hidden));
  if (!why.firstChild) why.append(...reasons(event, linked));
}

function reasons(event, linked) {
  const rules = Object.entries(event.reasons).map(([rule, value]) => pair(reason(rule, value)));
  const facts = [
    event.track > 0 && ["Best score", percent(event.score)],
    event.zones.length > 0 && ["Zones and lines", event.zones.join(", ")],
    event.dwell_ms > 0 && ["In view for", span(event.dwell_ms)],
    ["Frame", String(event.frame_id)],
  ].filter(Boolean);
  const link = () =>
    h("p", {}, h("a", { href: `#/camera/${encodeURIComponent(event.camera_id)}` }, "Open this camera"));
  return [
    h("h3", {}, "Why"),
    rules.length
      ? h("dl", { "data-testid": "event-reasons" }, ...rules)
      : h("p", { class: "muted" }, "No reasons were recorded."),
    h("dl", {}, ...facts.map(pair)),
    ...(linked ? [link()] : []),
  ];
}
