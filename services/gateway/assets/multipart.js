// Reads multipart/mixed piece by piece as it arrives. Every part of ours has a Content-Length, so
// bodies are never searched for the boundary.

const LIMIT = 16 << 20; // larger than any JPEG a camera gives: beyond it the stream is not ours
const decoder = new TextDecoder();

/** A growing buffer that gives away its front. */
class Bytes {
  #data = new Uint8Array(1 << 17);
  #start = 0;
  #end = 0;

  push(chunk) {
    if (this.#end + chunk.length > this.#data.length) {
      const length = this.#end - this.#start;
      const room =
        length + chunk.length > this.#data.length ? new Uint8Array(2 * (length + chunk.length)) : this.#data;
      room.set(this.#data.subarray(this.#start, this.#end));
      [this.#data, this.#start, this.#end] = [room, 0, length];
    }
    this.#data.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  get length() {
    return this.#end - this.#start;
  }

  /** A copy of the first `n` bytes, which leave the buffer. */
  take(n) {
    const bytes = this.#data.slice(this.#start, this.#start + n);
    this.#start += n;
    return bytes;
  }

  /** Where the blank line after the headers ends, or -1. */
  headersEnd() {
    const d = this.#data;
    for (let i = this.#start; i + 3 < this.#end; i += 1) {
      if (d[i] === 13 && d[i + 1] === 10 && d[i + 2] === 13 && d[i + 3] === 10) return i + 4 - this.#start;
    }
    return -1;
  }
}

/** The headers of one part, by lower-case name. */
export function headersOf(text) {
  const headers = new Map();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

/** Yields `{ headers, body }` for each part; ends with the stream. */
export async function* parts(stream) {
  const reader = stream.getReader();
  const bytes = new Bytes();
  let headers = null;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      bytes.push(value);
      for (;;) {
        if (!headers) {
          const end = bytes.headersEnd();
          if (end < 0) break;
          headers = headersOf(decoder.decode(bytes.take(end)));
        }
        const length = Number(headers.get("content-length"));
        if (!Number.isInteger(length) || length < 0 || length > LIMIT)
          throw new Error("a part without a valid length");
        if (bytes.length < length) break;
        yield { headers, body: bytes.take(length) };
        headers = null;
      }
      if (!headers && bytes.length > LIMIT) throw new Error("headers without an end");
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
