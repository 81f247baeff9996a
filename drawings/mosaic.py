"""A peacock in its pride: a gold-ground mosaic of some nine thousand hand-cut stones.

A peacock displays a fan of eyed feathers before a gold sky, over a flowering meadow and between two pomegranate
sprays, inside a jewelled frame. It is made the way a mosaicist works:

1. a *cartoon* divides the sheet into regions and gives each a distance function whose iso-lines are the rows
   (the *andamento*), a row width, a family of stones and a tone;
2. stones are set one after another along those rows, and what stays open where rows meet is filled with cut pieces;
3. every pixel goes to the nearest stone of its own region, by a square distance turned along the row, so that cells
   are irregular quadrilaterals which never cross a contour of the design;
4. each stone gets a colour from its family, a tilt, a bevel and, if it is gold or glass, a glint; grout fills the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy import ndimage

from drawings.dabs import (
    SHEET_HEIGHT,
    SHEET_WIDTH,
    Bools,
    Floats,
    Ints,
    blur,
    mix,
    sheet_coordinates,
    sheet_shape,
    smooth_field,
    smoothstep,
)

# Each family of stones runs from its darkest to its lightest; a region's tone chooses among them.
STONES: dict[str, tuple[str, ...]] = {
    "gold": ("7a4a12", "9c6518", "b97f1f", "cf972b", "dfae3d", "ecc55a", "f6dc86"),
    "lapis": ("0c1238", "131d5c", "1a2c80", "2240a4", "2f5bc0", "5080d2"),
    "turquoise": ("07474f", "0b6a70", "128c8f", "25aca6", "58c8ba", "99ded0"),
    "emerald": ("0a3226", "0f4a34", "1a6844", "2f8751", "5fa35a", "9dbd62"),
    "terracotta": ("4f160f", "7a2416", "a03a1f", "bd5430", "d27a4c", "e3a379"),
    "ivory": ("b59c70", "cdb98f", "dccdaa", "e9dfc8", "f5efdf"),
    "night": ("0a0d1e", "10162e", "1a2140"),
    "violet": ("2a1040", "44205f", "633382", "8652a0", "ab80bd"),
}
FAMILIES = tuple(STONES)
RELATED = {
    "gold": ("ivory",),
    "lapis": ("turquoise", "violet"),
    "turquoise": ("lapis", "emerald"),
    "emerald": ("turquoise", "gold"),
    "terracotta": ("gold", "violet"),
    "ivory": ("gold",),
}
GLASS = {"gold": 1.0, "lapis": 0.55, "turquoise": 0.6, "emerald": 0.5, "violet": 0.5}
GROUT = np.array([0.47, 0.41, 0.34], dtype=np.float32)
LIGHT = np.array([-0.48, -0.62, 0.62], dtype=np.float32)

SUPERSAMPLING = 2
# Width of the smallest raster that stones can be cut on; smaller pictures are drawn on it and reduced.
SMALLEST_RASTER = 400
# How often holes between the rows are looked for and filled with cut pieces.
FILLINGS = 2
FAN_CENTRE = (512.0, 612.0)
# Reach of each ring of feathers, size of its feathers and the stones they are made of, from the back to the front.
FAN_RINGS = ((412.0, 49.0, "turquoise"), (328.0, 41.0, "emerald"), (250.0, 33.0, "turquoise"), (178.0, 25.0, "lapis"))
BLOSSOMS = (
    (78, 676),
    (132, 700),
    (188, 672),
    (246, 698),
    (304, 672),
    (362, 700),
    (420, 674),
    (608, 676),
    (664, 700),
    (722, 672),
    (778, 698),
    (836, 672),
    (892, 700),
    (946, 674),
)
# Spine of the bird as (x, y, radius).
BODY = (
    (472, 298, 25),
    (494, 318, 25),
    (514, 352, 27),
    (522, 394, 36),
    (518, 450, 56),
    (512, 524, 72),
    (512, 590, 60),
    (512, 644, 26),
)
# Course of the right-hand pomegranate branch.
SPRAY = (
    (940, 352),
    (948, 312),
    (950, 272),
    (946, 232),
    (934, 194),
    (912, 158),
    (880, 128),
    (842, 106),
    (800, 92),
    (756, 84),
)
FRUITS = ((942, 92), (846, 168))
FRAME = 46.0
# Stones smaller than this (px in the finished picture) would melt into a grey; small drawings get fewer stones instead.
SMALLEST_STONE = 3.5


@dataclass
class Cartoon:
    """The full-size plan of a mosaic, which a mosaicist draws on the wall before setting the first stone.

    Attributes:
        x: Design-unit column of every pixel.
        y: Design-unit row of every pixel.
        region: Which part of the design a pixel belongs to; stones never cross from one to another.
        rows: Distance function in design units; its iso-lines are the rows of stones.
        width: Row width in design units.
        family: Index into `FAMILIES`.
        tone: 0 for the family's darkest stone, 1 for its lightest.
    """

    x: Floats
    y: Floats
    region: Ints = field(init=False)
    rows: Floats = field(init=False)
    width: Floats = field(init=False)
    family: Ints = field(init=False)
    tone: Floats = field(init=False)
    regions: int = 0

    def __post_init__(self) -> None:
        shape = self.x.shape
        self.region = np.zeros(shape, dtype=np.int32)
        self.rows = np.zeros(shape, dtype=np.float32)
        self.width = np.full(shape, 9.0, dtype=np.float32)
        self.family = np.zeros(shape, dtype=np.int32)
        self.tone = np.full(shape, 0.5, dtype=np.float32)

    def window(self, points: Sequence[Sequence[float]], reach: float) -> tuple[slice, slice]:
        """Return slices of the box that contains everything within `reach` of some points."""
        unit = self.x.shape[1] / SHEET_WIDTH
        slices = []
        for axis in (1, 0):
            low = max(0, int((min(point[axis] for point in points) - reach) * unit))
            high = max(low, math.ceil((max(point[axis] for point in points) + reach) * unit))
            slices.append(slice(low, high))
        return slices[0], slices[1]

    def lay(
        self,
        depth: Floats,
        width: float,
        family: str,
        tone: Floats | float,
        where: tuple[slice, slice] = (slice(None), slice(None)),
        rows: Floats | None = None,
    ) -> None:
        """Put a shape on top of the plan.

        Args:
            depth: How far inside the shape a point is (negative outside), in design units.
            width: Row width in design units.
            family: Name of the family of stones.
            tone: Tone, one for all or one for each pixel.
            where: The window that the arrays cover.
            rows: Distance whose iso-lines the rows follow, if not the depth itself.
        """
        inside = depth > 0.0
        self.regions += 1
        self.region[where][inside] = self.regions
        self.rows[where][inside] = (depth if rows is None else rows)[inside]
        self.width[where][inside] = width
        self.family[where][inside] = FAMILIES.index(family)
        self.tone[where][inside] = np.broadcast_to(tone, inside.shape)[inside]


@dataclass
class Stones:
    """Stones set on the plan, one entry of each list per stone, in raster pixels.

    Attributes:
        x: Column of the middle.
        y: Row of the middle.
        angle: Direction of the row, in radians.
        half_length: Half the extent along the row.
        half_width: Half the extent across it.
        region: Region of the plan that the stone may cover.
    """

    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    angle: list[float] = field(default_factory=list)
    half_length: list[float] = field(default_factory=list)
    half_width: list[float] = field(default_factory=list)
    region: list[int] = field(default_factory=list)

    def add(self, x: float, y: float, angle: float, half_length: float, half_width: float, region: int) -> None:
        """Set one more stone."""
        self.x.append(x)
        self.y.append(y)
        self.angle.append(angle)
        self.half_length.append(half_length)
        self.half_width.append(half_width)
        self.region.append(region)


def draw(long_side: int = 1024, seed: int = 0) -> Floats:
    """Draw the peacock mosaic.

    Args:
        long_side: Width in pixels; the height is three quarters of it.
        seed: Chooses how the stones are cut, coloured and tilted. The design stays.

    Returns:
        An H×W×3 array of sRGB values in [0, 1].
    """
    height, width = sheet_shape(long_side)
    finer = max(SUPERSAMPLING, math.ceil(SMALLEST_RASTER / width))
    shape = (height * finer, width * finer)
    rng = np.random.default_rng(seed)
    cartoon = _plan(shape)
    coarseness = max(1.0, SMALLEST_STONE / (8.0 * long_side / SHEET_WIDTH))
    stones = _set_rows(cartoon, coarseness, rng)
    cells = _cells(stones, cartoon.region)
    for _ in range(FILLINGS):
        _fill_gaps(stones, cells, cartoon.region)
        cells = _cells(stones, cartoon.region)
    picture = _render(cartoon, stones, cells, rng)
    picture = picture.reshape(height, finer, width, finer, 3).mean(axis=(1, 3))
    return np.asarray(np.clip(picture, 0.0, 1.0), dtype=np.float32)


# --- The cartoon ---------------------------------------------------------------------------------------------------


def _plan(shape: tuple[int, int]) -> Cartoon:
    x, y = sheet_coordinates(shape)
    plan = Cartoon(x, y)
    _plan_meadow(plan)
    _plan_sprays(plan)
    _plan_fan(plan)
    _plan_bird(plan)
    _plan_frame(plan)
    _plan_sky(plan)
    return plan


def _plan_sky(plan: Cartoon) -> None:
    """Plan the gold ground: rows that follow the contours of the foreground, in bands of lighter and darker gold."""
    open_sky = plan.region == 0
    unit = plan.x.shape[1] / SHEET_WIDTH
    echo = ndimage.distance_transform_edt(open_sky).astype(np.float32) / unit
    from_centre = np.hypot(plan.x - FAN_CENTRE[0], plan.y - FAN_CENTRE[1])
    tone = 0.60 + 0.2 * np.cos((from_centre - 478.0) / 14.0) - 0.0008 * np.clip(from_centre - 478.0, 0.0, None)
    plan.lay(np.where(open_sky, echo, -1.0), 10.0, "gold", tone)
    # A sliver between two feathers is outline all through: a thread of gold would not fit in.
    sliver = ndimage.maximum_filter(echo, size=int(24 * unit) + 1) < 16.0
    outline = np.where(open_sky & ((echo <= 8.5) | sliver) & (from_centre < 478.0), 1.0, -1.0).astype(np.float32)
    plan.lay(outline, 8.5, "terracotta", 0.35, rows=echo)


def _plan_meadow(plan: Cartoon) -> None:
    hill = 646.0 - 16.0 * np.cos((plan.x - 512.0) / 150.0) - 7.0 * np.sin(plan.x / 57.0)
    depth = (plan.y - hill).astype(np.float32)
    tone = 0.9 - 0.008 * depth + 0.14 * np.sin(plan.x / 41.0 + depth / 14.0)
    plan.lay(depth, 9.5, "emerald", tone.astype(np.float32))
    for index, (x, y) in enumerate(BLOSSOMS):
        _plan_blossom(plan, x, y, ("ivory", "terracotta", "violet")[index % 3])


def _plan_blossom(plan: Cartoon, x: float, y: float, family: str) -> None:
    where = plan.window(((x, y),), 26.0)
    across, down = plan.x[where] - x, plan.y[where] - y
    radius = np.hypot(across, down)
    petals = 17.0 + 3.0 * np.cos(5.0 * np.arctan2(down, across) + x)
    plan.lay(petals - radius, 11.0, family, 0.75, where, rows=18.0 - radius)
    plan.lay(6.5 - radius, 6.5, "gold", 0.85, where)


def _capsule(plan: Cartoon, where: tuple[slice, slice], ends: Sequence[float], radii: tuple[float, float]) -> Floats:
    """Return the depth inside a rod whose radius changes linearly from end to end."""
    x0, y0, x1, y1 = ends
    across, down = x1 - x0, y1 - y0
    along = ((plan.x[where] - x0) * across + (plan.y[where] - y0) * down) / (across**2 + down**2)
    along = np.clip(along, 0.0, 1.0)
    distance = np.hypot(plan.x[where] - x0 - along * across, plan.y[where] - y0 - along * down)
    return (radii[0] + (radii[1] - radii[0]) * along - distance).astype(np.float32)


def _tube(plan: Cartoon, where: tuple[slice, slice], spine: Sequence[tuple[float, float, float]]) -> Floats:
    """Return the depth inside a chain of rods through (x, y, radius) points."""
    depths = [_capsule(plan, where, (x0, y0, x1, y1), (r0, r1)) for (x0, y0, r0), (x1, y1, r1) in pairwise(spine)]
    return np.asarray(np.maximum.reduce(depths), dtype=np.float32)


def _ellipse(
    plan: Cartoon, where: tuple[slice, slice], centre: tuple[float, float], axes: tuple[float, float], angle: float
) -> Floats:
    """Return the approximate depth inside an ellipse whose first axis points along `angle`."""
    across, down = plan.x[where] - centre[0], plan.y[where] - centre[1]
    along = across * math.cos(angle) + down * math.sin(angle)
    side = down * math.cos(angle) - across * math.sin(angle)
    return ((1.0 - np.hypot(along / axes[0], side / axes[1])) * min(axes)).astype(np.float32)


def _plan_fan(plan: Cartoon) -> None:
    """Plan four rings of eyed feathers, the outer ones behind, with equal angles between neighbours."""
    step = 0.2545
    for ring, (reach, size, family) in enumerate(FAN_RINGS):
        count = 13 if ring % 2 == 0 else 12
        for index in sorted(range(count), key=lambda place: -abs(place - (count - 1) / 2.0)):
            angle = -math.pi / 2.0 + (index - (count - 1) / 2.0) * step
            _plan_feather(plan, angle, reach, size, family)


def _plan_feather(plan: Cartoon, angle: float, reach: float, size: float, family: str) -> None:
    cx, cy = FAN_CENTRE
    eye = (cx + reach * math.cos(angle), cy + reach * math.sin(angle))
    row = 5.4 + size * 0.055
    where = plan.window((eye, FAN_CENTRE), size)
    depth = _capsule(plan, where, (*eye, cx, cy), (size, 3.0))
    outward = (plan.x[where] - cx) * math.cos(angle) + (plan.y[where] - cy) * math.sin(angle) - reach
    tone = np.clip(0.62 + outward / (3.4 * size), 0.05, 0.95) + 0.1 * np.cos(depth / row * math.pi)
    plan.lay(depth, row, "gold", np.clip(0.62 + outward / (4.0 * size), 0.1, 0.95), where)
    plan.lay(depth - row, row, family, tone, where)
    _plan_stem(plan, angle, reach - 0.6 * size)
    _plan_eye(plan, eye, angle, size, row)


def _plan_stem(plan: Cartoon, angle: float, reach: float) -> None:
    cx, cy = FAN_CENTRE
    direction = (math.cos(angle), math.sin(angle))
    ends = (cx + reach * direction[0], cy + reach * direction[1], cx, cy)
    where = plan.window((ends[:2], FAN_CENTRE), 5.0)
    plan.lay(_capsule(plan, where, ends, (3.6, 2.4)), 7.2, "gold", 0.75, where)


def _plan_eye(plan: Cartoon, eye: tuple[float, float], angle: float, size: float, row: float) -> None:
    where = plan.window((eye,), size * 1.2)
    outer = 0.66 * size
    zones = (("terracotta", 0.72, outer), ("gold", 0.8, outer - row), ("turquoise", 0.8, outer - 2.0 * row))
    shift = 0.06 * size
    middle = (eye[0] + shift * math.cos(angle), eye[1] + shift * math.sin(angle))
    for family, tone, radius in zones:
        if radius > 3.0:
            plan.lay(_ellipse(plan, where, middle, (radius * 1.1, radius), angle), row, family, tone, where)
    heart = max(0.3 * size - 2.0, 5.0)
    low = (eye[0] - 0.4 * shift * math.cos(angle), eye[1] - 0.4 * shift * math.sin(angle))
    plan.lay(_ellipse(plan, where, low, (heart * 1.1, heart), angle), row, "lapis", 0.22, where)


def _plan_bird(plan: Cartoon) -> None:
    where = plan.window(BODY, 80.0)
    body = _tube(plan, where, BODY)
    head = _head_depth(plan, where)
    _plan_legs(plan)
    for side in (-1.0, 1.0):
        _plan_wing(plan, side)
    _plan_crest(plan)
    figure = np.asarray(np.maximum(body, head), dtype=np.float32)
    plan.lay(figure + 8.0, 8.0, "ivory", 0.85, where, rows=-figure)
    light = 0.55 - (plan.x[where] - 500.0) / 120.0 + 0.14 * np.cos(body / 8.0 * math.pi)
    plan.lay(body, 8.0, "lapis", np.clip(light, 0.1, 1.0).astype(np.float32), where)
    _plan_breast(plan)
    _plan_face(plan)


def _plan_breast(plan: Cartoon) -> None:
    """Plan overlapping scales, the upper ones on top, from lapis on the neck to emerald on the belly."""
    for line in range(8, -1, -1):
        y = 402.0 + 28.0 * line
        for place in range(-3, 4):
            x = 514.0 + 35.0 * (place + 0.5 * (line % 2))
            where = plan.window(((x, y),), 24.0)
            radius = np.hypot(plan.x[where] - x, plan.y[where] - y)
            scale = np.minimum(22.0 - radius, _tube(plan, where, BODY))
            light = float(np.clip(0.78 - (x - 470.0) / 150.0, 0.15, 0.95))
            plan.lay(scale, 7.0, "turquoise" if line < 2 else "gold", light, where, rows=22.0 - radius)
            family = "lapis" if line < 2 else "turquoise" if line < 5 else "emerald"
            plan.lay(np.minimum(scale, 15.0 - radius), 7.5, family, light - 0.15, where, rows=15.0 - radius)


def _plan_wing(plan: Cartoon, side: float) -> None:
    x = 512.0 + side * 80.0
    spine = (
        (x - side * 26.0, 480.0, 22.0),
        (x, 520.0, 36.0),
        (x + side * 14.0, 575.0, 30.0),
        (x + side * 12.0, 640.0, 12.0),
        (x + side * 4.0, 668.0, 3.0),
    )
    where = plan.window(spine, 40.0)
    wing = _tube(plan, where, spine)
    plan.lay(wing, 8.0, "ivory", 0.7, where)
    bars = 0.5 + 0.42 * np.cos((plan.y[where] - side * 0.45 * (plan.x[where] - 512.0)) / 7.5)
    plan.lay(wing - 8.0, 8.0, "terracotta", bars.astype(np.float32), where)


def _plan_legs(plan: Cartoon) -> None:
    for x in (488.0, 540.0):
        where = plan.window(((x, 680.0),), 60.0)
        plan.lay(_capsule(plan, where, (x, 640.0, x, 694.0), (5.0, 4.5)), 9.0, "terracotta", 0.8, where)
        for toe in (-22.0, 0.0, 22.0):
            plan.lay(_capsule(plan, where, (x, 692.0, x + toe, 708.0), (4.5, 3.8)), 8.0, "terracotta", 0.85, where)


def _head_depth(plan: Cartoon, where: tuple[slice, slice]) -> Floats:
    skull = _ellipse(plan, where, (468.0, 290.0), (34.0, 30.0), 0.0)
    return np.maximum(skull, _beak_depth(plan, where))


def _beak_depth(plan: Cartoon, where: tuple[slice, slice]) -> Floats:
    return _tube(plan, where, ((444.0, 292.0, 12.0), (424.0, 298.0, 7.5), (408.0, 310.0, 2.0)))


def _plan_crest(plan: Cartoon) -> None:
    root = (474.0, 284.0)
    where = plan.window((root,), 110.0)
    for angle in (-2.3, -1.97, -1.64, -1.31, -0.98):
        tip = (root[0] + 66.0 * math.cos(angle), root[1] + 66.0 * math.sin(angle))
        plan.lay(_capsule(plan, where, (*root, *tip), (3.8, 3.8)), 7.6, "ivory", 0.9, where)
        plan.lay(_ellipse(plan, where, tip, (18.0, 13.0), angle), 6.5, "gold", 0.9, where)
        plan.lay(_ellipse(plan, where, tip, (10.0, 7.0), angle), 6.5, "lapis", 0.5, where)


def _plan_face(plan: Cartoon) -> None:
    where = plan.window(((465.0, 290.0),), 110.0)
    plan.lay(_ellipse(plan, where, (468.0, 290.0), (34.0, 30.0), 0.0), 6.5, "lapis", 0.7, where)
    plan.lay(_beak_depth(plan, where), 6.5, "terracotta", 0.75, where)
    plan.lay(_ellipse(plan, where, (464.0, 287.0), (20.0, 14.0), -0.1), 6.5, "ivory", 0.95, where)
    plan.lay(_capsule(plan, where, (446.0, 290.0, 484.0, 284.0), (3.0, 3.0)), 6.0, "night", 0.5, where)
    plan.lay(_ellipse(plan, where, (463.0, 287.0), (8.0, 8.0), 0.0), 16.0, "night", 0.0, where)


def _plan_sprays(plan: Cartoon) -> None:
    for side in (-1.0, 1.0):
        _plan_spray(plan, side)


def _plan_spray(plan: Cartoon, side: float) -> None:
    """Plan a pomegranate branch that climbs the edge and curls into an upper corner."""
    path = [(512.0 + side * (x - 512.0), y) for x, y in SPRAY]
    fruits = [(512.0 + side * (x - 512.0), y) for x, y in FRUITS]
    for (x, y), place in zip(fruits, (5, 6), strict=True):
        where = plan.window(((x, y), path[place]), 5.0)
        plan.lay(_capsule(plan, where, (x, y, *path[place]), (3.6, 3.6)), 7.2, "terracotta", 0.12, where)
    where = plan.window(path, 6.0)
    plan.lay(_tube(plan, where, [(x, y, 4.4) for x, y in path]), 8.8, "terracotta", 0.12, where)
    for place in range(1, len(path) - 1):
        x, y = path[place]
        along = math.atan2(path[place + 1][1] - y, path[place + 1][0] - x)
        for turn in (-1.0, 1.0):
            angle = along + turn * 0.95
            _plan_leaf(plan, (x + 22.0 * math.cos(angle), y + 22.0 * math.sin(angle)), angle)
    for fruit in (*fruits, (path[-1][0] - side * 8.0, path[-1][1] + 6.0)):
        _plan_pomegranate(plan, fruit)


def _plan_leaf(plan: Cartoon, centre: tuple[float, float], angle: float) -> None:
    """Plan a leaf with a lit and a shaded half."""
    where = plan.window((centre,), 26.0)
    leaf = _ellipse(plan, where, centre, (21.0, 10.5), angle)
    side = (plan.y[where] - centre[1]) * math.cos(angle) - (plan.x[where] - centre[0]) * math.sin(angle)
    upper = side if math.cos(angle) < 0.0 else -side
    plan.lay(leaf, 8.0, "emerald", 0.35, where)
    plan.lay(np.minimum(leaf, upper), 8.0, "emerald", 0.95, where, rows=leaf)


def _plan_pomegranate(plan: Cartoon, centre: tuple[float, float]) -> None:
    x, y = centre
    where = plan.window(((x, y),), 36.0)
    crown = _capsule(plan, where, (x, y, x, y + 29.0), (3.0, 8.0))
    plan.lay(crown, 7.0, "gold", 0.8, where)
    ball = (23.0 - np.hypot(plan.x[where] - x, plan.y[where] - y)).astype(np.float32)
    light = 0.62 - (plan.x[where] - x + plan.y[where] - y) / 60.0
    plan.lay(ball, 7.0, "terracotta", light, where)


def _plan_frame(plan: Cartoon) -> None:
    """Plan a jewelled border: ovals and lozenges of glass between rows of pearls."""
    inset = np.minimum.reduce([plan.x, SHEET_WIDTH - plan.x, plan.y, SHEET_HEIGHT - plan.y]).astype(np.float32)
    frame = FRAME - inset
    plan.lay(frame, 9.0, "ivory", 0.8)
    plan.lay(frame - 9.0, 9.0, "lapis", 0.25)
    plan.lay(frame - 37.0, 9.0, "ivory", 0.75)
    for index, (x, y, angle) in enumerate(_frame_places()):
        where = plan.window(((x, y),), 30.0)
        if index % 2:
            plan.lay(_ellipse(plan, where, (x, y), (17.0, 11.0), angle), 6.0, "gold", 0.8, where)
            plan.lay(_ellipse(plan, where, (x, y), (10.5, 5.0), angle), 6.0, "terracotta", 0.55, where)
        else:
            across, down = np.abs(plan.x[where] - x), np.abs(plan.y[where] - y)
            plan.lay((12.0 - across - down).astype(np.float32) * 0.8, 6.0, "turquoise", 0.75, where)


def _frame_places() -> list[tuple[float, float, float]]:
    """Return centre and direction of every jewel, evenly spaced along the four sides."""
    inset = FRAME / 2.0
    across, down = SHEET_WIDTH - 2.0 * inset, SHEET_HEIGHT - 2.0 * inset
    top = [(inset + across * k / 24, inset, 0.0) for k in range(24)]
    bottom = [(SHEET_WIDTH - x, SHEET_HEIGHT - inset, 0.0) for x, _, _ in top]
    right = [(SHEET_WIDTH - inset, inset + down * k / 18, math.pi / 2.0) for k in range(18)]
    left = [(inset, SHEET_HEIGHT - y, math.pi / 2.0) for _, y, _ in right]
    return top + right + bottom + left


# --- Setting the stones --------------------------------------------------------------------------------------------


def _set_rows(plan: Cartoon, coarseness: float, rng: np.random.Generator) -> Stones:
    """Walk along every row and set stones end to end."""
    unit = plan.x.shape[1] / SHEET_WIDTH
    level = plan.rows * unit
    # Coarser stones, but never so coarse that a band of the design would be too narrow for a single row of them.
    room = np.asarray(ndimage.maximum(level, plan.region, np.arange(plan.regions + 1)), dtype=np.float32)[plan.region]
    width = np.clip(plan.width * unit * coarseness, plan.width * unit, np.maximum(plan.width * unit, room))
    down, across = np.gradient(level)
    taken = np.zeros(level.shape, dtype=bool)
    walker = _Walker(plan.region, level, width, down, across, taken, rng)
    phase = np.mod(level / width, 1.0)
    starts = np.flatnonzero(np.abs(phase - 0.5) * width < 0.6)
    for start in starts[::3]:
        y, x = divmod(int(start), level.shape[1])
        if not taken[y, x]:
            walker.walk_both_ways(float(x), float(y))
    return walker.stones


@dataclass
class _Walker:
    """A walker along an iso-line of the distance function, which sets stones on its way."""

    region: Ints
    level: Floats
    width: Floats
    down: Floats
    across: Floats
    taken: Bools
    rng: np.random.Generator
    stones: Stones = field(default_factory=Stones)

    def walk_both_ways(self, x: float, y: float) -> None:
        """Set a row of stones through a point in both directions."""
        row = int(y), int(x)
        region, width = int(self.region[row]), float(self.width[row])
        goal = (math.floor(self.level[row] / width) + 0.5) * width
        slope = self._slope(x, y) or (0.0, 0.0)
        x, y = x + slope[0] * (goal - float(self.level[row])), y + slope[1] * (goal - float(self.level[row]))
        self._set(x, y, region, width, width)
        for way in (1.0, -1.0):
            self._walk(x, y, way, region, width, goal)

    def _walk(self, x: float, y: float, way: float, region: int, width: float, goal: float) -> None:
        previous = width
        for _ in range(400):
            length = width * float(self.rng.uniform(0.85, 1.35))
            step = self._advance(x, y, way, region, goal, (previous + length) / 2.0)
            if step is None:
                return
            x, y = step
            if self.taken[int(y), int(x)]:
                return
            self._set(x, y, region, width, length)
            previous = length

    def _advance(
        self, x: float, y: float, way: float, region: int, goal: float, length: float
    ) -> tuple[float, float] | None:
        strides = max(2, int(length / 4.0))
        for _ in range(strides):
            slope = self._slope(x, y)
            if slope is None:
                return None
            x, y = x - way * slope[1] * length / strides, y + way * slope[0] * length / strides
            slope = self._slope(x, y)
            if slope is None or self.region[int(y), int(x)] != region:
                return None
            # The step left the iso-line by a little where it bends; climb back on to it.
            error = float(np.clip(goal - self.level[int(y), int(x)], -2.0, 2.0))
            x, y = x + slope[0] * error, y + slope[1] * error
            if self._slope(x, y) is None or self.region[int(y), int(x)] != region:
                return None
        return x, y

    def _slope(self, x: float, y: float) -> tuple[float, float] | None:
        """Return the unit gradient of the distance; None off the sheet and on ridges, which rows of two sides share."""
        if not (0.0 <= x < self.region.shape[1] and 0.0 <= y < self.region.shape[0]):
            return None
        across, down = float(self.across[int(y), int(x)]), float(self.down[int(y), int(x)])
        steepness = math.hypot(across, down)
        return (across / steepness, down / steepness) if steepness > 0.15 else None

    def _set(self, x: float, y: float, region: int, width: float, length: float) -> None:
        slope = self._slope(x, y) or (0.0, 1.0)
        angle = math.atan2(slope[0], -slope[1]) + float(self.rng.normal(0.0, 0.05))
        # Only along the row: a stone out of line would wedge itself between its neighbours.
        nudge = float(self.rng.normal(0.0, 0.05 * width))
        x, y = x + nudge * math.cos(angle), y + nudge * math.sin(angle)
        self.stones.add(x, y, angle, length / 2.0, width / 2.0, region)
        reach = 0.46 * width
        self.taken[max(0, int(y - reach)) : int(y + reach) + 1, max(0, int(x - reach)) : int(x + reach) + 1] = True


def _cells(stones: Stones, region: Ints) -> Ints:
    """Assign every pixel to the nearest stone of its region, or to none (-1) if all are too far.

    The distance is squarish (the fourth powers are added) and turned along the row, so the cells of a row are
    quadrilaterals; with the plain maximum, a stone a little wider than its neighbour would creep along its edge.
    """
    height, width = region.shape
    cells = np.full(region.shape, -1, dtype=np.int32)
    nearest = np.full(region.shape, 4.5, dtype=np.float32)
    grid = np.arange(max(height, width), dtype=np.float32)
    for index in range(len(stones.x)):
        x, y, angle = stones.x[index], stones.y[index], stones.angle[index]
        reach = 1.4 * math.hypot(stones.half_length[index], stones.half_width[index])
        rows = slice(max(0, int(y - reach)), min(height, int(y + reach) + 2))
        columns = slice(max(0, int(x - reach)), min(width, int(x + reach) + 2))
        across, down = grid[columns][None, :] - np.float32(x), grid[rows][:, None] - np.float32(y)
        c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        along = across * (c / stones.half_length[index]) + down * (s / stones.half_length[index])
        side = down * (c / stones.half_width[index]) - across * (s / stones.half_width[index])
        along *= along
        side *= side
        distance = along * along + side * side
        mine = (distance < nearest[rows, columns]) & (region[rows, columns] == stones.region[index])
        nearest[rows, columns][mine] = distance[mine]
        cells[rows, columns][mine] = index
    return cells


def _fill_gaps(stones: Stones, cells: Ints, region: Ints) -> None:
    """Cut small pieces for the holes that the rows left."""
    free = cells < 0
    free[:, 1:] &= region[:, 1:] == region[:, :-1]
    free[1:, :] &= region[1:, :] == region[:-1, :]
    room = ndimage.distance_transform_edt(free)
    peak = ndimage.maximum_filter(room, size=7)
    for y, x in np.argwhere((room == peak) & (room > 1.8)):
        size = float(room[y, x])
        stones.add(float(x), float(y), 0.0, size * 1.2, size * 1.2, int(region[y, x]))


# --- Colour and light ----------------------------------------------------------------------------------------------


def _render(plan: Cartoon, stones: Stones, cells: Ints, rng: np.random.Generator) -> Floats:
    # In a small picture the joints must stay wide enough to be seen and narrow enough to leave room for stone.
    unit = max(plan.x.shape[1] / SHEET_WIDTH, 0.8)
    colour, gloss = _stone_colours(plan, stones, rng)
    # Glass and gold are pressed in at a slant so that they catch the light one by one; marble is laid flat.
    tilt = (rng.normal(0.0, 1.0, (len(stones.x), 2)) * (0.08 + 0.10 * gloss[:, None])).astype(np.float32)
    inside = _depth_in_stone(cells)
    grout = 0.62 * unit
    cover = smoothstep(grout - 0.6, grout + 0.6, inside)
    bevel = smoothstep(grout * 0.4, grout + 1.5 * unit, inside)
    lit, glint = _light(bevel * 0.6 * unit, tilt, cells, gloss)
    stone = colour[cells] * lit[..., None] + glint[..., None] * np.array([1.0, 0.93, 0.74], dtype=np.float32)
    stone *= _grain(cells, rng)[..., None]
    bed = _grout(plan.x.shape, inside, grout, rng)
    return mix(bed, stone, cover)


def _depth_in_stone(cells: Ints) -> Floats:
    edge = cells < 0
    edge[:, :-1] |= cells[:, :-1] != cells[:, 1:]
    edge[:-1, :] |= cells[:-1, :] != cells[1:, :]
    # The blur lowers the distance in the corners only, which rounds them.
    return blur(ndimage.distance_transform_edt(~edge).astype(np.float32), 1.2)


def _stone_colours(plan: Cartoon, stones: Stones, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return colour and gloss of every stone."""
    height, width = plan.region.shape
    row = np.clip(np.asarray(stones.y).astype(int), 0, height - 1)
    column = np.clip(np.asarray(stones.x).astype(int), 0, width - 1)
    family, tone = plan.family[row, column].copy(), plan.tone[row, column]
    _mix_families(family, rng)
    colour = np.zeros((len(row), 3), dtype=np.float32)
    gloss = np.zeros(len(row), dtype=np.float32)
    for index, name in enumerate(FAMILIES):
        chosen = np.flatnonzero(family == index)
        shades = np.array([[int(code[k : k + 2], 16) / 255.0 for k in (0, 2, 4)] for code in STONES[name]])
        wanted = tone[chosen] * (len(shades) - 1) + rng.normal(0.0, 0.55, len(chosen))
        colour[chosen] = shades[np.clip(np.rint(wanted), 0, len(shades) - 1).astype(int)]
        gloss[chosen] = GLASS.get(name, 0.08)
    value = rng.normal(1.0, 0.06, (len(row), 1))
    cast = rng.normal(1.0, 0.025, (len(row), 3))
    return (colour * value * cast).astype(np.float32), gloss


