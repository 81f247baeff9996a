// @ts-check
/** The queue, and the finished paintings. */
import { get, paintingUrl, post, previewUrl, remove } from './api.js';
import { takeOver } from './draft.js';
import { command, deleteJob, jobTitle } from './job.js';
import { attempt, go, isActive, putJob, removals, store } from './store.js';
import { t } from './texts.js';
import { html, useEffect, useState } from './ui.js';
import { Bar, DeleteButton, icon } from './widgets.js';

export function QueueView() {
  const active = store.jobs.filter(isActive);
  return html`<main class="page" id="main">
    <h1>${t('view.queue')}</h1>
    ${active.length > 0 && html`<section><h2>${t('queue.now')}</h2>
      <ol class="queue">${active.map((job, index) => html`<${QueueRow} key=${job.id} job=${job} active=${active} index=${index} />`)}</ol></section>`}
    <${History} />
  </main>`;
}

/** @param {{ job: Job, active: Job[], index: number }} props */
function QueueRow({ job, active, index }) {
  const move = (/** @type {string | null} */ before) => attempt(async () => putJob(await post(`/api/jobs/${job.id}/move`, { before })));
  const isFirst = index === 0 || active[index - 1].state !== 'queued';
  const isLast = index === active.length - 1;
  const title = jobTitle(job);
  return html`<li>
    <a class="thumb" href=${`#/job/${job.id}`} aria-label=${title}>${(job.preview || job.photo) && html`<img alt=""
      src=${job.preview ? previewUrl(job) : `/api/pictures/${job.photo}/image?side=200`} />`}</a>
    <div class="grow"><strong>${title}</strong>
      ${job.state === 'queued' ? html`<span class="dim">${t('state.waits')}</span>` : html`<${Bar} share=${job.progress?.share ?? 0} label=${t('progress')} />`}</div>
    ${job.state === 'queued' && html`<button class="quiet" disabled=${isFirst} aria-label=${`${t('queue.up')}: ${title}`} onClick=${() => move(active[index - 1].id)}>${icon('up')}</button>
      <button class="quiet" disabled=${isLast} aria-label=${`${t('queue.down')}: ${title}`} onClick=${() => move(active[index + 2]?.id ?? null)}>${icon('down')}</button>`}
    <button class="secondary" aria-label=${`${t('stop')}: ${title}`} onClick=${() => command(job, 'stop')}>${icon('stop')}<span>${t(job.state === 'queued' ? 'cancel' : 'stop')}</span></button>
  </li>`;
}

function History() {
  const [query, setQuery] = useState('');
  const [ids, setIds] = useState(/** @type {Job[]} */ ([]));
  const [next, setNext] = useState(/** @type {string | null} */ (null));
  const [isLoaded, setLoaded] = useState(false);
  const ended = store.jobs.filter((job) => !isActive(job)).map((job) => `${job.id}${job.state}`).join();
  const read = async (/** @type {string | null} */ before) => {
    const parameters = new URLSearchParams({ query, limit: '24', ...(before ? { before } : {}) });
    const page = await attempt(() => get(`/api/history?${parameters}`));
    if (!page) return;
    setIds((old) => (before ? [...old, ...page.jobs] : page.jobs));
    setNext(page.next);
    setLoaded(true);
  };
  useEffect(() => {
    const timer = setTimeout(() => read(null), isLoaded ? 250 : 0);
    return () => clearTimeout(timer);
  }, [query, ended]);
  useEffect(() => {
    const forget = (/** @type {string} */ kind, /** @type {string} */ id) => kind === 'job' && setIds((old) => old.filter((job) => job.id !== id));
    removals.add(forget);
    return () => removals.delete(forget);
  }, []);
  const clear = async () => {
    await attempt(() => remove('/api/history'));
    await read(null);
  };
  return html`<section>
    <div class="row head"><h2>${t('history')}</h2>
      <input type="search" class="search" aria-label=${t('history.search')} placeholder=${t('history.search')} value=${query}
        onInput=${(/** @type {Event} */ event) => setQuery(/** @type {HTMLInputElement} */ (event.currentTarget).value)} />
      ${ids.length > 0 && html`<${DeleteButton} label=${t('delete.all')} question=${t('delete.history')} onConfirm=${clear} />`}</div>
    ${isLoaded && !ids.length && html`<p class="empty">${t(query ? 'history.none' : 'history.empty')}
      ${!query && html`<button class="primary" onClick=${() => go('paint')}>${t('new')}</button>`}</p>`}
    <div class="grid">${ids.map((job) => html`<${HistoryCard} key=${job.id} job=${job} />`)}</div>
    ${next && html`<button class="secondary" onClick=${() => read(next)}>${t('more')}</button>`}
  </section>`;
}

/** @param {{ job: Job }} props */
function HistoryCard({ job }) {
  const title = jobTitle(job);
  const isRetryable = ['failed', 'stopped', 'interrupted'].includes(job.state);
  return html`<article class="card">
    <a class="thumb" href=${`#/job/${job.id}`} aria-label=${title}>${job.painting ? html`<img src=${paintingUrl(job, 400)} alt="" loading="lazy" />`
      : html`<span class="dim">${t(`state.${job.state}`)}</span>`}</a>
    <div class="row"><span class="grow"><strong>${title}</strong><span class="dim">${t.date(job.ended ?? job.created)}${isRetryable ? ` · ${t(`state.${job.state}`)}` : ''}</span></span>
      ${isRetryable && html`<button class="quiet" title=${t('retry')} aria-label=${`${t('retry')}: ${title}`} onClick=${() => command(job, 'retry')}>${t('retry')}</button>`}
      <button class="quiet" title=${t('again')} aria-label=${`${t('again')}: ${title}`} onClick=${() => takeOver(job)}>${icon('again')}</button>
      ${job.painting && html`<a class="quiet" title=${t('download')} aria-label=${`${t('download')}: ${title}`} href=${`/api/jobs/${job.id}/download?format=png`} download>${icon('download')}</a>`}
      <${DeleteButton} label=${`${t('delete')}: ${title}`} question=${t('delete.job')} onConfirm=${() => deleteJob(job)} small />
    </div></article>`;
}
