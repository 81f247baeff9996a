// @ts-check
/** The frame of all views. */
import { JobView } from './job.js';
import { ManyView } from './many.js';
import { PaintView } from './paint.js';
import { PicturesView } from './pictures.js';
import { QueueView } from './queue.js';
import { dismiss, findJob, isActive, store, subscribe, update } from './store.js';
import { t } from './texts.js';
import { focusMain, html, useEffect, useRef, useState } from './ui.js';
import { BatchView } from './variants.js';
import { icon } from './widgets.js';

const LANGUAGES = { en: 'English', ru: 'Русский' };

export function App() {
  const [, redraw] = useState(0);
  useEffect(() => subscribe(() => redraw((count) => count + 1)), []);
  useEffect(() => {
    document.title = pageTitle();
  });
  const { view, id } = store.route;
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) focusMain();
    isFirst.current = false;
  }, [view, id]);
  return html`<a class="skip" href="#main" onClick=${skip}>${t('skip')}</a>
    <${Header} />
    ${!store.online && html`<div class="offline" role="alert">${t(store.denied ? 'error.no_token' : 'offline')}</div>`}
    ${store.ready ? html`<${View} />` : html`<main class="waiting" id="main"><span class="spinner"></span></main>`}
    <div class="toasts" role="region" aria-label=${t('messages')} aria-live="polite">${store.toasts.map((toast) => html`<div key=${toast.id} class=${`toast ${toast.kind}`} role=${toast.kind === 'error' ? 'alert' : undefined}>
      <span>${toast.text}</span>
      ${toast.action && html`<button class="link" onClick=${() => {
        toast.action?.run();
        dismiss(toast.id);
      }}>${toast.action.label}</button>`}
      <button class="quiet small" aria-label=${t('close')} onClick=${() => dismiss(toast.id)}>${icon('close')}</button></div>`)}</div>
    <div class="drop-hint" aria-hidden="true">${t('drop')}</div>`;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  focusMain();
}

function View() {
  const { view, id } = store.route;
  if (view === 'job') return html`<${JobView} key=${id} id=${id} />`;
  if (view === 'batch') return html`<${BatchView} key=${id} id=${id} />`;
  if (view === 'queue') return html`<${QueueView} />`;
  if (view === 'many') return html`<${ManyView} />`;
  if (view === 'pictures') return html`<${PicturesView} />`;
  return html`<${PaintView} />`;
}

function pageTitle() {
  const painting = store.jobs.find((job) => job.state === 'painting');
  const shown = store.route.view === 'job' ? findJob(store.route.id) : null;
  if (shown?.state === 'finished') return `✓ impasto`;
  return painting ? `${Math.round((painting.progress?.share ?? 0) * 100)} % – impasto` : 'impasto';
}

function Header() {
  const active = store.jobs.filter(isActive);
  const { view } = store.route;
  const link = (/** @type {string} */ name, /** @type {string} */ hash, /** @type {number} */ count = 0) => html`<a href=${hash}
    aria-current=${view === name ? 'page' : undefined}>${t(`nav.${name}`)}${count > 0 && html` <span class="count">${count}</span>`}</a>`;
  return html`<header>
    <a class="brand" href="#/" aria-label="impasto"><img src="icon.svg" alt="" width="26" height="26" /><span>impasto</span></a>
    <nav aria-label=${t('nav')}>${link('paint', '#/')}${link('many', '#/many')}${link('queue', '#/queue', active.length)}${link('pictures', '#/pictures')}</nav>
    ${active.length > 0 && view !== 'job' && html`<a class="now" href=${`#/job/${active[0].id}`}>${t('now', { percent: Math.round((active[0].progress?.share ?? 0) * 100) })}</a>`}
    <select class="language" aria-label=${t('language')} onChange=${(/** @type {Event} */ event) => {
      t.setLanguage(/** @type {HTMLSelectElement} */ (event.currentTarget).value);
      update();
    }}>${Object.entries(LANGUAGES).map(([code, name]) => html`<option key=${code} value=${code} lang=${code} selected=${code === t.language()}>${name}</option>`)}</select>
    <button class="quiet" aria-label=${t('theme')} title=${t('theme')} onClick=${toggleTheme}>${icon(isDark() ? 'sun' : 'moon')}</button>
  </header>`;
}

const isDark = () => (document.documentElement.dataset.theme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';

function toggleTheme() {
  const theme = isDark() ? 'light' : 'dark';
  document.documentElement.dataset.theme = theme;
  localStorage.setItem('impasto.theme', theme);
  update();
}
