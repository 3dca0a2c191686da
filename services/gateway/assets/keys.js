// Keys for the whole page, and the dialog that lists them. Single letters can be switched off, for
// people whose speech input types them by accident.

import { h } from "./dom.js";

const KEYS = [
  ["Arrow keys", "go from tile to tile, or to the next camera"],
  ["Enter", "open the camera"],
  ["Escape", "back to all cameras"],
  ["1 to 9", "open the camera of that place"],
  ["P", "pause and resume the pictures"],
  ["C", "say the counts now (screen reader)"],
  ["W", "wall screen on and off"],
  ["T", "colours: as system, light, dark"],
  ["?", "this list"],
];

const stored = (name) => {
  try { return localStorage.getItem(name); } catch { return null; }
};
const store = (name, value) => {
  try { localStorage.setItem(name, value); } catch { /* forbidden storage: the choice lasts as long as the page */ }
};

let letters = stored("letters") !== "off";

const dialog = h("dialog", { class: "keys", "aria-labelledby": "keys-title", "data-testid": "keys-dialog" },
  h("h2", { id: "keys-title" }, "Keys"),
  h("dl", { class: "pairs" }, ...KEYS.map(([key, does]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)))),
  h("label", {}, h("input", { type: "checkbox", checked: letters, onchange: (e) => { letters = e.target.checked; store("letters", letters ? "on" : "off"); } }), " Single letters and digits work as keys"),
  h("form", { method: "dialog" }, h("button", {}, "Close")));

export function showKeys() {
  if (!dialog.isConnected) document.body.append(dialog);
  if (!dialog.open) dialog.showModal();
}

/** `acts`: a function per key; each may return false to let the browser have the key. */
export function listen(acts) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || dialog.open) return;
    if (event.target.closest?.("input, select, textarea, [role=slider]") && event.key !== "Escape") return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key.length === 1 && key !== "?" && !letters) return;
    const act = /^[1-9]$/.test(key) ? () => acts.digit(Number(key)) : key === "?" ? showKeys : acts[key];
    if (act && act(event) !== false) event.preventDefault();
  });
}

const THEMES = ["", "light", "dark"];
const THEME_WORDS = { "": "as system", light: "light", dark: "dark" };

/** The theme toggle; returns the words for the button. */
export function theme(step = 0) {
  const { dataset } = document.documentElement;
  const next = THEMES[(THEMES.indexOf(dataset.theme ?? "") + step) % THEMES.length];
  if (next) dataset.theme = next;
  else delete dataset.theme;
  if (step) store("theme", next);
  return `Colours: ${THEME_WORDS[next]}`;
}
