"""Types of the keywords that set settings, for editors and type checkers; a test compares them with the model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from impasto.settings.fields import Colour, Precision, Preset

FilePath = str | os.PathLike[str]
"""Path of a file."""


class LossesKeywords(TypedDict, total=False):
    """Keys of ``losses``, as in :class:`impasto.settings.model.Losses`."""

    content: Mapping[str, float]
    style: Mapping[str, float]
    style_distance: Literal["gaussian", "gram"]
    relative: bool
    coarse_content: float
    form_content: float
    recolour: float
    local_contrast: float
    tone: float
    drift: float
    total_variation: float
    total_variation_over: Literal["mean", "sum"]
    overshoot: float


class OptimizationKeywords(TypedDict, total=False):
    """Keys of ``optimization``, as in :class:`impasto.settings.model.Optimization`."""

    method: Literal["lbfgs", "adam", "feed-forward"]
    history: int
    rate: float
    beta1: float
    beta2: float
    epsilon: float
    epsilon_form: Literal["pytorch", "tensorflow"]
    iterations: int
    tolerance: float
    coarse_factor: float
    smallest_octave: int | None
    octave_ratio: float
    max_octaves: int
    clamp: Literal["octave", "step"]
    keep: Literal["best", "after-best", "last"]
    start_noise: float


class CommonKeywords(TypedDict, total=False):
    """Keywords of all settings except the masks, as in :class:`impasto.settings.model.Settings`.

    ``iterations`` stands for ``optimization={"iterations": …}``.
    """

    preset: Preset
    size: int | str | tuple[int, int]
    strength: float | str | None
    style_weights: Sequence[float] | None
    content_weight: float | None
    style_weight: float | None
    colour: Colour
    colours_from: FilePath | None
    stroke_size: float
    detail: float | str
    encoder: str
    pooling: Literal["average", "binomial", "max"] | None
    padding: Literal["zeros", "replicate", "reflect"] | None
    padding_scope: Literal["first", "all"] | None
    borders: Literal["bleed", "mirrored", "cut"]
    init: str
    grow_from: FilePath | None
    seamless: bool
    losses: LossesKeywords
    optimization: OptimizationKeywords
    iterations: int
    seed: int
    threads: int | None
    device: str
    precision: Literal["auto"] | Precision
    memory: str | int | None
    tile: int | None
    resampling: Literal["antialiased", "bilinear"]
    depth: Literal[8, 16]
    max_pixels: int


class SettingsKeywords(CommonKeywords, total=False):
    """Keywords of all settings; the masks are files."""

    masks: Mapping[int, FilePath | None]
    style_masks: Mapping[int, FilePath | None]
    protect: FilePath | None
