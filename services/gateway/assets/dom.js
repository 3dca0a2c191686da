// Small builders for elements. Data only ever becomes a text node or an attribute: nothing here,
// or anywhere on the page, parses it as HTML.

const SVG = "http://www.w3.org/2000/svg";

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** An HTML element; `on...` attributes are listeners. */
export const h = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

/** An SVG element. */
export const s = (tag, attributes, ...children) =>
  build(document.createElementNS(SVG, tag), attributes, children);

export const byId = (id) => document.getElementById(id);

/** Sets a text only when it differs, so that screen readers and layout rest. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute only when it differs. */
export function mark(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Text with `code` in backticks, as nodes. */
export const prose = (text) =>
  text
    .split("`")
    .map((piece, i) => (i % 2 ? h("code", {}, piece) : piece))
    .filter((p) => p !== "");

const drawn = new WeakMap();

/** Replaces the children only when `key` differs from the last time. */
export function renew(element, key, make) {
  if (drawn.get(element) === key) return;
  drawn.set(element, key);
  element.replaceChildren(...[make()].flat().filter(Boolean));
}

let ahead = 0;

/** The node's wall clock in microseconds: its hours count, not those of who looks at the page. */
export const nodeTime = () => (Date.now() + ahead) * 1000;

/** Reads JSON from the node, with a deadline. */
export async function ask(path, milliseconds = 8000) {
  const response = await fetch(path, { signal: AbortSignal.timeout(milliseconds) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isFinite(date) && Math.abs(date - Date.now()) > 2000) ahead = date - Date.now();
  return response.json();
}
