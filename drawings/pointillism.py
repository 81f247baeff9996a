"""A river on a sunny afternoon, painted in separate dots of pure colour.

From under a tree on a shaded bank one looks across bright water, past a woman with a parasol and sails in the sun, to
a village, poplars and blue hills. The picture is painted the divisionist way:

1. a *sketch* gives every point of the canvas the colour that the eye should see from afar, the direction in which
   the form runs and how fine the brush has to be there;
2. every colour of the sketch is split into a few pure pigments of about its lightness whose dots, seen together, mix
   to it again — so that a shadow is ultramarine, viridian and madder rather than grey;
3. four layers of dabs, evenly scattered, each of one pigment straight from the tube or with white, go on to a warm
   primed canvas: broad ones first, points last, the finest only where there is something to draw;
4. light falls across the relief that the paint has left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import cKDTree

from drawings.dabs import (
    SHEET_HEIGHT,
    SHEET_WIDTH,
    Floats,
    Ints,
    blur,
    mix,
    sheet_coordinates,
    sheet_shape,
    smooth_field,
    smoothstep,
)

# Tube colours, none of them an earth or a black; each is also used with the shares of white in `TINTS`.
PIGMENTS = (
    "1b1f6b",  # ultramarine, deep
    "2a4fb5",  # cobalt
    "2f8fd0",  # cerulean
    "4a2a86",  # cobalt violet, deep
    "8a4fb0",  # cobalt violet
    "9c1f5a",  # rose madder
    "d8304a",  # vermilion with madder
    "ee5a24",  # vermilion
    "f58a1f",  # cadmium orange
    "fbc02d",  # chrome yellow
    "f6e24a",  # lemon yellow
    "a6c83a",  # yellow green
    "4c9a3f",  # emerald green
    "14705a",  # viridian
    "0d3f4f",  # viridian with ultramarine
)
TINTS = (0.0, 0.25, 0.5, 0.72, 0.88)
PRIMING = np.array([0.94, 0.87, 0.74], dtype=np.float32)

# Boughs of the tree on the bank as (x, y, radius), from the back to the front.
LOBES = (
    (12, 288, 66),
    (60, 200, 110),
    (232, 214, 66),
    (30, 60, 130),
    (322, 232, 44),
    (158, 258, 46),
    (180, 140, 104),
    (310, 120, 84),
    (150, 20, 110),
    (420, 84, 52),
    (300, 16, 100),
    (440, 2, 70),
)
# Shaded, middle and lit colour of the leaves, from the shadow side of a bough to its sunny side.
LEAVES = (
    ("1f2a72", "27506f", "3f7f4f"),
    ("23407f", "2f7055", "6f9f45"),
    ("2a5a78", "4a8f45", "a9bd45"),
    ("3f7f5a", "84b046", "eed95c"),
    ("5a9a4a", "b9c84c", "fff0a0"),
)
REEDS = ("24508a", "2f6b5a", "3f8a50", "6fa845", "b9c24a", "2a3f86", "e5c95a")
SUN = (806.0, 138.0)
SHORE = 352.0
MIXTURE = 8  # dots that together make up one colour
# A dot below this size (px) would not be seen as one; small drawings get fewer dots instead.
SMALLEST_SCALE = 0.5


@dataclass(frozen=True)
class DabLayer:
    """One layer of dots over the whole canvas.

    Attributes:
        spacing: Distance between neighbouring dabs in design units.
        size: Thickness of a dab in design units.
        stretch: How much of the form's own elongation the dabs take on.
        purity: How far a dab's hue may be from the colour it helps to mix (0: not at all, 1: as far as need be).
        detail: Whether the layer goes only where the sketch asks for a fine brush.
    """

    spacing: float
    size: float
    stretch: float
    purity: float
    detail: bool = False


LAYERS = (
    DabLayer(12.0, 13.0, 1.0, 0.6),
    DabLayer(7.2, 7.2, 0.85, 1.0),
    DabLayer(6.2, 5.0, 0.5, 1.0),
    DabLayer(3.9, 3.5, 0.3, 0.5, detail=True),
)
# Share of dots in the complementary colour, which sets off the others.
ACCENTS = 0.04
# Cost of taking a pigment once more for the same mixture: keeps a colour from being made of one pigment alone.
REPETITION = 0.0016


@dataclass
class Sketch:
    """The continuous scene, before it is divided into dots.

    Attributes:
        x: Design-unit column of every pixel.
        y: Design-unit row of every pixel.
        colour: The colour to be seen from afar, sRGB.
        angle: Direction of the form in radians.
        stretch: Length of a dab over its thickness.
        detail: 1 where the finest brush is wanted.
        ripples: Height of the waves on the water, about −2 to 2.
    """

    x: Floats
    y: Floats
    colour: Floats = field(init=False)
    angle: Floats = field(init=False)
    stretch: Floats = field(init=False)
    detail: Floats = field(init=False)
    ripples: Floats = field(init=False)

    def __post_init__(self) -> None:
        shape = self.x.shape
        self.colour = np.ones((*shape, 3), dtype=np.float32)
        self.angle = np.zeros(shape, dtype=np.float32)
        self.stretch = np.ones(shape, dtype=np.float32)
        self.detail = np.zeros(shape, dtype=np.float32)
        self.ripples = np.zeros(shape, dtype=np.float32)

    @property
    def unit(self) -> float:
        """Pixels per design unit."""
        return float(self.x.shape[1] / SHEET_WIDTH)

    def window(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        """Return slices of a box given in design units."""
        rows = slice(max(0, int(top * self.unit)), max(0, math.ceil(bottom * self.unit)))
        return rows, slice(max(0, int(left * self.unit)), max(0, math.ceil(right * self.unit)))

    def paint(
        self,
        cover: Floats,
        colour: Floats,
        angle: Floats | float | None = None,
        stretch: float | None = None,
        detail: float | None = None,
        where: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> None:
        """Lay a colour over the sketch.

        Args:
            cover: Opacity, 0 to 1.
            colour: One colour or one for each pixel.
            angle: Direction of the form there, if it changes.
            stretch: Elongation of the dabs there, if it changes.
            detail: Wanted fineness there, if it changes.
            where: The window that the arrays cover.
        """
        self.colour[where] = mix(self.colour[where], colour, cover)
        solid = cover > 0.5
        for plane, value in ((self.angle, angle), (self.stretch, stretch), (self.detail, detail)):
            if value is not None:
                plane[where][solid] = np.broadcast_to(value, cover.shape)[solid]

    def polygon(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        detail: float = 1.0,
        opacity: float = 1.0,
        reflected: bool = False,
        angle: float | None = None,
    ) -> None:
        """Fill a polygon given in design units; the waves break it up if it is a reflection."""
        mask = Image.new("L", (self.x.shape[1], self.x.shape[0]), 0)
        ImageDraw.Draw(mask).polygon([(x * self.unit, y * self.unit) for x, y in points], fill=255)
        cover = np.asarray(mask, dtype=np.float32) / 255.0 * opacity
        if reflected:
            cover = self._shaken(cover)
        # Only round dots can draw; the long dabs of water and grass would fray the outline.
        stretch = None if reflected else 1.0 if angle is None else 2.0
        self.paint(cover, _colour(colour), angle, stretch, detail)

    def _shaken(self, cover: Floats) -> Floats:
        row, column = np.indices(cover.shape)
        columns = np.clip(column + (9.0 * self.unit * self.ripples).astype(int), 0, cover.shape[1] - 1)
        rows = np.clip(row + (7.0 * self.unit * self.ripples).astype(int), 0, cover.shape[0] - 1)
        return np.asarray(cover[rows, columns] * smoothstep(-1.3, -0.1, self.ripples), dtype=np.float32)

    def disc(
        self,
        centre: tuple[float, float],
        axes: tuple[float, float],
        colour: str,
        detail: float = 1.0,
        opacity: float = 1.0,
    ) -> None:
        """Fill an ellipse with upright axes."""
        (x, y), (across, down) = centre, axes
        where = self.window(x - across, y - down, x + across, y + down)
        radius = np.hypot((self.x[where] - x) / across, (self.y[where] - y) / down)
        self.paint((radius < 1.0).astype(np.float32) * opacity, _colour(colour), None, 1.0, detail, where)


def _oval(x: float, y: float, across: float, down: float) -> list[tuple[float, float]]:
    turns = np.linspace(0.0, 2.0 * math.pi, 20, endpoint=False)
    return [(x + across * math.cos(turn), y + down * math.sin(turn)) for turn in turns]


def _dome(start: float, end: float) -> list[tuple[float, float]]:
    """Return a panel of the parasol, between two positions along its rim."""
    rim = [(16 - 66 * math.cos(turn), -172 - 46 * math.sin(turn)) for turn in np.linspace(start, end, 9) * math.pi]
    return [*rim, (16 - 66 * math.cos(end * math.pi), -172 - 46 * math.sin(end * math.pi)), (16.0, -168.0)]


# Figures as coloured polygons, measured from where they stand, in the order of painting.
Parts: TypeAlias = Sequence[tuple[str, Sequence[tuple[float, float]]]]
WOMAN: Parts = (
    ("2a3f86", ((-16, -6), (20, -2), (-60, 46), (-118, 56), (-108, 40))),
    ("33358f", ((-9, -88), (12, -88), (28, -4), (8, 3), (-28, -1))),
    ("c987cc", ((5, -86), (12, -88), (28, -4), (15, 1))),
    ("241f6b", ((-28, -28), (-14, -62), (-6, -44), (-12, 0), (-28, -1))),
    ("7038a0", ((-9, -86), (-12, -118), (-5, -129), (8, -129), (14, -116), (12, -86))),
    ("f49ab4", ((7, -127), (14, -116), (12, -86), (6, -86))),
    ("f0a87a", ((10, -118), (25, -104), (22, -98), (7, -106))),
    ("6b3f6e", ((22, -90), (14, -206), (17, -206), (26, -90))),
    ("e8432f", _dome(0.0, 1.0)),
    ("8f1f66", _dome(0.0, 0.24)),
    ("c92f50", _dome(0.24, 0.45)),
    ("f26a2c", _dome(0.66, 0.85)),
    ("fcb857", _dome(0.85, 1.0)),
    ("e0936f", _oval(1, -139, 8.5, 10)),
    ("6a2f5e", _oval(-2, -143, 8.5, 8)),
    ("fbd65a", _oval(0, -149, 15, 5)),
    ("e8432f", _oval(0, -152, 8, 3.5)),
)
CHILD: Parts = (
    ("2a3f86", ((-6, -2), (12, 0), (-24, 30), (-44, 32))),
    ("fff0e0", ((-7, -44), (8, -44), (16, -3), (-13, -2))),
    ("a9a0d8", ((-7, -44), (-2, -44), (-4, -2), (-13, -2))),
    ("e8432f", ((-8, -31), (9, -31), (10, -25), (-9, -25))),
    ("e59b74", _oval(1, -52, 7, 8)),
    ("7a3f5e", _oval(-2, -54, 6, 7)),
    ("f6b23a", _oval(1, -58, 12, 4.5)),
)


def draw(long_side: int = 1024, seed: int = 0) -> Floats:
    """Paint the river.

    Args:
        long_side: Width in pixels; the height is three quarters of it.
        seed: Chooses every dab, the leaves, the ripples and the clouds. The composition stays.

    Returns:
        An H×W×3 array of sRGB values in [0, 1].
    """
    shape = sheet_shape(long_side)
    rng = np.random.default_rng(seed)
    sketch = _sketch(shape, rng)
    canvas, relief = _primed_canvas(shape, rng)
    scale = max(long_side / SHEET_WIDTH, SMALLEST_SCALE)
    seen = _heighten_contrast(sketch, scale)
    for layer in LAYERS:
        _go_over(canvas, relief, sketch, seen, layer, scale, rng)
    return _light(canvas, relief)


# --- The sketch ----------------------------------------------------------------------------------------------------


def _colour(code: str) -> Floats:
    return np.array([int(code[k : k + 2], 16) / 255.0 for k in (0, 2, 4)], dtype=np.float32)


def _ramp(value: Floats, *stops: tuple[float, str]) -> Floats:
    """Interpolate colours along a scale of (position, colour) stops."""
    positions = [position for position, _ in stops]
    channels = np.stack([_colour(code) for _, code in stops])
    return np.stack([np.interp(value, positions, channels[:, k]) for k in range(3)], axis=-1).astype(np.float32)


def _sketch(shape: tuple[int, int], rng: np.random.Generator) -> Sketch:
    sketch = Sketch(*sheet_coordinates(shape))
    _sketch_sky(sketch, rng)
    _sketch_hills(sketch, rng)
    _sketch_village(sketch)
    _sketch_far_trees(sketch, rng)
    _sketch_water(sketch, rng)
    _sketch_boats(sketch)
    _sketch_bank(sketch, rng)
    _sketch_figures(sketch)
    _sketch_reeds(sketch, rng)
    _sketch_tree(sketch, rng)
    return sketch


def _sketch_sky(sketch: Sketch, rng: np.random.Generator) -> None:
    shape = sketch.x.shape
    from_sun = np.hypot(sketch.x - SUN[0], (sketch.y - SUN[1]) * 1.15)
    height = 1.0 - sketch.y / SHORE
    depth = np.clip(from_sun / 620.0 + 0.25 * height, 0.0, 1.3)
    sky = _ramp(
        depth,
        (0.0, "fffbe0"),
        (0.10, "fff0b0"),
        (0.24, "fbe0b2"),
        (0.42, "cde3e8"),
        (0.62, "8cc6ee"),
        (0.85, "5aa0e2"),
        (1.15, "3f78cc"),
    )
    sky = mix(sky, _colour("f8c9a4"), 0.65 * smoothstep(0.34, 0.0, height.astype(np.float32)))
    around_sun = np.arctan2(sketch.y - SUN[1], sketch.x - SUN[0]) + math.pi / 2.0
    sketch.paint(np.ones(shape, dtype=np.float32), sky, around_sun.astype(np.float32), 1.7, 0.0)
    _sketch_clouds(sketch, rng)


def _sketch_clouds(sketch: Sketch, rng: np.random.Generator) -> None:
    puffs = smooth_field(sketch.x.shape, (46.0, 84.0), rng, octaves=4)
    for x, y, across, down in (
        (470, 118, 190, 62),
        (690, 236, 210, 34),
        (960, 250, 150, 40),
        (330, 262, 150, 30),
        (930, 44, 150, 34),
    ):
        # A flat base and a heaped top.
        rise = np.where(sketch.y > y, (sketch.y - y) / (0.45 * down), (y - sketch.y) / down)
        body = 1.0 - np.hypot((sketch.x - x) / across, rise) + 0.34 * puffs
        cover = smoothstep(0.05, 0.5, body.astype(np.float32))
        lit = np.clip(0.62 + (y - sketch.y) / (1.6 * down) + 0.22 * puffs + (sketch.x - x) / (4.0 * across), 0.0, 1.0)
        colour = _ramp(lit, (0.0, "9a93c9"), (0.35, "cdb3d3"), (0.6, "f6d2c0"), (0.85, "fff1d2"), (1.0, "fffdf0"))
        sketch.paint(cover * 0.92, colour)


def _sketch_hills(sketch: Sketch, rng: np.random.Generator) -> None:
    relief = smooth_field(sketch.x.shape, (26.0, 60.0), rng, octaves=2)
    x = sketch.x
    ridges = (
        (
            296.0 - 40.0 * np.exp(-(((x - 560.0) / 190.0) ** 2)) - 26.0 * np.exp(-(((x - 980.0) / 130.0) ** 2)),
            "8c97cf",
            "c9b7d8",
        ),
        (
            326.0 - 22.0 * np.exp(-(((x - 380.0) / 150.0) ** 2)) - 24.0 * np.exp(-(((x - 800.0) / 170.0) ** 2)),
            "7d9fbf",
            "d9cfa6",
        ),
    )
    for ridge, shade, light in ridges:
        cover = smoothstep(-2.0, 2.0, (sketch.y - ridge - 2.0 * relief).astype(np.float32))
        lit = smoothstep(-0.8, 1.2, relief + (x - 600.0) / 500.0)
        sketch.paint(cover, mix(_colour(shade), _colour(light), lit), 0.25 * np.sin(x / 80.0), 1.6, 0.2)
    meadow = smoothstep(337.0, 341.0, sketch.y)
    sketch.paint(meadow, mix(_colour("9dbb62"), _colour("e8d77a"), smoothstep(-1.0, 1.0, relief)), 0.0, 1.8, 0.3)
    sketch.paint(smoothstep(347.0, 349.0, sketch.y), _colour("f0c795"), 0.0, 2.0, 0.3)


def _sketch_village(sketch: Sketch) -> None:
    for x, base, width, height in (
        (520, 342, 30, 20),
        (556, 346, 24, 24),
        (586, 341, 34, 18),
        (676, 346, 26, 20),
        (706, 342, 34, 22),
        (744, 345, 22, 17),
    ):
        top, right = base - height, x + width
        sketch.polygon(((x, top), (right, top), (right, base), (x, base)), "fbe9c6")
        sketch.polygon(((x, top), (x + 0.36 * width, top), (x + 0.36 * width, base), (x, base)), "a79acb")
        ridge = top - 0.55 * height
        sketch.polygon(((x - 2, top), (x + 0.3 * width, ridge), (x + 0.85 * width, ridge), (right + 2, top)), "e8703a")
        sketch.polygon(((x - 2, top), (x + 0.3 * width, ridge), (x + 0.36 * width, top)), "a8476f")
    sketch.polygon(((634, 290), (648, 290), (648, 344), (634, 344)), "f7dfba")
    sketch.polygon(((634, 290), (639, 290), (639, 344), (634, 344)), "9a8fc6")
    sketch.polygon(((632, 291), (641, 252), (650, 291)), "5f6fb5")


def _sketch_far_trees(sketch: Sketch, rng: np.random.Generator) -> None:
    for x in np.arange(140.0, 1040.0, 13.0):
        if 500.0 < x < 770.0 and rng.random() < 0.62:
            continue
        size = float(rng.uniform(9.0, 17.0))
        _sketch_clump(sketch, (x, 344.0 - 0.45 * size), (size, size), ("2f5f86", "4f8f5a", "c5c95a"), rng)
    for x, height in ((866, 122), (892, 140), (916, 112), (944, 148), (972, 126), (998, 104), (462, 84), (480, 70)):
        _sketch_poplar(sketch, float(x), float(height), rng)


def _sketch_poplar(sketch: Sketch, x: float, height: float, rng: np.random.Generator) -> None:
    for step in np.linspace(0.0, 1.0, 9):
        width = 10.5 * math.sin(math.pi * (0.12 + 0.80 * step)) ** 0.7
        y = 346.0 - height * step
        _sketch_clump(
            sketch, (x + float(rng.normal(0.0, 1.2)), y), (width, height / 9.0), ("27508a", "2f7a55", "c2c04a"), rng
        )


def _sketch_clump(
    sketch: Sketch,
    centre: tuple[float, float],
    axes: tuple[float, float],
    colours: tuple[str, str, str],
    rng: np.random.Generator,
    light: float = 0.0,
) -> None:
    """Sketch a ragged mass of leaves, lit above and towards the sun, shaded elsewhere."""
    (x, y), (across, down) = centre, axes
    where = sketch.window(x - 1.4 * across, y - 1.4 * down, x + 1.4 * across, y + 1.4 * down)
    dx, dy = (sketch.x[where] - x) / across, (sketch.y[where] - y) / down
    if dx.size == 0:
        return
    turn, phases = np.arctan2(dy, dx), rng.uniform(0.0, 2.0 * math.pi, 3)
    ragged = 1.0 + 0.14 * np.sin(3.0 * turn + phases[0]) + 0.12 * np.sin(7.0 * turn + phases[1])
    cover = smoothstep(1.06, 0.88, (np.hypot(dx, dy) / ragged).astype(np.float32))
    lit = 0.42 + 0.42 * (0.72 * dx - 0.70 * dy) + 0.10 * np.sin(5.0 * dx + 4.0 * dy + phases[2]) + light
    colour = _ramp(lit, (0.05, colours[0]), (0.5, colours[1]), (0.92, colours[2]))
    sketch.paint(cover, colour, turn + math.pi / 2.0, 1.35, 0.35, where)


def _sketch_water(sketch: Sketch, rng: np.random.Generator) -> None:
    """Sketch the reflections, distorted by ripples that widen towards the viewer, and the sun's path."""
    shape, unit = sketch.x.shape, sketch.unit
    near = np.clip((sketch.y - SHORE) / (SHEET_HEIGHT - SHORE), 0.0, 1.0)
    far_ripples = smooth_field(shape, (5.0, 46.0), rng, octaves=2)
    near_ripples = smooth_field(shape, (13.0, 120.0), rng, octaves=2)
    ripples = mix(far_ripples, near_ripples, smoothstep(0.05, 0.6, near))
    sketch.ripples = ripples
    rows = (SHORE - (sketch.y - SHORE) * 0.92 + ripples * (3.0 + 34.0 * near)) * unit
    columns = (sketch.x + ripples * (2.0 + 10.0 * near)) * unit
    rows = np.clip(rows, 0, SHORE * unit - 1).astype(int)
    mirrored = sketch.colour[rows, np.clip(columns, 0, shape[1] - 1).astype(int)]
    own = _ramp(near + 0.05 * ripples, (0.0, "a4d6dc"), (0.3, "4fb0cf"), (0.65, "2b82c4"), (1.0, "2458a8"))
    water = mix(mirrored * 0.95, own, 0.22 + 0.45 * near)
    water = mix(water, _colour("f3ddd0"), 0.55 * smoothstep(0.75, 1.7, ripples))
    water = mix(water, _colour("2c5aa0"), 0.45 * smoothstep(-0.8, -1.8, ripples) * smoothstep(0.0, 0.2, near))
    path = np.exp(-(((sketch.x - SUN[0] + 30.0 * near) / (16.0 + 120.0 * near)) ** 2))
    sparkle = mix(far_ripples, smooth_field(shape, (6.0, 44.0), rng, octaves=2), smoothstep(0.1, 0.4, near))
    glitter = path * smoothstep(-0.5, 0.3, sparkle + 0.8 * (path - 0.5)) * (1.0 - 0.25 * near)
    water = mix(water, mix(_colour("ffc266"), _colour("fff6cc"), smoothstep(-0.2, 1.2, sparkle)), glitter)
    sketch.paint((sketch.y > SHORE).astype(np.float32), water, 0.12 * ripples, 2.3, 0.0)
    far_line = ((sketch.y > SHORE) & (sketch.y < SHORE + 5.0)).astype(np.float32)
    sketch.paint(far_line * 0.5, _colour("4a6fb0"))


