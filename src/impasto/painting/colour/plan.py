"""The plan of a run's colours: maps of photograph and paintings before painting, and of the result afterwards.

Pictures are H×W×3 float32, sRGB-encoded, in [0, 1]. Perceptual quantities are computed in OKLab.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from impasto.painting.colour.arrays import Array, ColourMap, map_strips
from impasto.painting.colour.contrast import with_detail
from impasto.painting.colour.oklab import grey, lightness, to_oklab, with_chroma_of
from impasto.painting.colour.palette import in_palette, palette_of
from impasto.painting.colour.transfer import (
    Affine,
    Moments,
    matching,
    moments_of,
    recolouring,
    symmetric_root,
    transporting,
)
from impasto.painting.regions import Regions
from impasto.settings.fields import Colour
from impasto.settings.model import Settings

ResultMap = Callable[[Array, Callable[[], Array]], Array]
"""Function of the painted picture, and of a function that makes the photograph at its size, to the result."""


@dataclass(frozen=True)
class ColourInputs:
    """The pictures that determine the colours of a run.

    Attributes:
        styles: the paintings, h×w×3 each.
        weights: weight of each painting.
        regions: the masks.
        photo: the photograph, H×W×3; None for a texture.
        alpha: alpha channel of the photograph, H×W, by which its pixels are weighed; None if it is opaque.
        other: picture of the setting ``colours_from``; None if the setting is not given.
    """

    styles: Sequence[Array]
    weights: Sequence[float]
    regions: Regions
    photo: Array | None = None
    alpha: Array | None = None
    other: Array | None = None

    @property
    def style_masks(self) -> list[Array | None]:
        """For each painting the weights of its pixels, h×w; None if all of it is used."""
        return [self.regions.style_mask(number, *style.shape[:2]) for number, style in enumerate(self.styles)]

    def group_weights(self, group: Sequence[int]) -> list[float]:
        """Return the weights of some styles; equal weights if all of them are 0."""
        weights = [self.weights[number] for number in group]
        return weights if any(weights) else [1.0] * len(group)


def noise(inputs: ColourInputs, height: int, width: int, seed: int) -> Array:
    """Make white noise in the colours of the paintings: with their average mean and covariance, clipped to [0, 1].

    Args:
        inputs: paintings, weights and masks; in each region the noise has the colours of its own styles.
        height: height of the result in pixels.
        width: width of the result in pixels.
        seed: seed of the random generator.

    Returns:
        H×W×3.
    """
    moments = [moments_of(*both) for both in zip(inputs.styles, inputs.style_masks, strict=True)]
    normal = np.random.default_rng(seed).standard_normal((height, width, 3), np.float32)

    def noise_of(group: Sequence[int]) -> Array:
        weights = inputs.group_weights(group)
        mean, covariance = (np.average([moments[n][i] for n in group], axis=0, weights=weights) for i in range(2))
        return np.asarray((normal @ symmetric_root(covariance).astype(np.float32) + mean).clip(0, 1), np.float32)

    return inputs.regions.blended(height, width, noise_of)


def _unchanged(picture: Array) -> Array:
    return picture


def _unchanged_result(painted: Array, _: Callable[[], Array]) -> Array:
    return painted


@dataclass(frozen=True)
class ColourPlan:
    """The colour maps of a run.

    Attributes:
        content: map of the photograph and of the initial picture before painting.
        styles: map of each painting before painting.
        result: map of the painted picture.
    """

    content: ColourMap
    styles: Sequence[ColourMap]
    result: ResultMap = _unchanged_result


def plan_colours(mode: Colour, inputs: ColourInputs) -> ColourPlan:
    """Plan the colours of a run.

    In each region of the photograph, ``match`` and ``keep`` use the moments of that region, and ``palette`` the palette
    of its own styles.

    Args:
        mode: the setting ``colour``.
        inputs: the pictures; with ``other`` the mode is one that takes another picture's colours, as
            :data:`impasto.settings.fields.COLOUR_SOURCES` lists.
    """
    return _PLANS[mode](inputs) if inputs.other is None else _plan_other(mode, inputs.other, inputs)


def plan_content(settings: Settings, inputs: ColourInputs) -> ColourMap | None:
    """Plan the content image: the photograph that painting starts from and is compared with.

    Each region of the photograph is moved towards the mean and covariance of its own styles, or of ``other``, so that
    contrasts of its colours become contrasts of theirs. Then its detail is strengthened. Regions whose styles have the
    weight 0 stay as they are.

    Args:
        settings: settings of the run, with the colours, and how far the photograph is changed.
        inputs: the pictures, with a photograph.

    Returns:
        Map of pictures with the photograph's proportions, in place of :attr:`ColourPlan.content`. None if it would
        change no more than that.
    """
    recolour = _plan_recolouring(settings.colour, inputs, settings.recolouring_share)
    factor, share = settings.losses.local_contrast, settings.contrast_share
    if not factor or not share:
        return recolour
    change = recolour or plan_colours(settings.colour, inputs).content
    is_painted = {group: any(inputs.weights[n] for n in group) for group in inputs.regions.style_groups}

    def strengthen(picture: Array) -> Array:
        height, width = picture.shape[:2]
        changed = change(picture)
        detailed = with_detail(picture, changed, factor, share)
        return inputs.regions.blended(height, width, lambda group: detailed if is_painted[group] else changed)

    return strengthen


def _plan_recolouring(mode: Colour, inputs: ColourInputs, share: float) -> ColourMap | None:
    """Plan the photograph's colours before painting.

    Regions whose styles have the weight 0 keep their colours. Returns None if the colours stay everywhere: the share is
    0, or the mode gives the paintings the photograph's colours.
    """
    if not share or (inputs.other is None and mode not in ("style", "palette")):
        return None
    assert inputs.photo is not None  # a texture has no content
    found = _region_moments(inputs.photo, inputs.alpha, inputs.regions)
    if inputs.other is None:
        targets = [moments_of(*both) for both in zip(inputs.styles, inputs.style_masks, strict=True)]
    else:
        targets = [moments_of(inputs.other)] * len(inputs.styles)

    def move(group: tuple[int, ...]) -> ColourMap:
        weights = [inputs.weights[n] for n in group]
        if not any(weights):
            return np.copy
        return _clipped(transporting(found[group[0]], [targets[n] for n in group], weights, share))

    moves = {group: move(group) for group in inputs.regions.style_groups}

    def recolour(picture: Array) -> Array:
        height, width = picture.shape[:2]
        return inputs.regions.blended(height, width, lambda group: moves[group](picture))

    return recolour


def _plan_other(mode: Colour, other: Array, inputs: ColourInputs) -> ColourPlan:
    """Give the paintings another picture's colours, and the result its palette if the mode asks for it."""
    maps = [recolouring(style, other, mask) for style, mask in zip(inputs.styles, inputs.style_masks, strict=True)]
    if mode != "palette":
        return ColourPlan(_unchanged, maps)
    palette = palette_of([other], [1.0])
    return ColourPlan(_unchanged, maps, lambda painted, _: in_palette(painted, palette))


