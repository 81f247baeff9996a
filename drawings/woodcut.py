"""Woodcut: a breaking wave under a low red sun, printed in a few flat inks in the manner of a Japanese woodblock.

Every shape is a spline. A shape cuts its area into the colour blocks and rubs out the key block beneath it; the key
block then takes its outline, a ribbon of varying width. The wave's stripes are curves between its hollow face and its
back, so that they follow its form; the foam is made of claws that branch into smaller claws. At last the blocks are
printed one over the other on laid paper, each a little out of register, with the grain of the cherry wood in the ink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from drawings.brushes import Floats, picture_size, smooth_noise

ASPECT = 4 / 3
SUPERSAMPLING = 3

PALETTE: dict[str, tuple[int, int, int]] = {
    "paper": (241, 229, 203),
    "foam": (247, 240, 222),
    "dusk": (92, 120, 142),
    "pale": (158, 186, 190),
    "middle": (76, 122, 152),
    "deep": (30, 64, 112),
    "key": (20, 32, 60),
    "blush": (222, 150, 108),
    "sun": (204, 84, 56),
    "ochre": (206, 158, 90),
}
INKS = ("foam", "pale", "middle", "deep", "sun", "ochre")  # the colour blocks, in the order of printing
GRAIN_SHOWN = {"foam": 0.3, "sun": 0.55}  # the wood shows less under a light or a thick ink

Points = NDArray[np.float64]


def draw(long_side: int = 1024, seed: int = 0) -> Floats:
    """Print the picture: H×W×3 float32 in [0, 1], the same for the same seed.

    Args:
        long_side: Width in pixels; the height follows.
        seed: Which impression it is: foam, spray and grain differ, the composition stays.
    """
    rng = np.random.default_rng(seed)
    blocks = Blocks(*picture_size(long_side, ASPECT))
    _cut_sun(blocks)
    _cut_mist(blocks, rng)
    _cut_headlands(blocks, rng)
    _cut_far_sea(blocks, rng)
    _cut_boats(blocks)
    _cut_breaker(blocks, rng, Placing(0.47, -0.10, 0.570, 0.76))
    _cut_breaker(blocks, rng, Placing(1.0, 0.0, 0.0))
    for swell in SWELLS:
        _cut_swell(blocks, rng, swell)
    _cut_birds(blocks)
    return _printed(blocks, rng)


# --- curves -----------------------------------------------------------------------------------------------------------


def spline(knots: Sequence[tuple[float, float]] | Points, samples: int = 240) -> Points:
    """Return a Catmull-Rom curve through the knots, sampled evenly along its length."""
    through = np.asarray(knots, dtype=float)
    padded = np.vstack([2 * through[0] - through[1], through, 2 * through[-1] - through[-2]])
    t = np.linspace(0, 1, 24, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True):
        cubic = (3 * b - a - 3 * c + d) * t**3 + (2 * a - 5 * b + 4 * c - d) * t**2 + (c - a) * t + 2 * b
        pieces.append(0.5 * cubic)
    return evenly(np.vstack([*pieces, through[-1:]]), samples)


def evenly(curve: Points, samples: int) -> Points:
    """Return the same curve with points at equal distances."""
    reach = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    at = np.linspace(0, reach[-1], samples)
    return np.stack([np.interp(at, reach, curve[:, 0]), np.interp(at, reach, curve[:, 1])], axis=1)


def normals(curve: Points) -> Points:
    """Return unit normals of a curve, a quarter turn clockwise from its direction with y pointing down."""
    along = np.gradient(curve, axis=0)
    along /= np.hypot(*along.T)[:, None] + 1e-12
    return np.stack([along[:, 1], -along[:, 0]], axis=1)


def ribbon(curve: Points, width: Points | float) -> Points:
    """Return the outline of a line of varying width."""
    aside = normals(curve) * (np.broadcast_to(width, len(curve)) / 2)[:, None]
    return np.vstack([curve + aside, (curve - aside)[::-1]])


def moved(curve: Points, x: float, y: float) -> Points:
    """Return the curve, shifted."""
    return np.asarray(curve + np.array([x, y]))


def swelling(samples: int, ends: float = 0.15) -> Points:
    """Return the relative width of a cut line, thin at both ends."""
    t = np.linspace(0, 1, samples)
    return np.asarray(ends + (1 - ends) * np.sin(np.pi * t) ** 0.7)


# --- the blocks -------------------------------------------------------------------------------------------------------


class Blocks:
    """The carved blocks: one mask per ink, and the key block with the dark lines; lengths in picture heights."""

    def __init__(self, height: int, width: int) -> None:
        """Prepare uncut blocks for a print of the given size."""
        self.height, self.width = height, width
        size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
        self._unit = height * SUPERSAMPLING
        self.inks = Image.new("L", size, 0)
        self.key = Image.new("L", size, 0)
        self._on_inks, self._on_key = ImageDraw.Draw(self.inks), ImageDraw.Draw(self.key)

    def area(self, outline: Points, ink: str) -> None:
        """Give an area to one ink and clear the key block there."""
        corners = self._corners(outline)
        self._on_inks.polygon(corners, fill=0 if ink == "paper" else INKS.index(ink) + 1)
        self._on_key.polygon(corners, fill=0)

    def tint(self, outline: Points, ink: str) -> None:
        """Give an area to one ink and leave the key block alone."""
        self._on_inks.polygon(self._corners(outline), fill=INKS.index(ink) + 1)

    def dark(self, outline: Points) -> None:
        """Leave an area standing on the key block."""
        self._on_key.polygon(self._corners(outline), fill=255)

    def line(self, curve: Points, width: float, ends: float = 0.15) -> None:
        """Leave a line standing on the key block, at most ``width`` wide."""
        self.dark(ribbon(curve, width * swelling(len(curve), ends)))

    def _corners(self, outline: Points) -> list[tuple[float, float]]:
        return [(x, y) for x, y in (outline * self._unit).tolist()]


# --- sky, coast and far sea -------------------------------------------------------------------------------------------

SUN = (0.255, 0.315, 0.098)
HORIZON = 0.662


def _circle(x: float, y: float, radius: float, samples: int = 90) -> Points:
    turn = np.linspace(0, 2 * np.pi, samples)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1)


def _cut_sun(blocks: Blocks) -> None:
    blocks.area(_circle(*SUN), "sun")


def _cut_mist(blocks: Blocks, rng: np.random.Generator) -> None:
    """Cut long flat banks of evening mist, each of a few strips of different length."""
    for x, y, length, thick in (
        (-0.10, 0.372, 0.52, 0.017),
        (0.62, 0.040, 0.42, 0.014),
        (-0.12, 0.120, 0.44, 0.016),
        (1.08, 0.120, 0.42, 0.015),
    ):
        for strip in range(3):
            start = x + rng.uniform(-0.10, 0.10)
            level = y + 0.82 * thick * (strip - 1)
            bend = 0.0025 * rng.standard_normal(5).cumsum()
            reach = length * rng.uniform(0.55, 1.0)
            middle = spline([(start + reach * k / 4, level + bend[k]) for k in range(5)])
            width = thick * swelling(len(middle), 0.0) ** 0.45
            blocks.tint(ribbon(middle, width), "foam")
            for share in (-0.30, 0.12):
                first = int(rng.uniform(0.05, 0.4) * len(middle))
                part = moved(middle[first : first + int(rng.uniform(0.25, 0.5) * len(middle))], 0, share * thick)
                blocks.tint(ribbon(part, 0.0030 * swelling(len(part), 0.0)), "pale")


def _cut_headlands(blocks: Blocks, rng: np.random.Generator) -> None:
    """Cut two ranges of hills on the horizon, hatched along their slopes."""
    ranges = (
        ([(-0.1, 0.60), (0.02, 0.575), (0.10, 0.592), (0.19, 0.562), (0.30, 0.606), (0.40, 0.64), (0.5, 0.67)], "pale"),
        ([(-0.1, 0.615), (-0.02, 0.610), (0.06, 0.628), (0.13, 0.621), (0.22, 0.650), (0.30, 0.672)], "middle"),
    )
    for knots, ink in ranges:
        ridge = spline(knots)
        blocks.area(np.vstack([ridge, [(ridge[-1, 0], 0.7), (-0.1, 0.7)]]), ink)
        blocks.line(ridge, 0.0034)
        for at in np.arange(6, len(ridge) - 16, 4):
            foot = ridge[at] + [rng.uniform(0.012, 0.028), rng.uniform(0.02, 0.045)]
            fold = spline([tuple(ridge[at]), tuple((ridge[at] + foot) / 2 + [0.002, -0.003]), tuple(foot)], 20)
            blocks.dark(ribbon(fold, 0.0021 * np.linspace(1, 0.1, 20)))


def _cut_far_sea(blocks: Blocks, rng: np.random.Generator) -> None:
    """Cut rows of small pointed waves that grow towards the viewer."""
    left, right = -0.05, ASPECT + 0.05
    blocks.area(np.array([(left, HORIZON), (right, HORIZON), (right, 1.02), (left, 1.02)]), "pale")
    blocks.line(np.array([(left, HORIZON), (right, HORIZON)]), 0.003, 1.0)
    y, row = HORIZON + 0.006, 0
    while y < 0.93:
        near = (y - HORIZON) / 0.3
        pitch = 0.022 + 0.07 * near
        _cut_ripples(blocks, rng, y, pitch, 0.22 * pitch, ("middle", "deep", "middle", "pale")[row % 4])
        y += 0.010 + 0.024 * near
        row += 1


def _cut_ripples(blocks: Blocks, rng: np.random.Generator, y: float, pitch: float, rise: float, ink: str) -> None:
    x = np.arange(-0.1, ASPECT + 0.1, 0.002)
    phase = x / pitch + 0.25 * np.sin(9 * x + rng.uniform(0, 6)) + rng.uniform(0, 1)
    crest = y - rise * (1 - np.abs(np.sin(np.pi * phase))) ** 1.6
    top = np.stack([x, crest], axis=1)
    blocks.area(np.vstack([top, np.stack([x, crest + 1.2 * rise + 0.004], axis=1)[::-1]]), ink)
    thickness = 0.0008 + 0.10 * rise * (0.4 + 0.6 * np.abs(np.sin(0.5 * np.pi * phase + 0.6)))
    blocks.dark(ribbon(top, thickness))


def _cut_boats(blocks: Blocks) -> None:
    for x, y, size in ((0.520, 0.672, 0.042), (0.605, 0.668, 0.027)):
        sail = spline([(x, y - 1.55 * size), (x + 0.62 * size, y - 0.9 * size), (x + 0.5 * size, y - 0.2 * size)], 30)
        sail = np.vstack([sail, [(x - 0.12 * size, y - 0.2 * size), (x, y - 1.55 * size)]])
        hull = spline([(x - 0.6 * size, y - 0.2 * size), (x, y + 0.10 * size), (x + 0.75 * size, y - 0.24 * size)], 30)
        blocks.area(sail, "foam")
        blocks.line(evenly(sail, 80), 0.0028, 0.7)
        for share in (0.3, 0.6):
            seam = sail[0] + share * (sail[-2] - sail[0]), sail[0] + share * (sail[29] - sail[0])
            blocks.line(np.array(seam), 0.0014, 1.0)
        blocks.area(hull, "ochre")
        blocks.line(np.vstack([hull, hull[:1]]), 0.0034, 0.6)


def _cut_birds(blocks: Blocks) -> None:
    """Cut a few plovers that fly before the wave."""
    for x, y, size in ((0.40, 0.215, 0.022), (0.345, 0.185, 0.018), (0.445, 0.165, 0.017), (0.30, 0.235, 0.015)):
        left = spline([(x - size, y - 0.45 * size), (x - 0.5 * size, y - 0.5 * size), (x, y)], 24)
        right = spline([(x, y), (x + 0.35 * size, y - 0.75 * size), (x + 0.95 * size, y - 0.8 * size)], 24)
        blocks.line(left, 0.0042, 0.1)
        blocks.line(right, 0.0042, 0.1)
        blocks.dark(ribbon(np.array([(x - 0.3 * size, y + 0.12 * size), (x + 0.3 * size, y - 0.05 * size)]), 0.0045))


# --- the breaking wave ------------------------------------------------------------------------------------------------

HOLLOW = (
    (-0.06, 0.83),
    (0.15, 0.855),
    (0.36, 0.830),
    (0.56, 0.765),
    (0.71, 0.665),
    (0.785, 0.550),
    (0.795, 0.440),
    (0.750, 0.350),
    (0.675, 0.305),
    (0.595, 0.320),
    (0.545, 0.385),
)
SHOULDER = (
    (1.52, 1.02),
    (1.44, 0.84),
    (1.35, 0.64),
    (1.23, 0.47),
    (1.09, 0.325),
    (0.95, 0.222),
    (0.80, 0.168),
    (0.66, 0.176),
    (0.565, 0.235),
    (0.530, 0.310),
    (0.545, 0.385),
)
BACK = (
    (1.50, 0.585),
    (1.38, 0.500),
    (1.24, 0.395),
    (1.10, 0.265),
    (0.95, 0.165),
    (0.79, 0.118),
    (0.64, 0.135),
    (0.535, 0.205),
    (0.505, 0.300),
    (0.545, 0.385),
)


@dataclass(frozen=True)
class Placing:
    """Position and size of a breaker."""

    scale: float
    x: float
    y: float
    flatness: float = 1.0

    def __call__(self, curve: Points) -> Points:
        """Return the curve, moved and scaled to the breaker."""
        return curve * [self.scale, self.scale * self.flatness] + [self.x, self.y]


def _cut_breaker(blocks: Blocks, rng: np.random.Generator, placing: Placing) -> None:
    hollow, shoulder, back = (spline(knots, 320) for knots in (HOLLOW, SHOULDER, BACK))
    scale = placing.scale
    body = np.vstack([hollow, back[::-1], [(1.5, 1.1), (-0.06, 1.1)]])
    blocks.area(placing(body), "deep")
    _cut_flank(blocks, placing, shoulder, back)
    _cut_stripes(blocks, placing, hollow, shoulder, 21 if scale > 0.7 else 10)
    blocks.line(placing(hollow), 0.0062 * scale**0.6, 0.3)
    blocks.line(placing(back), 0.0062 * scale**0.6, 0.3)
    _cut_foam(blocks, rng, placing, back, hollow)


def _cut_flank(blocks: Blocks, placing: Placing, shoulder: Points, back: Points) -> None:
    """Cut the far side of the wave: lines that run down from the ridge, parallel to it."""
    for share in np.linspace(0.10, 0.9, 7):
        curve = (1 - share) * back + share * shoulder
        curve = curve[: int(len(curve) * (0.62 + 0.12 * np.sin(9 * share)))]
        ink = "middle" if round(share * 10) % 2 else "pale"
        blocks.tint(placing(ribbon(curve, 0.011 * swelling(len(curve), 0.0))), ink)


def _cut_stripes(blocks: Blocks, placing: Placing, hollow: Points, shoulder: Points, count: int) -> None:
    """Cut the wave's face: tapering stripes from the trough up into the lip."""
    t = np.linspace(0, 1, len(hollow))

    def between(share: Points) -> Points:
        return np.asarray((1 - share[:, None]) * hollow + share[:, None] * shoulder)

    gap = 1 / count
    for index in range(count):
        start = np.full(len(t), index * gap)
        for offset, thick, ink, reach in (
            (0.00, 0.50, "pale" if index % 2 else "middle", 0.97),
            (0.06, 0.26, "foam" if index % 2 else "pale", 0.80 + 0.12 * np.sin(2.1 * index)),
        ):
            taper = np.clip((reach - t) / reach, 0, 1) ** 0.45 * np.clip(t / 0.10, 0, 1) ** 0.5
            lower = start + gap * (offset + 0.04 * np.sin(7 * t + index))
            upper = lower + gap * thick * taper
            band = np.vstack([between(lower), between(upper)[::-1]])
            blocks.tint(placing(band), ink)
        for offset in (0.62, 0.80):
            first = int(len(t) * (0.06 + 0.20 * (0.5 + 0.5 * np.sin(3.7 * index + 9 * offset))))
            last = int(len(t) * (0.62 + 0.20 * np.sin(5.3 * index + 4 * offset)))
            fine = between(start + gap * offset)[first:last]
            blocks.tint(placing(ribbon(fine, 0.0036 * swelling(len(fine), 0.0))), "middle" if index % 3 else "pale")
        edge = between(start)[: int(0.985 * len(t))]
        blocks.line(placing(edge), 0.0034 * placing.scale**0.6, 0.25)


