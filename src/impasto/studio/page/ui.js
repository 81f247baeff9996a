// @ts-check
/** The parts of Preact and htm that the page uses, with types. */
import { h, render as renderInto } from './vendor/preact.js';
import * as hooks from './vendor/hooks.js';
import htm from './vendor/htm.js';

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);

/** @type {(tree: any, parent: Element) => void} */
export const render = /** @type {any} */ (renderInto);

/** @type {<T>(initial: T | (() => T)) => [T, (value: T | ((old: T) => T)) => void]} */
export const useState = /** @type {any} */ (hooks.useState);

/** @type {<T>(initial: T) => { current: T }} */
export const useRef = /** @type {any} */ (hooks.useRef);

/** @type {(effect: () => void | (() => void), inputs?: any[]) => void} */
export const useEffect = /** @type {any} */ (hooks.useEffect);

/** @type {(effect: () => void | (() => void), inputs?: any[]) => void} */
export const useLayoutEffect = /** @type {any} */ (hooks.useLayoutEffect);

/** @type {() => string} */
export const useId = /** @type {any} */ (hooks.useId);

/**
 * Return the class names whose conditions hold.
 * @param {...(string | false | null | undefined)} names
 */
export const classes = (...names) => names.filter(Boolean).join(' ');

/** Move the focus to the view, so that the Tab key goes on from there. */
export function focusMain() {
  const main = document.getElementById('main');
  if (!main) return;
  main.tabIndex = -1;
  main.focus({ preventScroll: true });
}