def _mix_families(family: Ints, rng: np.random.Generator) -> None:
    """Replace a few stones, in place, by stones of a related family."""
    original = family.copy()
    for name, related in RELATED.items():
        for other in related:
            swapped = (original == FAMILIES.index(name)) & (rng.random(len(family)) < 0.03)
            family[swapped] = FAMILIES.index(other)


def _light(relief: Floats, tilt: Floats, cells: Ints, gloss: Floats) -> tuple[Floats, Floats]:
    """Return diffuse light and gloss at every pixel of a relief of bevelled, tilted stones."""
    down, across = np.gradient(relief)
    x = -across - tilt[cells, 0]
    y = -down - tilt[cells, 1]
    length = np.sqrt(x * x + y * y + 1.0)
    direction = LIGHT / np.linalg.norm(LIGHT)
    facing = (x * direction[0] + y * direction[1] + direction[2]) / length
    half = direction + np.array([0.0, 0.0, 1.0], dtype=np.float32)
    half /= np.linalg.norm(half)
    shine = np.clip((x * half[0] + y * half[1] + half[2]) / length, 0.0, 1.0) ** 40
    lit = 0.42 + 0.58 * np.clip(facing, 0.0, None) / direction[2]
    return lit.astype(np.float32), (0.42 * shine * gloss[cells]).astype(np.float32)


def _grain(cells: Ints, rng: np.random.Generator) -> Floats:
    """Return streaks inside the stones: lengthwise in half of them, crosswise in the others."""
    shape = cells.shape
    lying = smooth_field(shape, (2.2, 14.0), rng)
    standing = smooth_field(shape, (14.0, 2.2), rng)
    return np.asarray(1.0 + 0.05 * np.where(cells % 2 == 0, lying, standing), dtype=np.float32)


def _grout(shape: tuple[int, int], inside: Floats, grout: float, rng: np.random.Generator) -> Floats:
    sand = 1.0 + 0.10 * smooth_field(shape, (2.0, 2.0), rng) + 0.12 * smooth_field(shape, (60.0, 60.0), rng)
    shade = 0.72 + 0.28 * smoothstep(grout, 0.0, inside)
    return np.asarray(GROUT * (sand * shade)[..., None], dtype=np.float32)