def _sketch_boats(sketch: Sketch) -> None:
    _sketch_sail(sketch, (640.0, 436.0), 1.0, ("fff3d8", "e9743a"))
    _sketch_sail(sketch, (470.0, 378.0), 0.36, ("fff6e2", "fde3b5"))
    _sketch_sail(sketch, (560.0, 366.0), 0.24, ("f7a35e", "fff3d8"))
    _sketch_sail(sketch, (908.0, 388.0), 0.44, ("f9e7c8", "d65a4a"))
    _sketch_rowing_boat(sketch, (812.0, 540.0))


def _sketch_sail(sketch: Sketch, base: tuple[float, float], scale: float, sails: tuple[str, str]) -> None:
    """Sketch a sailing boat on the water line at `base`, and its broken reflection below it."""

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(base[0] + scale * x, base[1] + scale * y) for x, y in points]

    def mirrored(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return at(*[(x + 3.0 * math.sin(y / 7.0), -0.8 * y + 6.0) for x, y in points])

    main = ((6.0, -196.0), (24.0, -120.0), (70.0, -24.0), (6.0, -20.0))
    jib = ((-4.0, -176.0), (-4.0, -22.0), (-50.0, -16.0), (-28.0, -90.0))
    hull = ((-58.0, -14.0), (80.0, -16.0), (62.0, 6.0), (-40.0, 6.0))
    for shape, colour in ((main, sails[0]), (jib, sails[1]), (hull, "34408f")):
        sketch.polygon(mirrored(*shape), colour, 0.2, 0.72, reflected=True)
    for shape, colour in ((main, sails[0]), (jib, sails[1]), (hull, "33357f")):
        sketch.polygon(at(*shape), colour)
    sketch.polygon(at((6.0, -196.0), (14.0, -160.0), (26.0, -22.0), (6.0, -20.0)), "b9b3dc", opacity=0.75)
    sketch.polygon(at((-4.0, -176.0), (-4.0, -22.0), (-20.0, -20.0)), "a34a72", opacity=0.45)
    sketch.polygon(at((-1.5, -204.0), (3.5, -204.0), (3.5, -12.0), (-1.5, -12.0)), "6b3f6e")
    sketch.polygon(at((-54.0, -14.0), (80.0, -16.0), (77.0, -10.0), (-52.0, -9.0)), "f0a04e")


def _sketch_rowing_boat(sketch: Sketch, base: tuple[float, float]) -> None:
    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(base[0] + x, base[1] + y) for x, y in points]

    sketch.polygon(at((-62, 8), (60, 8), (46, 34), (10, 26), (-12, 44), (-44, 28)), "2d3f8f", 0.3, 0.8, reflected=True)
    sketch.polygon(at((-76, -12), (-40, -4), (44, -4), (74, -14), (56, 10), (-52, 10)), "3a2f7d")
    sketch.polygon(at((-76, -12), (-40, -4), (44, -4), (74, -14), (72, -9), (44, 1), (-40, 1), (-73, -7)), "f2a65a")
    sketch.polygon(at((-14, -4), (-18, -36), (-6, -46), (8, -38), (10, -4)), "5a4aa8")
    sketch.polygon(at((2, -6), (4, -38), (9, -36), (11, -5)), "f7b77a")
    sketch.disc((base[0] - 5.0, base[1] - 54.0), (8.0, 9.0), "d98a6a")
    sketch.disc((base[0] - 5.0, base[1] - 60.0), (12.0, 4.0), "fbe6a2")
    sketch.polygon(at((4, -24), (6, -28), (98, 16), (96, 20)), "7a4a7a")


