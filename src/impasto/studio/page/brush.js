// @ts-check
/** A mask that is painted with a brush. Its opaque pixels are the region. */
import { union } from './picture_view.js';

/** @typedef {import('./picture_view.js').PictureView} PictureView */
/** @typedef {import('./picture_view.js').Rectangle} Rectangle */

/** Long side of the largest mask. */
export const MASK_SIDE = 2048;

const TINT = '#e5484d';
const STEPS_KEPT = 40;

/** @param {number} width @param {number} height */
function makeCanvas(width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, width);
  canvas.height = Math.max(1, height);
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
const contextOf = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));

export class Brush {
  /**
   * @param {number} width size of the photo
   * @param {number} height
   * @param {() => void} onChange called after each step
   */
  constructor(width, height, onChange) {
    const scale = Math.min(1, MASK_SIDE / Math.max(width, height));
    this.mask = makeCanvas(Math.round(width * scale), Math.round(height * scale));
    this.saved = makeCanvas(this.mask.width, this.mask.height);
    this.onChange = onChange;
    /** @type {PictureView | null} */ this.view = null;
    /** Diameter in shares of the mask's long side. */
    this.size = 0.08;
    /** Share of the radius along which the brush fades. */
    this.softness = 0.3;
    this.erases = false;
    /** @type {{ place: Rectangle, before: HTMLCanvasElement, after: HTMLCanvasElement }[]} */ this.steps = [];
    this.position = 0;
    /** @type {{ x: number, y: number } | null} */ this.last = null;
    this.pointer = { x: -1e6, y: -1e6 };
    /** @type {Rectangle | null} */ this.touched = null;
    this.stamp = makeCanvas(1, 1);
    this.makeStamp();
  }

  get isEmpty() {
    const small = makeCanvas(64, 64);
    const context = contextOf(small);
    context.drawImage(this.mask, 0, 0, 64, 64);
    return !context.getImageData(0, 0, 64, 64).data.some((value, index) => index % 4 === 3 && value > 0);
  }

  /** Diameter in pixels of the mask. */
  get diameter() {
    return Math.max(2, this.size * Math.max(this.mask.width, this.mask.height));
  }

  /** @param {{ size?: number, softness?: number, erases?: boolean }} values */
  set(values) {
    Object.assign(this, values);
    this.makeStamp();
    this.onChange();
  }

  makeStamp() {
    const radius = this.diameter / 2;
    this.stamp = makeCanvas(Math.ceil(2 * radius), Math.ceil(2 * radius));
    const context = contextOf(this.stamp);
    const fill = context.createRadialGradient(radius, radius, 0, radius, radius, radius);
    const inner = Math.min(0.98, 1 - this.softness);
    fill.addColorStop(0, TINT);
    for (let step = 0; step <= 6; step += 1) {
      const share = step / 6;
      const alpha = Math.round(255 * (1 - share) ** 2).toString(16).padStart(2, '0');
      fill.addColorStop(inner + (1 - inner) * share, TINT + alpha);
    }
    context.fillStyle = fill;
    context.fillRect(0, 0, this.stamp.width, this.stamp.height);
  }

  // -- pointers, in CSS pixels of the view's canvas -------------------------------------------------------------------

  /** @param {number} x @param {number} y */
  toMask(x, y) {
    const share = /** @type {PictureView} */ (this.view).shareAt(x, y);
    return { x: share.x * this.mask.width, y: share.y * this.mask.height };
  }

  /** @param {number} x @param {number} y */
  down(x, y) {
    this.touched = null;
    this.last = this.toMask(x, y);
    this.put(this.last, this.last);
    this.hover(x, y);
  }

