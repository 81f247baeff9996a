// @ts-check
/** The list of regions: one for each style, and the part that stays as in the photo. */
import { pictureUrl } from './api.js';
import { store, styleName } from './store.js';
import { t } from './texts.js';
import { html } from './ui.js';
import { icon, Switch } from './widgets.js';

/** @typedef {import('./panel.js').DraftModel | import('./panel.js').JobModel} Model */

/** Return the mask of a region: an id, "faces" or null. @param {Settings} settings @param {MaskTarget} target */
export const maskOf = (settings, target) =>
  (target.setting === 'protect' ? settings.protect : settings[target.setting]?.[target.number]) ?? null;

/** Set or remove the mask of a region. @param {Model} model @param {MaskTarget} target @param {string | null} mask */
export function setMask(model, target, mask) {
  if (target.setting === 'protect') return model.set({ protect: mask ?? undefined });
  const masks = { ...model.settings[target.setting] };
  if (mask) masks[target.number] = mask;
  else delete masks[target.number];
  return model.set({ [target.setting]: Object.keys(masks).length || model.isSteering ? masks : undefined });
}

/**
 * Return the regions that a painting can have: of the photo, if there is one, and of the styles' own pictures.
 * @param {Model} model
 * @returns {{ target: MaskTarget, label: string }[]}
 */
export function regionsOf(model) {
  const perStyle = (/** @type {'masks' | 'style_masks'} */ setting, /** @type {string} */ key) => model.styles.map((ref, index) => (
    { target: { setting, number: String(index + 1) }, label: t(key, { name: styleName(ref) }) }));
  return [
    ...(model.photo && model.styles.length > 1 ? perStyle('masks', 'region.style') : []),
    ...(model.photo ? [{ target: /** @type {MaskTarget} */ ({ setting: 'protect' }), label: t('region.protect') }] : []),
    ...perStyle('style_masks', 'region.part'),
  ];
}

/** @param {{ model: Model, onMask: (target: MaskTarget) => void }} props */
export function Regions({ model, onMask }) {
  const regions = regionsOf(model).filter(({ target }) => model.allows(target.setting));
  const protectsFaces = model.settings.protect === 'faces';
  return html`<section class="group">
    <h2>${t('regions')}</h2>
    ${model.photo && store.features?.faces && html`<${Switch} label=${t('region.faces')} checked=${protectsFaces}
      onChange=${(/** @type {boolean} */ checked) => model.set({ protect: checked ? 'faces' : undefined })} />`}
    <ul class="regions">${regions.map(({ target, label }) => {
      const mask = maskOf(model.settings, target);
      return html`<li key=${label}>
        ${mask && mask !== 'faces' ? html`<img src=${pictureUrl(mask, 64)} alt="" width="32" height="32" />` : html`<span class="no-mask">${icon('mask')}</span>`}
        <span>${label}</span>
        <button class="quiet" aria-label=${`${t('region.draw')}: ${label}`} onClick=${() => onMask(target)}>${icon('brush')}<span>${t('region.draw')}</span></button>
        ${mask && html`<button class="quiet small" aria-label=${`${t('remove')}: ${label}`} onClick=${() => setMask(model, target, null)}>${icon('close')}</button>`}
      </li>`;
    })}</ul>
  </section>`;
}
