// What a person can set for the page: pictures paused, wall screen, colours. Each keeps its button
// and the attributes of the root element that the style sheet follows.

import { byId, mark, write } from "./dom.js";
import { isPaused, pause } from "./picture.js";

const root = document.documentElement;
const IDLE_MS = 4000;
const THEMES = ["", "light", "dark"];
const THEME_WORDS = { "": "as system", light: "light", dark: "dark" };

export const stored = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
};
export const store = (name, value) => {
  try {
    localStorage.setItem(name, value);
  } catch {
    /* forbidden: the choice lasts as long as the page */
  }
};

export const isWall = () => root.dataset.wall !== undefined;

export function togglePause() {
  pause(!isPaused());
  mark(byId("pause"), "aria-pressed", isPaused());
  root.dataset.paused = isPaused();
}

/** The next theme, or with 0 the one that is set. */
export function turnTheme(step) {
  const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "") + step) % THEMES.length];
  if (next) root.dataset.theme = next;
  else delete root.dataset.theme;
  if (step) store("theme", next);
  write(byId("theme").querySelector(".word"), `Colours: ${THEME_WORDS[next]}`);
}

/** Wall screen: on its own, with `?wall` in the address so that a kiosk can start with it. */
function setWall(on) {
  if (on) root.dataset.wall = "";
  else delete root.dataset.wall;
  mark(byId("wall-mode"), "aria-pressed", on);
  const url = new URL(location.href);
  if (on) url.searchParams.set("wall", "");
  else url.searchParams.delete("wall");
  history.replaceState(null, "", url.href.replace("wall=", "wall"));
  dispatchEvent(new Event("resize")); // the tiles have another room now
  stayAwake(on);
}

export function toggleWall() {
  setWall(!isWall());
  if (isWall()) root.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
}

/** A wall screen does not go dark, where the browser lets us ask for that. */
let lamp = null;
async function stayAwake(on) {
  try {
    await lamp?.release();
    lamp = on ? await navigator.wakeLock.request("screen") : null;
  } catch {
    /* not offered over plain HTTP: the screen's own settings decide */
  }
}

/** On a wall screen the buttons and the pointer go when nobody moves it. */
let idle = 0;
function stir() {
  delete root.dataset.idle;
  clearTimeout(idle);
  idle = setTimeout(() => {
    root.dataset.idle = "";
  }, IDLE_MS);
}

export function start() {
  turnTheme(0);
  setWall(new URL(location.href).searchParams.has("wall"));
  byId("pause").addEventListener("click", togglePause);
  byId("wall-mode").addEventListener("click", toggleWall);
  byId("theme").addEventListener("click", () => turnTheme(1));
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement && isWall()) setWall(false);
  });
  for (const kind of ["pointermove", "pointerdown", "keydown"])
    addEventListener(kind, stir, { passive: true });
  stir();
}
