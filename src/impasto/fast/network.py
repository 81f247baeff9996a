"""The instant network on ONNX Runtime, with the maps between its blocks computed in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from impasto.fast.graphs import LEVELS, PHOTO_LEVEL
from impasto.fast.histograms import Histograms, Margins, match_histograms, measure_histograms
from impasto.fast.maps import (
    Array,
    Moments,
    Style,
    blend_at,
    matching_at,
    measured_style,
    mixed_map,
    moments,
    tukey_window,
)

STRIDE = 8
"""Pixels between positions of the coarsest level; the sides of a photograph are multiples of it."""


class MeasuredStyle(NamedTuple):
    """A painting's statistics.

    Attributes:
        levels: distribution at each level, and of the pixels at last.
        histograms: histograms of the bands and of the pixels.
    """

    levels: Sequence[Style]
    histograms: Histograms


class Network:
    """Encoder and decoder.

    Args:
        models: models by file name, from :mod:`impasto.fast.export`.
        threads: number of CPU threads.
        encoder_sha256: SHA-256 of the file of weights that the encoder was made from.
    """

    def __init__(self, models: Mapping[str, bytes], threads: int, encoder_sha256: str = "") -> None:
        self.threads, self.encoder_sha256 = threads, encoder_sha256
        self._encoder = _session(models["encoder.onnx"], threads)
        self._blocks = [_session(models[f"decoder_{level}.onnx"], threads) for level in LEVELS]

    def measure_style(self, style: Array) -> MeasuredStyle:
        """Measure a painting's distributions and histograms.

        Args:
            style: H×W×3 in [0, 1].
        """
        image = _to_batch(style)
        features = self._encoder.run(LEVELS, {"image": image})
        levels = [measured_style(moments(_by_channel(x))) for x in (*features, image)]
        return MeasuredStyle(levels, measure_histograms(image[0]))

    def paint(
        self,
        photo: Array,
        styles: Sequence[MeasuredStyle],
        weights: Sequence[float],
        strength: float,
        margins: Margins = ((0, 0), (0, 0)),
    ) -> Array:
        """Paint a photograph.

        Args:
            photo: H×W×3 in [0, 1], with sides that are multiples of :data:`STRIDE`.
            styles: statistics of each painting.
            weights: weight of each painting; at least one is above 0.
            strength: strength of the network in [0, 1].
            margins: margins of the photograph, whose histograms do not count.

        Returns:
            H×W×3, about [0, 1].
        """
        x, photo_features = self._encoder.run((LEVELS[0], PHOTO_LEVEL), {"image": _to_batch(photo)})
        *at_levels, of_pixels = zip(*(style.levels for style in styles), strict=True)
        for level, block, at_level in zip(LEVELS, self._blocks, at_levels, strict=True):
            if level == PHOTO_LEVEL:
                x = np.maximum(photo_features + np.float32(blend_at(strength)) * x, 0)
            found = mixed_map(_photo_moments(x), at_level, weights, strength)
            inputs = {"features": x, "matrix": found.matrix, "bias": found.bias, "strength": [strength]}
            (x,) = block.run(["next"], {name: np.asarray(value, np.float32) for name, value in inputs.items()})
        found = mixed_map(_photo_moments(x), of_pixels, weights, strength)
        pixels = found.matrix.astype(np.float32) @ _by_channel(x) + found.bias.astype(np.float32)[:, None]
        histograms = [style.histograms for style in styles]
        pixels = pixels.reshape(x.shape[1:]).clip(0, 1)
        painted = match_histograms(pixels, histograms, weights, matching_at(strength), margins)
        return np.ascontiguousarray(painted.transpose(1, 2, 0))


def _session(model: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors alone
    # Threads that wait in a busy loop would take the cores from other programs, and from NumPy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _to_batch(pixels: Array) -> Array:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)[None]


def _photo_moments(features: Array) -> Moments:
    """Measure the moments of a photograph's features, 1×C×H×W, whose positions count less near the border."""
    down, across = (tukey_window(length) for length in features.shape[2:])
    return moments(_by_channel(features), np.outer(down, across).ravel())


def _by_channel(features: Array) -> Array:
    """View 1×C×H×W as C×N."""
    return features[0].reshape(features.shape[1], -1)
