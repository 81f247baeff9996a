// @ts-check
/** Variants of a painting: a grid, from which one is taken on. */
import { get, paintingUrl, post, previewUrl, remove } from './api.js';
import { draft, takeOver } from './draft.js';
import { attempt, findJob, go, isActive, loadJob, putBatch, store, update } from './store.js';
import { t } from './texts.js';
import { html, useEffect, useState } from './ui.js';
import { Bar, DeleteButton } from './widgets.js';

const SIZE = 256;

/** @type {Record<string, any[]>} Values that variants take. */
const SERIES = {
  strength: [0.15, 0.3, 0.45, 0.6, 0.75, 0.9],
  stroke_size: [0.35, 0.5, 0.7, 1, 1.4, 2],
  detail: [0, 0.2, 0.4, 0.6, 0.8, 1],
  colour: ['style', 'keep', 'match', 'palette'],
};

/** @param {{ request: { photo: string | null, styles: StyleRef[], settings: Settings, title: string } }} props */
export function VariantsButton({ request }) {
  const queue = async (/** @type {string} */ name) => {
    const { seed, ...rest } = request.settings;
    const settings = { ...rest, ...(seed === undefined ? {} : { seed }), preset: 'quick', size: SIZE };
    const variants = SERIES[name].map((value) => ({ [name]: value }));
    const body = { kind: 'variants', title: t(`vary.${name}`), photos: [request.photo], styles: [request.styles], settings, variants };
    const batch = await attempt(() => post('/api/batches', body));
    if (!batch) return;
    putBatch(batch);
    go('batch', batch.id);
  };
  return html`<details class="menu up"><summary class="secondary">${t('variants')}</summary><div class="sheet" role="group" aria-label=${t('variants')}>
    ${Object.keys(SERIES).map((name) => html`<button key=${name} disabled=${!request.styles.length} onClick=${() => queue(name)}>${t(`vary.${name}`)}</button>`)}
  </div></details>`;
}

/** @param {{ id: string }} props */
export function BatchView({ id }) {
  const [isMissing, setMissing] = useState(false);
  const batch = store.batches.find((other) => other.id === id);
  useEffect(() => {
    if (!batch) get(`/api/batches/${id}`).then(putBatch, () => setMissing(true));
  }, [id]);
  useEffect(() => void batch?.jobs.forEach(loadJob), [batch?.jobs.length]);
  if (!batch) return html`<main class="waiting" id="main">${isMissing ? t('batch.missing') : html`<span class="spinner"></span>`}</main>`;
  const jobs = /** @type {Job[]} */ (batch.jobs.map(findJob).filter(Boolean));
  const working = jobs.some(isActive);
  const deleteAll = async () => {
    await attempt(() => remove(`/api/batches/${id}`));
    update({ batches: store.batches.filter((other) => other.id !== id) });
    go('queue');
  };
  return html`<main class="page" id="main">
    <div class="row head"><h1>${batch.title || t(`batch.${batch.kind}`)}</h1>
      ${working && html`<button class="secondary" onClick=${() => attempt(() => post(`/api/batches/${id}/stop`))}>${t('stop')}</button>`}
      ${!working && jobs.some((job) => job.state === 'finished') && html`<a class="secondary" href=${`/api/batches/${id}/download?format=jpeg`} download>${t('zip')}</a>`}
      <${DeleteButton} label=${t('delete')} question=${t('delete.batch')} onConfirm=${deleteAll} small />
    </div>
    <p class="dim">${t(batch.kind === 'variants' ? 'variants.hint' : 'batch.progress', { done: batch.finished, count: batch.jobs.length })}</p>
    <div class="grid variants">${jobs.map((job) => html`<${Variant} key=${job.id} job=${job} isVariant=${batch.kind === 'variants'} />`)}</div>
  </main>`;
}

/** @param {{ job: Job, isVariant: boolean }} props */
function Variant({ job, isVariant }) {
  const url = job.painting && !isActive(job) ? paintingUrl(job, 512) : job.preview ? previewUrl(job) : null;
  const words = isVariant ? variantText(job) : job.title;
  const share = job.progress?.share ?? 0;
  return html`<article class="card">
    <a class="thumb" href=${`#/job/${job.id}`} aria-label=${words || t('painting')}>${url && html`<img src=${url} alt="" />`}</a>
    ${isActive(job) && html`<${Bar} share=${share} label=${t('progress')} />`}
    <div class="row"><span>${words}</span>
      ${isVariant && job.state === 'finished' && html`<button class="secondary small" onClick=${() => takeOn(job)}>${t('variant.take')}</button>`}
      ${job.state === 'failed' && html`<span class="problem">${job.message}</span>`}
    </div></article>`;
}

/** Paint one variant at a larger size, going on from it. @param {Job} job */
function takeOn(job) {
  const wanted = Number(draft.settings.size ?? 0);
  const size = wanted > SIZE ? wanted : 1024;
  takeOver(job, { settings: { ...job.settings, preset: 'default', size }, grow_from: job.id });
}

/** @param {Job} job */
function variantText(job) {
  const batch = store.batches.find((other) => other.id === job.batch);
  const jobs = (batch?.jobs || []).map(findJob).filter(Boolean);
  const name = Object.keys(SERIES).find((key) => jobs.some((other) => other?.settings[key] !== job.settings[key])) || '';
  const value = job.settings[name];
  if (name === 'colour') return t(`colour.${value}`);
  return name ? `${t(`${name === 'stroke_size' ? 'strokes' : name}`)} ${name === 'stroke_size' ? `× ${t.number(value)}` : `${Math.round(value * 100)} %`}` : '';
}