def _bank_edge(x: Floats | float) -> Floats:
    return np.asarray(512.0 + 0.215 * x + 7.0 * np.sin(x / 47.0) + 4.0 * np.sin(x / 17.0), dtype=np.float32)


def _sketch_bank(sketch: Sketch, rng: np.random.Generator) -> None:
    shape = sketch.x.shape
    inland = sketch.y - _bank_edge(sketch.x)
    tufts = smooth_field(shape, (9.0, 16.0), rng, octaves=2)
    patches = smooth_field(shape, (26.0, 70.0), rng, octaves=2)
    cover = smoothstep(-3.0, 3.0, inland + 4.0 * tufts)
    sunny = _ramp(
        0.5 + 0.2 * tufts + 0.16 * patches, (0.0, "6f9f3a"), (0.4, "a9c247"), (0.75, "dfd45c"), (1.0, "fbe98c")
    )
    shady = _ramp(
        0.5 + 0.22 * tufts + 0.12 * patches, (0.0, "2a3a80"), (0.4, "336a80"), (0.75, "4f8a60"), (1.0, "9aa860")
    )
    shadow = 1.0 - np.hypot((sketch.x - 150.0) / 470.0, (sketch.y - 720.0) / 118.0)
    corner = 1.0 - np.hypot((sketch.x - 1024.0) / 300.0, (sketch.y - 800.0) / 70.0)
    shade = smoothstep(-0.04, 0.12, np.maximum(shadow, corner).astype(np.float32) + 0.10 * patches)
    dapple = smoothstep(0.95, 1.45, patches + 0.4 * tufts)
    lean = -math.pi / 2.0 + 0.35 * patches
    sketch.paint(cover, mix(sunny, shady, shade * (1.0 - 0.85 * dapple)), lean.astype(np.float32), 1.9, 0.15)
    wet_edge = cover * smoothstep(9.0, 2.0, inland)
    sketch.paint(0.6 * wet_edge, _colour("4a3f86"))
    _sketch_flowers(sketch, rng)


