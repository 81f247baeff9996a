// @ts-check
/** Small controls that several views share. */
import { t } from './texts.js';
import { classes, html, useId } from './ui.js';

/** @type {Record<string, string>} Paths of the icons on a grid of 24. */
const ICONS = {
  compare: 'M12 3v18M4 6h5v12H4zM15 6h5v12h-5z',
  photo: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01',
  crop: 'M7 2v15h15M2 7h15v15',
  brush: 'M20 4 10 14M8 14c-3 0-2 4-5 5 4 2 8 0 8-3 0-1-1-2-3-2z',
  eraser: 'M8 20h12M5 14l8-9 6 5-8 10H8z',
  undo: 'M9 7 4 12l5 5M4 12h10a6 6 0 0 1 0 8',
  redo: 'M15 7l5 5-5 5M20 12H10a6 6 0 0 0 0 8',
  stop: 'M6 6h12v12H6z',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  up: 'M12 19V5M6 11l6-6 6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  close: 'M6 6l12 12M18 6 6 18',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  plus: 'M12 5v14M5 12h14',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5 19 19M19 5l-1.5 1.5M6.5 17.5 5 19',
  moon: 'M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z',
  again: 'M20 12a8 8 0 1 1-2.5-5.800M20 3v4h-4',
  mask: 'M4 12a8 8 0 1 0 16 0 8 8 0 0 0-16 0zM12 4v16',
};

/** @param {string} name */
export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;

/**
 * A slider with its name, the words at its ends, and its value.
 * @param {object} props
 * @param {string} props.label
 * @param {number} props.value
 * @param {number} props.min
 * @param {number} props.max
 * @param {number} props.step
 * @param {string} [props.low] words at the left end
 * @param {string} [props.high]
 * @param {string} [props.text] value in words
 * @param {(value: number, isFinal: boolean) => void} props.onChange
 */
export function Slider({ label, value, min, max, step, low, high, text, onChange }) {
  const id = useId();
  const read = (/** @type {Event} */ event) => Number(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  const share = (value - min) / (max - min);
  return html`<div class="slider">
    <div class="row"><label for=${id}>${label}</label><output for=${id}>${text ?? value}</output></div>
    <input type="range" id=${id} min=${min} max=${max} step=${step} value=${value}
      aria-valuetext=${text} style=${{ '--share': String(share) }}
      onInput=${(/** @type {Event} */ event) => onChange(read(event), false)}
      onChange=${(/** @type {Event} */ event) => onChange(read(event), true)} />
    ${(low || high) && html`<div class="ends" aria-hidden="true"><span>${low}</span><span>${high}</span></div>`}
  </div>`;
}

/**
 * A choice of few, all shown.
 * @param {object} props
 * @param {string} props.label
 * @param {string} props.value
 * @param {{ value: string, label: string, title?: string }[]} props.options
 * @param {(value: string) => void} props.onChange
 */
export function Choice({ label, value, options, onChange }) {
  const name = useId();
  return html`<fieldset class="choice"><legend>${label}</legend>
    <div class="pills">${options.map((option) => html`<label class="pill" key=${option.value} title=${option.title}>
      <input type="radio" name=${name} checked=${option.value === value} onChange=${() => onChange(option.value)} />
      <span>${option.label}</span></label>`)}</div></fieldset>`;
}

/** @param {{ label: string, checked: boolean, onChange: (checked: boolean) => void }} props */
export function Switch({ label, checked, onChange }) {
  return html`<label class="switch"><input type="checkbox" role="switch" checked=${checked}
    onChange=${(/** @type {Event} */ event) => onChange(/** @type {HTMLInputElement} */ (event.currentTarget).checked)} /><span>${label}</span></label>`;
}

/** @param {{ share: number, label: string }} props */
export function Bar({ share, label }) {
  const percent = Math.round(share * 100);
  return html`<div class="bar" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}>
    <span style=${{ '--share': String(share) }}></span></div>`;
}

/** A button that asks once more before it deletes. @param {{ label: string, question: string, onConfirm: () => void, small?: boolean }} props */
export function DeleteButton({ label, question, onConfirm, small }) {
  return html`<button class=${classes('quiet', small && 'small')} aria-label=${small ? label : undefined} title=${label}
    onClick=${() => confirm(question) && onConfirm()}>${icon('trash')}${!small && html`<span>${label}</span>`}</button>`;
}

/** Offer the formats of a download. @param {{ path: string, label: string }} props */
export function Download({ path, label }) {
  const formats = { png: 'PNG', jpeg: 'JPEG', tiff16: t('format.tiff16'), png16: t('format.png16'), webp: 'WebP' };
  return html`<div class="download"><a class="primary" href=${`${path}?format=png`} download>${icon('download')}<span>${label}</span></a>
    <details class="menu"><summary aria-label=${t('format.other')}>▾</summary><div class="sheet">
      ${Object.entries(formats).map(([format, name]) => html`<a key=${format} href=${`${path}?format=${format}`} download>${name}</a>`)}
    </div></details></div>`;
}
