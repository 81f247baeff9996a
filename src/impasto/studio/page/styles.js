// @ts-check
/** Tiles of styles: built in, one's own, and those used last. */
import { styleUrl } from './api.js';
import { chooseFiles } from './images.js';
import { store, styleKey, styleName } from './store.js';
import { t } from './texts.js';
import { classes, html, useState } from './ui.js';
import { takeStyles } from './uploads.js';
import { icon } from './widgets.js';

const SHOWN = 8;

/** Return styles: chosen and recently used first among one's own, after those that ship with impasto. */
function sorted() {
  const named = store.styles.filter((style) => 'style' in style.ref);
  const own = store.styles.filter((style) => 'picture' in style.ref);
  return [...named, ...own.sort((one, other) => (other.used ?? 1e12) - (one.used ?? 1e12))];
}

/** @param {{ chosen: StyleRef[], onToggle: (ref: StyleRef) => void }} props */
export function StyleTiles({ chosen, onToggle }) {
  const [showsAll, setShowsAll] = useState(false);
  const keys = chosen.map(styleKey);
  const all = sorted();
  const known = all.map((style) => styleKey(style.ref));
  const loose = chosen.filter((ref) => !known.includes(styleKey(ref))).map((ref) => ({ ref, name: styleName(ref), description: '', used: null }));
  const shown = [...loose, ...all].filter((style, index) => showsAll || index < SHOWN || keys.includes(styleKey(style.ref)));
  return html`<div class="tiles">
    ${shown.map((style) => {
      const key = styleKey(style.ref);
      const at = keys.indexOf(key);
      return html`<button key=${key} class=${classes('tile', at >= 0 && 'chosen')} aria-pressed=${at >= 0} title=${style.description || style.name}
        onClick=${() => onToggle(style.ref)}>
        <img src=${styleUrl(style.ref, 200)} alt="" /><span>${styleName(style.ref)}</span>
        ${chosen.length > 1 && at >= 0 && html`<b aria-hidden="true">${at + 1}</b>`}</button>`;
    })}
    <button class="tile add" onClick=${() => chooseFiles({ multiple: true }).then(takeStyles)}>${icon('plus')}<span>${t('style.add')}</span></button>
  </div>
  ${all.length > SHOWN && html`<button class="link" onClick=${() => setShowsAll(!showsAll)}>${t(showsAll ? 'fewer' : 'all')}</button>`}`;
}