def _sketch_flowers(sketch: Sketch, rng: np.random.Generator) -> None:
    colours = ("e8344a", "f7b5c8", "fff4e4", "f6a02a", "8a5fc0")
    for cluster in range(26):
        x = float(rng.uniform(20.0, 960.0))
        y = float(_bank_edge(x) + rng.uniform(24.0, 230.0))
        for _ in range(int(rng.integers(4, 10))):
            spot = (x + float(rng.normal(0.0, 16.0)), y + float(rng.normal(0.0, 8.0)))
            if spot[1] - 10.0 > _bank_edge(spot[0]):
                sketch.disc(spot, (3.6, 3.2), colours[cluster % len(colours)])


def _sketch_figures(sketch: Sketch) -> None:
    """Sketch a woman under a parasol and a child, dark against the bright water, with their shadows."""
    _sketch_shape(sketch, WOMAN, (412.0, 694.0), 1.22)
    _sketch_shape(sketch, CHILD, (496.0, 700.0), 1.25)


def _sketch_shape(sketch: Sketch, parts: Parts, foot: tuple[float, float], scale: float) -> None:
    for colour, points in parts:
        sketch.polygon([(foot[0] + scale * x, foot[1] + scale * y) for x, y in points], colour)


def _sketch_reeds(sketch: Sketch, rng: np.random.Generator) -> None:
    for _ in range(95):
        x = float(1032.0 - abs(rng.normal(0.0, 62.0)))
        foot = float(rng.uniform(735.0, 775.0))
        height = float(rng.uniform(50.0, 150.0)) * (0.4 + 0.6 * (x - 860.0) / 170.0)
        lean = float(rng.normal(-8.0, 14.0))
        colour = REEDS[int(rng.integers(0, len(REEDS)))]
        if height > 20.0:
            tip = (x + lean, foot - height)
            sketch.polygon(
                ((x - 3.0, foot), (x + 0.4 * lean - 2.0, foot - 0.6 * height), tip, (x + 2.5, foot)),
                colour,
                angle=-math.pi / 2.0 - lean / height,
            )
            if rng.random() < 0.22:
                sketch.disc(tip, (4.5, 6.0), "8a4fb0" if rng.random() < 0.6 else "d98ad0")


