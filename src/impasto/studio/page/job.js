// @ts-check
/** One painting: growing, steered, stopped, finished. */
import { paintingUrl, pictureUrl, post, previewUrl, remove } from './api.js';
import { takeOver } from './draft.js';
import { LossCurve } from './losses.js';
import { MaskEditor } from './mask_editor.js';
import { JobModel, Panel } from './panel.js';
import { sketches } from './preview.js';
import { Stage } from './stage.js';
import { attempt, findJob, findPicture, go, isActive, loadJob, loadLosses, putJob, store, styleName, update } from './store.js';
import { t } from './texts.js';
import { html, useEffect, useState } from './ui.js';
import { VariantsButton } from './variants.js';
import { Bar, DeleteButton, Download, icon } from './widgets.js';

/** Return the name of a painting. @param {Job} job */
export const jobTitle = (job) =>
  job.title || [findPicture(job.photo)?.name.replace(/\.\w+$/, ''), job.styles.map(styleName).join(' + ')].filter(Boolean).join(' – ');

/** Send a command, and show the answer. @param {Job} job @param {string} command @param {any} [body] */
export async function command(job, command, body) {
  const answer = await attempt(() => post(`/api/jobs/${job.id}/${command}`, body));
  if (answer) putJob(answer);
}

/** @param {Job} job */
export async function deleteJob(job) {
  await attempt(() => remove(`/api/jobs/${job.id}`));
  update({ jobs: store.jobs.filter((other) => other.id !== job.id) });
  if (store.route.view === 'job' && store.route.id === job.id) go('paint');
}

/** @param {{ id: string }} props */
export function JobView({ id }) {
  const [target, setTarget] = useState(/** @type {MaskTarget | null} */ (null));
  const job = findJob(id);
  useEffect(() => {
    setTarget(null);
    loadJob(id);
    loadLosses(id);
  }, [id]);
  if (!job) return html`<main class="waiting" id="main"><span class="spinner"></span></main>`;
  const model = new JobModel(job);
  if (target) return html`<${MaskEditor} model=${model} target=${target} onTarget=${setTarget} onClose=${() => setTarget(null)} />`;
  return html`<main class="paint" id="main">
    <div class="left"><${JobStage} job=${job} /><${JobStatus} job=${job} /></div>
    <div class="panel">
      <h1 class="title">${jobTitle(job)}</h1>
      <${Actions} job=${job} />
      ${model.isSteering && html`<p class="hint">${t('steer.hint')}</p>`}
      ${!model.isSteering && html`<p class="hint">${t('job.hint')}</p>`}
      <${Panel} model=${model} onMask=${setTarget} />
    </div>
  </main>`;
}

/** @param {{ job: Job }} props */
function JobStage({ job }) {
  const photo = findPicture(job.photo);
  const size = sizeOf(job, photo);
  const after = job.painting && !isActive(job) ? paintingUrl(job, 2048) : job.preview ? previewUrl(job) : undefined;
  const percent = Math.round((job.progress?.share ?? 0) * 100);
  return html`<${Stage} key=${job.id} beforeUrl=${job.photo ? pictureUrl(job.photo, 1600) : null} afterUrl=${after} after=${sketches[job.id]}
    width=${size.width} height=${size.height} label=${t('stage.job', { title: jobTitle(job), percent })}
    isBusy=${job.state === 'painting' && !job.preview && !sketches[job.id]} />`;
}

/** Return the size of a painting, known or to come. @param {Job} job @param {Picture | undefined} photo */
function sizeOf(job, photo) {
  if (job.painting && !isActive(job)) return job.painting;
  const shape = photo || job.progress || { width: 1, height: 1 };
  const long = Number(job.settings.size ?? 512) || Math.max(shape.width, shape.height);
  const scale = long / Math.max(shape.width, shape.height);
  return { width: Math.round(shape.width * scale), height: Math.round(shape.height * scale) };
}

