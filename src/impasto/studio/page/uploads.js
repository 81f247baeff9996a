// @ts-check
/** Uploads by drop, paste or choice. */
import { upload } from './api.js';
import { choosePhoto, chooseStyles, draft, takeOver } from './draft.js';
import { attempt, go, putPicture, store, toast, update } from './store.js';
import { t } from './texts.js';

/** Number of files on their way to the server. */
export const uploads = { count: 0 };

/**
 * Upload files one after another, and return the pictures that the server took.
 * @param {File[]} files
 * @param {'photo' | 'style'} kind
 */
async function send(files, kind) {
  /** @type {Picture[]} */
  const pictures = [];
  uploads.count += files.length;
  update();
  for (const file of files) {
    const picture = await attempt(async () => {
      if (store.limits && file.size > store.limits.upload_bytes) {
        throw new Error(t('upload.large', { limit: t.bytes(store.limits.upload_bytes) }));
      }
      return upload(file, kind, file.name);
    });
    uploads.count -= 1;
    update();
    if (!picture) continue;
    putPicture(picture);
    pictures.push(picture);
  }
  return pictures;
}

/** Take files as photos: one to paint now, or several to paint in one style. @param {File[]} files */
export async function takePhotos(files) {
  if (!files.length) return;
  if (store.route.view === 'many' || files.length > 1) {
    const pictures = await send(files, 'photo');
    const { addPhotos } = await import('./many.js');
    addPhotos(pictures.map((picture) => picture.id));
    if (pictures.length) go('many');
    return;
  }
  const [picture] = await send(files, 'photo');
  if (!picture) return;
  if (picture.painted) bringBack(picture);
  else {
    choosePhoto(picture.id);
    go('paint');
  }
}

/** Bring back the settings of a painted picture; one button takes it as a photo instead. @param {Picture} picture */
function bringBack(picture) {
  const painted = /** @type {NonNullable<Picture['painted']>} */ (picture.painted);
  takeOver(painted, painted.texture ? {} : { photo: painted.photo ?? draft.photo, texture: false });
  const action = { label: t('painted.photo'), run: () => choosePhoto(picture.id) };
  const isComplete = (painted.photo || painted.texture) && painted.styles.every(Boolean);
  toast(t(isComplete ? 'painted.back' : 'painted.partly'), { action });
}

/** Take files as styles: chosen alone, or blended. @param {File[]} files */
export async function takeStyles(files) {
  const pictures = await send(files, 'style');
  if (!pictures.length) return;
  const refs = pictures.map((picture) => ({ picture: picture.id }));
  chooseStyles(draft.blend ? [...draft.styles, ...refs] : refs.slice(0, 1));
}

/** Listen for drops and pasted pictures everywhere on the page. */
export function listenForFiles() {
  let depth = 0;
  const hasFiles = (/** @type {DragEvent} */ event) => [...(event.dataTransfer?.types || [])].includes('Files');
  const mark = () => document.documentElement.classList.toggle('dropping', depth > 0);
  addEventListener('dragenter', (event) => {
    if (hasFiles(event)) depth += 1;
    mark();
  });
  addEventListener('dragleave', (event) => {
    if (hasFiles(event)) depth -= 1;
    mark();
  });
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    depth = 0;
    mark();
    const files = [...(event.dataTransfer?.files || [])];
    const target = /** @type {Element} */ (event.target);
    if (files.length) (target.closest?.('.tiles') ? takeStyles : takePhotos)(files);
  });
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (files.length) takePhotos(files);
  });
}