def _sketch_tree(sketch: Sketch, rng: np.random.Generator) -> None:
    trunk = (
        (90, 712, 24),
        (104, 678, 19),
        (116, 600, 16),
        (126, 500, 14),
        (137, 380, 12),
        (146, 280, 10),
        (150, 180, 8),
    )
    _sketch_limb(sketch, trunk)
    _sketch_limb(sketch, ((132, 420, 8), (176, 330, 7), (232, 256, 6), (300, 180, 4)))
    _sketch_limb(sketch, ((138, 370, 8), (84, 290, 6), (20, 220, 5)))
    _sketch_limb(sketch, ((212, 282, 5), (262, 262, 4), (306, 250, 3)))
    for lobe in LOBES:
        _sketch_lobe(sketch, lobe, rng)


def _sketch_lobe(sketch: Sketch, lobe: tuple[float, float, float], rng: np.random.Generator) -> None:
    """Sketch the foliage of a bough: many small clumps, lit as if on one ball."""
    x, y, radius = lobe
    clumps = []
    for _ in range(int(0.013 * radius**2) + 12):
        turn, reach = float(rng.uniform(0.0, 2.0 * math.pi)), math.sqrt(float(rng.uniform(0.0, 1.0)))
        across, down = reach * math.cos(turn), 0.82 * reach * math.sin(turn)
        clumps.append(
            (0.62 * across - 0.72 * down + float(rng.normal(0.0, 0.2)), x + radius * across, y + radius * down)
        )
    for lit, clump_x, clump_y in sorted(clumps):
        tone = LEAVES[min(len(LEAVES) - 1, max(0, int((0.5 + 0.5 * lit + 0.0006 * (x - 150.0)) * len(LEAVES))))]
        size = float(rng.uniform(9.0, 19.0))
        _sketch_clump(sketch, (clump_x, clump_y), (size * 1.2, size * 0.85), tone, rng)


