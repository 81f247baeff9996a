// @ts-check
/** Many photos in one style, and a zip back. */
import { pictureUrl, post } from './api.js';
import { checkDraft, draft, draftSettings, toggleStyle } from './draft.js';
import { chooseFiles } from './images.js';
import { attempt, findPicture, go, putBatch, removals, store, update } from './store.js';
import { StyleTiles } from './styles.js';
import { t } from './texts.js';
import { html, useEffect } from './ui.js';
import { takePhotos, uploads } from './uploads.js';
import { Bar, icon } from './widgets.js';

/** Photos to paint in one style. @type {string[]} */
let chosen = JSON.parse(sessionStorage.getItem('impasto.many') || '[]');

/** @param {string[]} ids */
export function addPhotos(ids) {
  choose([...new Set([...chosen, ...ids])]);
}

/** @param {string[]} ids */
function choose(ids) {
  chosen = ids;
  sessionStorage.setItem('impasto.many', JSON.stringify(ids));
  update();
}

removals.add((kind, id) => {
  if (kind === 'picture') choose(chosen.filter((other) => other !== id));
});

async function queue() {
  const { masks: _masks, protect, init: _init, ...settings } = draftSettings(false);
  if (protect === 'faces') settings.protect = protect;
  const body = { kind: 'batch', title: t('many.title', { count: chosen.length }), photos: chosen, styles: [draft.styles], settings };
  const batch = await attempt(() => post('/api/batches', body));
  if (!batch) return;
  putBatch(batch);
  choose([]);
  go('batch', batch.id);
}

export function ManyView() {
  useEffect(() => void checkDraft(), []);
  const photos = chosen.map((id) => ({ id, picture: findPicture(id) }));
  return html`<main class="page" id="main">
    <h1>${t('view.many')}</h1><p class="dim">${t('many.hint')}</p>
    <div class="grid small">
      ${photos.map(({ id, picture }) => html`<div class="card" key=${id}><span class="thumb"><img src=${pictureUrl(id, 200)} alt=${picture?.name || t('photo')} /></span>
        <button class="quiet corner" aria-label=${`${t('remove')}: ${picture?.name || t('photo')}`} onClick=${() => choose(chosen.filter((other) => other !== id))}>${icon('close')}</button></div>`)}
      <button class="tile add" onClick=${() => chooseFiles({ multiple: true }).then(takePhotos)}>${uploads.count ? html`<span class="spinner"></span>` : icon('plus')}
        <span>${uploads.count ? t('upload.left', { count: uploads.count }) : t('many.add')}</span></button>
    </div>
    <h2>${t('style')}</h2><${StyleTiles} chosen=${draft.styles} onToggle=${toggleStyle} />
    <p><button class="primary large" disabled=${!chosen.length || !draft.styles.length || uploads.count > 0} onClick=${queue}>${t('many.paint', { count: chosen.length })}</button>
    <span class="dim"> ${t('many.settings')}</span></p>
    ${store.batches.length > 0 && html`<h2>${t('many.batches')}</h2><ul class="queue">
      ${store.batches.map((batch) => html`<li key=${batch.id}><a class="grow" href=${`#/batch/${batch.id}`}><strong>${batch.title || t(`batch.${batch.kind}`)}</strong>
        <span class="dim">${t.date(batch.created)} · ${t('batch.progress', { done: batch.finished, count: batch.jobs.length })}</span></a>
        ${batch.ended < batch.jobs.length && html`<${Bar} share=${batch.ended / batch.jobs.length} label=${t('progress')} />`}
        ${batch.finished > 0 && html`<a class="secondary" href=${`/api/batches/${batch.id}/download?format=jpeg`} download>${t('zip')}</a>`}</li>`)}
    </ul>`}
  </main>`;
}
