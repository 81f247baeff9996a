// @ts-check
/** All other settings, from the settings' own schema. */
import { store } from './store.js';
import { t } from './texts.js';
import { html, useState } from './ui.js';

/** Settings that have controls of their own. */
const SHOWN_ELSEWHERE = ['preset', 'size', 'strength', 'style_weights', 'colour', 'stroke_size', 'detail', 'masks', 'protect', 'style_masks', 'colours_from', 'seamless'];

/** @typedef {import('./panel.js').DraftModel | import('./panel.js').JobModel} Model */

/** @param {{ model: Model }} props */
export function Experts({ model }) {
  const [isOpen, setOpen] = useState(false);
  const { guide } = store;
  const count = Object.keys(model.settings).filter((name) => !SHOWN_ELSEWHERE.includes(name)).length;
  return html`<details class="experts" open=${isOpen} onToggle=${(/** @type {Event} */ event) => setOpen(/** @type {HTMLDetailsElement} */ (event.currentTarget).open)}>
    <summary>${t('experts')}${count > 0 && html` <span class="dim">${t('experts.changed', { count })}</span>`}</summary>
    ${isOpen && guide && html`<p class="dim">${t('experts.hint')}</p>
      ${count > 0 && html`<button class="link" onClick=${() => reset(model)}>${t('experts.reset')}</button>`}
      ${fieldsOf(guide.schema.properties).map(([path, field]) => html`<${Field} key=${path.join('.')} path=${path} field=${field} model=${model} />`)}`}
  </details>`;
}

/** @param {Model} model */
function reset(model) {
  const names = Object.keys(model.settings).filter((name) => !SHOWN_ELSEWHERE.includes(name));
  model.set(Object.fromEntries(names.map((name) => [name, undefined])));
}

/**
 * Return all fields of a schema with their paths; those of nested settings follow their own.
 * @param {Record<string, any>} properties
 * @param {string[]} [above]
 * @returns {[string[], any][]}
 */
function fieldsOf(properties, above = []) {
  return Object.entries(properties).flatMap(([name, field]) => {
    if (!above.length && SHOWN_ELSEWHERE.includes(name)) return [];
    if (!field.$ref) return /** @type {[string[], any][]} */ ([[[...above, name], field]]);
    const target = store.guide?.schema.$defs[field.$ref.split('/').pop()];
    return fieldsOf(target.properties, [...above, name]);
  });
}

/** Return the value at a path. @param {any} values @param {string[]} path @returns {any} */
const valueAt = (values, path) => path.reduce((value, name) => value?.[name], values);

/** @param {Model} model @param {string[]} path @param {any} value */
function setAt(model, path, value) {
  const [name, inner] = path;
  if (!inner) return model.set({ [name]: value });
  const group = { ...model.settings[name] };
  if (value === undefined) delete group[inner];
  else group[inner] = value;
  return model.set({ [name]: Object.keys(group).length ? group : undefined });
}

/** @param {{ path: string[], field: any, model: Model }} props */
function Field({ path, field, model }) {
  const preset = (model.photo ? store.guide?.presets : store.guide?.texture_presets)?.[model.settings.preset ?? 'default'];
  const fallback = valueAt(preset, path) ?? field.default ?? null;
  const given = valueAt(model.settings, path);
  const kinds = field.anyOf || [field];
  const props = { id: `set-${path.join('-')}`, given, fallback, set: (/** @type {any} */ value) => setAt(model, path, value) };
  const choices = kinds.flatMap((/** @type {any} */ kind) => kind.enum || []);
  const number = kinds.find((/** @type {any} */ kind) => ['number', 'integer'].includes(kind.type));
  const table = kinds.find((/** @type {any} */ kind) => kind.type === 'object' && kind.additionalProperties);
  return html`<div class="expert">
    <label for=${props.id}><code>${path.join('.')}</code></label>
    ${choices.length ? html`<${Enumeration} ...${props} choices=${choices} />`
      : field.type === 'boolean' ? html`<${Enumeration} ...${props} choices=${[true, false]} />`
      : number ? html`<${NumberField} ...${props} kind=${number} />`
      : table ? html`<${Table} ...${props} />`
      : html`<${Text} ...${props} />`}
    <p class="dim" lang="en">${field.description}</p>
  </div>`;
}

/** @typedef {{ id: string, given: any, fallback: any, set: (value: any) => void }} FieldProps */

const valueOf = (/** @type {Event} */ event) => /** @type {HTMLInputElement} */ (event.currentTarget).value;

/** @param {FieldProps & { choices: any[] }} props */
function Enumeration({ id, given, fallback, set, choices }) {
  const byDefault = t('experts.default', { value: fallback ?? '–' });
  return html`<select id=${id} onChange=${(/** @type {Event} */ event) => set(choices.find((choice) => String(choice) === valueOf(event)))}>
    <option value="" selected=${given === undefined}>${byDefault}</option>
    ${choices.map((choice) => html`<option key=${String(choice)} value=${String(choice)} selected=${choice === given}>${String(choice)}</option>`)}
  </select>`;
}

/** @param {FieldProps & { kind: any }} props */
function NumberField({ id, given, fallback, set, kind }) {
  const least = kind.minimum ?? kind.exclusiveMinimum;
  const most = kind.maximum ?? kind.exclusiveMaximum;
  return html`<input id=${id} type="number" step=${kind.type === 'integer' ? 1 : 'any'} min=${least} max=${most < 1e9 ? most : undefined}
    value=${given ?? ''} placeholder=${fallback ?? '–'}
    onChange=${(/** @type {Event} */ event) => set(valueOf(event) === '' ? undefined : Number(valueOf(event)))} />`;
}

/** @param {FieldProps} props */
function Text({ id, given, fallback, set }) {
  return html`<input id=${id} type="text" value=${given ?? ''} placeholder=${fallback ?? '–'}
    onChange=${(/** @type {Event} */ event) => set(valueOf(event) || undefined)} />`;
}

/** A table of numbers, one "name = value" a line. @param {FieldProps} props */
function Table({ id, given, fallback, set }) {
  const lines = (/** @type {Record<string, number>} */ table) => Object.entries(table || {}).map(([name, value]) => `${name} = ${value}`).join('\n');
  const parse = (/** @type {string} */ text) => {
    const pairs = text.split('\n').map((line) => line.split('=').map((part) => part.trim())).filter(([name]) => name);
    return pairs.length ? Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)])) : undefined;
  };
  return html`<textarea id=${id} rows=${Math.max(2, Object.keys(given || fallback || {}).length)} placeholder=${lines(fallback)} spellcheck=${false}
    value=${given ? lines(given) : ''} onChange=${(/** @type {Event} */ event) => set(parse(valueOf(event)))}></textarea>`;
}