def _plan_style(inputs: ColourInputs) -> ColourPlan:
    """Leave all colours unchanged."""
    return ColourPlan(_unchanged, [_unchanged] * len(inputs.styles))


def _plan_match(inputs: ColourInputs) -> ColourPlan:
    """Give each painting the mean and covariance of its region of the photograph."""
    return ColourPlan(_unchanged, [_clipped(matching(*pair)) for pair in _moment_pairs(inputs, _unchanged)])


def _plan_keep(inputs: ColourInputs) -> ColourPlan:
    """Paint in grey with the photograph's moments of lightness, and add its chroma to the result."""
    pairs = _moment_pairs(inputs, lambda picture: lightness(picture)[..., None])
    maps = [_lightness_map(matching(*pair)) for pair in pairs]
    return ColourPlan(_without_chroma, maps, lambda painted, photo: with_chroma_of(painted, photo()))


def _plan_palette(inputs: ColourInputs) -> ColourPlan:
    """Convert each region of the result to the palette of its own styles."""
    masks, regions = inputs.style_masks, inputs.regions
    palettes = {
        group: palette_of(
            [inputs.styles[n] for n in group], inputs.group_weights(group), pixel_weights=[masks[n] for n in group]
        )
        for group in regions.style_groups
    }

    def result(painted: Array, _: Callable[[], Array]) -> Array:
        height, width = painted.shape[:2]
        return regions.blended(height, width, lambda group: in_palette(painted, palettes[group]))

    return ColourPlan(_unchanged, [_unchanged] * len(inputs.styles), result)


_PLANS: dict[Colour, Callable[[ColourInputs], ColourPlan]] = {
    "style": _plan_style,
    "keep": _plan_keep,
    "match": _plan_match,
    "palette": _plan_palette,
}


def _moment_pairs(inputs: ColourInputs, channels_of: ColourMap) -> list[tuple[Moments, Moments]]:
    """Compute for each style the moments of its pixels and those of its region of the photograph.

    Args:
        inputs: the pictures.
        channels_of: converts a picture to the channels whose moments are computed.
    """
    assert inputs.photo is not None  # the settings are refused without a photograph
    targets = _region_moments(channels_of(inputs.photo), inputs.alpha, inputs.regions)
    return [
        (moments_of(channels_of(style), mask), target)
        for style, mask, target in zip(inputs.styles, inputs.style_masks, targets, strict=True)
    ]


def _region_moments(photo: Array, alpha: Array | None, regions: Regions) -> list[Moments]:
    """Compute for each style the moments of its region of the photograph, H×W×C."""
    coverage = regions.coverage(*photo.shape[:2])
    if coverage is None:
        return [moments_of(photo, alpha)] * regions.count
    by_region: dict[int, Moments] = {}
    for region in coverage:  # styles without a mask share one array
        if id(region) not in by_region:
            by_region[id(region)] = moments_of(photo, region if alpha is None else region * alpha)
    return [by_region[id(region)] for region in coverage]


def _without_chroma(picture: Array) -> Array:
    return map_strips(lambda strip: grey(to_oklab(strip)[..., 0]), picture)


def _lightness_map(move: Affine) -> ColourMap:
    """Make the map of a picture to grey whose lightness is moved."""
    return lambda picture: map_strips(lambda strip: grey(move(to_oklab(strip)[..., :1])[..., 0]), picture)


def _clipped(move: Affine) -> ColourMap:
    return lambda picture: map_strips(lambda strip: np.asarray(move(strip).clip(0, 1), np.float32), picture)
