// Draws a frame and what was seen in that very frame on one canvas. The canvas has the pixels of
// the screen, not of the camera, so that lines and letters stay sharp at any size.

import { expected, inSight, kind, outline } from "./words.js";

/** Colours on pictures: bright, and always over a dark edge. The page has calmer ones. */
const COLOURS = {
  car: "#3ddc74",
  person: "#ff5449",
  bicycle: "#4ab1ff",
  bus: "#ff6ae4",
  motorcycle: "#ffd43a",
  other: "#ccd4d6",
};
const EDGE = "rgba(6, 14, 16, .78)";
const GLYPHS = Object.fromEntries(Object.keys(COLOURS).map((k) => [k, new Path2D(outline(k))]));
const GROUND = "#0a1011";
const MAX_WIDTH = 2560;

export class Painter {
  #last = null;

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.context.fillStyle = GROUND;
    this.context.fillRect(0, 0, canvas.width, canvas.height);
    this.resize = new ResizeObserver(() => this.#draw());
    this.resize.observe(canvas);
  }

  paint(bitmap, seen, shapes) {
    this.#last?.bitmap.close();
    this.#last = { bitmap, seen, shapes };
    this.#draw();
    const { dataset } = this.canvas;
    dataset.frameId = seen.frame_id;
    dataset.basis = seen.basis;
    dataset.boxes = JSON.stringify(
      seen.objects.filter(inSight).map(({ track, label, box, unseen_ms }) => ({ track, label, box, unseen_ms })),
    );
  }

  close() {
    this.resize.disconnect();
    this.#last?.bitmap.close();
    this.#last = null;
  }

  #draw() {
    const { canvas, context: c } = this;
    if (!this.#last || canvas.clientWidth === 0) return;
    const { bitmap, seen, shapes } = this.#last;
    const scale = Math.min(devicePixelRatio || 1, MAX_WIDTH / canvas.clientWidth);
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const fit = Math.min(width / bitmap.width, height / bitmap.height);
    const w = bitmap.width * fit;
    const h = bitmap.height * fit;
    const left = (width - w) / 2;
    const top = (height - h) / 2;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = GROUND;
    c.fillRect(0, 0, width, height);
    c.imageSmoothingQuality = "medium";
    c.drawImage(bitmap, left, top, w, h);
    // From here on in units of the page's pixels, with the picture's corner as origin.
    c.setTransform(scale, 0, 0, scale, left, top);
    const area = { w: w / scale, h: h / scale };
    for (const shape of shapes) drawShape(c, shape, area);
    drawObjects(c, seen.objects, area);
  }
}

/** Letters grow with the picture, in steps. */
const lettering = (w) => (w < 420 ? 10 : w < 1000 ? 12 : w < 1500 ? 14 : 17);

function drawShape(c, { kind: what, name, points }, { w, h }) {
  if (points.length < 2) return;
  const path = new Path2D();
  points.forEach(([x, y], i) => (i ? path.lineTo(x * w, y * h) : path.moveTo(x * w, y * h)));
  if (what === "zone") {
    path.closePath();
    c.fillStyle = "rgba(255, 255, 255, .07)";
    c.fill(path);
  }
  c.setLineDash(what === "zone" ? [2, 4] : []);
  stroke(c, path, "#fff", 1.5);
  c.setLineDash([]);
  const [[ax, ay], [bx, by]] = points;
  if (what === "line") inward(c, ((ax + bx) / 2) * w, ((ay + by) / 2) * h, (bx - ax) * w, (by - ay) * h);
  c.font = `500 ${lettering(w)}px system-ui, sans-serif`;
  c.lineWidth = 3;
  c.strokeStyle = EDGE;
  c.fillStyle = "#fff";
  const x = Math.min(ax * w + 5, w - c.measureText(name).width - 5);
  const y = Math.max(12, ay * h - 5);
  c.strokeText(name, x, y);
  c.fillText(name, x, y);
}

/** An arrow across a counting line, in the direction that counts as `in`: left to right of it. */
function inward(c, x, y, dx, dy) {
  const length = Math.hypot(dx, dy) || 1;
  const [nx, ny] = [-dy / length, dx / length];
  const [tx, ty] = [dx / length, dy / length];
  const path = new Path2D();
  path.moveTo(x - nx * 9, y - ny * 9);
  path.lineTo(x + nx * 9, y + ny * 9);
  path.lineTo(x + nx * 4 + tx * 5, y + ny * 4 + ty * 5);
  path.moveTo(x + nx * 9, y + ny * 9);
  path.lineTo(x + nx * 4 - tx * 5, y + ny * 4 - ty * 5);
  stroke(c, path, "#fff", 1.5);
}

function stroke(c, path, colour, width) {
  c.strokeStyle = EDGE;
  c.lineWidth = width + 2;
  c.stroke(path);
  c.strokeStyle = colour;
  c.lineWidth = width;
  c.stroke(path);
}

function drawObjects(c, objects, area) {
  const size = lettering(area.w);
  c.font = `600 ${size}px system-ui, sans-serif`;
  c.textBaseline = "middle";
  // Large ones first, so that a small one in front stays readable.
  const order = objects.filter(inSight).sort((a, b) => extent(b.box) - extent(a.box));
  for (const object of order) {
    const [l, t, r, b] = object.box;
    const path = new Path2D();
    path.roundRect(l * area.w, t * area.h, (r - l) * area.w, (b - t) * area.h, 3);
    c.globalAlpha = expected(object) ? 0.6 : 1;
    c.setLineDash(expected(object) ? [6, 5] : []);
    stroke(c, path, COLOURS[kind(object.label)], size / 6);
  }
  c.globalAlpha = 1;
  c.setLineDash([]);
  const taken = [];
  for (const object of order.reverse()) drawName(c, object, area, size, taken);
  c.textBaseline = "alphabetic";
}

const extent = ([l, t, r, b]) => (r - l) * (b - t);

/** The name plate, at the first place around the box that is free. */
function drawName(c, { label, track, box: [l, t, r, b] }, area, size, taken) {
  const text = `${label} ${track}`;
  const height = size + 6;
  const width = c.measureText(text).width + size + 10;
  const within = (x) => Math.max(0, Math.min(x, area.w - width));
  const places = [
    [within(l * area.w), t * area.h - height - 1],
    [within(l * area.w), b * area.h + 1],
    [within(r * area.w - width), t * area.h - height - 1],
    [within(l * area.w), t * area.h + 2],
  ].filter(([, y]) => y >= 0 && y + height <= area.h);
  const free = places.find(([x, y]) =>
    taken.every((p) => x >= p.x + p.w || x + width <= p.x || y >= p.y + p.h || y + height <= p.y),
  );
  const [x, y] = free ?? places[0] ?? [within(l * area.w), Math.max(0, t * area.h)];
  taken.push({ x, y, w: width, h: height });
  const colour = COLOURS[kind(label)];
  c.fillStyle = EDGE;
  c.beginPath();
  c.roundRect(x, y, width, height, 3);
  c.fill();
  c.save();
  c.translate(x + 4, y + (height - size * 0.75) / 2);
  c.scale(size / 16, size / 16);
  c.fillStyle = colour;
  c.fill(GLYPHS[kind(label)]);
  c.restore();
  c.fillStyle = "#fff";
  c.fillText(text, x + size + 5, y + height / 2 + 0.5);
}
