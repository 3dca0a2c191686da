// The page: what the node says goes in, views and the one sentence come out.
//
// `link.js` keeps the connection; `live.js`, `draw.js` and `picture.js` make the pictures;
// `overview.js`, `camera.js` and `upkeep.js` are the views; `now.js`, `hour.js` and `timeline.js` are their
// panels. All words are made in `words.js`.

import { CameraView } from "./camera.js";
import { byId, h, mark, nodeTime, prose, renew, write } from "./dom.js";
import { listen } from "./keys.js";
import { Link } from "./link.js";
import { hurry } from "./live.js";
import { isWall, start as startModes, togglePause, toggleWall, turnTheme } from "./modes.js";
import { Foot } from "./node.js";
import { Overview } from "./overview.js";
import { Upkeep } from "./upkeep.js";
import { capital, timeOf } from "./words.js";

const root = document.documentElement;
const main = byId("main");
const link = new Link();
const foot = new Foot(byId("foot"));
let state = null;
let view = null;
let retryAt = 0;

/** The id of the camera that the address names, or null for all. */
function wanted() {
  const id = /^#\/camera\/(.+)$/.exec(location.hash)?.[1];
  try {
    return id === undefined ? null : decodeURIComponent(id);
  } catch {
    return id; // a stray percent sign: no camera is called that, and the view says so
  }
}

function route() {
  const id = wanted();
  const node = location.hash === "#/node";
  const before = view;
  if (before && node === before instanceof Upkeep && id === (before.id ?? null)) return;
  before?.close();
  view = node ? new Upkeep() : id === null ? new Overview() : new CameraView(id);
  main.replaceChildren(view.element);
  root.dataset.view = node ? "node" : id === null ? "wall" : "camera";
  if (state) view.update(state, link.up !== false);
  title();
  if (!before) return;
  scrollTo(0, 0);
  if (view.wall) view.wall.focus(before.id);
  else view.title.focus();
}

function title() {
  const name = view instanceof Upkeep ? "This node" : view.id && (state?.cameras.find((c) => c.id === view.id)?.label ?? view.id);
  const mood =
    link.up === false ? "Connection lost" : state?.sentence.state === "degraded" ? "Needs attention" : "";
  write(document.querySelector("title"), [mood, name, state?.node_id ?? "Vigla"].filter(Boolean).join(" · "));
}

/** The one sentence; everything else on the page is detail. */
function say({ sentence, problems }) {
  mark(byId("say"), "data-state", sentence.state);
  renew(byId("sentence"), sentence.text, () => prose(sentence.text));
  renew(byId("fix"), sentence.fix, () => prose(sentence.fix));
  byId("fix").hidden = sentence.fix === "";
  const rest = problems.slice(1);
  const details = byId("problems");
  details.hidden = rest.length === 0;
  write(
    details.querySelector("summary"),
    rest.length === 1 ? "One more thing to look at" : `${rest.length} more things to look at`,
  );
  renew(details.querySelector("ul"), JSON.stringify(rest), () =>
    rest.map(({ what, fix }) => h("li", {}, ...prose(`${capital(what)}. ${fix && `${capital(fix)}.`}`))),
  );
}

function learn(news) {
  if (state && state.version !== news.version) {
    // Nobody stands before a wall screen; elsewhere a person may be reading.
    if (isWall()) location.reload();
    byId("updated").hidden = false;
  }
  state = news;
  write(byId("node-id"), state.node_id);
  say(state);
  foot.update(state);
  view.update(state, link.up !== false);
  title();
}

function linked({ up, retryAt: at }) {
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
  renew(byId("lost-text"), "lost", () => [
    "No connection to the node. The page shows what it last knew and tries again by itself",
    h("span", { "aria-hidden": "true", id: "lost-in" }),
    ".",
  ]);
  const seconds = Math.ceil((retryAt - performance.now()) / 1000);
  write(byId("lost-in"), seconds > 0 ? ` in ${seconds} s` : " now");
}

function open(id) {
  if (id === undefined || id === null) return false;
  location.hash = `#/camera/${encodeURIComponent(id)}`;
  return true;
}

function back() {
  if (!view.wall) location.hash = "#/";
  else if (isWall()) toggleWall();
  else return false;
  return true;
}

function sayCounts() {
  write(byId("aloud"), "");
  setTimeout(() => write(byId("aloud"), view.now.spoken()), 50); // the same text again is news
}

const HEARD = {
  state: learn,
  link: linked,
  event: (event) => view.event(event),
  counts: (counts) => {
    view.counts(counts);
    write(byId("as-of"), `as of ${timeOf(nodeTime())}`);
  },
};

function start() {
  route();
  startModes();
  addEventListener("hashchange", route);
  for (const [kind, hear] of Object.entries(HEARD)) link.addEventListener(kind, ({ detail }) => hear(detail));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return link.close();
    link.open();
    view.reload();
  });
  setInterval(countdown, 500);
  byId("reload").addEventListener("click", () => location.reload());
  byId("retry").addEventListener("click", () => link.open());
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  listen({
    Escape: back,
    ArrowLeft: () => open(view.neighbour(-1)),
    ArrowRight: () => open(view.neighbour(1)),
    digit: (place) => open(state?.cameras[place - 1]?.id),
    p: togglePause,
    w: toggleWall,
    t: () => turnTheme(1),
    c: sayCounts,
  });
  link.open();
}

start();
