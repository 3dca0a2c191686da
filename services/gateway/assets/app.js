// The page: what the node says goes in, views and the one sentence come out.
//
// `link.js` keeps the connection; `live.js`, `draw.js` and `picture.js` make the pictures; `wall.js`
// and `camera.js` are the two views; `now.js`, `hour.js` and `timeline.js` are their panels. All
// words are made in `words.js`.

import { CameraView } from "./camera.js";
import { byId, h, mark, nodeTime, prose, renew, write } from "./dom.js";
import { Hour } from "./hour.js";
import { listen, showKeys, theme } from "./keys.js";
import { Link } from "./link.js";
import { hurry } from "./live.js";
import { Foot } from "./node.js";
import { Now } from "./now.js";
import { isPaused, pause } from "./picture.js";
import { Timeline } from "./timeline.js";
import { Wall } from "./wall.js";
import { capital, timeOf } from "./words.js";

const root = document.documentElement;
const main = byId("main");
const link = new Link();
const foot = new Foot(byId("foot"));
let state = null;
let view = null;
let retryAt = 0;
const IDLE_MS = 4000;

/** All cameras: the wall with its panels. */
class Overview {
  constructor() {
    this.wall = new Wall();
    this.now = new Now();
    this.hour = new Hour();
    this.timeline = new Timeline();
    this.element = h("div", { class: "columns" },
      h("div", { class: "left" }, this.wall.element, this.hour.element),
      h("div", { class: "right" }, this.now.element, this.timeline.element));
  }

  update(...news) { for (const part of [this.wall, this.now, this.timeline]) part.update(...news); }
  counts(counts) { this.wall.counts(counts); this.now.counts(counts); }
  event(event) { this.timeline.add(event); }
  reload() { this.hour.load(); this.timeline.load(); }
  neighbour() { return null; }
  close() { this.wall.close(); this.hour.close(); this.timeline.close(); }
}

function route() {
  const id = /^#\/camera\/(.+)$/.exec(location.hash)?.[1];
  const wanted = id === undefined ? null : decodeURIComponent(id);
  const before = view?.id ?? null;
  if (view && wanted === before) return;
  const first = !view;
  view?.close();
  view = wanted === null ? new Overview() : new CameraView(wanted);
  main.replaceChildren(view.element);
  root.dataset.view = wanted === null ? "wall" : "camera";
  if (state) view.update(state, link.up !== false);
  title();
  if (first) return;
  scrollTo(0, 0);
  if (wanted === null) view.wall.focus(before);
  else view.title.focus();
}

function title() {
  const name = view?.id && (state?.cameras.find((c) => c.id === view.id)?.label ?? view.id);
  const mood = link.up === false ? "Connection lost" : state?.sentence.state === "degraded" ? "Needs attention" : "";
  write(document.querySelector("title"), [mood, name, state?.node_id ?? "Vigla"].filter(Boolean).join(" · "));
}

/** The one sentence; everything else on the page is detail. */
function say() {
  const { sentence, problems } = state;
  mark(byId("say"), "data-state", sentence.state);
  renew(byId("sentence"), sentence.text, () => prose(sentence.text));
  renew(byId("fix"), sentence.fix, () => prose(sentence.fix));
  byId("fix").hidden = sentence.fix === "";
  const rest = problems.slice(1);
  const details = byId("problems");
  details.hidden = rest.length === 0;
  write(details.querySelector("summary"), rest.length === 1 ? "One more thing to look at" : `${rest.length} more things to look at`);
  renew(details.querySelector("ul"), JSON.stringify(rest), () => rest.map((p) => h("li", {}, ...prose(`${capital(p.what)}. ${capital(p.fix)}.`))));
}

function learn(news) {
  if (state && state.version !== news.version) {
    // Nobody stands before a wall screen; elsewhere a person may be reading.
    if (root.dataset.wall !== undefined) location.reload();
    byId("updated").hidden = false;
  }
  state = news;
  byId("node-id").textContent = state.node_id;
  say();
  foot.update(state);
  view.update(state, link.up !== false);
  title();
}

