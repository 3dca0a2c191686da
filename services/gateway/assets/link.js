// The connection to the node: server-sent events, and the honest word when they stop.
//
// EventSource retries by itself, but gives up for good on some answers, does not back off, and does
// not notice a cable that was pulled. So it is opened by us, closed on the first error, and a
// silence of 15 s is followed by a question that must be answered.

import { ask } from "./dom.js";

const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15000];
const SILENCE_MS = 15000;
const KINDS = ["state", "counts", "event"];

/** Events: `state`, `counts`, `event` (detail = their JSON), and `link` ({ up, retryAt }). */
export class Link extends EventTarget {
  #source = null;
  #tries = 0;
  #timer = 0;
  #heard = 0;
  #asking = false;

  constructor() {
    super();
    this.up = null;
    setInterval(() => this.#listen(), 1000);
  }

  open() {
    this.close();
    const source = new EventSource("/api/v1/updates");
    this.#source = source;
    this.#heard = performance.now();
    for (const kind of KINDS) {
      source.addEventListener(kind, (message) => {
        if (this.#source !== source) return;
        this.#alive();
        this.#tell(kind, JSON.parse(message.data));
      });
    }
    source.addEventListener("open", () => this.#source === source && this.#alive());
    source.addEventListener("error", () => this.#source === source && this.#lost());
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  #alive() {
    this.#heard = performance.now();
    this.#tries = 0;
    if (this.up === true) return;
    this.up = true;
    this.#tell("link", { up: true });
  }

  #lost() {
    this.close();
    const wait = WAITS_MS[Math.min(this.#tries, WAITS_MS.length - 1)] * (0.8 + 0.4 * Math.random());
    this.#tries += 1;
    this.#timer = setTimeout(() => this.open(), wait);
    this.up = false;
    this.#tell("link", { up: false, retryAt: performance.now() + wait });
    this.#known();
  }

  // Logged out, elsewhere or by time: the way in is at this same address.
  async #known() {
    const answer = await fetch("/api/v1/state", { method: "HEAD" }).catch(() => null);
    if (answer?.status === 401) location.reload();
  }

  async #listen() {
    if (!this.#source || this.#asking || performance.now() - this.#heard < SILENCE_MS) return;
    this.#asking = true;
    const source = this.#source;
    try {
      const state = await ask("/api/v1/state");
      this.#heard = performance.now();
      this.#tell("state", state);
    } catch {
      if (this.#source === source) this.#lost();
    }
    this.#asking = false;
  }
}
