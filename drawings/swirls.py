"""Swirls: a summer night over hills and a winding river, in thick directional strokes.

A low moon and a few stars stir the sky: the strokes follow a flow field with a vortex around every light. They are laid
from broad to fine, sky first and foreground last. Each carries its own mixture of two pigments, picked from a ramp by
how much light falls on the place, and all of them are lit from the upper left as ridges of paint. Hills, furrows, river
and trees have direction fields of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from drawings.brushes import Brush, Canvas, Floats, Load, Mask, picture_size, scattered, smooth_noise

ASPECT = 1.28

PALETTE: dict[str, tuple[int, int, int]] = {
    "night": (16, 22, 66),
    "ultramarine": (30, 42, 128),
    "cobalt": (38, 82, 170),
    "cerulean": (66, 132, 190),
    "sea": (104, 172, 180),
    "celadon": (168, 204, 164),
    "straw": (236, 224, 150),
    "chrome": (248, 200, 52),
    "cadmium": (240, 158, 28),
    "ivory": (252, 244, 206),
    "ochre": (196, 140, 44),
    "umber": (104, 70, 40),
    "viridian": (22, 92, 82),
    "emerald": (58, 132, 92),
    "olive": (116, 134, 56),
    "pine": (12, 44, 52),
    "violet": (74, 62, 128),
    "rose": (190, 130, 128),
}

SKY_RAMP = ("night", "ultramarine", "ultramarine", "cobalt", "cobalt", "cerulean", "sea", "celadon", "straw")
GREEN_SKY_RAMP = ("pine", "viridian", "cobalt", "sea", "celadon", "celadon", "straw", "ivory")
LIGHT_RAMP = ("celadon", "straw", "chrome", "cadmium", "chrome", "straw", "ivory")
DISC_RAMP = ("cadmium", "chrome", "chrome", "straw", "ivory")
FAR_RAMP = ("night", "violet", "ultramarine", "cobalt", "cerulean", "sea")
HILL_RAMP = ("pine", "viridian", "viridian", "emerald", "olive", "celadon", "straw")
FURROW_RAMP = ("pine", "viridian", "olive", "ochre", "ochre", "chrome", "straw")
RIVER_RAMP = ("night", "ultramarine", "cobalt", "cerulean", "sea", "straw", "chrome", "ivory")
TREE_RAMP = ("night", "pine", "pine", "viridian", "emerald", "olive", "ochre")

GROUND = (0.11, 0.13, 0.24)  # the toned canvas, where no stroke reaches
SHORE_SHADE = 0.1  # how much darker, on the ramp, the river is along its banks


@dataclass(frozen=True)
class Vortex:
    """A whirl in the sky; one with a ``disc`` is a star or the moon."""

    x: float
    y: float
    disc: float
    reach: float
    spin: float
    inward: float = 0.0


MOON = Vortex(0.455, 0.375, 0.078, 0.235, 2.6)
VORTICES = (
    MOON,
    Vortex(0.955, 0.250, 0.028, 0.20, -3.0, 0.34),
    Vortex(0.125, 0.150, 0.032, 0.105, 2.2),
    Vortex(0.690, 0.085, 0.020, 0.075, -2.0),
    Vortex(1.195, 0.080, 0.019, 0.075, 2.0),
    Vortex(0.770, 0.455, 0.015, 0.065, 2.0),
    Vortex(0.350, 0.075, 0.014, 0.060, -1.8),
    Vortex(0.105, 0.430, 0.016, 0.070, -1.9),
    Vortex(1.200, 0.445, 0.015, 0.065, 1.8),
)
# Crowns of the trees, back to front: centre and radius.
CROWNS = (
    (1.085, 0.640, 0.052),
    (1.235, 0.615, 0.075),
    (1.160, 0.660, 0.070),
    (1.255, 0.715, 0.060),
    (0.045, 0.700, 0.040),
    (0.005, 0.670, 0.052),
)
VANISHING_POINT = (0.47, 0.53)

BROAD = Brush(width=0.030, length=0.120, coverage=1.9, taper=0.35, wander=0.15)
MIDDLE = Brush(width=0.0125, length=0.070, coverage=2.2, taper=0.5, wander=0.10)
FINE = Brush(width=0.0075, length=0.046, coverage=0.75, taper=0.7, wander=0.08, body=1.15)


@dataclass(frozen=True)
class Scene:
    """Fields that every stroke reads, each the size of the picture (x and y in units of its height)."""

    x: Floats
    y: Floats
    sky_angle: Floats
    glow: Floats
    grain: Floats  # slow noise, drawn out along the sky's flow: the bands of colour
    speckle: Floats  # slow noise without direction


def draw(long_side: int = 1024, seed: int = 0) -> Floats:
    """Paint the picture: H×W×3 float32 in [0, 1], the same for the same seed.

    Args:
        long_side: Width in pixels; the height follows.
        seed: Which hand paints it: the strokes differ, the composition stays.
    """
    rng = np.random.default_rng(seed)
    height, width = picture_size(long_side, ASPECT)
    canvas = Canvas(height, width, rng)
    scene = _scene(height, width, rng)
    _paint_sky(canvas, scene, rng)
    _paint_discs(canvas, scene, rng)
    _paint_far_hills(canvas, scene, rng)
    _paint_middle_hill(canvas, scene, rng)
    _paint_bushes(canvas, scene, rng)
    _paint_fields(canvas, scene, rng)
    _paint_river(canvas, scene, rng)
    _paint_trees(canvas, scene, rng)
    return canvas.shaded(GROUND)


# --- fields -----------------------------------------------------------------------------------------------------------


def _scene(height: int, width: int, rng: np.random.Generator) -> Scene:
    y, x = ((np.mgrid[0:height, 0:width] + 0.5) / height).astype(np.float32)
    angle = _sky_angle(x, y)
    speckle = _slow_noise(rng, height, width, 0.035)
    return Scene(x, y, angle, _glow(x, y), _drawn_out(rng, angle), speckle)


def _slow_noise(rng: np.random.Generator, height: int, width: int, scale: float) -> Floats:
    """Return noise whose form is independent of the picture's size."""
    coarse = smooth_noise(rng, (160, round(160 * ASPECT)), (160 * scale, 160 * scale))
    return _enlarged(coarse, height, width)