def _sketch_limb(sketch: Sketch, spine: Sequence[tuple[float, float, float]]) -> None:
    furrows = np.sin(sketch.y / 11.0 + 1.7 * np.sin(sketch.x / 3.0))
    for (x0, y0, r0), (x1, y1, r1) in pairwise(spine):
        across, down = x1 - x0, y1 - y0
        along = ((sketch.x - x0) * across + (sketch.y - y0) * down) / (across**2 + down**2)
        along = np.clip(along, 0.0, 1.0)
        dx, dy = sketch.x - x0 - along * across, sketch.y - y0 - along * down
        radius = r0 + (r1 - r0) * along
        cover = (np.hypot(dx, dy) < radius).astype(np.float32)
        side = dx / radius
        bark = _ramp(side + 0.16 * furrows, (-0.8, "232a70"), (0.0, "5a3f86"), (0.5, "a8607a"), (0.95, "f6b06a"))
        sketch.paint(cover, bark, math.atan2(down, across), 2.0, 0.5)


# --- Dividing colour -----------------------------------------------------------------------------------------------


def _to_linear(colour: Floats) -> Floats:
    return np.asarray(np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4), dtype=np.float32)


def _to_oklab(linear: Floats) -> Floats:
    """Convert linear RGB to Ottosson's Oklab: lightness, green–red, blue–yellow."""
    to_cones = np.array(
        [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]], dtype=np.float32
    )
    to_lab = np.array(
        [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]], dtype=np.float32
    )
    return np.asarray(np.cbrt(np.clip(linear, 0.0, None) @ to_cones.T) @ to_lab.T, dtype=np.float32)


