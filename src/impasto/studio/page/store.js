// @ts-check
/** The state of the page: what the server says, and what the visitor chose. */
import { ApiError, get } from './api.js';
import { t } from './texts.js';

const MOST_LOSSES = 1200;
const ACTIVE = ['queued', 'painting', 'stopping'];

/** @type {Store} */
export const store = {
  ready: false,
  online: true,
  denied: false,
  version: '',
  jobs: [],
  batches: [],
  pictures: [],
  styles: [],
  limits: null,
  features: null,
  guide: null,
  losses: {},
  toasts: [],
  route: { view: 'paint', id: '' },
};

/** @type {Set<() => void>} */
const listeners = new Set();
let isScheduled = false;

/** Call a function after each change. @param {() => void} listener */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Merge values into the store, and draw the page soon. @param {Partial<Store>} [values] */
export function update(values = {}) {
  Object.assign(store, values);
  if (isScheduled) return;
  isScheduled = true;
  queueMicrotask(() => {
    isScheduled = false;
    for (const listener of listeners) listener();
  });
}

/** @param {Job} job */
export const isActive = (job) => ACTIVE.includes(job.state);

/** @param {string | null | undefined} id @returns {Job | undefined} */
export const findJob = (id) => store.jobs.find((job) => job.id === id);

/** @param {string | null | undefined} id @returns {Picture | undefined} */
export const findPicture = (id) => store.pictures.find((picture) => picture.id === id);

/** @param {StyleRef} ref */
export const styleKey = (ref) => ('picture' in ref ? `p:${ref.picture}` : `s:${ref.style}`);

/** Return the name of a style. @param {StyleRef} ref */
export function styleName(ref) {
  const tile = store.styles.find((style) => styleKey(style.ref) === styleKey(ref));
  if ('style' in ref) return t.has(`style.${ref.style}`) ? t(`style.${ref.style}`) : ref.style;
  return tile?.name || findPicture(ref.picture)?.name || t('style.own');
}

/** Put a new version of a job into the store. @param {Job} job */
export function putJob(job) {
  const known = findJob(job.id);
  if (known) Object.assign(known, job);
  else store.jobs.push(job);
  update();
}

/** @param {Picture} picture */
export function putPicture(picture) {
  store.pictures = [picture, ...store.pictures.filter((other) => other.id !== picture.id)];
  if (picture.kind === 'style') {
    const ref = { picture: picture.id };
    const tile = { ref, name: picture.name, description: '', used: picture.used };
    store.styles = [...store.styles.filter((style) => styleKey(style.ref) !== styleKey(ref)), tile];
  }
  update();
}

/** @param {Batch} batch */
export function putBatch(batch) {
  store.batches = [batch, ...store.batches.filter((other) => other.id !== batch.id)];
  update();
}

// -- short messages -------------------------------------------------------------------------------------------------

let lastToast = 0;

/**
 * Show a short message.
 * @param {string} text
 * @param {{ kind?: 'error' | 'note', action?: { label: string, run: () => void } }} [options]
 */
export function toast(text, options = {}) {
  const id = ++lastToast;
  const kind = options.kind || 'note';
  update({ toasts: [...store.toasts.filter((other) => other.text !== text), { id, text, kind, action: options.action }] });
  setTimeout(() => dismiss(id), kind === 'error' || options.action ? 12000 : 5000);
}

/** @param {number} id */
export const dismiss = (id) => update({ toasts: store.toasts.filter((other) => other.id !== id) });

/** Show what went wrong. @param {any} error */
export function report(error) {
  if (error?.name === 'AbortError' || error?.code === 'superseded') return;
  if (!(error instanceof ApiError)) console.error(error);
  const code = error instanceof ApiError ? `error.${error.code}` : 'error.error';
  const prefix = t.language() !== 'en' && t.has(code) ? `${t(code)} ` : '';
  toast(error?.code === 'offline' ? t('error.offline') : prefix + (error?.message || error), { kind: 'error' });
}

/**
 * Run something that may fail, and show the failure.
 * @template T
 * @param {() => Promise<T>} action
 * @returns {Promise<T | undefined>}
 */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    report(error);
    return undefined;
  }
}

// -- the server's events --------------------------------------------------------------------------------------------

/** @type {EventSource | null} */
let source = null;
let retryDelay = 500;
let refreshTimer = 0;