/** @param {{ job: Job }} props */
function JobStatus({ job }) {
  const { progress } = job;
  const isPainting = job.state === 'painting' || job.state === 'stopping';
  return html`<section class="status" aria-label=${t('status')}>
    <div class="status-line">
      <strong role="status">${stateText(job)}</strong>
      ${isPainting && progress && html`<span class="dim">${progress.width} × ${progress.height}</span>`}
      ${isPainting && progress?.remaining != null && html`<span class="time-left">${t('time.left', { time: t.duration(progress.remaining) })}</span>`}
      <${LossCurve} rows=${store.losses[job.id] || []} />
      ${['queued', 'painting', 'stopping'].includes(job.state) && html`<button class="secondary stop" disabled=${job.state === 'stopping'}
        onClick=${() => command(job, 'stop')}>${icon('stop')}<span>${t('stop')}</span></button>`}
    </div>
    ${isPainting && html`<${Bar} share=${progress?.share ?? 0} label=${t('progress')} />`}
    ${job.message && html`<p class="problem">${job.message}</p>`}
    ${job.notes.map((note) => html`<p class="dim" key=${note} lang="en">${note}</p>`)}
    <${Stages} job=${job} />
  </section>`;
}

/** @param {Job} job */
function stateText(job) {
  const percent = Math.round((job.progress?.share ?? 0) * 100);
  if (job.state === 'painting') return t('state.painting', { percent });
  if (job.state === 'queued') {
    const before = store.jobs.filter(isActive).findIndex((other) => other.id === job.id);
    return before > 0 ? t('state.queued', { count: before }) : t('state.starting');
  }
  if (job.state === 'finished' && job.painting) {
    const { width, height, seconds } = job.painting;
    return t('state.finished', { width, height, time: t.duration(seconds) });
  }
  return t(`state.${job.state}`);
}

/** The pictures on the way, to go back to. @param {{ job: Job }} props */
function Stages({ job }) {
  if (!job.stages.length || job.state === 'queued' || job.state === 'stopping') return null;
  return html`<div class="stages" role="group" aria-label=${t('stages')}>
    <span class="dim">${icon('undo')}${t('stages')}</span>
    ${job.stages.map((stage) => html`<button key=${`${stage.number}-${stage.time}`} title=${t('stage.back', { percent: Math.round(stage.share * 100) })}
      aria-label=${t('stage.back', { percent: Math.round(stage.share * 100) })} onClick=${() => command(job, 'undo', { stage: stage.number })}>
      <img src=${`/api/jobs/${job.id}/stages/${stage.number}/image`} alt="" loading="lazy" /></button>`)}
  </div>`;
}

/** @param {{ job: Job }} props */
function Actions({ job }) {
  const isDone = !isActive(job);
  const canResume = ['stopped', 'interrupted', 'failed'].includes(job.state);
  return html`<div class="actions">
    ${isDone && job.painting && html`<${Download} path=${`/api/jobs/${job.id}/download`} label=${t('download')} />`}
    ${canResume && html`<button class=${job.painting ? 'secondary' : 'primary'} onClick=${() => command(job, 'resume')}>${t('resume')}</button>`}
    ${job.state === 'finished' && html`<button class="secondary" onClick=${() => paintLarger(job)}>${t('larger')}</button>`}
    ${isDone && html`<button class="secondary" onClick=${() => takeOver(job)}>${icon('again')}<span>${t('again')}</span></button>`}
    ${isDone && job.photo && html`<${VariantsButton} request=${job} />`}
    ${!isDone && html`<button class="secondary" onClick=${() => go('paint')}>${icon('plus')}<span>${t('new')}</span></button>`}
    ${isDone && html`<${DeleteButton} label=${t('delete')} question=${t('delete.job')} onConfirm=${() => deleteJob(job)} small />`}
  </div>`;
}

/** Prepare the same painting at twice its size, going on from it. @param {Job} job */
export function paintLarger(job) {
  const long = job.painting ? Math.max(job.painting.width, job.painting.height) : Number(job.settings.size ?? 512);
  const size = Math.min(long * 2, store.limits?.side ?? 16384);
  takeOver(job, { settings: { ...job.settings, size }, grow_from: job.id });
}

