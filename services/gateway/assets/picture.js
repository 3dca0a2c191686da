// One live picture: a feed, a painter, and the decision whether it should run at all. It does not
// while the page is hidden, the picture is off the screen, a person paused it, or the camera gives
// none; and for people who asked for less motion it moves once a second.

import { h, write } from "./dom.js";
import { Painter } from "./draw.js";
import { Feed } from "./live.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const pictures = new Set();
let paused = false;

export const isPaused = () => paused;
export function pause(on) {
  paused = on;
  reconsider();
}

function reconsider() {
  for (const picture of pictures) picture.decide();
}
document.addEventListener("visibilitychange", reconsider);
calm.addEventListener("change", reconsider);

const screen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      for (const picture of pictures) {
        if (picture.canvas === target) {
          picture.onScreen = isIntersecting;
          picture.decide();
        }
      }
    }
  },
  { rootMargin: "80px" },
);

export class Picture {
  /** `rate` in pictures a second; `shown(seen)` after each drawn frame. */
  constructor(camera, rate, shown) {
    this.camera = camera;
    this.rate = rate;
    this.onScreen = false;
    this.drawn = false;
    this.canvas = h("canvas", {
      role: "img",
      "aria-label": camera.label,
      "data-testid": "picture",
      width: 16,
      height: 9,
    });
    this.plate = h("p", { class: "plate" }, "Waiting for the first picture…");
    this.element = h("div", { class: "picture" }, this.canvas, this.plate);
    this.painter = new Painter(this.canvas);
    this.feed = new Feed(
      camera.id,
      (bitmap, seen) => {
        this.drawn = true;
        this.painter.paint(bitmap, seen, this.camera.shapes ?? []);
        this.note("");
        shown(seen);
      },
      (text) => this.note(text),
    );
    pictures.add(this);
    screen.observe(this.canvas);
  }

  /** New facts about the camera, and what to say in place of a picture. */
  update(camera, problem) {
    this.camera = camera;
    this.problem = problem;
    this.note(this.trouble ?? "");
    this.decide();
  }

  able() {
    return this.camera.state === "streaming" || this.camera.state === "starting";
  }

  decide() {
    const run = this.able() && this.onScreen && !paused && !document.hidden;
    this.feed.want(run ? (calm.matches ? Math.min(1, this.rate) : this.rate) : 0);
  }

  note(trouble) {
    this.trouble = trouble;
    let text = trouble && `No picture: ${trouble}. Trying again.`;
    if (!this.able()) text = this.problem ?? "This camera gives no picture.";
    else if (!this.drawn && !text) text = "Waiting for the first picture…";
    write(this.plate, text);
    this.plate.hidden = text === "";
    this.element.dataset.stale = this.drawn && (text !== "" || this.camera.picture === "frozen");
  }

  close() {
    this.feed.want(0);
    this.painter.close();
    screen.unobserve(this.canvas);
    pictures.delete(this);
  }
}