function linked({ detail: { up, retryAt: at } }) {
  const first = root.dataset.link === undefined;
  root.dataset.link = up ? "up" : "lost";
  byId("lost").hidden = up;
  retryAt = at ?? 0;
  if (up && !first) {
    hurry();
    view.reload();
    renew(byId("lost-text"), "", () => []);
    write(byId("aloud"), "Connected to the node again.");
  }
  if (state) view.update(state, up);
  countdown();
  title();
}

/** Spoken once when the connection goes; the seconds are for eyes. */
function countdown() {
  if (link.up !== false) return;
  const seconds = Math.ceil((retryAt - performance.now()) / 1000);
  renew(byId("lost-text"), "lost", () => ["No connection to the node. The page shows what it last knew and tries again by itself", h("span", { "aria-hidden": "true", id: "lost-in" }), "."]);
  write(byId("lost-in"), seconds > 0 ? ` in ${seconds} s` : " now");
}

function setPaused(on) {
  pause(on);
  mark(byId("pause"), "aria-pressed", on);
  root.dataset.paused = on;
}

function setWall(on) {
  if (on) root.dataset.wall = "";
  else delete root.dataset.wall;
  mark(byId("wall-mode"), "aria-pressed", on);
  const url = new URL(location.href);
  if (on) url.searchParams.set("wall", "");
  else url.searchParams.delete("wall");
  history.replaceState(null, "", url.href.replace("wall=", "wall"));
  view?.wall?.fit();
  stayAwake(on);
}

/** A wall screen does not go dark, where the browser lets us ask for that. */
let lamp = null;
async function stayAwake(on) {
  try {
    await lamp?.release();
    lamp = on ? await navigator.wakeLock.request("screen") : null;
  } catch { /* not offered over plain HTTP: the screen's own settings decide */ }
}

function toggleWall() {
  const on = root.dataset.wall === undefined;
  setWall(on);
  if (on) root.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
}

/** On a wall screen the buttons and the pointer go when nobody moves it. */
let idle = 0;
function stir() {
  delete root.dataset.idle;
  clearTimeout(idle);
  idle = setTimeout(() => { root.dataset.idle = ""; }, IDLE_MS);
}

function turnTheme(step) {
  write(byId("theme").querySelector(".word"), theme(step));
}

function openPlace(n) {
  const camera = state?.cameras[n - 1];
  if (!camera) return false;
  location.hash = `#/camera/${encodeURIComponent(camera.id)}`;
  return true;
}

function beside(step) {
  const id = view.neighbour(step);
  if (!id) return false;
  location.hash = `#/camera/${encodeURIComponent(id)}`;
  return true;
}

function back() {
  if (view.id !== undefined) location.hash = "#/";
  else if (root.dataset.wall !== undefined) toggleWall();
  else return false;
  return true;
}

function start() {
  turnTheme(0);
  route();
  setWall(new URL(location.href).searchParams.has("wall"));
  addEventListener("hashchange", route);
  link.addEventListener("state", ({ detail }) => learn(detail));
  link.addEventListener("counts", ({ detail }) => {
    view.counts(detail);
    write(byId("as-of"), `as of ${timeOf(nodeTime())}`);
  });
  link.addEventListener("event", ({ detail }) => view.event(detail));
  link.addEventListener("link", linked);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return link.close();
    link.open();
    view.reload();
  });
  document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement && root.dataset.wall !== undefined) setWall(false); });
  setInterval(countdown, 500);
  for (const kind of ["pointermove", "pointerdown", "keydown"]) addEventListener(kind, stir, { passive: true });
  stir();
  byId("reload").addEventListener("click", () => location.reload());
  byId("retry").addEventListener("click", () => link.open());
  byId("pause").addEventListener("click", () => setPaused(!isPaused()));
  byId("wall-mode").addEventListener("click", toggleWall);
  byId("theme").addEventListener("click", () => turnTheme(1));
  byId("keys").addEventListener("click", showKeys);
  byId("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
  listen({
    Escape: back, ArrowLeft: () => beside(-1), ArrowRight: () => beside(1), digit: openPlace,
    p: () => setPaused(!isPaused()), w: toggleWall, t: () => turnTheme(1),
    c: () => { byId("aloud").textContent = ""; setTimeout(() => write(byId("aloud"), view.now.spoken()), 50); },
  });
  link.open();
}

start();