def _enlarged(coarse: Floats, height: int, width: int) -> Floats:
    rows = np.linspace(0, coarse.shape[0] - 1, height)
    columns = np.linspace(0, coarse.shape[1] - 1, width)
    places = np.meshgrid(rows, columns, indexing="ij")
    return np.asarray(ndimage.map_coordinates(coarse, places, order=1), dtype=np.float32)


def _sky_angle(x: Floats, y: Floats) -> Floats:
    """Return the direction of the sky's strokes: long waves from the left, and a whirl around every light."""
    breeze = 0.30 * np.sin(5.2 * x + 4.0 * y + 0.6) - 0.18 * np.sin(9.5 * x - 3.0 * y)
    along_x, along_y = np.cos(breeze), np.sin(breeze)
    for vortex in VORTICES:
        away_x, away_y = x - vortex.x, y - vortex.y
        radius = np.hypot(away_x, away_y) + 1e-6
        pull = vortex.spin * np.exp(-((radius / vortex.reach) ** 2))
        pull *= 1 + 6 * np.exp(-((radius / (0.5 * vortex.reach)) ** 2))  # the core is the whirl's alone
        inward = vortex.inward * abs(vortex.spin) / vortex.spin
        along_x += pull * (-away_y - inward * away_x) / radius
        along_y += pull * (away_x - inward * away_y) / radius
    return np.asarray(np.arctan2(along_y, along_x), dtype=np.float32)


def _glow(x: Floats, y: Floats) -> Floats:
    """Return the light around the discs, in rings that fade outwards, and over the horizon."""
    glow = 0.32 * np.exp(-(((y - 0.62) / 0.16) ** 2))
    for vortex in VORTICES:
        beyond = np.maximum(np.hypot(x - vortex.x, y - vortex.y) - vortex.disc, 0)
        halo = np.exp(-((beyond / (0.62 * vortex.reach)) ** 1.3))
        spacing = 0.012 + 0.16 * vortex.reach
        rings = 0.80 + 0.20 * np.cos(2 * np.pi * beyond / spacing)
        glow = np.maximum(glow, 0.97 * halo * rings) + 0.06 * halo
    return np.asarray(np.clip(glow, 0, 1), dtype=np.float32)


