// @ts-check
/** The uploads, which one button deletes for good. */
import { pictureUrl, remove } from './api.js';
import { choosePhoto } from './draft.js';
import { attempt, connect, go, store, toast } from './store.js';
import { t } from './texts.js';
import { html } from './ui.js';
import { DeleteButton } from './widgets.js';

async function deleteAll() {
  const answer = await attempt(() => remove('/api/pictures'));
  if (!answer) return;
  toast(t(answer.kept ? 'pictures.kept' : 'pictures.deleted', answer));
  connect();
}

export function PicturesView() {
  const { limits, pictures } = store;
  return html`<main class="page" id="main">
    <div class="row head"><h1>${t('view.pictures')}</h1>
      ${pictures.length > 0 && html`<${DeleteButton} label=${t('delete.all')} question=${t('delete.pictures')} onConfirm=${deleteAll} />`}</div>
    <p class="dim">${t('pictures.hint')} ${limits && t('pictures.disk', { used: t.bytes(limits.disk_used), most: t.bytes(limits.disk_bytes) })}</p>
    ${!pictures.length && html`<p class="empty">${t('pictures.empty')}</p>`}
    <div class="grid">${pictures.map((picture) => html`<article class="card" key=${picture.id}>
      <button class="thumb" disabled=${picture.kind === 'mask'} aria-label=${`${t('pictures.use')}: ${picture.name}`} onClick=${() => {
        choosePhoto(picture.id);
        go('paint');
      }}><img src=${pictureUrl(picture.id, 320)} alt="" loading="lazy" /></button>
      <div class="row"><span class="grow"><strong>${picture.name || t(`kind.${picture.kind}`)}</strong>
        <span class="dim">${t(`kind.${picture.kind}`)} · ${picture.width} × ${picture.height}</span></span>
        <${DeleteButton} label=${`${t('delete')}: ${picture.name}`} question=${t('delete.picture')} onConfirm=${() => attempt(() => remove(`/api/pictures/${picture.id}`))} small /></div>
    </article>`)}</div>
  </main>`;
}
