// @ts-check
/** The controls of a painting: photo, styles, strength and the rest. */
import { patch, pictureUrl } from './api.js';
import { changeSettings, draft, draftSettings, merged, setBlend, setTexture, takeOver, toggleStyle } from './draft.js';
import { Experts } from './experts.js';
import { Regions } from './regions.js';
import { attempt, findPicture, isActive, putJob, store, styleName } from './store.js';
import { StyleTiles } from './styles.js';
import { t } from './texts.js';
import { takePhotos } from './uploads.js';
import { chooseFiles } from './images.js';
import { html } from './ui.js';
import { Choice, icon, Slider, Switch } from './widgets.js';

const SIZES = [256, 512, 768, 1024, 1536, 2048, 3072, 4096];

/** Settings and pictures that the panel shows, and how they change. */
export class DraftModel {
  settings = draftSettings();
  styles = draft.styles;
  photo = draft.texture ? null : draft.photo;
  isSteering = false;

  /** @param {string} _name */
  allows(_name) {
    return true;
  }

  /** @param {Settings} values @param {boolean} [isFinal] */
  set(values, isFinal = true) {
    changeSettings(values, { isFinal });
  }
}

/** Waits for a pause in a slider's movement before a job is steered. @type {Record<string, number>} */
const timers = {};

/** Changes of a job's settings that its own do not show yet. @type {Record<string, Settings>} */
const sent = {};

/** The settings of a job: steered while it is in work, or copied into a new painting. */
export class JobModel {
  /** @param {Job} job */
  constructor(job) {
    this.job = job;
    this.isSteering = isActive(job);
    this.settings = { ...job.settings, ...sent[job.id] };
    this.styles = job.styles;
    this.photo = job.photo;
  }

  /** @param {string} name */
  allows(name) {
    return !this.isSteering || Boolean(store.guide?.steerable.includes(name));
  }

  /** @param {Settings} values @param {boolean} [isFinal] */
  set(values, isFinal = true) {
    const { job } = this;
    if (!this.isSteering) {
      sent[job.id] = values;
      if (isFinal) {
        delete sent[job.id];
        takeOver({ ...job, settings: merged(job.settings, values) });
      }
      return;
    }
    const change = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ?? null]));
    sent[job.id] = { ...sent[job.id], ...change };
    putJob(job);
    clearTimeout(timers[job.id]);
    timers[job.id] = setTimeout(() => this.send(), isFinal ? 0 : 400);
  }

  async send() {
    const { id } = this.job;
    const values = sent[id];
    const answer = await attempt(() => patch(`/api/jobs/${id}/settings`, values));
    if (sent[id] === values) delete sent[id];
    putJob(answer || this.job);
  }
}

/** @param {{ model: DraftModel | JobModel, onMask: (target: MaskTarget) => void, onCrop?: () => void }} props */
export function Panel({ model, onMask, onCrop }) {
  const { settings } = model;
  const presets = Object.keys(store.guide?.presets || {}).filter((value) => model.photo || value !== 'instant').map((value) => ({ value, label: t.has(`preset.${value}`) ? t(`preset.${value}`) : value, title: t(`preset.${value}.title`) }));
  const colours = (model.photo ? ['style', 'keep', 'match', 'palette'] : ['style', 'palette']).map((value) => ({ value, label: t(`colour.${value}`), title: t(`colour.${value}.title`) }));
  const percent = (/** @type {number} */ value) => `${Math.round(value * 100)} %`;
  return html`
    ${model instanceof DraftModel && html`<${PhotoRow} onCrop=${onCrop} />`}
    ${model instanceof DraftModel && html`<${StyleSection} />`}
    <${Weights} model=${model} />
    <section class="group">
      ${model.photo && html`<${Slider} label=${t('strength')} value=${settings.strength ?? 0.5} min=${0} max=${1} step=${0.01} text=${percent(settings.strength ?? 0.5)}
        low=${t('strength.low')} high=${t('strength.high')}
        onChange=${(/** @type {number} */ strength, /** @type {boolean} */ isFinal) => model.set({ strength }, isFinal)} />`}
      <${Slider} label=${t('detail')} value=${settings.detail ?? 0.5} min=${0} max=${1} step=${0.01} text=${percent(settings.detail ?? 0.5)}
        low=${t('detail.low')} high=${t('detail.high')}
        onChange=${(/** @type {number} */ detail, /** @type {boolean} */ isFinal) => model.set({ detail }, isFinal)} />
      ${!model.isSteering && html`<${Slider} label=${t('strokes')} value=${Math.log2(settings.stroke_size ?? 1)} min=${-2} max=${2} step=${0.1} text=${`× ${t.number(settings.stroke_size ?? 1)}`}
        low=${t('strokes.low')} high=${t('strokes.high')}
        onChange=${(/** @type {number} */ power, /** @type {boolean} */ isFinal) => model.set({ stroke_size: Math.round(2 ** power * 100) / 100 }, isFinal)} />`}
    </section>
    ${!model.isSteering && html`<section class="group">
      <${Choice} label=${t('colour')} value=${settings.colour ?? 'style'} options=${colours}
        onChange=${(/** @type {string} */ colour) => model.set({ colour })} />
      <${Choice} label=${t('preset')} value=${settings.preset ?? 'default'} options=${presets}
        onChange=${(/** @type {string} */ preset) => model.set({ preset })} />
      <${SizeChoice} model=${model} />
    </section>`}
    <${Regions} model=${model} onMask=${onMask} />
    ${!model.isSteering && html`<${Experts} model=${model} />`}`;
}

