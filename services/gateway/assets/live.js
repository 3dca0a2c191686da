// The live stream of one camera: frames with their own detections, newest first, nothing queued.
//
// A browser opens at most six HTTP/1.1 connections to one host. The updates hold one and the
// thumbnails need one, so at most four streams run at a time; with more pictures on the screen
// they take turns of a second and a half (one picture, while another has none at all), and each
// keeps its last picture meanwhile.

import { parts } from "./multipart.js";

const SEATS = 4;
const TURN_MS = 1500;
const STALL_MS = 6000;
const WAITS_MS = [300, 1000, 2000, 4000, 8000];

const seated = new Set();
const queue = [];

function seat() {
  while (seated.size < SEATS && queue.length) {
    const feed = queue.shift();
    seated.add(feed);
    feed.run();
  }
}

const resting = new Set();

/** Every feed that rests before it tries again tries now: the node is back. */
export function hurry() {
  for (const feed of [...resting]) feed.wake();
}

/** Why the node gives no stream: its own words (RFC 9457) where there are some. */
async function refusal(response) {
  const { detail } = await response.json().catch(() => ({}));
  return typeof detail === "string" ? detail.replaceAll("`", "") : `the node answered ${response.status}`;
}

export class Feed {
  #abort = null;
  #failures = 0;
  #timer = 0;
  #pending = null;
  #decoding = false;

  /** `shown(bitmap, seen)` gets each decoded frame; `trouble(text)` says why there is none ("" = fine). */
  constructor(id, shown, trouble) {
    this.id = id;
    this.fresh = true; // has not shown a picture yet
    this.shown = shown;
    this.trouble = trouble;
    this.rate = 0;
  }

  /** Asks for `rate` pictures a second; 0 stops. */
  want(rate) {
    if (rate === this.rate) return;
    this.rate = rate;
    this.#leave();
    if (rate > 0) this.wake();
  }

  /** Takes a seat, or a place in the queue for one. */
  wake() {
    clearTimeout(this.#timer);
    resting.delete(this);
    if (!queue.includes(this) && !seated.has(this)) queue.push(this);
    seat();
  }

  #rest(milliseconds) {
    resting.add(this);
    this.#timer = setTimeout(() => this.wake(), milliseconds);
  }

  #leave() {
    clearTimeout(this.#timer);
    resting.delete(this);
    this.#abort?.abort();
    this.#abort = null;
    this.#pending = null;
    const at = queue.indexOf(this);
    if (at >= 0) queue.splice(at, 1);
    if (seated.delete(this)) seat();
  }

  async run() {
    const abort = new AbortController();
    this.#abort = abort;
    let failure = null;
    try {
      await this.#stream(abort);
    } catch (error) {
      // What a browser says of a dead connection differs, and helps nobody.
      failure = error instanceof TypeError ? "the node does not answer" : error.message;
    }
    abort.abort();
    if (this.#abort !== abort) return; // somebody stopped us, or asked for another rate
    seated.delete(this);
    if (failure) {
      this.#rest(WAITS_MS[Math.min(this.#failures, WAITS_MS.length - 1)]);
      this.#failures += 1;
      if (this.#failures > 1) this.trouble(failure);
      seat();
    } else {
      this.wake();
    }
  }

  /** Reads until the end, or until the turn is over and somebody waits for the seat. */
  async #stream(abort) {
    const began = performance.now();
    let stall = 0;
    const alive = () => {
      clearTimeout(stall);
      stall = setTimeout(() => abort.abort(new Error("no new picture for 6 s")), STALL_MS);
    };
    alive();
    try {
      const response = await fetch(`/api/v1/cameras/${encodeURIComponent(this.id)}/live?fps=${this.rate}`, {
        signal: abort.signal,
        cache: "no-store",
      });
      if (!response.ok) throw new Error(await refusal(response));
      let seen = null;
      for await (const { headers, body } of parts(response.body)) {
        alive();
        const type = headers.get("content-type") ?? "";
        if (type.startsWith("application/json")) {
          seen = JSON.parse(new TextDecoder().decode(body));
        } else if (type.startsWith("image/") && seen && String(seen.frame_id) === headers.get("x-frame-id")) {
          this.#failures = 0;
          this.#offer(new Blob([body], { type }), seen);
          seen = null;
          this.fresh = false;
          if (queue.some((feed) => feed.fresh) || (queue.length && performance.now() - began > TURN_MS))
            return;
        }
      }
      throw new Error("the stream ended");
    } finally {
      clearTimeout(stall);
    }
  }

  /** Decodes beside the reading; a frame that comes meanwhile replaces the one that waits. */
  async #offer(blob, seen) {
    this.#pending = { blob, seen };
    if (this.#decoding) return;
    this.#decoding = true;
    while (this.#pending) {
      const next = this.#pending;
      this.#pending = null;
      try {
        const bitmap = await createImageBitmap(next.blob);
        if (this.rate > 0) this.shown(bitmap, next.seen);
        else bitmap.close();
      } catch {
        this.trouble("a damaged picture was left out");
      }
    }
    this.#decoding = false;
  }
}
