// Keys for the whole page, and the dialog that lists them. Single letters can be switched off, for
// people whose speech input types them by accident.

import { byId, h } from "./dom.js";
import { store, stored } from "./modes.js";

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

let letters = stored("letters") !== "off";

function choose(event) {
  letters = event.target.checked;
  store("letters", letters ? "on" : "off");
}

const dialog = h(
  "dialog",
  { class: "keys", "aria-labelledby": "keys-title", "data-testid": "keys-dialog" },
  h("h2", { id: "keys-title" }, "Keys"),
  h(
    "dl",
    { class: "pairs" },
    ...KEYS.map(([key, does]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, does))),
  ),
  h(
    "label",
    {},
    h("input", { type: "checkbox", checked: letters, onchange: choose }),
    " Single letters and digits work as keys",
  ),
  h("form", { method: "dialog" }, h("button", {}, "Close")),
);

function show() {
  if (!dialog.isConnected) document.body.append(dialog);
  if (!dialog.open) dialog.showModal();
}

/** The act for a key, if it has one and may use it here. */
function actFor(event, acts) {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || dialog.open) return null;
  const typing = event.target.closest?.("input, select, textarea, [role=slider]");
  if (typing && event.key !== "Escape") return null;
  if (event.key === "?") return show;
  if (event.key.length > 1) return acts[event.key];
  if (!letters) return null;
  return /[1-9]/.test(event.key) ? () => acts.digit(Number(event.key)) : acts[event.key.toLowerCase()];
}

/** `acts`: a function by key; each may return false to leave the key to the browser. */
export function listen(acts) {
  byId("keys").addEventListener("click", show);
  addEventListener("keydown", (event) => {
    const act = actFor(event, acts);
    if (act && act() !== false) event.preventDefault();
  });
}
