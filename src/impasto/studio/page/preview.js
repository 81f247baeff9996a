// @ts-check
/** The instant painting: asked for at each change, and at most once at a time while a slider moves. */
import { request } from './api.js';
import { draft, draftListeners, jobRequest } from './draft.js';
import { report, store, update } from './store.js';

/** @type {{ image: ImageBitmap | null, key: string, isBusy: boolean }} */
export const instant = { image: null, key: '', isBusy: false };

/** The instant painting of each job that this page queued, shown until its own first picture. @type {Record<string, ImageBitmap>} */
export const sketches = {};

/** Settings that do not count in a preview. */
const IGNORED = ['preset', 'size', 'optimization'];

/** @type {AbortController | null} */
let running = null;
let runningKey = '';
let isWaiting = false;

/** Return the request for a preview of the draft, as text; empty if there is nothing to paint. */
function wanted() {
  const { photo, styles, settings } = jobRequest();
  if (!(photo || draft.texture) || !styles.length) return '';
  for (const name of IGNORED) delete settings[name];
  return JSON.stringify({ photo, styles, settings });
}

/** Ask for the instant painting of the draft. @param {boolean} isFinal false lets a running request end first */
export async function previewDraft(isFinal) {
  if (store.route.view !== 'paint') return;
  const key = wanted();
  if (key === (running ? runningKey : instant.key)) return;
  if (running && !isFinal) {
    isWaiting = true;
    return;
  }
  running?.abort();
  running = null;
  isWaiting = false;
  if (!key) {
    instant.key = '';
    show(null);
    return;
  }
  if (samePictures(key, instant.key)) instant.isBusy = true;
  else show(null, true);
  await paint(key);
}

/** Show an instant painting. @param {ImageBitmap | null} image @param {boolean} [isBusy] */
function show(image, isBusy = false) {
  instant.image = image;
  instant.isBusy = isBusy;
  update();
}

/** @param {string} one @param {string} other */
function samePictures(one, other) {
  return Boolean(one && other) && JSON.parse(one).photo === JSON.parse(other).photo;
}

/** @param {string} key */
async function paint(key) {
  const controller = new AbortController();
  running = controller;
  runningKey = key;
  update();
  try {
    const response = await request('POST', '/api/previews', { json: JSON.parse(key), signal: controller.signal });
    const image = await createImageBitmap(await response.blob());
    if (running !== controller) return;
    instant.key = key;
    running = null;
    show(image);
  } catch (error) {
    if (running !== controller) return;
    running = null;
    instant.isBusy = false;
    instant.key = '';
    update();
    if (/** @type {any} */ (error).code !== 'offline') report(error);
    isWaiting = false;
  }
  if (isWaiting) previewDraft(false);
}

draftListeners.add((isFinal) => void previewDraft(isFinal));

// Another tab may have taken this one's turn.
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && previewDraft(true));
