// @ts-check
/** Requests to the studio's API (docs/api.md). */

/** An answer that is not good, with the sentence that the server gave. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status; 0 if the server did not answer
   * @param {string} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Send a request; throw an ApiError unless the answer is good.
 * @param {string} method
 * @param {string} path
 * @param {{ json?: any, body?: BodyInit, type?: string, signal?: AbortSignal }} [options]
 * @returns {Promise<Response>}
 */
export async function request(method, path, options = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  let body = options.body;
  if (options.json !== undefined) {
    headers['Content-Type'] = 'application/json';
    body = JSON.stringify(options.json);
  } else if (body !== undefined) {
    headers['Content-Type'] = options.type || 'application/octet-stream';
  }
  let response;
  try {
    response = await fetch(path, { method, headers, body, signal: options.signal, credentials: 'same-origin' });
  } catch (error) {
    if (/** @type {any} */ (error).name === 'AbortError') throw error;
    throw new ApiError(0, 'offline', String(error));
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

/** @param {Response} response */
async function errorOf(response) {
  try {
    const { code, message } = (await response.json()).error;
    return new ApiError(response.status, code, message);
  } catch {
    return new ApiError(response.status, 'error', `${response.status} ${response.statusText}`);
  }
}

/** @param {string} path @returns {Promise<any>} */
export const get = async (path) => (await request('GET', path)).json();

/** @param {string} path @param {any} [json] @returns {Promise<any>} */
export async function post(path, json) {
  const response = await request('POST', path, json === undefined ? {} : { json });
  return response.status === 204 ? null : response.json();
}

/** @param {string} path @param {any} json @returns {Promise<any>} */
export const patch = async (path, json) => (await request('PATCH', path, { json })).json();

/** @param {string} path @returns {Promise<any>} */
export async function remove(path) {
  const response = await request('DELETE', path);
  return response.status === 204 ? null : response.json();
}

/**
 * Upload a picture and return what the server stored.
 * @param {Blob} file
 * @param {'photo' | 'style' | 'mask'} kind
 * @param {string} [name]
 * @returns {Promise<Picture>}
 */
export async function upload(file, kind, name = '') {
  const query = new URLSearchParams({ kind, name: name.slice(0, 200) });
  const type = file.type.startsWith('image/') ? file.type : 'application/octet-stream';
  return (await request('POST', `/api/pictures?${query}`, { body: file, type })).json();
}

/** @param {string} id @param {number} side */
export const pictureUrl = (id, side) => `/api/pictures/${id}/image?side=${side}`;

/** @param {StyleRef} ref @param {number} side */
export const styleUrl = (ref, side) =>
  'picture' in ref ? pictureUrl(ref.picture, side) : `/api/styles/${encodeURIComponent(ref.style)}/image?side=${side}`;

/** @param {Job} job @param {number} side */
export const paintingUrl = (job, side) => `/api/jobs/${job.id}/image?side=${side}&version=${job.painting?.version ?? 0}`;

/** @param {Job} job */
export const previewUrl = (job) => `/api/jobs/${job.id}/preview?version=${job.preview?.version ?? 0}`;