@cache
def _tubes() -> Floats:
    """Return every pigment in every tint."""
    pure = np.stack([_colour(code) for code in PIGMENTS])
    tubes = np.concatenate([pure * (1.0 - white) + white * np.float32(0.99) for white in TINTS])
    white = np.repeat(TINTS, len(pure))[:, None]
    grey = tubes.mean(axis=1, keepdims=True)
    # White does not grey a real pigment as blending screen colours would.
    vivid = grey + (tubes - grey) * (1.0 + 1.4 * white * (1.0 - white))
    return np.asarray(np.clip(vivid, 0.0, 1.0), dtype=np.float32)


def _divide(colours: Floats, purity: float) -> Ints:
    """Split colours into pigments, chosen one by one to bring the mixture as near as possible.

    A pigment should have about the lightness of the colour that it helps to mix; its hue may differ, the more so the
    higher the purity, and this is what makes the dots sparkle.

    Args:
        colours: N×3 sRGB colours.
        purity: See `DabLayer`.

    Returns:
        An N×`MIXTURE` array of indices into the tubes.
    """
    tubes = _to_linear(_tubes())
    tube_lab = _to_oklab(tubes)
    wanted = _to_oklab(_to_linear(colours))
    away = tube_lab[None] - wanted[:, None]
    misfit = 0.22 * away[..., 0] ** 2 + (0.02 + 0.30 * (1.0 - purity)) * (away[..., 1:] ** 2).sum(axis=-1)
    total = np.zeros_like(colours)
    taken = np.zeros(misfit.shape, dtype=np.float32)
    chosen = np.zeros((len(colours), MIXTURE), dtype=np.int32)
    for place in range(MIXTURE):
        mixed = _to_oklab((total[:, None] + tubes[None]) / (place + 1.0))
        # The first touches may stray; the later ones have to bring the mixture back.
        stray = ((mixed - wanted[:, None]) ** 2).sum(axis=-1) * (0.4 + 0.45 * place)
        error = stray + misfit + REPETITION * purity * taken
        chosen[:, place] = error.argmin(axis=1)
        total += tubes[chosen[:, place]]
        taken[np.arange(len(colours)), chosen[:, place]] += 1.0
    return chosen


