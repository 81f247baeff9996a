// @ts-check
/** What the visitor is about to paint. It is kept in the browser, so that a reload loses nothing. */
import { request } from './api.js';
import { findPicture, go, putPicture, removals, store, styleKey, update } from './store.js';

const KEY = 'impasto.draft';

/** Settings that are regions of one photo, so that another photo drops them. */
const OF_THE_PHOTO = ['masks', 'protect'];

/** Settings, and values of others, that need a photo. */
const NEED_PHOTO = [...OF_THE_PHOTO, 'strength', 'content_weight'];
const VALUES_NEED_PHOTO = ['keep', 'match', 'instant', 'original', 'content'];

/** @returns {Draft} */
const empty = () => ({ photo: null, styles: [], settings: {}, title: '', grow_from: null, blend: false, texture: false });

/** @type {Draft} */
export const draft = load();

/** Functions called after each change of the draft. @type {Set<(isFinal: boolean) => void>} */
export const draftListeners = new Set();

/** @returns {Draft} */
function load() {
  try {
    const text = sessionStorage.getItem(KEY) || localStorage.getItem(KEY);
    if (text) return { ...empty(), ...JSON.parse(text) };
  } catch { /* a browser without storage starts afresh */ }
  return empty();
}

function save() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft));
    localStorage.setItem(KEY, JSON.stringify(draft));
  } catch { /* the draft then lives as long as the page */ }
}

/**
 * Change the draft.
 * @param {Partial<Draft>} values
 * @param {{ isFinal?: boolean }} [options] isFinal is false while a slider moves
 */
export function changeDraft(values, { isFinal = true } = {}) {
  Object.assign(draft, values);
  save();
  update();
  for (const listener of draftListeners) listener(isFinal);
}

/** Change settings of the draft; undefined sets one back to its default. @param {Settings} values @param {{ isFinal?: boolean }} [options] */
export function changeSettings(values, options) {
  changeDraft({ settings: merged(draft.settings, values), grow_from: keepsGrowth(values) ? draft.grow_from : null }, options);
}

/** @param {Settings} values */
const keepsGrowth = (values) => Object.keys(values).every((name) => name === 'size');

/**
 * Return settings with other values; a changed preset drops what presets decide, so that it takes effect.
 * @param {Settings} settings
 * @param {Settings} values
 * @returns {Settings}
 */
export function merged(settings, values) {
  const result = { ...settings };
  if (values.preset && values.preset !== (settings.preset ?? 'default')) {
    for (const name of Object.keys(store.guide?.presets[values.preset] || {})) delete result[name];
  }
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null) delete result[name];
    else result[name] = value;
  }
  return result;
}

/** @param {string | null} id */
export function choosePhoto(id) {
  const settings = { ...draft.settings };
  for (const name of OF_THE_PHOTO) if (settings[name] !== 'faces') delete settings[name];
  changeDraft({ photo: id, texture: false, settings, grow_from: null, title: '' });
}

/** Choose a style alone, or add it to and take it from a blend. @param {StyleRef} ref */
export function toggleStyle(ref) {
  const at = draft.styles.findIndex((style) => styleKey(style) === styleKey(ref));
  if (!draft.blend) return chooseStyles([ref]);
  if (at < 0) return chooseStyles([...draft.styles, ref]);
  return chooseStyles(draft.styles.filter((_, index) => index !== at));
}

/** @param {StyleRef[]} styles */
export function chooseStyles(styles) {
  /** @type {Settings} */
  const settings = { ...draft.settings };
  const weights = draft.settings.style_weights;
  delete settings.style_weights;
  if (weights && styles.length > 1) {
    const keys = draft.styles.map(styleKey);
    settings.style_weights = styles.map((style) => weights[keys.indexOf(styleKey(style))] ?? 1);
  }
  if (styles.length < 2) delete settings.masks; // one style has all that no mask covers
  for (const name of ['masks', 'style_masks']) {
    if (settings[name]) settings[name] = renumbered(settings[name], styles);
    if (settings[name] && !Object.keys(settings[name]).length) delete settings[name];
  }
  changeDraft({ styles, settings, grow_from: null });
}

