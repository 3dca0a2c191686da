// Events, newest first: what happened, where, when, the picture, and on opening it the reasons.

import { ask, h, write } from "./dom.js";
import { entry, keyOf } from "./entry.js";

const PAGE = matchMedia("(max-width: 40rem)").matches ? 16 : 40;
const KEPT = 500;
const FILTERS = [
  ["", "All"],
  ["arrival", "Arrivals"],
  ["departure", "Departures"],
  ["crossing", "Crossings"],
  ["count", "Counts"],
];

export class Timeline {
  #events = new Map();
  #limit;
  #filter = "";
  #labels = new Map();
  #newest = { id: 0, time_usec: 0 };

  constructor(camera) {
    this.camera = camera;
    this.#limit = camera ? PAGE / 2 : PAGE;
    this.list = h("ol", { class: "events", role: "list", "aria-label": "Events, newest first" });
    this.none = h("p", { class: "muted none" }, "Reading the events…");
    this.more = h(
      "button",
      { type: "button", class: "more", hidden: true, onclick: () => this.#older() },
      "Show older events",
    );
    this.select = h(
      "select",
      { "aria-label": "Which events", "data-testid": "event-filter", onchange: () => this.#choose() },
      ...FILTERS.map(([value, text]) => h("option", { value }, text)),
    );
    this.element = h(
      "section",
      { class: "timeline panel", "aria-labelledby": "events-title", "data-testid": "timeline" },
      h("div", { class: "head" }, h("h2", { id: "events-title" }, "Events"), this.select),
      this.none,
      this.list,
      this.more,
    );
    this.load();
  }

  async load() {
    try {
      const query = this.camera ? `&camera=${encodeURIComponent(this.camera)}` : "";
      const { events } = await ask(`/api/v1/events?limit=${this.#limit}${query}`);
      this.full = events.length >= this.#limit;
      for (const event of events) this.add(event);
      this.#tidy();
    } catch {
      if (!this.#events.size) write(this.none, "The events cannot be read at the moment.");
    }
  }

  update(state) {
    this.#labels = new Map(state.cameras.map((c) => [c.id, c.label]));
    for (const [, { event, place }] of this.#events) write(place, this.#place(event));
  }

  /** Puts an event in its place by time. */
  add(event) {
    const key = keyOf(event);
    if ((this.camera && event.camera_id !== this.camera) || this.#events.has(key)) return;
    if (event.time_usec > this.#newest.time_usec) {
      if (event.id < this.#newest.id) this.#forget();
      this.#newest = event;
    }
    const { item, place } = entry(event, this.#place(event));
    item.hidden = !this.#wanted(event);
    let before = this.list.firstElementChild;
    while (before && Number(before.dataset.time) > event.time_usec) before = before.nextElementSibling;
    this.list.insertBefore(item, before);
    this.#events.set(key, { event, item, place });
    this.#drop();
    this.none.hidden = true;
  }

  /** The detector started anew: a picture not loaded by now would be that of another event. */
  #forget() {
    for (const image of this.list.querySelectorAll("img:not(.there)")) image.remove();
  }

  /** Lets the oldest go that nobody reads; a person who filters sees as many as there are. */
  #drop() {
    if (this.#events.size <= (this.#filter ? KEPT : this.#limit)) return;
    const oldest = [...this.list.children].findLast((item) => !item.querySelector("[aria-expanded=true]"));
    for (const [key, { item }] of this.#events) if (item === oldest) this.#events.delete(key);
    oldest?.remove();
    this.full = true;
    this.more.hidden = this.#limit >= KEPT;
  }

  #tidy() {
    const shown = [...this.list.children].some((item) => !item.hidden);
    this.none.hidden = shown;
    if (!shown)
      write(
        this.none,
        this.#events.size
          ? "None of this kind among the newest events."
          : "Nothing has happened yet. Arrivals, departures and crossings appear here.",
      );
    this.more.hidden = !this.full || this.#limit >= KEPT;
  }

  #older() {
    this.#limit = Math.min(KEPT, this.#limit * 3);
    this.load();
  }

  #choose() {
    this.#filter = this.select.value;
    for (const { item, event } of this.#events.values()) item.hidden = !this.#wanted(event);
    this.#tidy();
  }

  #wanted(event) {
    return this.#filter === "" || this.#filter === event.kind;
  }

  #place(event) {
    return this.camera ? "" : (this.#labels.get(event.camera_id) ?? event.camera_id);
  }
}
