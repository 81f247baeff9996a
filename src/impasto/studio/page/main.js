// @ts-check
/** Start of the page. */
import { App } from './app.js';
import { connect, readRoute } from './store.js';
import { html, render } from './ui.js';
import { listenForFiles } from './uploads.js';

const theme = localStorage.getItem('impasto.theme');
if (theme) document.documentElement.dataset.theme = theme;
readRoute();
addEventListener('hashchange', readRoute);
listenForFiles();
connect();
render(html`<${App} />`, /** @type {Element} */ (document.getElementById('app')));
