// The view of the node itself: its version and updates, what happened to them, its fleet, the owner's file, and
// the reset.
// Who may only look sees the version.

import { h, prose, ask as read, renew, write } from "./dom.js";
import { Fleet } from "./fleet.js";
import { happenings } from "./happened.js";
import { Now } from "./now.js";
import { send, sure } from "./order.js";
import { Job, versions } from "./slots.js";
import { capital } from "./words.js";

const RUNS_MS = 1000; // while a job runs
const RESTS_MS = 10_000;
const LOOKING_MS = 30_000; // a release feed may take its time

const panel = (name, title, ...body) =>
  h(
    "section",
    { class: `${name} panel`, "aria-labelledby": `${name}-title`, "data-testid": name },
    h("h2", { id: `${name}-title` }, title),
    ...body,
  );

export class Upkeep {
  constructor() {
    this.now = new Now(); // what the key C says, in every view
    this.title = h("h2", { class: "title", tabindex: -1 }, "This node");
    this.version = h("div", {});
    this.job = new Job(() => this.#order("/api/v1/update/cancel", {}));
    this.orders = h("div", { class: "orders" });
    this.told = h("p", { class: "said", role: "status", "data-testid": "told" });
    this.offers = h("div", {});
    this.happened = panel("happened", "What happened", h("div", {}));
    this.fleet = new Fleet();
    this.file = panel("site", "The owner's file", h("div", {}));
    this.reset = panel("reset", "Factory reset", h("div", {}));
    for (const part of [this.happened, this.file, this.reset]) part.hidden = true;
    this.element = h(
      "article",
      { class: "one", "data-testid": "upkeep" },
      h("div", { class: "crumbs" }, h("a", { class: "back", href: "#/" }, "All cameras"), this.title),
      h(
        "div",
        { class: "columns" },
        h(
          "div",
          { class: "left" },
          panel("version", "Version and updates", this.version, this.job.element, this.orders, this.told, this.offers),
          this.happened,
        ),
        h("div", { class: "right" }, this.fleet.element, this.file, this.reset),
      ),
    );
    this.reload();
  }

  /** Reads everything anew, and again after a while. */
  async reload() {
    clearTimeout(this.again);
    let wait = RESTS_MS;
    try {
      const seen = await read("/api/v1/update");
      this.#show(seen);
      if (seen.job && seen.job.state !== "over") wait = RUNS_MS;
    } catch {
      // The page says by itself that the node is away; what was shown stays.
    }
    if (!this.closed) this.again = setTimeout(() => this.reload(), wait);
  }

  #show(seen) {
    const { job, history, ...still } = seen;
    renew(this.version, JSON.stringify(still), () => versions(still));
    const runs = this.job.update(job);
    renew(this.orders, JSON.stringify([still, runs]), () =>
      seen.may_change && seen.slots.length && !runs ? this.#orders(seen) : [],
    );
    this.happened.hidden = !history?.length;
    if (history) renew(this.happened.lastChild, JSON.stringify(history), () => happenings(history));
    if (seen.may_change || !seen.present) this.#owners(seen.may_change);
  }

  #orders(seen) {
    const other = seen.slots.find((slot) => slot.state !== "running");
    const address = h("input", {
      type: "text",
      "aria-label": "Address of a bundle",
      placeholder: "address of a bundle",
      spellcheck: "false",
    });
    const install = () => this.#install(address.value.trim());
    const back = other?.version && other.health !== "bad";
    return [
      h("button", { type: "button", "data-testid": "check", onclick: () => this.#check() }, "Look for updates"),
      h(
        "div",
        { class: "copy" },
        address,
        h("button", { type: "button", "data-testid": "install-address", onclick: install }, "Install"),
      ),
      back &&
        sure(
          `Go back to ${other.version}`,
          `The node restarts from slot ${other.name}, with version ${other.version}.`,
          "Restart",
          () => this.#order("/api/v1/update/rollback", {}, "The node restarts now."),
          "rollback",
        ),
    ];
  }

  async #check() {
    write(this.told, "Looking…");
    const { problem, answer } = await send("/api/v1/update/check", {}, LOOKING_MS);
    if (problem) {
      write(this.told, problem);
      return;
    }
    const { releases } = answer;
    write(this.told, releases.length ? "" : "Nothing is offered: no release feed is set, and no stick holds a bundle.");
    renew(this.offers, JSON.stringify([releases, Date.now()]), () => releases.map((x) => this.#offer(x)));
  }

  #offer({ version, origin, verdict }) {
    const where = origin === "stick" ? "on a USB stick" : "in the release feed";
    const newer = verdict === "newer";
    return h(
      "p",
      { class: "offer" },
      `Version ${version || "unknown"} ${where}: ${newer ? "newer than this" : verdict.replaceAll("-", " ")}. `,
      newer &&
        h(
          "button",
          { type: "button", "data-testid": "install", onclick: () => this.#install(origin) },
          `Install ${version}`,
        ),
    );
  }

  #install(source) {
    return this.#order("/api/v1/update/install", { source });
  }

  async #order(path, form, done = "") {
    const { problem } = await send(path, form);
    write(this.told, problem || done);
    if (!problem) this.offers.replaceChildren();
    this.reload();
  }

  /** What only the owner may read, once. */
  async #owners(mayReset) {
    if (this.asked) return;
    this.asked = true;
    try {
      const [site, words] = await Promise.all([read("/api/v1/site"), read("/api/v1/reset")]);
      this.file.hidden = !site.found && !site.troubles.length;
      this.file.lastChild.replaceChildren(...owners(site));
      this.reset.hidden = !mayReset;
      this.reset.lastChild.replaceChildren(...this.#forget(words));
    } catch {
      this.asked = false; // a viewer, or the node is away
    }
  }

  #forget({ kept, lost, question }) {
    const list = (items) => h("ul", { class: "dots" }, ...items.map((item) => h("li", {}, ...prose(item))));
    const order = async () => {
      const { problem } = await send("/api/v1/reset", { confirm: "reset" });
      write(said, problem || "The node restarts now, and forgets. Its page asks for a new password then.");
    };
    const said = h("p", { class: "said", role: "status" });
    return [
      h("p", {}, "A reset loses:"),
      list(lost),
      h("p", {}, "It keeps:"),
      list(kept),
      sure("Reset this node", question, "Reset it", order, "reset-button"),
      said,
    ];
  }

  update(state, up) {
    this.now.update(state, up);
  }

  counts(counts) {
    this.now.counts(counts);
  }

  event() {}

  neighbour() {
    return null;
  }

  close() {
    this.closed = true;
    clearTimeout(this.again);
    this.fleet.close();
  }
}

function owners({ found, mistakes, troubles }) {
  const file = h("code", {}, "vigla.toml");
  if (!found) return [h("p", { class: "muted" }, "There is no ", file, " on the card.")];
  const item = ({ line, what, fix }) =>
    h("li", {}, h("b", {}, `Line ${line}: `), ...prose(`${what}. ${capital(fix)}.`));
  const lead = mistakes.length
    ? ["On the card, ", file, " has mistakes; everything else was taken."]
    : ["On the card, ", file, " has no mistake."];
  return [
    h("p", {}, ...lead),
    h("ul", { class: "dots" }, ...mistakes.map(item), ...troubles.map((x) => h("li", {}, ...prose(`Not done: ${x}`)))),
  ];
}