# --- foam -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claw:
    """A finger of foam: its base, direction, length, breadth, and curl in radians."""

    x: float
    y: float
    heading: float
    length: float
    breadth: float
    curl: float

    def spine(self) -> Points:
        """Return the middle line: straight at first, then more and more curled."""
        t = np.linspace(0, 1, 22)
        heading = self.heading + self.curl * t**1.5
        step = self.length / (len(t) - 1)
        x = self.x + np.concatenate([[0.0], np.cumsum(np.cos(heading))[:-1]]) * step
        y = self.y + np.concatenate([[0.0], np.cumsum(np.sin(heading))[:-1]]) * step
        return np.stack([x, y], axis=1)

    def breadths(self) -> Points:
        """Return the breadth along the spine: a hook with a waist and a small round tip."""
        t = np.linspace(0, 1, 22)
        rounded = np.clip((t + 0.01) / 0.16, 0, 1) ** 0.5
        return np.asarray(self.breadth * rounded * ((1 - t) ** 0.8 * (0.85 + 0.25 * np.sin(2.6 * np.pi * t)) + 0.07))

    def branches(self, rng: np.random.Generator) -> list[Claw]:
        """Return smaller claws that grow from the outer side."""
        spine, grown = self.spine(), []
        for at in (4, 8, 12):
            along = spine[at + 1] - spine[at]
            heading = float(np.arctan2(along[1], along[0])) - np.sign(self.curl) * rng.uniform(0.5, 0.9)
            size = rng.uniform(0.34, 0.46) * (1 - 0.025 * at)
            grown.append(
                Claw(
                    float(spine[at, 0]),
                    float(spine[at, 1]),
                    heading,
                    self.length * size,
                    0.62 * self.breadth * (1 - 0.025 * at),
                    self.curl * rng.uniform(0.9, 1.3),
                )
            )
        return grown