def _pigments_for(colours: Floats, purity: float, rng: np.random.Generator) -> Floats:
    """Draw a pigment for each dot from the mixture of its colour."""
    # Dithered to the steps of the table, or a smooth sky would show their contours.
    steps = np.clip(np.rint(colours * 24.0 + rng.normal(0.0, 0.5, colours.shape)), 0, 24).astype(np.int64)
    keys, place = np.unique(steps @ np.array([625, 25, 1]), return_inverse=True)
    distinct = np.stack([keys // 625, keys // 25 % 25, keys % 25], axis=1).astype(np.float32) / 24.0
    palette = np.concatenate([_divide(distinct, purity), _complements(distinct)[:, None]], axis=1)
    choice = rng.integers(0, MIXTURE, len(colours))
    choice[rng.random(len(colours)) < ACCENTS * purity**2] = MIXTURE
    return np.asarray(_tubes()[palette[place.ravel(), choice]], dtype=np.float32)


def _complements(colours: Floats) -> Ints:
    """Return the pigment nearest to the opposite hue at the same lightness: red in a lawn, orange in a blue shade."""
    wanted = _to_oklab(_to_linear(colours))
    away = _to_oklab(_to_linear(_tubes()))[None] - (wanted * np.array([1.0, -0.7, -0.7], dtype=np.float32))[:, None]
    distance = away**2 @ np.array([2.0, 1.0, 1.0], dtype=np.float32)
    return np.asarray(distance.argmin(axis=1), dtype=np.int32)


def _heighten_contrast(sketch: Sketch, scale: float) -> Floats:
    """Lighten the light side of every edge and darken the dark side, as the divisionists did."""
    soft = blur(sketch.colour, 12.0 * scale)
    edged = sketch.colour + 0.35 * (sketch.colour - soft)
    grey = edged.mean(axis=-1, keepdims=True)
    # Mixing in the eye dulls a colour, so it is asked for a little stronger than it shall be seen.
    return np.asarray(np.clip(grey + 1.18 * (edged - grey), 0.0, 1.0), dtype=np.float32)


# --- Dots ----------------------------------------------------------------------------------------------------------


def _scatter(shape: tuple[int, int], spacing: float, rng: np.random.Generator) -> Floats:
    """Scatter points at even distances without a pattern: a jittered hexagonal grid, then pushed apart."""
    height, width = shape
    rows = np.arange(-spacing, height + spacing, spacing * 0.866)
    columns = np.arange(-spacing, width + spacing, spacing)
    x, y = np.meshgrid(columns, rows)
    x[1::2] += spacing / 2.0
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    points += rng.uniform(-0.55, 0.55, points.shape) * spacing
    for _ in range(3):
        distance, neighbour = cKDTree(points).query(points, k=5)
        push = np.clip(0.95 * spacing - distance[:, 1:], 0.0, None) / np.maximum(distance[:, 1:], 1e-6)
        points += 0.4 * (push[..., None] * (points[:, None] - points[neighbour[:, 1:]])).sum(axis=1)
    points = points[((points >= 0.0) & (points < (width, height))).all(axis=1)]
    return rng.permutation(points).astype(np.float32)


@dataclass(frozen=True)
class Dab:
    """The mark of one touch of the brush.

    Attributes:
        cover: Opacity.
        relief: Thickness of the paint.
    """

    cover: Floats
    relief: Floats


@cache
def _dab(size: float, stretch: float, angle: float, variant: int) -> Dab:
    rng = np.random.default_rng((variant, round(size * 16), round(stretch * 16), round(angle * 64) + 512))
    length, thickness = size * math.sqrt(stretch) / 2.0, size / math.sqrt(stretch) / 2.0
    reach = math.ceil(length * 1.25) + 1
    grid = np.arange(-reach, reach + 1, dtype=np.float32)
    across, down = grid[None, :] - rng.uniform(-0.5, 0.5), grid[:, None] - rng.uniform(-0.5, 0.5)
    along = (across * math.cos(angle) + down * math.sin(angle)) / length
    side = (down * math.cos(angle) - across * math.sin(angle)) / thickness
    turn, phases = np.arctan2(side, along), rng.uniform(0.0, 2.0 * math.pi, 3)
    # Between an ellipse and a rectangle: the print of a small flat brush, with an uneven edge.
    radius = (np.abs(along) ** 2.6 + np.abs(side) ** 2.6) ** (1.0 / 2.6)
    radius = radius * (1.0 + 0.09 * np.sin(2.0 * turn + phases[0]) + 0.07 * np.sin(5.0 * turn + phases[1]))
    soft = 0.75 / thickness
    cover = smoothstep(1.0 + soft, 1.0 - soft, radius.astype(np.float32))
    ridge = 0.7 + 0.3 * smoothstep(0.2, 0.85, radius.astype(np.float32)) + 0.16 * np.sin(side * 5.0 + phases[2])
    return Dab(cover.astype(np.float32), (cover * ridge * min(1.0, size / 7.0)).astype(np.float32))


def _go_over(
    canvas: Floats,
    relief: Floats,
    sketch: Sketch,
    seen: Floats,
    layer: DabLayer,
    scale: float,
    rng: np.random.Generator,
) -> None:
    """Put one layer of dabs on the canvas, in place."""
    points = _scatter(relief.shape, layer.spacing * scale, rng)
    columns, rows = points[:, 0].astype(int), points[:, 1].astype(int)
    if layer.detail:
        wanted = rng.random(len(points)) < sketch.detail[rows, columns]
        points, columns, rows = points[wanted], columns[wanted], rows[wanted]
    colours = _pigments_for(seen[rows, columns], layer.purity, rng)
    colours = np.clip(colours * rng.normal(1.0, 0.025, (len(points), 1)), 0.0, 1.0).astype(np.float32)
    sizes = np.rint(layer.size * scale * rng.choice([0.82, 0.94, 1.06, 1.2], len(points)) * 8.0) / 8.0
    stretches = np.rint((1.0 + (sketch.stretch[rows, columns] - 1.0) * layer.stretch) * 4.0) / 4.0
    angles = np.mod(sketch.angle[rows, columns] + rng.normal(0.0, 0.22, len(points)), math.pi)
    angles = np.rint(angles / math.pi * 16.0) % 16 * (math.pi / 16.0)
    variants = rng.integers(0, 4, len(points))
    for index in range(len(points)):
        dab = _dab(float(sizes[index]), float(stretches[index]), float(angles[index]), int(variants[index]))
        _touch(canvas, relief, dab, int(columns[index]), int(rows[index]), colours[index])


def _touch(canvas: Floats, relief: Floats, dab: Dab, column: int, row: int, colour: Floats) -> None:
    height, width = relief.shape
    reach = dab.cover.shape[0] // 2
    top, left = row - reach, column - reach
    rows = slice(max(0, top), min(height, row + reach + 1))
    columns = slice(max(0, left), min(width, column + reach + 1))
    part = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    cover = dab.cover[part]
    under = canvas[rows, columns]
    under += (colour - under) * cover[..., None]
    thickness = relief[rows, columns]
    thickness += (0.35 * thickness + dab.relief[part] - thickness) * cover


def _primed_canvas(shape: tuple[int, int], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return a canvas of cream-coloured linen, whose threads show between the dots."""
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    weave = np.sin(rows * 2.1) * np.sin(columns * 2.1) + 0.4 * smooth_field(shape, (3.0, 3.0), rng)
    canvas = PRIMING * (1.0 + 0.025 * weave)[..., None]
    return canvas.astype(np.float32), (0.12 * weave).astype(np.float32)


def _light(canvas: Floats, relief: Floats) -> Floats:
    """Light the relief of the paint from the upper left."""
    down, across = np.gradient(ndimage.gaussian_filter(relief, 0.6))
    lit = np.clip(1.0 + 0.16 * (across + down), 0.80, 1.14)
    return np.asarray(np.clip(canvas * lit[..., None], 0.0, 1.0), dtype=np.float32)
