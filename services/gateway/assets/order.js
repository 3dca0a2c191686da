// What the owner orders on the page: a form that is sent, and a button that asks first.

import { h } from "./dom.js";

/** Sends a form; gives the answer, or what is wrong in words. */
export async function send(path, fields, milliseconds = 8000) {
  try {
    const response = await fetch(path, {
      method: "POST",
      body: new URLSearchParams(fields),
      signal: AbortSignal.timeout(milliseconds),
    });
    const text = await response.text();
    const answer = text ? JSON.parse(text) : null;
    if (response.ok) return { answer };
    return { problem: `Not done: ${answer?.detail ?? response.status}.` };
  } catch {
    return { problem: "The node did not answer." };
  }
}

/** A button that asks before it acts. */
export function sure(label, question, yes, act, testid) {
  const first = h("button", { type: "button", "data-testid": testid, onclick: () => turn(true) }, label);
  const go = h("button", { type: "button", class: "danger", "data-testid": `${testid}-yes` }, yes);
  const stop = h("button", { type: "button", onclick: () => turn(false) }, "Leave it");
  const asked = h("div", { class: "sure", role: "group", "aria-label": label }, h("p", {}, question), go, stop);
  const turn = (asks) => {
    first.hidden = asks;
    asked.hidden = !asks;
    (asks ? stop : first).focus();
  };
  go.addEventListener("click", () => {
    turn(false);
    act();
  });
  asked.hidden = true;
  return h("div", {}, first, asked);
}
