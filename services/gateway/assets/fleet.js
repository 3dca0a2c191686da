// The way into a fleet: how far the node is, why it waits, when it asks next, and what the owner can try.

import { h, prose, ask as read, mark, nodeTime, renew, write } from "./dom.js";
import { send } from "./order.js";
import { capital } from "./words.js";

const UNDER_WAY_MS = 2000;
const RESTS_MS = 10_000;
const LOOKING_MS = 60_000; // each part of the way may take its time

// The way, and the states that stand at each part of it.
const STEPS = [
  ["A claim on the card", ["init"]],
  ["The registrar is found", ["key-ready", "net-ready", "time-ready"]],
  ["It lets the node in", ["requested", "granted", "re-enrol"]],
  ["The node joins its cluster", ["installed", "joined"]],
  ["It belongs to its fleet", ["confirmed"]],
];
const NO_CLAIM = ["no-claim", "bad-file", "claim-needed"];

export class Fleet {
  constructor() {
    this.said = h("p", { class: "fleet-said", role: "status", "data-testid": "fleet-said" });
    this.next = h("p", { class: "muted", "data-testid": "fleet-next" });
    this.way = h("div", {});
    this.more = h("div", {});
    this.checks = h("div", { "data-testid": "fleet-checks" });
    this.told = h("p", { class: "said", role: "status" });
    this.retry = h("button", { type: "button", "data-testid": "fleet-retry", onclick: () => this.#retry() }, "Try now");
    this.check = h(
      "button",
      { type: "button", "data-testid": "fleet-check", onclick: () => this.#check() },
      "Check the way",
    );
    this.orders = h("div", { class: "orders" }, this.retry, this.check);
    this.element = h(
      "section",
      { class: "fleet panel", "aria-labelledby": "fleet-title", "data-testid": "fleet", hidden: true },
      h("h2", { id: "fleet-title" }, "Its fleet"),
      this.said,
      this.next,
      this.way,
      this.more,
      this.orders,
      this.told,
      this.checks,
    );
    this.reload();
  }

  /** Reads how far it is, and again after a while. */
  async reload() {
    clearTimeout(this.again);
    let wait = RESTS_MS;
    try {
      const seen = await read("/api/v1/enrolment");
      this.#show(seen);
      if (seen.tone === "under") wait = UNDER_WAY_MS;
    } catch {
      // The page says by itself that the node is away; what was shown stays.
    }
    if (!this.closed) this.again = setTimeout(() => this.reload(), wait);
  }

  #show(seen) {
    this.element.hidden = !seen.present;
    mark(this.said, "data-tone", seen.tone);
    renew(this.said, seen.sentence, () => prose(seen.sentence));
    const waits = seen.tone !== "good" && seen.next_usec > nodeTime();
    const when = new Date(seen.next_usec / 1000).toLocaleTimeString();
    write(this.next, waits ? `It asks again at ${when}.` : "");
    const owner = seen.state !== undefined;
    this.orders.hidden = !owner;
    if (!owner) return;
    renew(this.way, JSON.stringify([seen.state, seen.reason]), () => steps(seen));
    renew(this.more, JSON.stringify([seen.node_name, seen.registrar, seen.mistakes]), () => [
      ...seen.mistakes.map(({ line, what, fix }) =>
        h("p", {}, h("b", {}, `Line ${line}: `), ...prose(`${what}. ${capital(fix)}.`)),
      ),
      fact("Node", seen.node_name),
      fact("Registrar", seen.registrar),
    ]);
  }

  async #retry() {
    const { problem } = await send("/api/v1/enrolment/retry", {});
    write(this.told, problem || "It asks now.");
    this.reload();
  }

  async #check() {
    write(this.told, "Looking…");
    const { problem, answer } = await send("/api/v1/enrolment/check", {}, LOOKING_MS);
    write(this.told, problem || "");
    if (!problem) this.checks.replaceChildren(table(answer.checks));
  }

  close() {
    this.closed = true;
    clearTimeout(this.again);
  }
}

const fact = (name, value) => value && h("p", { class: "muted" }, `${name} `, h("code", {}, value));

/** Where on the way it is; nothing when it was turned away. */
function steps({ state, reason }) {
  let at = STEPS.findIndex(([, states]) => states.includes(state));
  if (NO_CLAIM.includes(reason)) at = 0;
  if (at < 0) return [];
  const done = state === "confirmed" ? STEPS.length : at;
  const item = ([name], i) =>
    h("li", { class: i < done ? "done" : "", "aria-current": i === done && "step" }, name);
  return h("ol", { class: "steps", "data-testid": "fleet-steps" }, ...STEPS.map(item));
}

function table(checks) {
  const row = ({ name, result, detail, fix }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h("td", { class: result === "failed" ? "warn" : "" }, result),
      h("td", {}, ...prose(detail), fix && h("p", {}, ...prose(`${capital(fix)}.`))),
    );
  return h("table", {}, h("tbody", {}, ...checks.map(row)));
}
