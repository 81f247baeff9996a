// @ts-check
/** Crop and straighten a photo. */
import { pictureUrl, post } from './api.js';
import { choosePhoto } from './draft.js';
import { loadImage } from './images.js';
import { attempt, putPicture } from './store.js';
import { t } from './texts.js';
import { focusMain, html, useEffect, useRef, useState } from './ui.js';
import { Choice, Slider } from './widgets.js';

const LEAST = 0.05;
const ASPECTS = { free: 0, '1:1': 1, '3:2': 3 / 2, '4:3': 4 / 3, '16:9': 16 / 9, '2:3': 2 / 3, '3:4': 3 / 4 };

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box in shares of the photo */

/** @param {{ photo: Picture, onClose: () => void }} props */
export function CropEditor({ photo, onClose }) {
  const [box, setBox] = useState(/** @type {Box} */ ({ left: 0, top: 0, right: 1, bottom: 1 }));
  const [angle, setAngle] = useState(0);
  const [aspect, setAspect] = useState('free');
  const ratio = ASPECTS[/** @type {keyof typeof ASPECTS} */ (aspect)] / (photo.width / photo.height);
  useEffect(() => {
    scrollTo(0, 0);
    focusMain();
  }, []);
  const [isTouched, setTouched] = useState(false);
  const straighten = (/** @type {number} */ degrees) => {
    setAngle(degrees);
    if (!isTouched && aspect === 'free') setBox(innerBox(photo, degrees));
  };
  const apply = async () => {
    const shares = [box.left, box.top, box.right - box.left, box.bottom - box.top];
    const cropped = await attempt(() => post(`/api/pictures/${photo.id}/crop`, { box: shares, angle }));
    if (!cropped) return;
    putPicture(cropped);
    choosePhoto(cropped.id);
    onClose();
  };
  const chooseAspect = (/** @type {string} */ name) => {
    setAspect(name);
    const wanted = ASPECTS[/** @type {keyof typeof ASPECTS} */ (name)] / (photo.width / photo.height);
    if (!wanted) return;
    const [width, height] = wanted > 1 ? [1, 1 / wanted] : [wanted, 1];
    setBox({ left: (1 - width) / 2, top: (1 - height) / 2, right: (1 + width) / 2, bottom: (1 + height) / 2 });
  };
  return html`<main class="paint" id="main">
    <div class="left"><section class="stage crop" aria-label=${t('crop')}>
      <${Frame} photo=${photo} box=${box} angle=${angle} ratio=${ratio} onBox=${(/** @type {Box} */ moved) => {
        setTouched(true);
        setBox(moved);
      }} /></section></div>
    <div class="panel"><h1 class="title">${t('crop')}</h1>
      <${Slider} label=${t('crop.angle')} value=${angle} min=${-45} max=${45} step=${0.1} text=${`${t.number(angle)}°`} onChange=${straighten} />
      <${Choice} label=${t('crop.aspect')} value=${aspect} options=${Object.keys(ASPECTS).map((value) => ({ value, label: value === 'free' ? t('crop.free') : value }))} onChange=${chooseAspect} />
      <p class="dim">${Math.round((box.right - box.left) * photo.width)} × ${Math.round((box.bottom - box.top) * photo.height)} px</p>
      <div class="go"><button class="primary large" onClick=${apply}>${t('crop.apply')}</button>
        <button class="secondary" onClick=${onClose}>${t('cancel')}</button></div>
    </div></main>`;
}

/** Return the largest box of the photo's shape without the corners that turning leaves empty. @param {Picture} photo @param {number} degrees @returns {Box} */
function innerBox({ width, height }, degrees) {
  const [sine, cosine] = [Math.abs(Math.sin((degrees * Math.PI) / 180)), Math.cos((degrees * Math.PI) / 180)];
  const scale = Math.min(width / (width * cosine + height * sine), height / (width * sine + height * cosine));
  return { left: (1 - scale) / 2, top: (1 - scale) / 2, right: (1 + scale) / 2, bottom: (1 + scale) / 2 };
}

