// The wall: a tile per camera, sized so that the pictures are as large as the room allows.

import { h, mark, prose, renew, write } from "./dom.js";
import { Picture } from "./picture.js";
import { capital, glyph, health, lagOf, listing, plural, sorted, uncounted } from "./words.js";

const SLOW_MS = 500;
const GAP = 14;

/** The counts of one frame as small numbers with a shape, a colour and a word. */
export function chips(counts) {
  const labels = sorted(Object.keys(counts));
  const always = labels.filter((l) => l === "car" || l === "person");
  const shown = labels.filter((l) => counts[l] > 0 || always.includes(l));
  return shown.map((l) => h("span", { class: `chip k-${counts[l] ? "on" : "off"}` }, glyph(l), h("b", {}, String(counts[l])), ` ${plural(counts[l], l)}`));
}

/** What a problem about this camera says, as a sentence and its remedy. */
export function problemOf(state, id) {
  const found = state.problems.find((p) => p.subject === id);
  return found && `${capital(found.what)}. ${capital(found.fix)}.`.replaceAll("`", "");
}

class Tile {
  constructor(camera, rate) {
    const id = `tile-${camera.id}`;
    this.picture = new Picture(camera, rate, (seen) => this.shown(seen));
    this.link = h("a", { class: "name", href: `#/camera/${encodeURIComponent(camera.id)}`, "aria-describedby": id, tabindex: -1 });
    this.health = h("span", { class: "health", "data-testid": "tile-health" });
    this.counts = h("p", { class: "chips", "data-testid": "tile-counts" });
    this.lag = h("span", { "data-testid": "tile-lag" });
    this.frame = h("span", { "data-testid": "tile-frame" });
    this.summary = h("span", { class: "hidden", id });
    this.element = h("li", { class: "tile", "data-testid": "tile", "data-camera": camera.id },
      this.picture.element,
      h("div", { class: "caption" },
        h("div", { class: "line" }, this.link, this.health),
        h("div", { class: "line" }, this.counts, h("p", { class: "facts mono" }, this.lag, this.frame)),
        this.summary));
  }

  update(camera, state, up) {
    this.camera = camera;
    this.state = state;
    write(this.link, camera.label);
    const { level, word } = up ? health(camera) : { level: "wait", word: "last seen" };
    mark(this.element, "data-level", level);
    write(this.health, word);
    this.picture.update(camera, problemOf(state, camera.id));
    if (!this.picture.able()) this.numbers({}, null, undefined);
    else if (!this.picture.drawn) this.numbers(camera.counts, camera.lag_ms, undefined);
    this.describe();
  }

  shown(seen) {
    write(this.frame, `frame ${seen.frame_id}`);
    this.numbers(seen.counts, seen.lag_ms, seen.basis);
  }

  numbers(counts, lag, basis) {
    const nothing = this.picture.able() ? "nothing counted yet" : "not counting: no picture";
    const why = uncounted(basis, this.state) || (Object.keys(counts).length === 0 ? nothing : "");
    this.basis = basis;
    this.now = counts;
    renew(this.counts, why || JSON.stringify(counts), () => (why ? h("span", { class: "muted" }, capital(why)) : chips(counts)));
    write(this.lag, why ? "" : lagOf(lag));
    mark(this.lag, "class", lag > SLOW_MS ? "slow" : "");
  }

  describe() {
    const why = this.picture.able() ? uncounted(this.basis, this.state) : "not counting";
    const text = `${why || listing(this.now ?? {})}, ${this.health.textContent}`;
    write(this.summary, text);
    mark(this.picture.canvas, "aria-label", `${this.camera.label}: ${text}`);
  }
}

export class Wall {
  #tiles = new Map();
  #cols = 1;

  constructor() {
    this.list = h("ul", { class: "tiles", role: "list", onkeydown: (e) => this.#move(e), onfocusin: (e) => this.#rove(e.target) });
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
    const rate = state.cameras.length > 9 ? 2 : state.cameras.length > 4 ? 4 : state.cameras.length > 1 ? 8 : 12;
    state.cameras.forEach((camera, i) => {
      let tile = this.#tiles.get(camera.id);
      if (!tile) this.#tiles.set(camera.id, (tile = new Tile(camera, rate)));
      if (this.list.children[i] !== tile.element) this.list.insertBefore(tile.element, this.list.children[i] ?? null);
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
    const away = state.services.some((x) => x.noun === "camera" && !x.present);
    const found = state.problems.find((p) => p.code === "no-camera") ?? state.problems[0];
    const title = away ? "The camera service is away" : "No camera yet";
    renew(this.empty, title + (found?.fix ?? ""), () => [
      h("h2", {}, title),
      h("p", {}, ...prose(found ? `${capital(found.fix)}.` : "Plug in a USB camera. It appears here within a second.")),
    ]);
  }

  /** Chooses the columns that show the pictures largest with the least of the room left over. */
  fit() {
    const n = this.#tiles.size;
    const width = this.element.clientWidth;
    if (!n || !width) return;
    const shapes = new Set([...this.#tiles.values()].map(({ camera: c }) => (c?.width && c.height ? (c.width / c.height).toFixed(3) : "1.778")));
    const aspect = shapes.size === 1 ? Number([...shapes][0]) : 16 / 9;
    const kiosk = document.documentElement.dataset.wall !== undefined;
    const room = kiosk ? innerHeight - this.element.getBoundingClientRect().top - scrollY - GAP : innerHeight * 0.74;
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
    return [...this.#tiles.values()].map((t) => t.link).sort((a, b) => (a.compareDocumentPosition(b) & 4 ? -1 : 1));
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
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#cols, ArrowUp: -this.#cols, Home: -at, End: links.length - 1 - at }[event.key];
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
