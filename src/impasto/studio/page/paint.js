// @ts-check
/** The first view: choose, see at once, paint. */
import { pictureUrl, post } from './api.js';
import { CropEditor } from './crop.js';
import { changeDraft, checkDraft, draft, jobRequest, setTexture, toggleStyle } from './draft.js';
import { chooseFiles } from './images.js';
import { MaskEditor } from './mask_editor.js';
import { DraftModel, Panel } from './panel.js';
import { instant, previewDraft, sketches } from './preview.js';
import { Stage } from './stage.js';
import { attempt, findPicture, go, putJob, store } from './store.js';
import { StyleTiles } from './styles.js';
import { t } from './texts.js';
import { html, useEffect, useState } from './ui.js';
import { takePhotos, uploads } from './uploads.js';
import { VariantsButton } from './variants.js';
import { icon } from './widgets.js';

/** Queue the draft, and show it grow. */
async function paint() {
  const job = await attempt(() => post('/api/jobs', jobRequest()));
  if (!job) return;
  putJob(job);
  if (instant.image) sketches[job.id] = instant.image;
  changeDraft({ grow_from: null });
  go('job', job.id);
}

export function PaintView() {
  const [target, setTarget] = useState(/** @type {MaskTarget | null} */ (null));
  const [isCropping, setCropping] = useState(false);
  useEffect(() => {
    if (store.online) checkDraft().then(() => previewDraft(true));
  }, [store.online]);
  const model = new DraftModel();
  const photo = findPicture(model.photo);
  if (!photo && !draft.texture) return html`<${Welcome} />`;
  if (photo && isCropping) return html`<${CropEditor} photo=${photo} onClose=${() => setCropping(false)} />`;
  if (target) return html`<${MaskEditor} model=${model} target=${target} onTarget=${setTarget} onClose=${() => setTarget(null)} />`;
  const shape = photo || { width: 1, height: 1 };
  const size = Number(model.settings.size ?? 512) || Math.max(shape.width, shape.height);
  const scale = size / Math.max(shape.width, shape.height);
  return html`<main class="paint" id="main">
    <div class="left">
      <${Stage} key=${model.photo} beforeUrl=${photo ? pictureUrl(photo.id, 1600) : null} after=${instant.image} isBusy=${instant.isBusy && !instant.image}
        width=${Math.round(shape.width * scale)} height=${Math.round(shape.height * scale)}
        label=${photo ? t(instant.image ? 'stage.preview' : 'stage.photo', { name: photo.name }) : t('stage.texture')} />
      <p class="caption" role="status">${instant.isBusy && html`<span class="spinner"></span> `}${t(captionKey())}</p>
    </div>
    <div class="panel">
      <h1 class="visually-hidden">${t('view.paint')}</h1>
      <div class="controls"><${Panel} model=${model} onMask=${setTarget} onCrop=${() => setCropping(true)} /></div>
      <div class="go">
        ${draft.grow_from && html`<p class="hint">${t('grow.hint')}</p>`}
        <button class="primary large" disabled=${!draft.styles.length} onClick=${paint}>${t('paint')}</button>
        ${photo && html`<${VariantsButton} request=${jobRequest()} />`}
      </div>
    </div>
  </main>`;
}

function captionKey() {
  if (instant.isBusy) return instant.image ? 'preview.again' : 'stage.first';
  if (!instant.image) return 'preview.choose';
  return draft.texture ? 'preview.texture' : 'preview.caption';
}

/** What a visitor without a photo sees. */
function Welcome() {
  const isSending = uploads.count > 0;
  return html`<main class="welcome" id="main">
    <h1>${t('welcome')}</h1>
    <button class="drop" onClick=${() => chooseFiles({ multiple: true }).then(takePhotos)}>
      ${isSending ? html`<span class="spinner"></span><span role="status">${t('upload.sending')}</span>` : html`${icon('photo')}
        <strong>${t('welcome.drop')}</strong><span class="dim">${t('welcome.or')}</span>
        <span class="primary">${t('welcome.choose')}</span>`}
    </button>
    <p><button class="link" onClick=${() => setTexture(true)}>${t('welcome.texture')}</button></p>
    <section aria-label=${t('style')}><h2>${t('welcome.style')}</h2><${StyleTiles} chosen=${draft.styles} onToggle=${toggleStyle} /></section>
    <p class="dim">${t('welcome.private')}</p>
  </main>`;
}

