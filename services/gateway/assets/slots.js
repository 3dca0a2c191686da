// The slots with their versions, and the job that fills one.

import { h, prose, renew, write } from "./dom.js";
import { capital, percent } from "./words.js";

const STOPPABLE = ["waiting", "fetching", "building", "checking"];

/** The job that runs, or how the last one ended. Its button stays while figures move. */
export class Job {
  constructor(cancel) {
    this.text = h("span", {});
    this.bar = h("progress", { max: 1, "aria-label": "How far it is" });
    this.cancel = h("button", { type: "button", "data-testid": "cancel", onclick: cancel }, "Cancel");
    this.running = h("div", { class: "job", "data-testid": "job" }, h("div", {}, this.text, this.bar), this.cancel);
    this.ended = h("div", {});
    this.element = h("div", {}, this.running, this.ended);
  }

  /** Shows it; says whether it runs. */
  update(job) {
    const runs = Boolean(job && job.state !== "over");
    this.running.hidden = !runs;
    renew(this.ended, runs || !job ? "" : JSON.stringify(job), () => (runs || !job ? [] : end(job)));
    if (runs) {
      write(this.text, sentence(job));
      this.bar.hidden = !["fetching", "building", "writing"].includes(job.state);
      this.bar.value = job.progress;
      this.cancel.hidden = !STOPPABLE.includes(job.state);
    }
    return runs;
  }
}

function sentence({ state, version, progress }) {
  switch (state) {
    case "waiting":
      return "Waits for the maintenance window";
    case "fetching":
      return `Fetching, ${percent(progress)}`;
    case "building":
      return `Building the bundle from the delta, ${percent(progress)}`;
    case "checking":
      return "Checking the bundle";
    case "writing":
      return `Writing version ${version}, ${percent(progress)}`;
    default:
      return capital(state);
  }
}

function end({ result, version, what, fix }) {
  if (result === "done") return h("p", {}, `Version ${version} is installed.`);
  return h("p", { class: "warn" }, ...prose(`Not installed: ${what}. ${fix && `${capital(fix)}.`}`));
}

/** What runs, and what is in the slots. */
export function versions({ present, running, machine, floor, slots }) {
  const lead = h("p", { "data-testid": "running" }, "Version ", h("b", {}, running), " runs.");
  if (!present) return [lead, h("p", { class: "muted" }, "There is no updater here: updates are for devices.")];
  if (!slots) return lead;
  if (!slots.length) return [lead, h("p", { class: "muted" }, "There are no slots here: updates are for devices.")];
  const row = (slot) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, slot.name),
      h("td", {}, slot.version || "unknown"),
      h("td", {}, [slot.state === "running" ? "runs" : "waits", slot.next && "next start"].filter(Boolean).join(", ")),
      h("td", {}, slot.health || "unknown"),
      h("td", {}, slot.proven ? "passed" : "not yet"),
    );
  const heads = ["Slot", "Version", "Now", "Boots", "Mission gate"].map((text) => h("th", { scope: "col" }, text));
  return [
    lead,
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Slots" },
      h("table", { "data-testid": "slots" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...slots.map(row))),
    ),
    h("p", { class: "muted" }, `Bundles must be for ${machine}${floor && `, and not older than ${floor}`}.`),
  ];
}