def _drawn_out(rng: np.random.Generator, angle: Floats) -> Floats:
    """Return noise smeared along the flow, so that neighbouring strokes share a colour in long bands."""
    side = 200
    rows = np.linspace(0, angle.shape[0] - 1, side).astype(int)
    columns = np.linspace(0, angle.shape[1] - 1, round(side * ASPECT)).astype(int)
    coarse_angle = angle[np.ix_(rows, columns)]
    noise = smooth_noise(rng, coarse_angle.shape, (2.0, 2.0))
    total = np.zeros_like(noise)
    for direction in (1, -1):
        at_row, at_column = np.indices(noise.shape).astype(np.float32)
        for _ in range(26):
            near = (
                np.clip(at_row.round().astype(int), 0, noise.shape[0] - 1),
                np.clip(at_column.round().astype(int), 0, noise.shape[1] - 1),
            )
            total += noise[near]
            at_row += direction * np.sin(coarse_angle[near])
            at_column += direction * np.cos(coarse_angle[near])
    bands = (total - total.mean()) / total.std()
    return _enlarged(bands.astype(np.float32), *angle.shape)


# --- colour -----------------------------------------------------------------------------------------------------------


def _ramp(names: tuple[str, ...], value: Floats) -> Floats:
    """Interpolate colours along a row of pigments, for values in [0, 1]."""
    pigments = np.array([PALETTE[name] for name in names], dtype=np.float32) / 255
    place = np.clip(value, 0, 1) * (len(names) - 1)
    lower = np.minimum(place.astype(int), len(names) - 2)
    share = (place - lower)[:, None]
    return np.asarray(pigments[lower] * (1 - share) + pigments[lower + 1] * share, dtype=np.float32)


def _load(rng: np.random.Generator, names: tuple[str, ...], value: Floats, spread: float = 0.07) -> Load:
    """Load each stroke with paint near the given place on the ramp, and a second pigment a little further on."""
    count = len(value)
    main = _ramp(names, value + rng.normal(0, spread, count).astype(np.float32))
    streak = _ramp(names, value + rng.normal(0.04, 2.2 * spread, count).astype(np.float32))
    tint = rng.normal(0, 0.022, (count, 3)).astype(np.float32)
    return Load(np.clip(main + tint, 0, 1), np.clip(streak + tint, 0, 1))


def _accented(rng: np.random.Generator, load: Load, names: tuple[str, ...], share: float) -> Load:
    """Replace the paint of a few strokes by colours from elsewhere on the palette."""
    chosen = rng.uniform(0, 1, len(load.main)) < share
    main = load.main.copy()
    main[chosen] = _ramp(names, rng.uniform(0, 1, int(chosen.sum())).astype(np.float32))
    return Load(main, load.streak)


def _either(choice: Mask, first: Load, second: Load) -> Load:
    """Return the first load where ``choice`` holds, the second elsewhere."""
    pick = choice[:, None]
    return Load(np.where(pick, first.main, second.main), np.where(pick, first.streak, second.streak))


# --- the sky ----------------------------------------------------------------------------------------------------------


