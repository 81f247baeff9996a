// @ts-check
/** The large picture with its divider and tools. */
import { PictureView } from './picture_view.js';
import { t } from './texts.js';
import { classes, html, useEffect, useLayoutEffect, useRef, useState } from './ui.js';
import { loadImage } from './images.js';
import { icon } from './widgets.js';

/**
 * Show photo and painting.
 * @param {object} props
 * @param {string | null} props.beforeUrl address of the photo
 * @param {string} [props.afterUrl] address of the painting
 * @param {ImageBitmap | null} [props.after] painting, in place of an address
 * @param {number} props.width size that counts as 100 %
 * @param {number} props.height
 * @param {boolean} [props.isBusy] whether a first painting is under way
 * @param {string} props.label
 * @param {import('./picture_view.js').Tool | null} [props.tool]
 * @param {(view: PictureView) => void} [props.onView]
 * @param {any} [props.children] more buttons of the toolbar
 */
export function Stage(props) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  const view = useRef(/** @type {PictureView | null} */ (null));
  const [layout, setLayout] = useState({ percent: 100, isZoomed: false });
  const [compares, setCompares] = useState(false);
  const hasBoth = Boolean(props.beforeUrl && (props.after || props.afterUrl));

  useLayoutEffect(() => {
    const created = new PictureView(/** @type {HTMLCanvasElement} */ (canvas.current), (shown) => {
      placeDivider(frame.current, shown);
      const percent = Math.round(shown.scale * devicePixelRatio * 100);
      setLayout((old) => (old.percent === percent && old.isZoomed === shown.isZoomed ? old : { percent, isZoomed: shown.isZoomed }));
    });
    view.current = created;
    props.onView?.(created);
    return () => created.close();
  }, []);
  useLayoutEffect(() => {
    frame.current?.style.setProperty('--aspect', String(props.width / props.height));
    view.current?.setSize(props.width, props.height);
  }, [props.width, props.height]);
  useShown(props.beforeUrl, (image) => view.current?.setBefore(image));
  useShown(props.afterUrl ?? null, (image) => image && view.current?.setAfter(image));
  useEffect(() => void (!props.afterUrl && view.current?.setAfter(props.after ?? null)), [props.after, props.afterUrl]);
  useEffect(() => {
    const shown = /** @type {PictureView} */ (view.current);
    shown.compares = compares && hasBoth && !props.tool;
    shown.tool = props.tool || null;
    shown.draw();
  }, [compares, hasBoth, props.tool]);

  const zoomed = layout.isZoomed || props.tool;
  return html`<section class="stage" ref=${frame} aria-label=${props.label}>
    <canvas ref=${canvas} class=${classes('picture', zoomed && 'holds', props.tool && 'draws')} tabindex="0" role="img"
      aria-label=${`${props.label}. ${t('stage.keys')}`}></canvas>
    ${compares && hasBoth && !props.tool && html`<${Divider} view=${view} frame=${frame} />`}
    ${props.isBusy && html`<div class="busy" role="status"><span class="spinner"></span>${t('stage.first')}</div>`}
    <div class="toolbar" role="toolbar" aria-label=${t('stage.tools')}>
      ${props.children}
      ${hasBoth && !props.tool && html`<button class="tool" aria-pressed=${compares} onClick=${() => setCompares(!compares)}>
        ${icon('compare')}<span>${t('stage.compare')}</span></button>`}
      <span class="zoom">
        <button class="tool" aria-label=${t('stage.smaller')} onClick=${() => view.current?.zoomTo(view.current.scale / 1.5)}>−</button>
        <button class="tool percent" aria-label=${t('stage.pixels', { percent: layout.percent })} title=${t('stage.pixelsTitle')}
          onClick=${() => view.current?.zoomToPixels()}>${layout.percent} %</button>
        <button class="tool" aria-label=${t('stage.larger')} onClick=${() => view.current?.zoomTo(view.current.scale * 1.5)}>+</button>
        <button class="tool" onClick=${() => view.current?.fit()}>${t('stage.fit')}</button>
      </span>
    </div>
  </section>`;
}

/** Load a picture whenever its address changes; the last one stays until then. @param {string | null} url @param {(image: HTMLImageElement | null) => void} show */
function useShown(url, show) {
  useEffect(() => {
    let isCurrent = true;
    if (!url) show(null);
    else loadImage(url).then((image) => isCurrent && show(image), () => {});
    return () => {
      isCurrent = false;
    };
  }, [url]);
}

/** @param {HTMLElement | null} frame @param {PictureView} view */
function placeDivider(frame, view) {
  const { x, y, width, height } = view.place;
  const top = Math.max(0, y);
  frame?.style.setProperty('--divider-x', `${x + width * view.divider}px`);
  frame?.style.setProperty('--divider-top', `${top}px`);
  frame?.style.setProperty('--divider-height', `${Math.min(view.canvas.clientHeight, y + height) - top}px`);
}

/** @param {{ view: { current: PictureView | null }, frame: { current: HTMLElement | null } }} props */
function Divider({ view, frame }) {
  const [percent, setPercent] = useState(50);
  const move = (/** @type {number} */ share) => {
    const shown = /** @type {PictureView} */ (view.current);
    shown.divider = Math.min(1, Math.max(0, share));
    setPercent(Math.round(shown.divider * 100));
    shown.draw();
  };
  // Before the browser paints: a later reset would undo a first quick key.
  useLayoutEffect(() => move(0.5), []);
  const onDrag = (/** @type {PointerEvent} */ event) => {
    const shown = /** @type {PictureView} */ (view.current);
    if (event.type === 'pointerdown') /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
    if (!event.buttons) return;
    const left = /** @type {HTMLElement} */ (frame.current).getBoundingClientRect().left;
    move(shown.shareAt(event.clientX - left, 0).x);
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const steps = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageUp: 20, PageDown: -20, Home: -100, End: 100 };
    const step = /** @type {Record<string, number>} */ (steps)[event.key];
    if (!step) return;
    event.preventDefault();
    move((percent + step) / 100);
  };
  return html`<div class="divider" role="slider" tabindex="0" aria-label=${t('stage.divider')} aria-orientation="horizontal"
      aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent} onPointerDown=${onDrag} onPointerMove=${onDrag} onKeyDown=${onKey}>
    <span class="grip" aria-hidden="true"></span>
  </div>
  <span class="side before" aria-hidden="true">${t('photo')}</span><span class="side after" aria-hidden="true">${t('painting')}</span>`;
}
