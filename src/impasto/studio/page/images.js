// @ts-check
/** Pictures from the server, decoded and kept while they are likely to be shown again. */

const KEPT = 12;

/** @type {Map<string, Promise<HTMLImageElement>>} */
const cache = new Map();

/** Return a decoded picture. @param {string} url @returns {Promise<HTMLImageElement>} */
export function loadImage(url) {
  const known = cache.get(url);
  if (known) return known;
  const image = new Image();
  image.src = url;
  const promise = image.decode().then(() => image);
  promise.catch(() => cache.delete(url));
  cache.set(url, promise);
  if (cache.size > KEPT) cache.delete(/** @type {string} */ (cache.keys().next().value));
  return promise;
}

/** Let the visitor choose files. @param {{ accept?: string, multiple?: boolean }} [options] @returns {Promise<File[]>} */
export function chooseFiles({ accept = 'image/*', multiple = false } = {}) {
  return new Promise((resolve) => {
    const input = document.createElement('input');
    input.type = 'file';
    input.accept = accept;
    input.multiple = multiple;
    input.className = 'hidden-file';
    input.addEventListener('change', () => resolve([...(input.files || [])]));
    input.addEventListener('change', () => input.remove());
    input.addEventListener('cancel', () => input.remove());
    document.body.append(input);
    input.click();
  });
}
