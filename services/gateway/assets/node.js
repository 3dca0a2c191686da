// The foot of the page: which parts run, which model answers, where the counts go.

import { h, renew } from "./dom.js";

export class Foot {
  constructor(element) {
    this.element = element;
  }

  update({ node_id: id, version, services, model, sinks }) {
    const facts = { id, version, services, model, sinks };
    renew(this.element, JSON.stringify(facts), () => [
      this.#column(
        "Parts",
        h(
          "ul",
          { class: "parts", role: "list" },
          ...services.map((x) =>
            h(
              "li",
              { "data-level": x.present ? "ok" : "bad" },
              h("span", { class: "health" }, x.noun),
              x.present ? " runs" : " is away",
            ),
          ),
        ),
      ),
      this.#column(
        "Model",
        model?.name
          ? h(
              "p",
              {},
              `${model.name}, version ${model.version}`,
              h("br"),
              h("span", { class: "mono muted", title: model.digest }, `sha256 ${model.digest.slice(0, 16)}…`),
            )
          : h("p", { class: "muted" }, "No model answers, so nothing is counted."),
      ),
      this.#column(
        "Counts go to",
        sinks.length
          ? h(
              "ul",
              { role: "list" },
              ...sinks.map((x) =>
                h(
                  "li",
                  { "data-level": x.state === "connected" ? "ok" : "bad" },
                  h("span", { class: "health" }, x.name),
                  `, ${x.state}`,
                  h("br"),
                  h(
                    "span",
                    { class: "muted" },
                    `${x.accepted} accepted = ${x.sent} sent + ${x.stored} stored + ${x.dropped} dropped`,
                  ),
                ),
              ),
            )
          : h("p", { class: "muted" }, "Nowhere: the counts stay on this page."),
      ),
      this.#column(
        "This node",
        h(
          "p",
          {},
          h("span", { class: "mono" }, id),
          h("br"),
          `Vigla ${version}`,
          h("br"),
          h("a", { href: "#/node", "data-testid": "to-upkeep" }, "Version, updates, reset"),
          h("br"),
          h("a", { href: "/openapi.json" }, "Interface (OpenAPI)"),
          ", ",
          h("a", { href: "/metrics" }, "metrics"),
          ", ",
          h("a", { href: "/api/v1/state" }, "state as JSON"),
        ),
      ),
    ]);
  }

  #column(title, ...body) {
    return h("section", {}, h("h2", {}, title), ...body);
  }
}
