// @ts-check
/** The picture on a canvas: photo and painting with a divider between them, zoomed and moved. */

/** @typedef {{ x: number, y: number, width: number, height: number }} Rectangle */
/** @typedef {HTMLImageElement | ImageBitmap | HTMLCanvasElement} Source */

/**
 * What handles pointers in place of moving the picture, as a brush does.
 * @typedef {object} Tool
 * @property {(x: number, y: number, event: PointerEvent) => void} down
 * @property {(x: number, y: number, event: PointerEvent) => void} move
 * @property {() => void} up
 * @property {(x: number, y: number) => void} hover
 * @property {(context: CanvasRenderingContext2D, view: PictureView) => void} draw
 */

const FADE_MS = 350;
const MOST_ZOOM = 32;

export class PictureView {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(view: PictureView) => void} onLayout called when the picture's place or the zoom has changed
   */
  constructor(canvas, onLayout) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.onLayout = onLayout;
    /** @type {Source | null} */ this.before = null;
    /** @type {Source | null} */ this.after = null;
    /** @type {Source | null} */ this.faded = null;
    /** @type {Tool | null} */ this.tool = null;
    this.fadeStart = 0;
    this.width = 1;
    this.height = 1;
    this.compares = false;
    this.divider = 0.5;
    /** CSS pixels for each pixel of the picture; null fits the picture into the canvas. @type {number | null} */
    this.zoom = null;
    this.centre = { x: 0.5, y: 0.5 };
    /** Part of the canvas that waits to be drawn, in CSS pixels. @type {Rectangle | 'all' | null} */
    this.dirty = null;
    this.isScheduled = false;
    /** @type {Map<number, { x: number, y: number }>} */ this.pointers = new Map();
    this.pinch = 0;
    this.isDraggingTool = false;
    this.frames = 0;
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(canvas);
    this.listen();
  }

  close() {
    this.resizer.disconnect();
    this.isScheduled = true;
  }

  /** Set the size of the picture that counts as 100 %. @param {number} width @param {number} height */
  setSize(width, height) {
    if (width === this.width && height === this.height) return;
    const scale = this.width / width;
    if (this.zoom) this.zoom *= scale;
    this.width = width;
    this.height = height;
    this.draw();
  }

  /** @param {Source | null} source */
  setBefore(source) {
    this.before = source;
    this.draw();
  }

  /** Show another painting; it fades in over the last one. @param {Source | null} source */
  setAfter(source) {
    if (source === this.after) return;
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.faded = source && !isCalm ? this.after || this.before : null;
    this.fadeStart = performance.now();
    this.after = source;
    this.draw();
  }

  // -- geometry -----------------------------------------------------------------------------------------------------

  /** CSS pixels for each pixel of the picture. */
  get scale() {
    return this.zoom ?? this.fitScale;
  }

  get fitScale() {
    const pad = this.canvas.clientWidth < 600 ? 0 : 20;
    const { clientWidth, clientHeight } = this.canvas;
    return Math.max(1e-3, Math.min((clientWidth - 2 * pad) / this.width, (clientHeight - 2 * pad) / this.height));
  }

  /** Place of the picture on the canvas, in CSS pixels. @returns {Rectangle} */
  get place() {
    const scale = this.scale;
    const [width, height] = [this.width * scale, this.height * scale];
    const { clientWidth, clientHeight } = this.canvas;
    const along = (/** @type {number} */ room, /** @type {number} */ size, /** @type {number} */ centre) =>
      size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, room / 2 - centre * size));
    return { x: along(clientWidth, width, this.centre.x), y: along(clientHeight, height, this.centre.y), width, height };
  }

  /** Return a point of the canvas in shares of the picture. @param {number} x @param {number} y */
  shareAt(x, y) {
    const place = this.place;
    return { x: (x - place.x) / place.width, y: (y - place.y) / place.height };
  }

  fit() {
    this.zoom = null;
    this.centre = { x: 0.5, y: 0.5 };
    this.draw();
  }

  /** Zoom so that a pixel of the picture is a pixel of the screen. */
  zoomToPixels() {
    this.zoomTo(1 / devicePixelRatio);
  }

  /**
   * Zoom and keep the point under the pointer, or the middle.
   * @param {number} zoom
   * @param {number} [x]
   * @param {number} [y]
   */
  zoomTo(zoom, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const share = this.shareAt(x, y);
    const least = Math.min(this.fitScale, 1 / devicePixelRatio);
    this.zoom = Math.min(MOST_ZOOM, Math.max(least, zoom));
    const [width, height] = [this.width * this.zoom, this.height * this.zoom];
    this.centre = {
      x: share.x + (this.canvas.clientWidth / 2 - x) / width,
      y: share.y + (this.canvas.clientHeight / 2 - y) / height,
    };
    if (Math.abs(this.zoom - this.fitScale) < 1e-3 * this.zoom) this.zoom = null;
    this.keepInside();
    this.draw();
  }

  /** Move the picture. @param {number} dx @param {number} dy */
  pan(dx, dy) {
    const place = this.place;
    this.centre = { x: this.centre.x - dx / place.width, y: this.centre.y - dy / place.height };
    this.keepInside();
    this.draw();
  }

  keepInside() {
    const { width, height } = this.place;
    const half = { x: this.canvas.clientWidth / 2 / width, y: this.canvas.clientHeight / 2 / height };
    const clamp = (/** @type {number} */ value, /** @type {number} */ margin) =>
      margin >= 0.5 ? 0.5 : Math.min(1 - margin, Math.max(margin, value));
    this.centre = { x: clamp(this.centre.x, half.x), y: clamp(this.centre.y, half.y) };
  }

  get isZoomed() {
    return this.zoom !== null && this.zoom > this.fitScale * 1.001;
  }

  // -- drawing ------------------------------------------------------------------------------------------------------

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.max(1, Math.round(clientWidth * devicePixelRatio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * devicePixelRatio));
    this.dirty = 'all';
    this.paint();
  }

  /** Draw soon, all or only a part. @param {Rectangle} [part] in CSS pixels */
  draw(part) {
    if (!part) this.dirty = 'all';
    else if (!this.dirty) this.dirty = part;
    else if (this.dirty !== 'all') this.dirty = union(this.dirty, part);
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      if (this.dirty) this.paint();
    });
  }

  paint() {
    const { context } = this;
    const dirty = this.dirty === 'all' ? null : this.dirty;
    this.dirty = null;
    this.frames += 1;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.save();
    if (dirty) {
      // Whole pixels: a clip through the middle of pixels would leave seams.
      const down = (/** @type {number} */ value) => Math.floor(value * devicePixelRatio) / devicePixelRatio;
      const [x, y] = [down(dirty.x), down(dirty.y)];
      context.beginPath();
      context.rect(x, y, down(dirty.x + dirty.width + 2) - x, down(dirty.y + dirty.height + 2) - y);
      context.clip();
    }
    context.clearRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    this.paintPictures();
    this.tool?.draw(context, this);
    context.restore();
    if (!dirty) this.onLayout(this);
  }

  paintPictures() {
    const { context, before, after } = this;
    const place = this.place;
    context.imageSmoothingEnabled = this.zoom === null || this.zoom * devicePixelRatio < 2;
    context.imageSmoothingQuality = this.tool ? 'low' : 'high';
    const put = (/** @type {Source | null} */ source) =>
      source && context.drawImage(source, place.x, place.y, place.width, place.height);
    const shown = after || before;
    const share = this.faded ? Math.min(1, (performance.now() - this.fadeStart) / FADE_MS) : 1;
    if (share < 1) {
      put(this.faded);
      context.globalAlpha = share;
      put(shown);
      context.globalAlpha = 1;
      this.draw();
    } else {
      this.faded = null;
      put(shown);
    }
    if (!this.compares || !before || !after) return;
    context.save();
    context.beginPath();
    context.rect(place.x, place.y, place.width * this.divider, place.height);
    context.clip();
    put(before);
    context.restore();
  }

  // -- pointers -----------------------------------------------------------------------------------------------------

  listen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => this.onDown(event));
    canvas.addEventListener('pointermove', (event) => this.onMove(event));
    for (const name of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(name, (event) => this.onUp(/** @type {PointerEvent} */ (event)));
    }
    canvas.addEventListener('pointerleave', () => this.tool?.hover(-1e6, -1e6));
    canvas.addEventListener('wheel', (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener('dblclick', (event) => this.onDoubleClick(event));
    canvas.addEventListener('keydown', (event) => this.onKey(event));
  }

  /** @param {PointerEvent} event */
  onDown(event) {
    if (event.button > 1) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (this.pointers.size === 2) {
      if (this.isDraggingTool) this.tool?.up();
      this.isDraggingTool = false;
      this.pinch = this.pointerDistance();
    } else if (this.tool && event.button === 0) {
      this.isDraggingTool = true;
      this.tool.down(event.offsetX, event.offsetY, event);
    }
  }

  /** @param {PointerEvent} event */
  onMove(event) {
    const last = this.pointers.get(event.pointerId);
    const point = { x: event.offsetX, y: event.offsetY };
    if (!last) return this.tool?.hover(point.x, point.y);
    this.pointers.set(event.pointerId, point);
    if (this.pointers.size === 2) return this.onPinch(point.x - last.x, point.y - last.y);
    if (this.isDraggingTool) return this.tool?.move(point.x, point.y, event);
    if (this.isZoomed) this.pan(point.x - last.x, point.y - last.y);
    return undefined;
  }

  /** @param {number} dx @param {number} dy */
  onPinch(dx, dy) {
    const distance = this.pointerDistance();
    const [one, other] = [...this.pointers.values()];
    this.zoomTo((this.scale * distance) / (this.pinch || distance), (one.x + other.x) / 2, (one.y + other.y) / 2);
    this.pan(dx / 2, dy / 2);
    this.pinch = distance;
  }

  pointerDistance() {
    const [one, other] = [...this.pointers.values()];
    return Math.hypot(one.x - other.x, one.y - other.y);
  }

  /** @param {PointerEvent} event */
  onUp(event) {
    this.pointers.delete(event.pointerId);
    if (this.isDraggingTool) this.tool?.up();
    this.isDraggingTool = false;
  }

  /** @param {WheelEvent} event */
  onWheel(event) {
    event.preventDefault();
    const step = event.deltaMode === 1 ? event.deltaY * 20 : event.deltaY;
    this.zoomTo(this.scale * Math.exp(-step / 400), event.offsetX, event.offsetY);
  }

  /** @param {MouseEvent} event */
  onDoubleClick(event) {
    if (this.tool) return;
    if (this.isZoomed) this.fit();
    else this.zoomTo(Math.max(1 / devicePixelRatio, this.fitScale * 2), event.offsetX, event.offsetY);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      '+': () => this.zoomTo(this.scale * 1.5),
      '=': () => this.zoomTo(this.scale * 1.5),
      '-': () => this.zoomTo(this.scale / 1.5),
      0: () => this.fit(),
      1: () => this.zoomToPixels(),
      ArrowLeft: () => this.pan(60, 0),
      ArrowRight: () => this.pan(-60, 0),
      ArrowUp: () => this.pan(0, 60),
      ArrowDown: () => this.pan(0, -60),
    };
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

/** @param {Rectangle} one @param {Rectangle} other @returns {Rectangle} */
export function union(one, other) {
  const [x, y] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
  const right = Math.max(one.x + one.width, other.x + other.width);
  const bottom = Math.max(one.y + one.height, other.y + other.height);
  return { x, y, width: right - x, height: bottom - y };
}