def _cut_claws(blocks: Blocks, rng: np.random.Generator, claws: Sequence[Claw], line: float) -> None:
    """Cut claws with their branches, each in one piece: first all outlines, then all foam."""
    for claw in claws:
        whole = [*claw.branches(rng), claw]
        for part in whole:
            blocks.dark(ribbon(part.spine(), part.breadths() + 2 * line))
            tip, radius = part.spine()[-1], part.breadths()[-1] / 2 + line
            blocks.dark(_circle(float(tip[0]), float(tip[1]), float(radius), 16))
        for part in whole:
            blocks.area(ribbon(part.spine(), part.breadths()), "foam")
        for part in whole:
            spine, breadths = part.spine()[1:19], part.breadths()[1:19]
            shade = spine - np.sign(part.curl) * normals(spine) * (0.24 * breadths)[:, None]
            blocks.tint(ribbon(shade, 0.34 * breadths * swelling(18, 0.0)), "pale")


def _cut_lumps(blocks: Blocks, rng: np.random.Generator, curve: Points, radius: Points | float, line: float) -> None:
    """Cut a bank of foam: overlapping round lumps along a curve with one outline and small curls within."""
    sizes = np.broadcast_to(np.asarray(radius, dtype=float), len(curve))
    reach = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T) / (0.72 * sizes[1:]))])
    at = np.interp(np.arange(int(reach[-1]) + 1), reach, np.arange(len(curve))).astype(int)
    radii = sizes[at] * rng.uniform(0.72, 1.15, len(at))
    middles = curve[at] + rng.normal(0, 0.18, (len(at), 2)) * sizes[at][:, None]
    for (x, y), size in zip(middles, radii, strict=True):
        blocks.dark(_circle(x, y, size + line, 40))
    for (x, y), size in zip(middles, radii, strict=True):
        blocks.area(_circle(x, y, size, 40), "foam")
    for (x, y), size in zip(middles, radii, strict=True):
        turn = np.linspace(0, 4.4, 26) + rng.uniform(0, 6)
        shrink = size * np.linspace(0.72, 0.25, 26)
        curl = np.stack([x + shrink * np.cos(turn), y + shrink * np.sin(turn)], axis=1)
        blocks.tint(ribbon(curl, 0.26 * size * swelling(26, 0.1)), "pale")


