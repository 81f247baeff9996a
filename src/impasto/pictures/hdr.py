"""High dynamic range: the transfer functions PQ and HLG, and tone mapping to the standard range.

Reference white is 203 cd/m² (Report ITU-R BT.2408, section 2.1) and becomes the peak of the standard range. Luminances
up to the picture's peak are compressed below it by the EETF of Report ITU-R BT.2390 (section 5.4), which leaves dark
and middle tones as they are.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from impasto.pictures.colorimetry import Floats

PQ: Final = 16
"""Number of PQ, the perceptual quantiser, among the transfer functions of ITU-T H.273."""

HLG: Final = 18
"""Number of HLG, hybrid log-gamma, among the transfer functions of ITU-T H.273."""

REFERENCE_WHITE: Final = 203.0
"""Luminance of reference white in cd/m²."""

USUAL_PEAK: Final = 1000.0
"""Peak luminance in cd/m² of a PQ picture that does not state it, and of the nominal display for HLG."""

_PQ_PEAK: Final = 10_000.0  # luminance of the value 1
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_SYSTEM_GAMMA: Final = 1.2  # for a display of 1000 cd/m²


def decode_pq(values: Floats) -> Floats:
    """Convert PQ values in [0, 1] to luminances in cd/m², by the EOTF of Recommendation ITU-R BT.2100, table 4."""
    root = values ** (1 / _M2)
    return _PQ_PEAK * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def encode_pq(luminances: Floats) -> Floats:
    """Convert luminances from 0 to 10000 cd/m² to PQ values, by the inverse of ``decode_pq``."""
    power = (luminances / _PQ_PEAK) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def decode_hlg(values: Floats) -> Floats:
    """Convert HLG values in [0, 1] to scene light in [0, 1], by the inverse OETF of BT.2100, table 5."""
    return np.where(values <= 0.5, values**2 / 3, (np.exp((np.maximum(values, 0.5) - _HLG_C) / _HLG_A) + _HLG_B) / 12)


def hlg_to_display(scene: Floats, luminance_weights: Floats) -> Floats:
    """Convert scene light to luminances on the nominal display, by the OOTF of BT.2100, table 5.

    Args:
        scene: linear RGB, … × 3, in [0, 1].
        luminance_weights: share of each primary in the luminance.

    Returns:
        Linear RGB, … × 3, in cd/m².
    """
    luminance = scene @ luminance_weights
    return USUAL_PEAK * luminance[..., np.newaxis] ** (_HLG_SYSTEM_GAMMA - 1) * scene


def tone_map(light: Floats, peak: float) -> Floats:
    """Compress linear RGB to the standard range.

    The curve acts on the largest of the three channels, and the other two keep their ratio to it. Thus hues stay, and
    no channel exceeds white.

    Args:
        light: linear RGB, … × 3, in cd/m².
        peak: highest luminance of the picture in cd/m²; higher values are clipped to it.

    Returns:
        Linear RGB, … × 3, in [0, 1]; 1 is reference white.
    """
    largest = light.max(axis=-1, keepdims=True)
    ratio = compress(largest, peak) / np.maximum(largest, np.finfo(float).tiny)
    return np.minimum(light * ratio / REFERENCE_WHITE, 1)


def tone_map_hlg(scene: Floats, luminance_weights: Floats) -> Floats:
    """Convert HLG scene light to the standard range: ``hlg_to_display``, then ``tone_map``."""
    return tone_map(hlg_to_display(scene, luminance_weights), USUAL_PEAK)


def compress(luminances: Floats, peak: float) -> Floats:
    """Compress luminances to at most reference white, by the EETF of Report ITU-R BT.2390, section 5.4.

    Both black levels are 0.

    Args:
        luminances: luminances in cd/m².
        peak: luminance in cd/m² that becomes reference white. At or below reference white nothing is compressed.
    """
    if peak <= REFERENCE_WHITE:
        return np.minimum(luminances, REFERENCE_WHITE)
    top = encode_pq(np.array(min(peak, _PQ_PEAK)))
    values = np.minimum(encode_pq(np.minimum(luminances, _PQ_PEAK)) / top, 1)
    white = encode_pq(np.array(REFERENCE_WHITE)) / top
    knee = 1.5 * white - 0.5
    t = (np.maximum(values, knee) - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * white
    return np.where(values < knee, luminances, decode_pq(spline * top))