/** @param {{ photo: Picture, box: Box, angle: number, ratio: number, onBox: (box: Box) => void }} props */
function Frame({ photo, box, angle, ratio, onBox }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const area = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    loadImage(pictureUrl(photo.id, 1024)).then((image) => {
      const { current } = canvas;
      if (!current) return;
      current.width = image.naturalWidth;
      current.height = image.naturalHeight;
      const context = /** @type {CanvasRenderingContext2D} */ (current.getContext('2d'));
      context.fillStyle = '#888';
      context.fillRect(0, 0, current.width, current.height);
      context.translate(current.width / 2, current.height / 2);
      context.rotate((-angle * Math.PI) / 180);
      context.drawImage(image, -current.width / 2, -current.height / 2);
    }, () => {});
  }, [photo.id, angle]);
  const style = { '--left': `${box.left * 100}%`, '--top': `${box.top * 100}%`, '--width': `${(box.right - box.left) * 100}%`, '--height': `${(box.bottom - box.top) * 100}%`, '--aspect': String(photo.width / photo.height) };
  const props = { area, box, ratio, onBox };
  return html`<div class="crop-area" ref=${area} style=${style}>
    <canvas ref=${canvas} role="img" aria-label=${photo.name}></canvas>
    <div class="crop-box"><${Handle} ...${props} moves=${['left', 'top', 'right', 'bottom']} name="move" />
      ${[['left', 'top'], ['right', 'top'], ['left', 'bottom'], ['right', 'bottom']].map((moves) => html`<${Handle} key=${moves.join()} ...${props} moves=${moves} name=${moves.join('-')} />`)}
    </div></div>`;
}

/**
 * A corner of the box, or its whole area.
 * @param {{ area: { current: HTMLElement | null }, box: Box, ratio: number, onBox: (box: Box) => void, moves: string[], name: string }} props
 */
function Handle({ area, box, ratio, onBox, moves, name }) {
  const start = useRef({ x: 0, y: 0, box });
  const shift = (/** @type {Box} */ from, /** @type {number} */ dx, /** @type {number} */ dy) => onBox(moved(from, moves, dx, dy, ratio));
  const onDown = (/** @type {PointerEvent} */ event) => {
    /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
    start.current = { x: event.clientX, y: event.clientY, box };
  };
  const onMove = (/** @type {PointerEvent} */ event) => {
    if (!event.buttons) return;
    const { width, height } = /** @type {HTMLElement} */ (area.current).getBoundingClientRect();
    shift(start.current.box, (event.clientX - start.current.x) / width, (event.clientY - start.current.y) / height);
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const steps = { ArrowLeft: [-0.01, 0], ArrowRight: [0.01, 0], ArrowUp: [0, -0.01], ArrowDown: [0, 0.01] };
    const step = /** @type {Record<string, number[]>} */ (steps)[event.key];
    if (!step) return;
    event.preventDefault();
    shift(box, step[0], step[1]);
  };
  return html`<button class=${`handle ${name}`} aria-label=${t(`crop.${name}`)} onPointerDown=${onDown} onPointerMove=${onMove} onKeyDown=${onKey}></button>`;
}

/**
 * Return a box of which some sides have moved; it stays within the photo, and keeps its ratio if there is one.
 * @param {Box} box
 * @param {string[]} sides
 * @param {number} dx
 * @param {number} dy
 * @param {number} ratio width over height in shares; 0 is free
 * @returns {Box}
 */
export function moved(box, sides, dx, dy, ratio) {
  const clamp = (/** @type {number} */ value, /** @type {number} */ least, /** @type {number} */ most) => Math.min(most, Math.max(least, value));
  if (sides.length === 4) {
    const x = clamp(dx, -box.left, 1 - box.right);
    const y = clamp(dy, -box.top, 1 - box.bottom);
    return { left: box.left + x, right: box.right + x, top: box.top + y, bottom: box.bottom + y };
  }
  const result = { ...box };
  if (sides.includes('left')) result.left = clamp(box.left + dx, 0, box.right - LEAST);
  if (sides.includes('right')) result.right = clamp(box.right + dx, box.left + LEAST, 1);
  if (sides.includes('top')) result.top = clamp(box.top + dy, 0, box.bottom - LEAST);
  if (sides.includes('bottom')) result.bottom = clamp(box.bottom + dy, box.top + LEAST, 1);
  if (!ratio) return result;
  const room = sides.includes('top') ? result.bottom : 1 - result.top;
  const height = Math.min(room, (result.right - result.left) / ratio);
  const width = height * ratio;
  if (sides.includes('left')) result.left = result.right - width;
  else result.right = result.left + width;
  if (sides.includes('top')) result.top = result.bottom - height;
  else result.bottom = result.top + height;
  return result;
}
