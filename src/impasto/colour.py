"""Colour: whose colours a painting has, the photograph's or the painting's.

Pictures are H×W×3 float32, sRGB-encoded, in [0, 1]. What perception should judge is judged in OKLab (Björn Ottosson,
*A perceptual color space for image processing*, 2020): lightness L in [0, 1] and two opponent axes a and b, of which
chroma is the length and hue the angle. Whole pictures are taken in strips, so that little memory is needed besides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.regions import Regions
from impasto.settings.fields import Colour

Array = npt.NDArray[np.float32]
Exact = npt.NDArray[np.float64]
Map = Callable[[Array], Array]
"""From a picture to one of the same size."""

PALETTE = 16
"""Colours of a palette, where the painting has so many."""

STRIP = 1 << 16
"""Pixels that are worked on at once."""

LEAST_DEVIATION = 2 / 255
"""Standard deviation under which a picture is taken as flat in a direction: what is there is rounding or noise, and
stretching it to another picture's contrast would paint that."""

_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
"""Linear sRGB to the cones' answers."""

_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Their cube roots to L, a, b."""

_FROM_LMS, _FROM_LAB = np.linalg.inv(_LMS), np.linalg.inv(_LAB)


def to_linear(encoded: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Undo sRGB's encoding (IEC 61966-2-1); any shape, values in [0, 1]."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((np.maximum(encoded, 0.04045) + 0.055) / 1.055) ** 2.4)


def to_encoded(linear: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The inverse of :func:`to_linear`; negative values stay negative."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def to_oklab(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Bring sRGB to OKLab; the last axis holds the channels, floating-point type kept."""
    cones = to_linear(rgb) @ _LMS.T.astype(rgb.dtype)
    return np.asarray(np.cbrt(cones) @ _LAB.T.astype(rgb.dtype))


