// @ts-check
/** The loss as a small curve on a logarithmic scale. */
import { t } from './texts.js';
import { html } from './ui.js';

const WIDTH = 120;
const HEIGHT = 28;

/** @param {{ rows: number[][] }} props rows of octave, iteration and loss */
export function LossCurve({ rows }) {
  const losses = rows.map((row) => row[2]).filter((loss) => loss > 0).map(Math.log);
  if (losses.length < 2) return null;
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const points = losses.map((loss, index) => {
    const x = (index / (losses.length - 1)) * WIDTH;
    const y = 2 + (1 - (loss - low) / (high - low || 1)) * (HEIGHT - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const last = rows[rows.length - 1][2];
  return html`<svg class="losses" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} width=${WIDTH} height=${HEIGHT} role="img"
    aria-label=${t('losses', { loss: last.toPrecision(3) })}><title>${t('losses', { loss: last.toPrecision(3) })}</title>
    <polyline points=${points.join(' ')} /></svg>`;
}
