"""Colour: whose colours a painting has, the photograph's or the painting's.

Pictures are H×W×3 float32, sRGB-encoded, in [0, 1]. What perception should judge is judged in OKLab (Björn Ottosson,
*A perceptual color space for image processing*, 2020): lightness L in [0, 1] and two opponent axes a and b, of which
chroma is the length and hue the angle. Whole pictures are taken in strips, so that little memory is needed besides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from impasto.painting.colour.oklab import Array, Exact, Map, _in_strips, grey, lightness, to_oklab, with_chroma_of
from impasto.painting.colour.palette import in_palette, palette_of
from impasto.painting.colour.transfer import Affine, _root, matching, mean_and_covariance, recolouring
from impasto.painting.regions import Regions
from impasto.settings.fields import Colour


def noise(
    pictures: Sequence[Array],
    weights: Sequence[float],
    height: int,
    width: int,
    seed: int,
    regions: Regions | None = None,
) -> Array:
    """White noise in the colours of pictures: with the means of their mean and covariance, clipped to [0, 1].

    Args:
        pictures: h×w×3 each.
        weights: what each counts.
        height: of the result, in pixels.
        width: of the result, in pixels.
        seed: of the noise.
        regions: the masks: each part of the result has the colours of its own picture, by the part of it that is taken.

    Returns:
        H×W×3.
    """
    regions = regions or Regions(len(pictures), {})
    moments = [mean_and_covariance(p, regions.within(number, *p.shape[:2])) for number, p in enumerate(pictures)]
    normal = np.random.default_rng(seed).standard_normal((height, width, 3), np.float32)

    def of(group: Sequence[int]) -> Array:
        counts = _counts(weights, group)
        mean, covariance = (np.average([moments[n][i] for n in group], axis=0, weights=counts) for i in range(2))
        return np.asarray((normal @ _root(covariance).astype(np.float32) + mean).clip(0, 1), np.float32)

    return regions.blended(height, width, of)


def _same(picture: Array) -> Array:
    return picture


def _painted(painted: Array, photo: Callable[[], Array]) -> Array:
    return painted


@dataclass(frozen=True)
class Colours:
    """What becomes of a run's pictures for the sake of colour.

    Attributes:
        content: of the photograph, and of a picture that painting begins from, before painting.
        styles: of each painting, before painting.
        result: of what was painted, given also the photograph at its size, which is made where it is needed.
    """

    content: Map
    styles: Sequence[Map]
    result: Callable[[Array, Callable[[], Array]], Array] = _painted


def plan_colours(
    way: Colour,
    photo: Array | None,
    alpha: Array | None,
    styles: Sequence[Array],
    weights: Sequence[float],
    regions: Regions | None = None,
    other: Array | None = None,
) -> Colours:
    """What the settings ``colour`` and ``colours_from`` mean for some pictures.

    Args:
        way: the setting; :data:`impasto.settings.fields.COLOUR_SOURCES` says what it combines with.
        photo: H×W×3; None where there is none.
        alpha: of the photograph, H×W; transparent parts do not count in its statistics.
        styles: the paintings, h×w×3 each.
        weights: what each painting counts.
        regions: the masks: each painting is brought to the part of the photograph where it counts, by the part of it
            that is taken, and each part of the result has its own style's palette.
        other: the picture whose colours the paintings are given, by the parts of them that are taken, and whose palette
            all of the result has; where one is named.
    """
    regions = regions or Regions(len(styles), {})
    taken = [regions.within(number, *style.shape[:2]) for number, style in enumerate(styles)]
    if other is not None:
        maps = [recolouring(style, other, part) for style, part in zip(styles, taken, strict=True)]
        if way != "palette":
            return Colours(_same, maps)
        palette = palette_of([other], [1.0])
        return Colours(_same, maps, lambda painted, _: in_palette(painted, palette))
    if way == "style":
        return Colours(_same, [_same] * len(styles))
    if way == "palette":
        return Colours(_same, [_same] * len(styles), _palettes(styles, weights, taken, regions))
    assert photo is not None  # or the settings are refused
    if way == "match":
        targets = _targets(photo, alpha, regions)
        moments = [mean_and_covariance(style, part) for style, part in zip(styles, taken, strict=True)]
        return Colours(_same, [_clipped(matching(*both)) for both in zip(moments, targets, strict=True)])
    targets = _targets(lightness(photo)[..., None], alpha, regions)
    moments = [
        mean_and_covariance(lightness(style)[..., None], part) for style, part in zip(styles, taken, strict=True)
    ]
    maps = [_lightness_map(*both) for both in zip(moments, targets, strict=True)]
    return Colours(_without_chroma, maps, lambda painted, photo_at_size: with_chroma_of(painted, photo_at_size()))


def _targets(photo: Array, alpha: Array | None, regions: Regions) -> list[tuple[Exact, Exact]]:
    """For each style mean and covariance of the part of the photograph where it counts."""
    coverage = regions.coverage(*photo.shape[:2])
    if coverage is None:
        return [mean_and_covariance(photo, alpha)] * regions.count
    found: dict[int, tuple[Exact, Exact]] = {}
    for part in coverage:
        if id(part) not in found:
            found[id(part)] = mean_and_covariance(photo, part if alpha is None else part * alpha)
    return [found[id(part)] for part in coverage]


def _palettes(
    styles: Sequence[Array], weights: Sequence[float], taken: Sequence[Array | None], regions: Regions
) -> Callable[[Array, Callable[[], Array]], Array]:
    """What brings a result into the palette of the style, or the styles together, that each of its parts has."""
    palettes = {
        group: palette_of([styles[n] for n in group], _counts(weights, group), taken=[taken[n] for n in group])
        for group in regions.groups
    }

    def result(painted: Array, _: Callable[[], Array]) -> Array:
        height, width = painted.shape[:2]
        return regions.blended(height, width, lambda group: in_palette(painted, palettes[group]))

    return result


def _counts(weights: Sequence[float], group: Sequence[int]) -> list[float]:
    """Weights of some styles; where nothing of them is painted, equal ones."""
    counts = [weights[number] for number in group]
    return counts if any(counts) else [1.0] * len(group)


def _without_chroma(picture: Array) -> Array:
    return _in_strips(lambda part: grey(to_oklab(part)[..., 0]), picture)


def _lightness_map(source: tuple[Exact, Exact], target: tuple[Exact, Exact]) -> Map:
    """A painting in grey, with the photograph's mean and deviation of lightness."""
    move = matching(source, target)
    return lambda picture: _in_strips(lambda part: grey(move(to_oklab(part)[..., :1])[..., 0]), picture)


def _clipped(move: Affine) -> Map:
    return lambda picture: _in_strips(lambda part: np.asarray(move(part).clip(0, 1), np.float32), picture)