def _paint_sky(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    inside = scene.y < _far_ridge(scene.x) + 0.02
    height_tone = 0.10 + 0.42 * scene.y
    tone = height_tone * (1 - 0.6 * scene.glow) + 0.19 * scene.grain + 0.78 * scene.glow
    for brush in (BROAD, MIDDLE, FINE):
        x, y = scattered(rng, brush, ASPECT)
        light = canvas.look_up(tone.astype(np.float32), x, y)
        if brush is FINE:
            light = light + 0.16 * np.sign(rng.normal(0.35, 1, len(x))).astype(np.float32)
        load = _load(rng, SKY_RAMP, light)
        green = canvas.look_up(scene.speckle, x, y) + 2.2 * (y - 0.42) + rng.normal(0, 0.55, len(x)) > 0.75
        load = _either(green, _load(rng, GREEN_SKY_RAMP, light), load)
        lit = canvas.look_up(scene.glow, x, y) + rng.normal(0, 0.10, len(x)) > (0.88 if brush is BROAD else 0.74)
        load = _either(lit, _load(rng, LIGHT_RAMP, rng.beta(1.3, 1.3, len(x)).astype(np.float32)), load)
        load = _accented(rng, load, ("violet", "rose", "ochre"), 0.03)
        canvas.lay(brush, x, y, load, scene.sky_angle, inside)


def _paint_discs(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    """Paint each light again over the sky, ring by ring towards its middle."""
    for vortex in VORTICES:
        scale = 0.55 + 0.45 * vortex.disc / MOON.disc
        brush = replace(MIDDLE, width=0.0125 * scale, length=0.05 * scale + 0.25 * vortex.disc, coverage=3.0, body=1.3)
        _paint_heart(canvas, scene, rng, vortex)
        x, y = scattered(rng, brush, ASPECT)
        radius = np.hypot(x - vortex.x, y - vortex.y) / vortex.disc
        near = radius < 1.02
        order = np.argsort(-radius[near])
        x, y, radius = x[near][order], y[near][order], radius[near][order]
        crescent = 0.10 * (x - vortex.x - (y - vortex.y)) / vortex.disc
        rings = 0.16 * np.cos(2 * np.pi * 2.6 * radius)
        load = _load(rng, DISC_RAMP, 0.95 - 0.75 * radius + crescent + rings, 0.09)
        canvas.lay(brush, x, y, load, scene.sky_angle)


def _paint_heart(canvas: Canvas, scene: Scene, rng: np.random.Generator, vortex: Vortex) -> None:
    """Paint a few dabs in the middle of a disc, which is too small for turning strokes."""
    brush = Brush(width=0.5 * vortex.disc, length=0.8 * vortex.disc, taper=0.3, body=0.8)
    at = rng.normal(0, 0.12 * vortex.disc, (2, 7)).astype(np.float32)
    load = _load(rng, ("chrome", "straw", "ivory"), rng.uniform(0.2, 1, 7).astype(np.float32))
    canvas.lay(brush, at[0] + vortex.x, at[1] + vortex.y, load, np.full_like(scene.x, -0.6))


# --- the land ---------------------------------------------------------------------------------------------------------


def _far_ridge(x: Floats) -> Floats:
    peaks = 0.030 * np.sin(6.1 * x + 0.4) + 0.020 * np.sin(13.0 * x + 2.2) + 0.008 * np.sin(29 * x)
    return np.asarray(0.575 - peaks - 0.045 * np.exp(-(((x - 0.80) / 0.16) ** 2)), dtype=np.float32)


def _middle_ridge(x: Floats) -> Floats:
    rise = 0.09 * np.exp(-(((x - 1.2) / 0.30) ** 2)) + 0.055 * np.exp(-(((x + 0.02) / 0.26) ** 2))
    return np.asarray(0.665 - rise + 0.008 * np.sin(15 * x), dtype=np.float32)


def _field_ridge(x: Floats) -> Floats:
    return np.asarray(0.735 + 0.020 * np.sin(4.6 * x + 2.3) - 0.02 * np.cos(9 * x), dtype=np.float32)


def _slope(values: NDArray[np.floating]) -> Floats:
    """Return the angle of the curves of equal value below a ridge."""
    slope_y, slope_x = np.gradient(values)
    return np.asarray(np.arctan2(-slope_x, slope_y), dtype=np.float32)


def _moonlight(scene: Scene, ridge: Floats) -> Floats:
    """Return how brightly the moon lights a hill: most on the side towards it and close under the ridge."""
    depth = np.clip(scene.y - ridge, 0, 1)
    near = np.exp(-(((scene.x - MOON.x) / 0.45) ** 2))
    return np.asarray(np.exp(-depth / 0.03) * (0.25 + 0.75 * near), dtype=np.float32)


def _paint_layers(
    canvas: Canvas,
    rng: np.random.Generator,
    tone: Floats,
    angle: Floats,
    inside: Mask,
    ramp: tuple[str, ...],
    brushes: tuple[Brush, ...],
    accents: tuple[str, ...] = ("ochre", "violet", "rose"),
) -> None:
    """Paint an area with broad, then finer strokes, the last ones with more contrast."""
    for brush in brushes:
        x, y = scattered(rng, brush, ASPECT)
        here = canvas.look_up(inside, x, y)
        x, y = x[here], y[here]
        light = canvas.look_up(tone, x, y)
        if brush is brushes[-1]:
            light = light + 0.15 * np.sign(rng.normal(0.2, 1, len(x))).astype(np.float32)
        canvas.lay(brush, x, y, _accented(rng, _load(rng, ramp, light), accents, 0.035), angle, inside)


def _outline(canvas: Canvas, rng: np.random.Generator, x: Floats, y: Floats, angle: Floats, colour: str) -> None:
    """Paint a dark contour in several overlapping strokes."""
    brush = Brush(width=0.0062, length=0.060, taper=0.75, wander=0.10, body=1.2)
    wobble = rng.normal(0, 0.0022, (2, len(x))).astype(np.float32)
    canvas.lay(
        brush,
        x + wobble[0],
        y + wobble[1],
        _load(rng, ("night", "night", colour), rng.uniform(0, 1, len(x)).astype(np.float32)),
        angle,
    )


def _ridge_line(canvas: Canvas, rng: np.random.Generator, scene: Scene, ridge: Floats, angle: Floats) -> None:
    x = rng.permutation(np.arange(-0.02, ASPECT, 0.022)).astype(np.float32)
    y = np.interp(x, scene.x[0], ridge[0]).astype(np.float32)
    _outline(canvas, rng, x, y, angle, "ultramarine")


def _paint_far_hills(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    ridge = _far_ridge(scene.x)
    inside = (scene.y > ridge) & (scene.y < _middle_ridge(scene.x) + 0.02)
    depth = scene.y - ridge
    folds = np.sin(150 * depth + 9 * scene.x + 1.6 * scene.speckle)
    tone = 0.42 + 0.24 * folds + 0.5 * _moonlight(scene, ridge) + 0.10 * scene.speckle
    angle = _slope(depth + 0.010 * np.sin(16 * scene.x + 25 * depth))
    brushes = (replace(BROAD, width=0.018, length=0.08), replace(MIDDLE, width=0.010, length=0.055), FINE)
    _paint_layers(canvas, rng, tone, angle, inside, FAR_RAMP, brushes)
    _ridge_line(canvas, rng, scene, ridge, _slope(depth))


def _paint_middle_hill(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    ridge = _middle_ridge(scene.x)
    inside = (scene.y > ridge) & (scene.y < _field_ridge(scene.x) + 0.03)
    depth = scene.y - ridge
    rows = np.sin(95 * depth + 7 * scene.x + 1.2 * scene.speckle)
    tone = 0.40 + 0.25 * rows + 0.42 * _moonlight(scene, ridge) + 0.10 * scene.speckle
    angle = _slope(depth + 0.016 * np.sin(11 * scene.x + 20 * depth))
    brushes = (replace(BROAD, width=0.020, length=0.08), replace(MIDDLE, length=0.055), FINE)
    _paint_layers(canvas, rng, tone, angle, inside, HILL_RAMP, brushes)
    _ridge_line(canvas, rng, scene, ridge, _slope(depth))


def _furrows(scene: Scene) -> tuple[Floats, Floats]:
    """Return the furrows of the fields (as a phase) and their direction, bent away from the vanishing point."""
    away_x, away_y = scene.x - VANISHING_POINT[0], scene.y - VANISHING_POINT[1]
    bend = 0.62 * np.sin(9.5 * away_y + 0.9) * (0.6 + 0.4 * np.tanh(6 * away_x))
    bearing = np.arctan2(away_x, away_y) + 0.35 * bend
    return np.asarray(bearing, dtype=np.float32), _slope(bearing)


def _paint_fields(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    ridge = _field_ridge(scene.x)
    inside = scene.y > ridge
    bearing, angle = _furrows(scene)
    side = np.sin(13 * bearing + 0.4)
    furrow = np.sin(44 * bearing + 0.8 * scene.speckle)
    tone = 0.46 + 0.17 * side + 0.24 * furrow + 0.12 * scene.speckle + 0.25 * _moonlight(scene, ridge)
    tone -= 0.30 * np.clip(scene.y - 0.86, 0, 1) / 0.14
    near = replace(MIDDLE, width=0.016, length=0.085)
    _paint_layers(canvas, rng, tone, angle, inside, FURROW_RAMP, (BROAD, near, replace(FINE, coverage=1.0)))
    _ridge_line(canvas, rng, scene, ridge, _slope(scene.y - ridge))


def _river(scene: Scene) -> tuple[Floats, Floats]:
    """Return the distance from the river's middle in half widths, and the position along its course (0 to 1)."""
    course = np.clip((scene.y - 0.655) / (1.02 - 0.655), 0, 1)
    middle = MOON.x + 0.02 + 0.115 * np.sin(7.6 * course**0.8) * (0.25 + course) - 0.10 * course**2
    half_width = 0.012 + 0.15 * course**1.7
    return ((scene.x - middle) / half_width).astype(np.float32), course.astype(np.float32)


def _paint_river(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    offset, course = _river(scene)
    inside = (np.abs(offset) < 1) & (scene.y > _middle_ridge(scene.x) + 0.004)
    ripples = np.sin(75 * course**0.75 + 1.3 * scene.speckle + 2 * offset)
    path = np.exp(-(((scene.x - MOON.x - 0.012 * np.sin(40 * course)) / (0.035 + 0.05 * course)) ** 2))
    tone = 0.30 + 0.12 * ripples + 0.10 * scene.speckle + path * (0.36 + 0.24 * ripples) - SHORE_SHADE * np.abs(offset)
    tone += 0.30 * np.exp(-course / 0.12)  # far off, the water lies too flat for ripples and only mirrors
    angle = (0.22 * np.cos(75 * course**0.75 + 3 * offset) * (0.4 + course)).astype(np.float32)
    brushes = (
        replace(BROAD, width=0.016, length=0.05),
        replace(MIDDLE, width=0.0105, length=0.045),
        replace(FINE, length=0.032, coverage=0.9),
    )
    _paint_layers(canvas, rng, tone.astype(np.float32), angle, inside, RIVER_RAMP, brushes, ("emerald", "chrome"))
    edge = np.abs(np.abs(offset) - 1) < 0.08
    rows, columns = np.nonzero(edge & (course > 0.17))
    if len(rows):
        picked = rng.integers(0, len(rows), 90)
        x, y = scene.x[rows[picked], columns[picked]], scene.y[rows[picked], columns[picked]]
        _outline(canvas, rng, x, y, _slope(offset), "viridian")


# --- the trees --------------------------------------------------------------------------------------------------------


def _paint_bushes(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    """Paint rows of olive bushes on the middle hills, each with its shadow."""
    for row in range(5):
        for x in np.arange(0.02 + 0.011 * row, ASPECT, 0.047 + 0.006 * row):
            at_x = float(x + rng.normal(0, 0.006))
            top = float(np.interp(at_x, scene.x[0], _middle_ridge(scene.x[0])))
            at_y = top + 0.014 + 0.021 * row + float(rng.normal(0, 0.002))
            if rng.uniform() < 0.25:
                continue
            if at_y < float(np.interp(at_x, scene.x[0], _field_ridge(scene.x[0]))) - 0.012 and abs(at_x - 0.5) > 0.06:
                _paint_lump(canvas, scene, rng, at_x, at_y, (0.0085 + 0.0017 * row) * float(rng.uniform(0.7, 1.35)))


def _paint_trees(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    for crown in CROWNS:
        _paint_trunk(canvas, scene, rng, *crown)
        _paint_crown(canvas, scene, rng, *crown)


def _paint_trunk(
    canvas: Canvas, scene: Scene, rng: np.random.Generator, at_x: float, at_y: float, radius: float
) -> None:
    lean = np.asarray(np.pi / 2 + 0.25 * np.sin(60 * (scene.y - at_y)), dtype=np.float32)
    brush = Brush(width=0.15 * radius, length=0.9 * radius, taper=0.1, dryness=0.1, body=1.3)
    x = (at_x + rng.normal(0, 0.06 * radius, 9)).astype(np.float32)
    y = (at_y + rng.uniform(0.75, 0.95, 9) * radius).astype(np.float32)
    canvas.lay(brush, x, y, _load(rng, ("night", "pine", "umber"), rng.uniform(0, 1, 9).astype(np.float32)), lean)
    shadow = Brush(width=0.14 * radius, length=0.9 * radius, taper=0.6)
    x = (at_x + np.sign(at_x - MOON.x) * radius * rng.uniform(-0.2, 1.0, 16)).astype(np.float32)
    y = (at_y + rng.uniform(1.22, 1.42, 16) * radius).astype(np.float32)
    load = _load(rng, ("night", "pine", "viridian"), rng.uniform(0, 1, 16).astype(np.float32))
    canvas.lay(shadow, x, y, load, np.full_like(scene.x, 0.06))


def _paint_crown(
    canvas: Canvas, scene: Scene, rng: np.random.Generator, at_x: float, at_y: float, radius: float
) -> None:
    """Paint a crown of leaf masses that curl around their own middles, lighter where they face the moon."""
    lumps = 7
    turn = np.arange(lumps) * 2.4
    away = radius * 0.62 * np.sqrt(np.arange(lumps) / (lumps - 1))
    for at in np.argsort(-np.arange(lumps)):
        lump_x, lump_y = at_x + away[at] * np.cos(turn[at]), at_y + 0.8 * away[at] * np.sin(turn[at])
        _paint_lump(canvas, scene, rng, float(lump_x), float(lump_y), 0.56 * radius)


def _paint_lump(
    canvas: Canvas, scene: Scene, rng: np.random.Generator, at_x: float, at_y: float, radius: float
) -> None:
    """Paint a mass of leaves: short strokes around its middle, the outermost first."""
    brush = Brush(width=0.0095, length=0.026, taper=0.75, dryness=0.3, body=1.25)
    brush = replace(brush, width=min(brush.width, 0.35 * radius), length=min(brush.length, 0.9 * radius))
    count = int(3.2 * np.pi * radius**2 / (brush.width * brush.length))
    distance = -np.sort(-np.sqrt(rng.uniform(0, 1, count))) * (1 + rng.normal(0, 0.06, count))
    turn = rng.uniform(0, 2 * np.pi, count)
    x = (at_x + radius * distance * np.cos(turn)).astype(np.float32)
    y = (at_y + radius * distance * np.sin(turn)).astype(np.float32)
    facing = np.sign(MOON.x - at_x) * distance * np.cos(turn) - 1.1 * distance * np.sin(turn)
    light = 0.34 + 0.30 * facing - 0.14 * (distance > 0.82)
    angle = np.zeros_like(scene.x)
    near = _window(canvas, at_x, at_y, 1.6 * radius + brush.length)
    angle[near] = np.arctan2(scene.x[near] - at_x, at_y - scene.y[near]) + 0.35
    canvas.lay(brush, x, y, _load(rng, TREE_RAMP, light.astype(np.float32), 0.08), angle)


def _window(canvas: Canvas, at_x: float, at_y: float, reach: float) -> tuple[slice, slice]:
    """Return the part of a picture-sized grid around a place."""
    rows = np.clip(np.array([at_y - reach, at_y + reach]) * canvas.height, 0, canvas.height).astype(int)
    columns = np.clip(np.array([at_x - reach, at_x + reach]) * canvas.height, 0, canvas.width).astype(int)
    return slice(int(rows[0]), int(rows[1]) + 1), slice(int(columns[0]), int(columns[1]) + 1)