/** Return masks by the new numbers of their styles. @param {Record<string, string>} masks @param {StyleRef[]} styles */
function renumbered(masks, styles) {
  /** @type {Record<string, string>} */
  const result = {};
  draft.styles.forEach((style, index) => {
    const at = styles.findIndex((other) => styleKey(other) === styleKey(style));
    if (at >= 0 && masks[index + 1]) result[at + 1] = masks[index + 1];
  });
  return result;
}

/** Paint a texture of the styles in place of the photo, or the photo again. @param {boolean} texture */
export const setTexture = (texture) => changeDraft({ texture, grow_from: null });

/**
 * Return the settings of the draft that count: a texture has none that need a photo, and only a texture is seamless.
 * @param {boolean} [isTexture]
 */
export function draftSettings(isTexture = draft.texture) {
  const counts = (/** @type {string} */ name, /** @type {any} */ value) =>
    isTexture ? !NEED_PHOTO.includes(name) && !VALUES_NEED_PHOTO.includes(value) : name !== 'seamless';
  return Object.fromEntries(Object.entries(draft.settings).filter(([name, value]) => counts(name, value)));
}

/** @param {boolean} blend */
export function setBlend(blend) {
  changeDraft({ blend });
  if (!blend && draft.styles.length > 1) chooseStyles(draft.styles.slice(0, 1));
}

/**
 * Take over the pictures and settings of a job or a painted picture; a job without a photo is a texture.
 * @param {{ photo: string | null, styles: (StyleRef | null)[], settings: Settings, title?: string }} from
 * @param {Partial<Draft>} [changes]
 */
export function takeOver(from, changes = {}) {
  const styles = /** @type {StyleRef[]} */ (from.styles.filter(Boolean));
  const settings = structuredClone(from.settings);
  for (const name of Object.keys(settings)) if (settings[name] === null) delete settings[name];
  if (settings.style_weights && settings.style_weights.length !== styles.length) delete settings.style_weights;
  changeDraft({ ...empty(), photo: from.photo, texture: !from.photo, styles, settings, title: from.title || '', blend: styles.length > 1, ...changes });
  go('paint');
}

/** Return the body of a request for a painting. */
export const jobRequest = () => ({
  photo: draft.texture ? null : draft.photo,
  styles: draft.styles,
  settings: draftSettings(),
  title: draft.title,
  grow_from: draft.grow_from,
});

/** Drop pictures that the server does not hold any more, and choose a first style. */
export async function checkDraft() {
  const used = [draft.photo, ...draft.styles.map((ref) => ('picture' in ref ? ref.picture : null))];
  for (const id of used) {
    if (!id || findPicture(id)) continue;
    try {
      putPicture(await (await request('GET', `/api/pictures/${id}`)).json());
    } catch {
      forget(id);
    }
  }
  if (!draft.styles.length && store.styles.length) chooseStyles([store.styles[0].ref]);
}

/** Drop a deleted picture from the draft. @param {string} id */
function forget(id) {
  if (draft.photo === id) choosePhoto(null);
  const left = draft.styles.filter((ref) => !('picture' in ref) || ref.picture !== id);
  if (left.length < draft.styles.length) chooseStyles(left);
  const settings = { ...draft.settings };
  if (settings.protect === id) delete settings.protect;
  for (const name of ['masks', 'style_masks']) {
    if (!settings[name]) continue;
    settings[name] = Object.fromEntries(Object.entries(settings[name]).filter(([, mask]) => mask !== id));
    if (!Object.keys(settings[name]).length) delete settings[name];
  }
  if (JSON.stringify(settings) !== JSON.stringify(draft.settings)) changeDraft({ settings });
}

removals.add((kind, id) => {
  if (kind === 'picture') forget(id);
});
