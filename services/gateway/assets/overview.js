// The view of all cameras: the wall, and beside it what is in view, the last hour and the events.

import { h } from "./dom.js";
import { Hour } from "./hour.js";
import { Now } from "./now.js";
import { Timeline } from "./timeline.js";
import { Wall } from "./wall.js";

export class Overview {
  constructor() {
    this.now = new Now();
    this.wall = new Wall((seen) => this.now.counts(seen));
    this.hour = new Hour();
    this.timeline = new Timeline();
    this.element = h(
      "div",
      { class: "columns" },
      h("div", { class: "left" }, this.wall.element, this.hour.element),
      h("div", { class: "right" }, this.now.element, this.timeline.element),
    );
  }

  update(state, up) {
    this.wall.update(state, up);
    this.now.update(state, up);
    this.timeline.update(state);
  }

  counts(counts) {
    this.wall.counts(counts);
    this.now.counts(counts);
  }

  event(event) {
    this.timeline.add(event);
  }

  reload() {
    this.hour.load();
    this.timeline.load();
  }

  neighbour() {
    return null;
  }

  close() {
    this.wall.close();
    this.hour.close();
  }
}