/** @param {{ onCrop?: () => void }} props */
function PhotoRow({ onCrop }) {
  const photo = findPicture(draft.photo);
  if (!photo || draft.texture) return null;
  return html`<section class="photo-row">
    <img src=${pictureUrl(photo.id, 160)} alt="" width="56" height="56" />
    <div><strong>${photo.name || t('photo')}</strong><span class="dim">${photo.width} × ${photo.height}</span></div>
    <button class="quiet" onClick=${onCrop}>${icon('crop')}<span>${t('crop')}</span></button>
    <button class="quiet" onClick=${() => chooseFiles({ multiple: true }).then(takePhotos)}>${icon('photo')}<span>${t('photo.change')}</span></button>
  </section>`;
}

function StyleSection() {
  return html`<section class="group">
    <div class="row"><h2>${t('style')}</h2>
      <${Switch} label=${t('style.blend')} checked=${draft.blend} onChange=${setBlend} /></div>
    <${StyleTiles} chosen=${draft.styles} onToggle=${toggleStyle} />
    <${Switch} label=${t('texture')} checked=${draft.texture} onChange=${setTexture} />
    ${draft.texture && html`<${Switch} label=${t('texture.seamless')} checked=${Boolean(draft.settings.seamless)}
      onChange=${(/** @type {boolean} */ seamless) => changeSettings({ seamless: seamless || undefined })} />`}
  </section>`;
}

/** @param {{ model: DraftModel | JobModel }} props */
function Weights({ model }) {
  const { styles, settings } = model;
  if (styles.length < 2) return null;
  const weights = settings.style_weights || styles.map(() => 1);
  const total = weights.reduce((/** @type {number} */ sum, /** @type {number} */ weight) => sum + weight, 0) || 1;
  const set = (/** @type {number} */ index, /** @type {number} */ value, /** @type {boolean} */ isFinal) =>
    model.set({ style_weights: weights.map((/** @type {number} */ weight, /** @type {number} */ at) => (at === index ? value : weight)) }, isFinal);
  return html`<section class="group">${styles.map((ref, index) => html`<${Slider} key=${index} label=${styleName(ref)}
    value=${Math.min(2, weights[index])} min=${0.05} max=${2} step=${0.05} text=${`${Math.round((weights[index] / total) * 100)} %`}
    onChange=${(/** @type {number} */ value, /** @type {boolean} */ isFinal) => set(index, value, isFinal)} />`)}</section>`;
}

/** @param {{ model: DraftModel | JobModel }} props */
function SizeChoice({ model }) {
  const value = String(model.settings.size ?? 512);
  const photo = findPicture(model.photo);
  const own = photo && Math.max(photo.width, photo.height);
  const values = [...new Set([...SIZES.map(String), ...(/^\d+$/.test(value) ? [value] : [])])].sort((one, other) => Number(one) - Number(other));
  return html`<label class="field"><span>${t('size')}</span>
    <select value=${value} onChange=${(/** @type {Event} */ event) => {
        const text = /** @type {HTMLSelectElement} */ (event.currentTarget).value;
        model.set({ size: text === 'original' ? text : Number(text) });
      }}>
      ${values.map((size) => html`<option key=${size} value=${size} selected=${size === value}>${size} px</option>`)}
      ${photo && html`<option value="original" selected=${value === 'original'}>${t('size.original', { size: own })}</option>`}
    </select></label>`;
}