def _claws_along(
    rng: np.random.Generator, curve: Points, spacing: float, length: Points | float, outward: float, curl: float
) -> list[Claw]:
    """Return claws that grow from a curve towards its end; ``spacing`` is in lengths of a claw."""
    sizes = np.broadcast_to(np.asarray(length, dtype=float), len(curve))
    reach = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T) / (spacing * sizes[1:]))])
    count = int(reach[-1]) + 1
    at = np.interp(np.arange(count) + rng.uniform(-0.2, 0.2, count), reach, np.arange(len(curve))).astype(int)
    along = np.gradient(curve, axis=0)
    claws = []
    for place in at:
        heading = float(np.arctan2(along[place, 1], along[place, 0])) + outward + rng.normal(0, 0.12)
        size = sizes[place] * rng.uniform(0.8, 1.2)
        x, y = curve[place]
        claws.append(Claw(float(x), float(y), heading, size, 0.36 * size, curl * rng.uniform(0.85, 1.2)))
    return claws


def _cut_foam(blocks: Blocks, rng: np.random.Generator, placing: Placing, back: Points, hollow: Points) -> None:
    """Cut the foam of a breaker: a bank along its crest and lip, with claws on both sides."""
    scale = placing.scale**0.9
    line = 0.0021 * placing.scale**0.5
    crest, lip = placing(back[100:]), placing(hollow[262:])
    t = np.linspace(0, 1, len(crest))
    bank = crest + np.stack([0.010 * np.sin(np.pi * t), 0.030 * t * (1.5 - t)], axis=1) * scale
    thickness = scale * (0.007 + 0.021 * np.sin(np.pi * t**1.3) ** 0.8)
    lip_t = np.linspace(0, 1, len(lip))
    lip_thickness = scale * (0.004 + 0.013 * lip_t)
    inner = bank + np.stack([0.012 * t, 0.016 * np.sin(np.pi * t)], axis=1) * scale
    _cut_claws(blocks, rng, _claws_along(rng, lip, 0.42, scale * (0.022 + 0.055 * lip_t), -0.75, -1.3), line)
    _cut_lumps(blocks, rng, lip, lip_thickness, line)
    fingers = scale * (0.034 + 0.070 * t)
    _cut_claws(blocks, rng, _claws_along(rng, inner[12:], 0.40, fingers[12:], -0.45, -1.75), line)
    _cut_claws(blocks, rng, _claws_along(rng, crest[8:], 0.58, scale * (0.042 + 0.066 * t[8:]), 1.25, -2.5), line)
    _cut_lumps(blocks, rng, bank[:209], thickness[:209], line)
    _cut_claws(blocks, rng, _claws_along(rng, bank[20:], 0.62, scale * (0.030 + 0.034 * t[20:]), 0.10, -2.2), line)
    _cut_claws(blocks, rng, _tip_claws(rng, crest, scale), line)
    _cut_spray(blocks, rng, crest, int(110 * placing.scale), 0.085 * scale, line)