def to_srgb(lab: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """OKLab to sRGB, the inverse of :func:`to_oklab`; colours that sRGB lacks come out beyond [0, 1]."""
    return to_encoded(_linear_from(lab))


def _linear_from(lab: npt.NDArray[Any]) -> npt.NDArray[Any]:
    cones = (lab @ _FROM_LAB.T.astype(lab.dtype)) ** 3
    return np.asarray(cones @ _FROM_LMS.T.astype(lab.dtype))


def into_gamut(lab: npt.NDArray[Any], steps: int = 14) -> npt.NDArray[Any]:
    """OKLab colours with no more chroma than sRGB has at their hue and lightness, which stay as they are.

    Args:
        lab: …×3, L in [0, 1].
        steps: halvings of the interval in which the largest chroma is sought.
    """
    flat = lab.reshape(-1, 3).copy()
    outside = np.flatnonzero(~_in_gamut(flat))
    if outside.size:
        colours = flat[outside]
        low, high = np.zeros((len(colours), 1), flat.dtype), np.ones((len(colours), 1), flat.dtype)
        scale = np.array([0, 1, 1], flat.dtype)
        for _ in range(steps):
            middle = (low + high) / 2
            fits = _in_gamut(colours * (1 - scale + scale * middle))[:, None]
            low, high = np.where(fits, middle, low), np.where(fits, high, middle)
        flat[outside] = colours * (1 - scale + scale * low)
    return flat.reshape(lab.shape)


def _in_gamut(lab: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    linear = _linear_from(lab)
    return np.asarray(((linear >= -1e-5) & (linear <= 1 + 1e-5)).all(axis=-1))


def lightness(picture: Array) -> Array:
    """OKLab's L of an H×W×3 picture, H×W."""
    return _in_strips(lambda part: to_oklab(part)[..., :1], picture)[..., 0]


def grey(light: Array) -> Array:
    """The H×W×3 picture without chroma of an H×W lightness."""
    one = to_encoded(np.clip(light, 0, 1) ** 3).astype(np.float32)
    return np.repeat(one[..., None], 3, axis=-1)


def with_chroma_of(painted: Array, photo: Array) -> Array:
    """The lightness of one picture with the hue and chroma of another of the same size.

    Where sRGB has no such colour, the chroma is lowered until there is one; hue and lightness stay. This is Gatys,
    Bethge, Hertzmann, Shechtman, *Preserving Color in Neural Artistic Style Transfer* (2016), in OKLab.
    """

    def recompose(painted: Array, photo: Array) -> Array:
        lab = to_oklab(photo)
        lab[..., 0] = to_oklab(painted)[..., 0].clip(0, 1)
        return np.asarray(to_srgb(into_gamut(lab)).clip(0, 1), np.float32)

    return _in_strips(recompose, painted, photo)


def mean_and_covariance(picture: Array, weights: Array | None = None) -> tuple[Exact, Exact]:
    """Of the colours of a picture.

    Args:
        picture: H×W×C.
        weights: H×W, what each pixel counts, such as its alpha; where all are 0, or none are given, all count alike.

    Returns:
        C means and the C×C covariance, float64.
    """
    channels = picture.shape[-1]
    if weights is not None and not weights.any():
        weights = None
    total, first, second = 0.0, np.zeros(channels), np.zeros((channels, channels))
    shift = picture[0, 0].astype(np.float64)  # near the colours, or the squares would cancel
    for rows in _strips(*picture.shape[:2]):
        x = picture[rows].reshape(-1, channels) - shift
        w = np.ones(len(x)) if weights is None else weights[rows].reshape(-1).astype(np.float64)
        total, first, second = total + w.sum(), first + w @ x, second + (x * w[:, None]).T @ x
    mean = first / total
    return mean + shift, second / total - np.outer(mean, mean)


@dataclass(frozen=True)
class Affine:
    """A linear map of colours about a mean, which it moves.

    Attributes:
        matrix: C×C.
        source: C, the mean that is moved.
        target: C, where it comes to lie.
    """

    matrix: Exact
    source: Exact
    target: Exact

    def __call__(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The picture's colours mapped, not clipped; floating-point type kept."""
        kind = picture.dtype
        return (picture - self.source.astype(kind)) @ self.matrix.T.astype(kind) + self.target.astype(kind)


def matching(source: tuple[Exact, Exact], target: tuple[Exact, Exact]) -> Affine:
    """The map that gives a picture's colours another picture's mean and covariance.

    This is the linear matching of Gatys et al., *Controlling Perceptual Factors in Neural Style Transfer* (2017), in
    the form with symmetric roots, from *Image Analogies* (Hertzmann et al. 2001). Directions in which the source's
    deviation is under :data:`LEAST_DEVIATION` (those of hue in a grey picture) are stretched the less the flatter they
    are, so that there the target's covariance is not reached.

    Args:
        source: mean and covariance of the picture to map.
        target: those that its colours are to have.
    """
    values, vectors = np.linalg.eigh(source[1])
    scales = np.sqrt(np.maximum(values, 0)) / np.maximum(values, LEAST_DEVIATION**2)
    matrix = _root(target[1]) @ (vectors * scales) @ vectors.T
    return Affine(matrix, source[0], target[0])


KNOTS = np.linspace(0, 1, 65)
"""Shares of the pixels at which two distributions are brought together."""


def recolouring(source: Array, target: Array, taken: Array | None = None) -> Map:
    """The map that gives a picture another picture's colours: their mean and covariance, and how they are distributed.

    After :func:`matching`, the distribution along each principal axis of the target's colours is brought to the
    target's own, quantile by quantile; this is one turn of Pitié, Kokaram and Dahyot, *Automated colour grading using
    colour distribution transfer* (2007). Along an axis where matching left the source flatter than the target, since it
    is all but flat there, the target's quantiles are drawn together as much.

    Args:
        source: h×w×3, the picture to map.
        target: H×W×3, whose colours it is to have.
        taken: None or h×w, what each pixel of the source counts.
    """
    moments = mean_and_covariance(target)
    move = matching(mean_and_covariance(source, taken), moments)
    axes = np.linalg.eigh(moments[1])[1]
    pixels, shares = _sample(source, taken)
    have = _quantiles(move(pixels.astype(np.float64)) @ axes, shares)
    pixels, shares = _sample(target)
    want = _quantiles(pixels.astype(np.float64) @ axes, shares)
    reached = np.minimum(1, have.std(axis=0) / np.maximum(want.std(axis=0), 1e-6))
    want = want.mean(axis=0) + (want - want.mean(axis=0)) * reached

    def recolour(part: Array) -> Array:
        along = move(part.astype(np.float64)) @ axes
        for axis in range(3):
            along[..., axis] = np.interp(along[..., axis], have[:, axis], want[:, axis])
        return np.asarray((along @ axes.T).clip(0, 1), np.float32)

    return lambda picture: _in_strips(recolour, picture)


def _quantiles(values: Exact, shares: Exact) -> Exact:
    """At :data:`KNOTS`, for each column of n×C values; where the shares, which sum to 1, are equal, numpy's own."""
    found = []
    for column in values.T:
        order = np.argsort(column, kind="stable")
        middles = np.cumsum(shares[order]) - shares[order] / 2
        places = (middles - middles[0]) / max(middles[-1] - middles[0], 1e-12)
        found.append(np.interp(KNOTS, places, column[order]))
    return np.stack(found, axis=1)


def _root(covariance: Exact) -> Exact:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def palette_of(
    pictures: Sequence[Array],
    weights: Sequence[float],
    size: int = PALETTE,
    taken: Sequence[Array | None] = (),
) -> Array:
    """The colours that pictures are mostly made of.

    Binary splitting (Orchard and Bouman, *Color Quantization of Images*, 1991: the cluster of the largest variance is
    cut at its mean, across its principal axis), refined by Lloyd's k-means. Nothing in it is random.

    Args:
        pictures: H×W×3 each.
        weights: what each counts; those of 0 are left out.
        size: number of colours; fewer come out where there are fewer.
        taken: for each picture None or H×W, what each pixel counts.

    Returns:
        K×3, OKLab.
    """
    parts = taken or (None,) * len(pictures)
    counted = [(p, part, weight) for p, part, weight in zip(pictures, parts, weights, strict=True) if weight > 0]
    samples = [_sample(picture, part) for picture, part, _ in counted]
    colours = to_oklab(np.concatenate([pixels for pixels, _ in samples]).astype(np.float64))
    w = np.concatenate([weight * share for (_, share), (*_, weight) in zip(samples, counted, strict=True)])
    clusters = [np.arange(len(colours))]
    while len(clusters) < size:
        spreads = [_spread(colours[c], w[c]) for c in clusters]
        widest = max(range(len(clusters)), key=lambda i: spreads[i][0])
        variance, axis, mean = spreads[widest]
        if variance < 1e-6 * w.sum():
            break
        cluster = clusters.pop(widest)
        side = (colours[cluster] - mean) @ axis > 0
        clusters += [cluster[side], cluster[~side]]
    centres = np.stack([np.average(colours[c], axis=0, weights=w[c]) for c in clusters])
    for _ in range(20):
        nearest = _squares(colours, centres).argmin(axis=1)
        masses = np.bincount(nearest, w, len(centres))
        sums = np.stack([np.bincount(nearest, w * colours[:, i], len(centres)) for i in range(3)], axis=1)
        centres = np.where(masses[:, None] > 0, sums / np.maximum(masses, 1e-12)[:, None], centres)
    return centres.astype(np.float32)


def _sample(picture: Array, taken: Array | None = None) -> tuple[Array, Exact]:
    """Some of the pixels, at most about 16,000, from a regular grid; n×3, and what each counts, together 1."""
    height, width = picture.shape[:2]
    step = max(1, int(np.ceil(np.sqrt(height * width / (1 << 14)))))
    grid = (slice(step // 2 % height, None, step), slice(step // 2 % width, None, step))
    if taken is None:
        pixels = picture[grid].reshape(-1, 3)
        return pixels, np.full(len(pixels), 1 / len(pixels))
    # A small part might lie between the grid's points, so these are every so many of its own pixels.
    places = np.flatnonzero(taken)
    places = places[:: -(-len(places) // (1 << 14))]
    shares = taken.reshape(-1)[places].astype(np.float64)
    return picture.reshape(-1, 3)[places], shares / shares.sum()


def _spread(colours: Exact, weights: Exact) -> tuple[float, Exact, Exact]:
    """A cluster's weighted variance along its principal axis, that axis, and its mean."""
    mean = np.average(colours, axis=0, weights=weights)
    centred = colours - mean
    values, vectors = np.linalg.eigh((centred * weights[:, None]).T @ centred)
    return float(values[-1]), vectors[:, -1], mean


def _squares(colours: npt.NDArray[Any], centres: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Squared distances, n×K."""
    squares = (colours**2).sum(1)[:, None] - 2 * colours @ centres.T + (centres**2).sum(1)
    return np.asarray(np.maximum(squares, 0))


def in_palette(picture: Array, palette: Array) -> Array:
    """A picture in the colours of a palette.

    Each colour becomes a mixture of the palette's colours, which count by a Gaussian of their distance in OKLab, a
    third of the palette's usual spacing wide: near one it is all but that one, and between two it passes softly.

    Args:
        picture: H×W×3.
        palette: K×3, OKLab.
    """
    if len(palette) == 1:
        width = 1.0
    else:
        gaps = _squares(palette, palette)
        np.fill_diagonal(gaps, np.inf)
        width = float(np.median(np.sqrt(gaps.min(axis=1)))) / 3

    def mix(part: Array) -> Array:
        squares = _squares(to_oklab(part).reshape(-1, 3), palette)
        squares -= squares.min(axis=1, keepdims=True)
        shares = np.exp(-squares / (2 * width**2))
        lab = (shares @ palette) / shares.sum(axis=1, keepdims=True)
        return np.asarray(to_srgb(into_gamut(lab)).clip(0, 1).reshape(part.shape), np.float32)

    return _in_strips(mix, picture)


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


def _strips(height: int, width: int) -> list[slice]:
    rows = max(1, STRIP // width)
    return [slice(first, min(first + rows, height)) for first in range(0, height, rows)]


def _in_strips(function: Callable[..., Array], *pictures: Array) -> Array:
    """A function of single pixels on pictures of one size, strip by strip."""
    parts: Array | None = None
    for rows in _strips(*pictures[0].shape[:2]):
        part = function(*(picture[rows] for picture in pictures))
        if parts is None:
            parts = np.empty((*pictures[0].shape[:2], part.shape[-1]), np.float32)
        parts[rows] = part
    assert parts is not None
    return parts
