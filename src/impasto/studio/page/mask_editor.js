// @ts-check
/** The view in which a mask is painted. */
import { pictureUrl, post, styleUrl, upload } from './api.js';
import { Brush } from './brush.js';
import { chooseFiles, loadImage } from './images.js';
import { maskOf, regionsOf, setMask } from './regions.js';
import { Stage } from './stage.js';
import { attempt, findPicture, putPicture, store, styleName } from './store.js';
import { t } from './texts.js';
import { classes, focusMain, html, useEffect, useState } from './ui.js';
import { icon, Slider } from './widgets.js';

/** @typedef {{ url: string, name: string, width: number, height: number }} Source the picture that a mask is for */

/**
 * @typedef {object} Props
 * @property {import('./regions.js').Model} model
 * @property {MaskTarget} target
 * @property {(target: MaskTarget) => void} onTarget
 * @property {() => void} onClose
 */

/** @param {Props} props */
export function MaskEditor(props) {
  const { model, target, onClose } = props;
  const ref = target.setting === 'style_masks' ? model.styles[Number(target.number) - 1] : { picture: model.photo ?? '' };
  const url = styleUrl(ref, 2048);
  const [source, setSource] = useState(/** @type {Source | null} */ (null));
  useEffect(() => {
    let isCurrent = true;
    const name = 'picture' in ref ? findPicture(ref.picture)?.name ?? '' : styleName(ref);
    const take = (/** @type {HTMLImageElement} */ { naturalWidth: width, naturalHeight: height }) => isCurrent && setSource({ url, name, width, height });
    loadImage(url).then(take, onClose);
    return () => {
      isCurrent = false;
    };
  }, [url]);
  if (source?.url !== url) return html`<main class="waiting" id="main"><span class="spinner"></span></main>`;
  return html`<${Editor} key=${url} ...${props} source=${source} />`;
}

/** @param {Props & { source: Source }} props */
function Editor({ model, target, onTarget, onClose, source }) {
  const [, redraw] = useState(0);
  const [isSaving, setSaving] = useState(false);
  const [brush, setBrush] = useState(() => makeBrush(source, redraw));
  const key = JSON.stringify(target);
  const mask = maskOf(model.settings, target);
  useEffect(() => {
    const fresh = makeBrush(source, redraw);
    fresh.view = brush.view;
    fresh.set({ size: brush.size, softness: brush.softness });
    setBrush(fresh);
    if (mask && mask !== 'faces') loadImage(pictureUrl(mask, 2048)).then((image) => fresh.load(image), () => {});
  }, [key]);
  useEffect(() => {
    scrollTo(0, 0);
    focusMain();
  }, []);
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => editorKey(event, brush);
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [brush]);

  const save = async () => {
    setSaving(true);
    const id = brush.isEmpty ? null : await attempt(async () => {
      const picture = await upload(await brush.toBlob(), 'mask', t('mask.name', { name: source.name }));
      putPicture(picture);
      return picture.id;
    });
    setSaving(false);
    if (id === undefined) return;
    setMask(model, target, id);
    onClose();
  };
  const regions = regionsOf(model).filter((region) => model.allows(region.target.setting));
  const label = regions.find((region) => JSON.stringify(region.target) === key)?.label || '';
  return html`<main class="paint" id="main">
    <div class="left"><${Stage} beforeUrl=${source.url} width=${source.width} height=${source.height} tool=${brush}
      label=${t('mask.stage', { label })} onView=${(/** @type {any} */ view) => {
        brush.view = view;
      }} /><p class="caption">${t('mask.hint')}</p></div>
    <div class="panel"><h1 class="title">${t('mask')}</h1>
      ${regions.length > 1 ? html`<label class="field"><span>${t('mask.for')}</span><select onChange=${(/** @type {Event} */ event) =>
        onTarget(regions[/** @type {HTMLSelectElement} */ (event.currentTarget).selectedIndex].target)}>
        ${regions.map((region) => html`<option key=${region.label} selected=${JSON.stringify(region.target) === key}>${region.label}</option>`)}</select></label>` : html`<p>${label}</p>`}
      <${Tools} brush=${brush} photo=${target.setting === 'style_masks' ? null : model.photo} />
      <div class="go"><button class="primary large" disabled=${isSaving} onClick=${save}>${t('mask.save')}</button>
        <button class="secondary" onClick=${onClose}>${t('cancel')}</button></div>
    </div></main>`;
}