def _tip_claws(rng: np.random.Generator, crest: Points, scale: float) -> list[Claw]:
    """Return the claws at the lip, spread like the fingers of a grasping hand."""
    claws = []
    for share in np.linspace(0, 1, 7):
        x, y = crest[int((0.78 + 0.21 * share) * len(crest))] + [0.012 * scale, 0.004 * scale]
        heading = np.pi * (1.06 - 0.50 * share) + rng.normal(0, 0.06)
        size = scale * rng.uniform(0.092, 0.118)
        claws.append(Claw(float(x), float(y), float(heading), size, 0.34 * size, -2.3))
    return claws


def _cut_spray(blocks: Blocks, rng: np.random.Generator, crest: Points, count: int, reach: float, line: float) -> None:
    """Cut drops ahead of the crest, smaller with distance."""
    outward = normals(crest)
    outward *= -np.sign(outward[len(crest) // 2, 1])
    for _ in range(count):
        at = int(rng.beta(2.2, 1.3) * (len(crest) - 1))
        away = reach * (0.35 + rng.gamma(1.6, 0.5))
        x, y = crest[at] + away * outward[at] + rng.normal(0, 0.2 * reach, 2) + [-0.1 * reach, 0]
        radius = 0.0066 * rng.uniform(0.35, 1.0) * np.exp(-0.35 * away / reach)
        if radius > 0.0042:
            blocks.dark(_circle(float(x), float(y), float(radius + 0.7 * line), 20))
        blocks.area(_circle(float(x), float(y), float(radius), 20), "foam")


# --- the swells in front ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Swell:
    """A wave in the foreground that does not break: its crest, and the part of it with foam."""

    crest: tuple[tuple[float, float], ...]
    depth: float
    foam: tuple[tuple[float, float], ...]


SWELLS = (
    Swell(
        (
            (1.45, 0.800),
            (1.22, 0.835),
            (1.02, 0.875),
            (0.80, 0.895),
            (0.58, 0.885),
            (0.36, 0.872),
            (0.12, 0.885),
            (-0.1, 0.86),
        ),
        0.16,
        ((0.02, 0.24), (0.52, 0.66)),
    ),
    Swell(
        (
            (1.45, 0.955),
            (1.22, 0.945),
            (1.00, 0.965),
            (0.76, 0.985),
            (0.50, 0.975),
            (0.26, 0.935),
            (0.08, 0.925),
            (-0.1, 0.95),
        ),
        0.10,
        ((0.10, 0.30), (0.70, 0.92)),
    ),
)


def _cut_swell(blocks: Blocks, rng: np.random.Generator, swell: Swell) -> None:
    crest = spline(swell.crest, 420)
    bottom = np.array([(-0.1, 1.1), (1.45, 1.1)])
    blocks.area(np.vstack([crest, bottom]), "deep")
    lines = 8
    for index in range(lines):
        share = (index + 0.5) / lines
        flatter = crest[:, 1].mean() + (crest[:, 1] - crest[:, 1].mean()) * (1 - 0.5 * share) + swell.depth * share
        wobble = 0.004 * np.sin(18 * crest[:, 0] + 2.0 * index) * share
        curve = np.stack([crest[:, 0], flatter + wobble], axis=1)
        ink = ("pale", "middle", "foam", "middle")[index % 4]
        for first, last in _dashes(rng, len(curve)):
            dash = curve[first:last]
            blocks.tint(ribbon(dash, (0.010 - 0.004 * (ink == "foam")) * swelling(len(dash), 0.0)), ink)
        blocks.line(moved(curve, 0, 0.0075), 0.0026, 0.4)
    blocks.line(crest, 0.006, 0.5)
    for start, end in swell.foam:
        part = crest[int(start * len(crest)) : int(end * len(crest))]
        _cut_claws(blocks, rng, _claws_along(rng, part, 0.6, 0.050, 0.75, -2.3), 0.002)
        _cut_lumps(blocks, rng, moved(part, 0, 0.010), 0.014, 0.002)
        _cut_claws(blocks, rng, _claws_along(rng, moved(part, 0, 0.012), 0.7, 0.040, 0.1, -2.0), 0.002)
        _cut_spray(blocks, rng, part, 14, 0.045, 0.002)


def _dashes(rng: np.random.Generator, samples: int) -> list[tuple[int, int]]:
    """Divide a line into dashes with gaps between them."""
    dashes, at = [], int(rng.integers(-60, 0))
    while at < samples:
        length = int(rng.integers(50, 150))
        first, last = max(at, 0), min(at + length, samples)
        if last - first > 8:
            dashes.append((first, last))
        at += length + int(rng.integers(4, 26))
    return dashes


# --- printing ---------------------------------------------------------------------------------------------------------


def _printed(blocks: Blocks, rng: np.random.Generator) -> Floats:
    """Print paper, the sky's gradation, the colour blocks and the key block, each slightly out of register."""
    y, x = (np.mgrid[0 : blocks.height, 0 : blocks.width] + 0.5) / blocks.height
    grain = _wood_grain(rng, x, y)
    mottle = _resampled(smooth_noise(rng, (192, 256), (1.2, 1.2)), blocks.height, blocks.width)
    picture = _paper(rng, blocks.height, blocks.width)
    picture = _inked(picture, _afterglow(y, x), "blush", grain, 1.7)
    picture = _inked(picture, _gradation(y, x), "dusk", grain, 1.5)
    inks = np.asarray(blocks.inks)
    for number, ink in enumerate(INKS, start=1):
        cover = _shifted(_coverage(inks == number), rng.normal(0, 0.0007, 2) * blocks.height)
        picture = _cleared(picture, cover)
        strength = 0.97 - 0.035 * mottle
        if ink == "sun":
            strength = strength * (1 - 0.45 * np.clip((y - SUN[1]) / SUN[2], 0, 1))
        picture = _inked(picture, cover * np.clip(strength, 0, 1), ink, grain, GRAIN_SHOWN.get(ink, 1.0))
    key = _shifted(_coverage(np.asarray(blocks.key) > 0), rng.normal(0, 0.0005, 2) * blocks.height)
    worn = np.clip(1 - 0.10 * np.maximum(mottle, 0) - 0.08 * grain, 0.6, 1)
    return _inked(picture, key * worn, "key", grain, 0.2)


def _coverage(mask: NDArray[np.bool_]) -> Floats:
    image = Image.fromarray(mask.astype(np.uint8) * 255).reduce(SUPERSAMPLING)
    return np.asarray(np.asarray(image) / 255, dtype=np.float32)


def _shifted(cover: Floats, by: Points) -> Floats:
    return np.asarray(ndimage.shift(cover, by, order=1, mode="nearest"), dtype=np.float32)


def _resampled(coarse: Floats, height: int, width: int) -> Floats:
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32)


def _cleared(picture: Floats, cover: Floats) -> Floats:
    """Remove the sky's ink from the areas that another block prints."""
    bare = np.array(PALETTE["paper"], dtype=np.float32) / 255
    return np.asarray(picture * (1 - cover[..., None]) + bare * cover[..., None], dtype=np.float32)


def _inked(picture: Floats, cover: Floats, ink: str, grain: Floats, strength: float) -> Floats:
    """Print one block; the grain of the wood shows as lighter and darker lines in the ink."""
    colour = np.array(PALETTE[ink], dtype=np.float32) / 255
    tone = 1 + 0.10 * strength * grain[..., None]
    return np.asarray(np.clip(picture * (1 - cover[..., None]) + colour * tone * cover[..., None], 0, 1), np.float32)


def _gradation(y: Points, x: Points) -> Floats:
    """Return the sky's gradation (bokashi, ink wiped by hand), which fades downwards from the top edge."""
    wiped = 0.02 * np.sin(5 * x + 1) + 0.012 * np.sin(13 * x)
    top = np.clip(1 - (y + wiped) / 0.46, 0, 1) ** 1.4
    return np.asarray(0.12 + 0.86 * top, dtype=np.float32).clip(0, 1)


def _afterglow(y: Points, x: Points) -> Floats:
    """Return a second, warm gradation, which fades upwards from the horizon."""
    wiped = 0.015 * np.sin(4 * x + 2)
    return np.asarray(0.17 + 0.55 * np.exp(-(((y + wiped - HORIZON) / 0.19) ** 2)), dtype=np.float32)


def _wood_grain(rng: np.random.Generator, x: Points, y: Points) -> Floats:
    """Return growth rings of a plank, bent around a few knots: values about 0, narrow dark lines."""
    height = y + 0.018 * np.sin(3.1 * x + rng.uniform(0, 6)) + 0.008 * np.sin(8.3 * x + rng.uniform(0, 6))
    for _ in range(7):
        knot_x, knot_y, side = rng.uniform(0, ASPECT), rng.uniform(0, 1), rng.choice((-1.0, 1.0))
        distance = np.hypot((x - knot_x) * 0.42, y - knot_y)
        height = height + side * 0.055 * np.exp(-((distance / 0.06) ** 1.5))
    rings = np.mod(height * 74 + 0.5 * np.sin(31 * height + 2), 1)
    line = np.where(rings < 0.78, rings / 0.78, (1 - rings) / 0.22)
    fibre = _resampled(smooth_noise(rng, (512, 96), (0.7, 3.0)), *x.shape)
    return np.asarray(0.62 - 1.75 * line**3 + 0.30 * fibre, dtype=np.float32)


def _paper(rng: np.random.Generator, height: int, width: int) -> Floats:
    """Return cream paper with cloudy pulp, long fibres and faint laid lines."""
    base = np.array(PALETTE["paper"], dtype=np.float32) / 255
    cloud = _resampled(smooth_noise(rng, (96, 128), (2.0, 2.0)), height, width)
    fibres = Image.new("L", (width * 2, height * 2), 0)
    drawing = ImageDraw.Draw(fibres)
    for _ in range(900):
        x, y, turn = rng.uniform(0, 2 * width), rng.uniform(0, 2 * height), rng.uniform(0, np.pi)
        length, bend = rng.uniform(0.01, 0.045) * 2 * height, rng.normal(0, 0.5)
        t = np.linspace(0, 1, 9)
        heading = turn + bend * t
        path = np.stack([x + length * np.cumsum(np.cos(heading)) / 9, y + length * np.cumsum(np.sin(heading)) / 9], 1)
        drawing.line(
            [(float(a), float(b)) for a, b in path], fill=int(rng.integers(60, 200)), width=max(1, height // 500)
        )
    fibre = np.asarray(fibres.reduce(2), dtype=np.float32) / 255
    tone = 1 + 0.012 * cloud - 0.045 * fibre
    return np.asarray(base * tone[..., None], dtype=np.float32)
