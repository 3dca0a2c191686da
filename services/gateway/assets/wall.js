// The wall: a tile per camera, sized so that the pictures are as large as the room allows.

import { h, prose, renew } from "./dom.js";
import { Tile } from "./tile.js";
import { away, capital } from "./words.js";

const GAP = 14;

export class Wall {
  #tiles = new Map();
  #cols = 1;

  /** `told(counts)` hears the counts of each frame that is drawn. */
  constructor(told) {
    this.told = told;
    this.list = h("ul", {
      class: "tiles",
      role: "list",
      onkeydown: (e) => this.#move(e),
      onfocusin: (e) => this.#rove(e.target),
    });
    this.empty = h("div", { class: "empty", "data-testid": "empty", hidden: true });
    this.element = h("section", { class: "wall", "aria-label": "Cameras" }, this.list, this.empty);
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(this.element);
    this.refit = () => this.fit();
    addEventListener("resize", this.refit);
  }

  update(state, up) {
    const ids = new Set(state.cameras.map((c) => c.id));
    for (const [id, tile] of this.#tiles) {
      if (ids.has(id)) continue;
      tile.picture.close();
      tile.element.remove();
      this.#tiles.delete(id);
    }
    const rate =
      state.cameras.length > 9 ? 2 : state.cameras.length > 4 ? 4 : state.cameras.length > 1 ? 8 : 12;
    state.cameras.forEach((camera, i) => {
      let tile = this.#tiles.get(camera.id);
      if (!tile) this.#tiles.set(camera.id, (tile = new Tile(camera, rate, this.told)));
      if (this.list.children[i] !== tile.element)
        this.list.insertBefore(tile.element, this.list.children[i] ?? null);
      tile.picture.rate = rate;
      tile.update(camera, state, up);
    });
    this.#none(state);
    const links = this.links();
    if (!links.some((l) => l.tabIndex === 0) && links[0]) links[0].tabIndex = 0;
    this.fit();
  }

  /** Counts once a second: what a screen reader finds, and tiles without a running picture. */
  counts({ camera_id: id, counts, lag_ms: lag }) {
    const tile = this.#tiles.get(id);
    if (!tile?.camera) return;
    if (tile.picture.feed.rate === 0 && tile.picture.able()) tile.numbers(counts, lag, undefined);
    tile.describe();
  }

  #none(state) {
    this.empty.hidden = state.cameras.length > 0;
    this.list.hidden = state.cameras.length === 0;
    if (state.cameras.length) return;
    const found = state.problems.find((p) => p.code === "no-camera") ?? state.problems[0];
    const title = away(state, "camera") ? "The camera service is away" : "No camera yet";
    renew(this.empty, title + (found?.fix ?? ""), () => [
      h("h2", {}, title),
      h(
        "p",
        {},
        ...prose(found ? `${capital(found.fix)}.` : "Plug in a USB camera. It appears here within a second."),
      ),
    ]);
  }

  /** Chooses the columns that show the pictures largest with the least of the room left over. */
  fit() {
    const n = this.#tiles.size;
    const width = this.element.clientWidth;
    if (!n || !width) return;
    const shapes = new Set(
      [...this.#tiles.values()].map(({ camera: c }) =>
        c?.width && c.height ? (c.width / c.height).toFixed(3) : "1.778",
      ),
    );
    const aspect = shapes.size === 1 ? Number([...shapes][0]) : 16 / 9;
    const kiosk = document.documentElement.dataset.wall !== undefined;
    const room = kiosk
      ? innerHeight - this.element.getBoundingClientRect().top - scrollY - GAP
      : innerHeight * 0.74;
    const caption = kiosk ? 0 : (this.list.querySelector(".caption")?.offsetHeight ?? 80);
    const least = kiosk ? 200 : 280;
    let best = { score: 0 };
    for (let cols = 1; cols <= Math.max(1, Math.min(n, Math.floor(width / least))); cols += 1) {
      const rows = Math.ceil(n / cols);
      const wide = Math.floor((width - GAP * (cols - 1)) / cols);
      const share = (room - GAP * (rows - 1)) / rows - caption;
      const tall = Math.min(wide / aspect, Math.max(share, Math.min(wide, least) / aspect));
      const filled = (tall * aspect) / wide;
      const score = kiosk ? tall : tall * filled * filled;
      if (score > best.score) best = { score, cols, wide: kiosk ? Math.floor(tall * aspect) : wide, tall };
    }
    this.#cols = best.cols;
    const { style } = this.list;
    style.setProperty("--cols", best.cols);
    style.setProperty("--wide", `${best.wide}px`);
    style.setProperty("--aspect", best.wide / best.tall);
  }

  links() {
    return [...this.#tiles.values()]
      .map((t) => t.link)
      .sort((a, b) => (a.compareDocumentPosition(b) & 4 ? -1 : 1));
  }

  focus(id) {
    this.#tiles.get(id)?.link.focus();
  }

  #rove(target) {
    const links = this.links();
    if (links.includes(target)) for (const link of links) link.tabIndex = link === target ? 0 : -1;
  }

  #move(event) {
    const links = this.links();
    const at = links.indexOf(document.activeElement);
    const step = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: this.#cols,
      ArrowUp: -this.#cols,
      Home: -at,
      End: links.length - 1 - at,
    }[event.key];
    if (step === undefined || at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const next = links[at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  close() {
    this.observer.disconnect();
    removeEventListener("resize", this.refit);
    for (const { picture } of this.#tiles.values()) picture.close();
  }
}
