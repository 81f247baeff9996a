"""The presets, and the changes that a texture makes to each of them."""

from __future__ import annotations

from typing import Any

from impasto.settings.fields import Preset
from impasto.settings.merging import deep_merge

_TUTORIAL: dict[str, Any] = {
    "encoder": "vgg19",
    "precision": "float32",
    "borders": "cut",
    "content_weight": 1e3,
    "style_weight": 1e-2,
    "losses": {
        "content": {"rgb": 0, "relu3_1": 0, "relu5_2": 1},
        "style": {
            "rgb": 0,
            "strokes": 0,
            "gabor": 0,
            "gabor2": 0,
            "relu1_1": 1,
            "relu2_1": 1,
            "relu3_1": 1,
            "relu4_1": 1,
            "relu5_1": 1,
        },
        "style_distance": "gram",
        "relative": False,
        "coarse_content": 1,
        "form_content": 0,
        "recolour": 0,
        "local_contrast": 0,
        "tone": 0,
        "drift": 0,
        "total_variation": 0,
        "overshoot": 0,
    },
    "optimization": {
        "method": "adam",
        # The tutorial moves an image of 0…255 at rate 5 with epsilon 0.1. In [0, 1] gradients are 255 times as large,
        # and Adam takes the same path with the rate divided by 255 and epsilon multiplied by it.
        "rate": 5 / 255,
        "beta1": 0.99,
        "epsilon": 0.1 * 255,
        "epsilon_form": "tensorflow",
        "iterations": 1000,
        "max_octaves": 1,
        "start_noise": 0,
        "clamp": "step",
        "keep": "after-best",
    },
}
"""Raymond Yuan, Neural Style Transfer: Creating Art with Deep Learning using tf.keras and eager execution, 2018."""

PRESET_CHANGES: dict[Preset, dict[str, Any]] = {
    "instant": {"optimization": {"method": "feed-forward"}},
    "quick": {"optimization": {"iterations": 13}},
    "default": {},
    "fine": {"optimization": {"iterations": 60, "tolerance": 0.005}},
    "tutorial": _TUTORIAL,
    "tutorial-core": deep_merge(
        _TUTORIAL,
        {
            "content_weight": 1e4,
            "losses": {"total_variation": 30, "total_variation_over": "sum"},
            "optimization": {"rate": 0.02, "epsilon": 0.1, "keep": "last"},
            "resampling": "bilinear",
        },
    ),
}
"""Changes of each preset to the defaults; tutorial-core is the version of the tutorial on tensorflow.org today."""

SKETCH_PRESETS: tuple[Preset, ...] = ("instant", "quick")
"""Presets of previews, and of sheets and variants of a photograph, fastest first. The first that accepts the other
settings is used."""

PREVIEW_SIZE = 256
"""Longest side of a preview in pixels."""

_TEXTURE: dict[str, Any] = {"content_weight": 0.0, "init": "noise"}

_PAINTED_TEXTURE: dict[str, Any] = _TEXTURE | {
    "encoder": "builtin",
    "style_weight": 100.0,
    # Zero padding acts like a frame around a painting. The deep layers' response to it would be painted all over a
    # texture, which has no border itself, as a grid of coloured dots.
    "padding": "reflect",
    "padding_scope": "all",
    # Without a photograph the large forms must come from small octaves.
    "optimization": {"smallest_octave": 64, "coarse_factor": 1.6},
    # Without a photograph relu5_1 decides where the large forms go. The remaining style distance is small, and a larger
    # weight of the total variation would paint blocks along the axes.
    "losses": {"style": {"strokes": 0, "gabor": 0, "gabor2": 0, "relu5_1": 0.2}, "total_variation": 0.025},
}

TEXTURE_CHANGES: dict[Preset, dict[str, Any]] = {
    "instant": {},
    "quick": deep_merge(_PAINTED_TEXTURE, {"optimization": {"iterations": 15}}),
    "default": deep_merge(_PAINTED_TEXTURE, {"optimization": {"iterations": 30}}),
    "fine": deep_merge(_PAINTED_TEXTURE, {"optimization": {"iterations": 80}}),
    "tutorial": _TEXTURE,
    "tutorial-core": _TEXTURE,
}
"""Changes of a texture to each preset."""


def texture_values(preset: str) -> dict[str, Any]:
    """Return the changes of a texture to a preset; empty for an unknown preset, which validation rejects later."""
    return next((changes for name, changes in TEXTURE_CHANGES.items() if name == preset), {})