/** @param {Source} source @param {(change: (count: number) => number) => void} redraw */
const makeBrush = (source, redraw) => new Brush(source.width, source.height, () => redraw((count) => count + 1));

/** @param {KeyboardEvent} event @param {Brush} brush */
function editorKey(event, brush) {
  const isField = /^(select|textarea)$/i.test(/** @type {Element} */ (event.target).tagName);
  if (isField) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') {
    event.preventDefault();
    if (event.shiftKey) brush.redo();
    else brush.undo();
  } else if (event.key === '[') brush.set({ size: Math.max(0.005, brush.size / 1.2) });
  else if (event.key === ']') brush.set({ size: Math.min(0.5, brush.size * 1.2) });
  else if (event.key === 'e') brush.set({ erases: !brush.erases });
}

/** @param {{ brush: Brush, photo: string | null }} props photo is null for a mask of a style */
function Tools({ brush, photo }) {
  const [isBusy, setBusy] = useState(false);
  const findFaces = async () => {
    setBusy(true);
    const mask = await attempt(() => post(`/api/pictures/${photo}/faces`));
    if (mask) {
      putPicture(mask);
      brush.load(await loadImage(pictureUrl(mask.id, 2048)));
    }
    setBusy(false);
  };
  const take = async () => {
    const [file] = await chooseFiles();
    const bitmap = file && (await createImageBitmap(file).catch(() => null));
    if (bitmap) brush.load(bitmap);
  };
  const percent = (/** @type {number} */ value) => `${Math.round(value * 1000) / 10} %`;
  return html`<div class="tools">
    <div class="pills"><button class=${classes('pill-button', !brush.erases && 'on')} aria-pressed=${!brush.erases} onClick=${() => brush.set({ erases: false })}>${icon('brush')}<span>${t('mask.brush')}</span></button>
      <button class=${classes('pill-button', brush.erases && 'on')} aria-pressed=${brush.erases} onClick=${() => brush.set({ erases: true })}>${icon('eraser')}<span>${t('mask.eraser')}</span></button></div>
    <${Slider} label=${t('mask.size')} value=${Math.log2(brush.size)} min=${-7.5} max=${-1} step=${0.05} text=${percent(brush.size)}
      onChange=${(/** @type {number} */ power) => brush.set({ size: 2 ** power })} />
    <${Slider} label=${t('mask.softness')} value=${brush.softness} min=${0} max=${1} step=${0.05} text=${percent(brush.softness)}
      onChange=${(/** @type {number} */ softness) => brush.set({ softness })} />
    <div class="buttons">
      <button class="secondary" disabled=${!brush.canUndo} onClick=${() => brush.undo()}>${icon('undo')}<span>${t('undo')}</span></button>
      <button class="secondary" disabled=${!brush.canRedo} onClick=${() => brush.redo()}>${icon('redo')}<span>${t('redo')}</span></button>
      <button class="secondary" onClick=${() => brush.fill()}>${t('mask.fill')}</button>
      <button class="secondary" onClick=${() => brush.invert()}>${t('mask.invert')}</button>
      <button class="secondary" onClick=${() => brush.clear()}>${t('mask.clear')}</button>
      <button class="secondary" onClick=${take}>${t('mask.upload')}</button>
      ${photo && store.features?.faces && html`<button class="secondary" disabled=${isBusy} onClick=${findFaces}>${t('mask.faces')}</button>`}
    </div></div>`;
}
