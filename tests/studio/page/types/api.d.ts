/** Types of the API (docs/api.md) and of the page's own state, for `tsc`. */

type StyleRef = { style: string } | { picture: string };
type Settings = Record<string, any>;

interface Picture {
  id: string; kind: 'photo' | 'style' | 'mask'; name: string; width: number; height: number;
  created: number; used: number | null; bytes: number;
  painted: { settings: Settings; photo: string | null; styles: (StyleRef | null)[]; texture: boolean } | null;
}
interface StyleTile { ref: StyleRef; name: string; description: string; used: number | null }
interface Progress {
  octave: number; octaves: number; iteration: number; iterations: number; width: number; height: number;
  loss: number; content: number; style: number; share: number; elapsed: number; remaining: number | null;
}
interface Preview { version: number; width: number; height: number }
interface Stage { number: number; octave: number; iteration: number; share: number; reason: 'octave' | 'change'; time: number }
interface Change { octave: number; iteration: number; settings: Settings; stage: number | null; time: number }
interface Painting { width: number; height: number; complete: boolean; seconds: number; version: number }
interface Job {
  id: string; state: 'queued' | 'painting' | 'stopping' | 'stopped' | 'interrupted' | 'finished' | 'failed';
  title: string; batch: string | null; photo: string | null; styles: StyleRef[]; settings: Settings;
  created: number; started: number | null; ended: number | null; message: string; notes: string[];
  progress: Progress | null; preview: Preview | null; stages: Stage[]; changes: Change[];
  resumable: boolean; painting: Painting | null; grow_from: string | null;
}
interface Batch { id: string; kind: 'batch' | 'variants'; title: string; created: number; jobs: string[]; finished: number; ended: number }
interface Limits { upload_bytes: number; pixels: number; side: number; jobs: number; batch: number; disk_bytes: number; disk_used: number }
interface Features { faces: boolean; device: string; preview_preset: string; preview_side: number }
interface Guide {
  schema: any; presets: Record<string, Settings>; texture_presets: Record<string, Settings>;
  steerable: string[]; encoders: string[];
}

interface Toast { id: number; text: string; kind: 'error' | 'note'; action?: { label: string; run: () => void } }

interface Store {
  ready: boolean; online: boolean; denied: boolean; version: string;
  jobs: Job[]; batches: Batch[]; pictures: Picture[]; styles: StyleTile[];
  limits: Limits | null; features: Features | null; guide: Guide | null;
  losses: Record<string, number[][]>;
  toasts: Toast[];
  route: { view: 'paint' | 'job' | 'batch' | 'queue' | 'many' | 'pictures'; id: string };
}

/** What the visitor is about to paint. */
interface Draft {
  photo: string | null; styles: StyleRef[]; settings: Settings; title: string; grow_from: string | null; blend: boolean;
  texture: boolean;
}

/** Region that a mask is for: of a style in the photo, of a style's own picture, or the part to protect. */
type MaskTarget = { setting: 'masks' | 'style_masks'; number: string } | { setting: 'protect' };