/** Read the whole state, then follow the events after it; again after each failure. */
export async function connect() {
  source?.close();
  source = null;
  try {
    const state = await readState();
    if (!store.guide) store.guide = await get('/api/settings');
    follow(state.event);
    retryDelay = 500;
    update({ ready: true, online: true, denied: false });
  } catch (error) {
    update({ online: false, denied: error instanceof ApiError && [401, 403, 421].includes(error.status) });
    setTimeout(connect, retryDelay);
    retryDelay = Math.min(5000, retryDelay * 1.6);
  }
}

async function readState() {
  /** @type {any} */
  const state = await get('/api/state');
  const { version, jobs, batches, pictures, styles, limits, features } = state;
  const kept = store.jobs.filter((job) => !isActive(job) && !jobs.some((/** @type {Job} */ other) => other.id === job.id));
  update({ version, jobs: [...jobs, ...kept], batches, pictures, styles, limits, features });
  return state;
}

/** Read the state again soon, as after changes of the queue's order. */
function refreshSoon() {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => readState().catch(() => {}), 150);
}

/** @param {number} after */
function follow(after) {
  const stream = new EventSource(`/api/events?after=${after}`);
  source = stream;
  for (const [name, handle] of Object.entries(HANDLERS)) {
    stream.addEventListener(name, (event) => handle(JSON.parse(/** @type {MessageEvent} */ (event).data)));
  }
  stream.onerror = () => {
    if (source !== stream) return;
    stream.close();
    source = null;
    update({ online: false });
    setTimeout(connect, retryDelay);
  };
}

/** @type {Record<string, (data: any) => void>} */
const HANDLERS = {
  job(job) {
    const known = findJob(job.id);
    if (!known || known.state !== job.state || job.state === 'queued') refreshSoon();
    putJob(job);
  },
  progress({ job: id, progress }) {
    const job = findJob(id);
    if (!job) return;
    job.progress = progress;
    const losses = store.losses[id];
    if (losses) losses.push([progress.octave, progress.iteration, progress.loss]);
    if (losses?.length > MOST_LOSSES) store.losses[id] = losses.filter((_, index) => index % 2 === 0);
    update();
  },
  preview({ job: id, preview }) {
    const job = findJob(id);
    if (job) job.preview = preview;
    update();
  },
  steered({ change }) {
    toast(change.stage === null ? t('steer.done') : t('undo.done'));
  },
  note({ job: id, text }) {
    const job = findJob(id);
    if (job && !job.notes.includes(text)) job.notes = [...job.notes, text];
    update();
  },
  batch: putBatch,
  picture: putPicture,
  removed({ kind, id }) {
    if (kind === 'job') update({ jobs: store.jobs.filter((job) => job.id !== id) });
    if (kind === 'batch') update({ batches: store.batches.filter((batch) => batch.id !== id) });
    if (kind === 'picture') {
      const isOther = (/** @type {StyleTile} */ tile) => !('picture' in tile.ref) || tile.ref.picture !== id;
      update({ pictures: store.pictures.filter((picture) => picture.id !== id), styles: store.styles.filter(isOther) });
    }
    removals.forEach((listener) => listener(kind, id));
  },
  reset() {
    refreshSoon();
  },
};

/** Functions called with the kind and id of each thing that was deleted. @type {Set<(kind: string, id: string) => void>} */
export const removals = new Set();

/** Load the losses of a job once; progress adds to them. @param {string} id */
export async function loadLosses(id) {
  if (store.losses[id]) return;
  store.losses[id] = [];
  try {
    const { losses } = await get(`/api/jobs/${id}/losses`);
    store.losses[id] = [...losses.map((/** @type {number[]} */ row) => row.slice(0, 3)), ...store.losses[id]];
    update();
  } catch {
    delete store.losses[id];
  }
}

/** Load a job that the state no longer holds. @param {string} id */
export async function loadJob(id) {
  if (findJob(id)) return;
  try {
    putJob(await get(`/api/jobs/${id}`));
  } catch (error) {
    if (/** @type {ApiError} */ (error).status === 404) go('paint');
    report(error);
  }
}

// -- the address ----------------------------------------------------------------------------------------------------

/** @param {Store['route']['view']} view @param {string} [id] */
export function go(view, id = '') {
  const hash = view === 'paint' && !id ? '#/' : `#/${view}${id ? `/${id}` : ''}`;
  if (location.hash !== hash) location.hash = hash;
  else readRoute();
}

/** Read view and id from the address. */
export function readRoute() {
  const [, view = '', id = ''] = location.hash.split('/');
  const views = ['paint', 'job', 'batch', 'queue', 'many', 'pictures'];
  scrollTo(0, 0);
  update({ route: { view: /** @type {any} */ (views.includes(view) ? view : 'paint'), id } });
}
