// What happened to the slots, with the dossiers of starts that failed.

import { h, prose } from "./dom.js";
import { capital, isoOf } from "./words.js";

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const LAST_USEC = 8.64e18;

/** A happening as a clause. */
function clause({ event, slot, version, before, source, result, why, tries }) {
  switch (event) {
    case "installed":
      return `version ${version} was written to slot ${slot}`;
    case "refused":
      return `not installed from ${source}: ${why}`;
    case "passed":
      return `version ${version} in slot ${slot} passed the mission gate`;
    case "failed":
      return `version ${version} in slot ${slot} did not pass the mission gate (${result}), start ${tries}`;
    case "unwell":
      return `version ${version} runs, but did not pass the mission gate (${result})`;
    case "fell-back":
      return `version ${version} in slot ${slot} was given up; version ${before} runs again`;
    case "rolled-back":
      return `went back to slot ${slot}, from version ${before}`;
    default:
      return `${event} ${version} ${slot} ${result}`;
  }
}

function dossier({ checks = [], failed_units: units = [], kernel = [] }) {
  const row = (check) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, check.name),
      h("td", {}, (check.state ?? "").replace("-", " ")),
      h("td", {}, `${Math.round((check.after_ms ?? 0) / 1000)} s`),
      h("td", {}, check.subject),
    );
  const heads = ["Check", "State", "After", "What"].map((text) => h("th", { scope: "col" }, text));
  return h(
    "details",
    { "data-testid": "dossier" },
    h("summary", {}, "What was seen"),
    checks.length > 0 && h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...checks.map(row))),
    units.length > 0 && h("p", {}, `Failed units: ${units.join(", ")}`),
    kernel.length > 0 && h("pre", { class: "scroll mono", tabindex: 0, "aria-label": "Last lines of the kernel" }, kernel.join("\n")),
  );
}

/** The list, newest first. */
export const happenings = (history) =>
  h(
    "ol",
    { role: "list", class: "happenings" },
    ...history.map((entry) =>
      h(
        "li",
        {},
        h(
          "time",
          { class: "mono muted", datetime: isoOf(entry.time_usec) },
          DAY.format(new Date(Math.min(entry.time_usec, LAST_USEC) / 1000)),
        ),
        h("div", {}, ...prose(`${capital(clause(entry))}.`)),
        entry.dossier && dossier(entry.dossier),
      ),
    ),
  );