  /** @param {number} x @param {number} y @param {PointerEvent} event */
  move(x, y, event) {
    const canvas = /** @type {HTMLElement} */ (event.target).getBoundingClientRect();
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const point = this.toMask(one.clientX - canvas.left, one.clientY - canvas.top);
      this.put(this.last || point, point);
      this.last = point;
    }
    this.hover(x, y);
  }

  up() {
    this.last = null;
    if (this.touched) this.keep(this.touched);
    this.touched = null;
  }

  /** Move the brush's outline. @param {number} x @param {number} y */
  hover(x, y) {
    const around = (/** @type {{ x: number, y: number }} */ point) => {
      const radius = this.radiusOnView + 3;
      return { x: point.x - radius, y: point.y - radius, width: 2 * radius, height: 2 * radius };
    };
    this.view?.draw(around(this.pointer));
    this.pointer = { x, y };
    this.view?.draw(around(this.pointer));
  }

  get radiusOnView() {
    const { view } = this;
    return view ? (this.diameter / 2 / this.mask.width) * view.place.width : 0;
  }

  /** Stamp along a line. @param {{ x: number, y: number }} from @param {{ x: number, y: number }} to */
  put(from, to) {
    const context = contextOf(this.mask);
    const radius = this.diameter / 2;
    const spacing = Math.max(1, radius * (this.softness > 0.05 ? 0.25 : 0.12));
    const count = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / spacing));
    context.globalCompositeOperation = this.erases ? 'destination-out' : 'source-over';
    for (let step = 1; step <= count; step += 1) {
      const share = step / count;
      context.drawImage(this.stamp, from.x + (to.x - from.x) * share - radius, from.y + (to.y - from.y) * share - radius);
    }
    const place = {
      x: Math.min(from.x, to.x) - radius - 1,
      y: Math.min(from.y, to.y) - radius - 1,
      width: Math.abs(to.x - from.x) + 2 * radius + 2,
      height: Math.abs(to.y - from.y) + 2 * radius + 2,
    };
    this.touch(place);
    this.redraw(place);
  }

  /** @param {Rectangle} place */
  touch(place) {
    this.touched = this.touched ? union(this.touched, place) : place;
  }

  /** Draw a part of the mask on the view. @param {Rectangle} place in pixels of the mask */
  redraw(place) {
    if (!this.view) return;
    const on = this.view.place;
    const scale = on.width / this.mask.width;
    this.view.draw({
      x: on.x + place.x * scale - 1,
      y: on.y + place.y * scale - 1,
      width: place.width * scale + 2,
      height: place.height * scale + 2,
    });
  }

  /** Draw the mask over the picture, and the brush's outline. @param {CanvasRenderingContext2D} context @param {PictureView} view */
  draw(context, view) {
    const place = view.place;
    context.globalAlpha = 0.55;
    context.imageSmoothingEnabled = true;
    context.drawImage(this.mask, place.x, place.y, place.width, place.height);
    context.globalAlpha = 1;
    for (const [colour, width] of /** @type {[string, number][]} */ ([['#000a', 3], ['#fff', 1.25]])) {
      context.beginPath();
      context.arc(this.pointer.x, this.pointer.y, this.radiusOnView, 0, 2 * Math.PI);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
  }

  // -- steps ----------------------------------------------------------------------------------------------------------

  /** Keep what changed within a rectangle as a step. @param {Rectangle} place */
  keep(place) {
    const x = Math.max(0, Math.floor(place.x));
    const y = Math.max(0, Math.floor(place.y));
    const width = Math.min(this.mask.width, Math.ceil(place.x + place.width)) - x;
    const height = Math.min(this.mask.height, Math.ceil(place.y + place.height)) - y;
    if (width <= 0 || height <= 0) return;
    const cut = (/** @type {HTMLCanvasElement} */ source) => {
      const part = makeCanvas(width, height);
      contextOf(part).drawImage(source, x, y, width, height, 0, 0, width, height);
      return part;
    };
    const step = { place: { x, y, width, height }, before: cut(this.saved), after: cut(this.mask) };
    this.steps = [...this.steps.slice(0, this.position), step].slice(-STEPS_KEPT);
    this.position = this.steps.length;
    this.restore(this.saved, step.place, step.after);
    this.onChange();
  }

  /** @param {HTMLCanvasElement} canvas @param {Rectangle} place @param {HTMLCanvasElement} part */
  restore(canvas, place, part) {
    const context = contextOf(canvas);
    context.globalCompositeOperation = 'source-over';
    context.clearRect(place.x, place.y, place.width, place.height);
    context.drawImage(part, place.x, place.y);
  }

  get canUndo() {
    return this.position > 0;
  }

  get canRedo() {
    return this.position < this.steps.length;
  }

  undo() {
    if (!this.canUndo) return;
    this.position -= 1;
    const { place, before } = this.steps[this.position];
    this.show(place, before);
  }

  redo() {
    if (!this.canRedo) return;
    const { place, after } = this.steps[this.position];
    this.position += 1;
    this.show(place, after);
  }

  /** @param {Rectangle} place @param {HTMLCanvasElement} part */
  show(place, part) {
    for (const canvas of [this.mask, this.saved]) this.restore(canvas, place, part);
    this.view?.draw();
    this.onChange();
  }

  /** Change the whole mask as one step. @param {(context: CanvasRenderingContext2D) => void} change */
  changeAll(change) {
    const context = contextOf(this.mask);
    context.save();
    context.globalCompositeOperation = 'source-over';
    change(context);
    context.restore();
    this.keep({ x: 0, y: 0, width: this.mask.width, height: this.mask.height });
    this.view?.draw();
  }

  fill() {
    this.changeAll((context) => {
      context.fillStyle = TINT;
      context.fillRect(0, 0, this.mask.width, this.mask.height);
    });
  }

  clear() {
    this.changeAll((context) => context.clearRect(0, 0, this.mask.width, this.mask.height));
  }

  invert() {
    this.changeAll((context) => {
      context.globalCompositeOperation = 'xor';
      context.fillStyle = TINT;
      context.fillRect(0, 0, this.mask.width, this.mask.height);
    });
  }

  /** Take over a picture whose bright parts are the region. @param {CanvasImageSource} image */
  load(image) {
    const { width, height } = this.mask;
    const grey = makeCanvas(width, height);
    const context = contextOf(grey);
    context.drawImage(image, 0, 0, width, height);
    const pixels = context.getImageData(0, 0, width, height);
    const { data } = pixels;
    const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(TINT.slice(at, at + 2), 16));
    for (let at = 0; at < data.length; at += 4) {
      data[at + 3] = Math.round(((data[at] * 0.299 + data[at + 1] * 0.587 + data[at + 2] * 0.114) * data[at + 3]) / 255);
      data[at] = red;
      data[at + 1] = green;
      data[at + 2] = blue;
    }
    context.putImageData(pixels, 0, 0);
    this.changeAll((mask) => {
      mask.clearRect(0, 0, width, height);
      mask.drawImage(grey, 0, 0);
    });
  }

  /** Return the mask as a PNG: white in the region, black elsewhere. @returns {Promise<Blob>} */
  toBlob() {
    const result = makeCanvas(this.mask.width, this.mask.height);
    const context = contextOf(result);
    context.drawImage(this.mask, 0, 0);
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = '#fff';
    context.fillRect(0, 0, result.width, result.height);
    context.globalCompositeOperation = 'destination-over';
    context.fillStyle = '#000';
    context.fillRect(0, 0, result.width, result.height);
    return new Promise((resolve, reject) => {
      result.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('PNG'))), 'image/png');
    });
  }
}
