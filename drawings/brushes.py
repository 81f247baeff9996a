"""Brushes of the sample paintings: opaque bristle strokes that follow a direction field, lit as thick paint.

A stroke is swept along the field; every spot that it touches only remembers which stroke was there last, and where
within that stroke it lies. Colour, bristle furrows and relief are worked out once, at the end, for what is still
visible. So tens of thousands of overlapping strokes need no blending, and keep crisp, ragged edges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SUPERSAMPLING = 3
SAMPLE_STEP = 0.72  # in supersampled pixels: below 1/sqrt(2), so that a slanted sweep leaves no holes
SHEET_SIDE = 512
SWEEP_CHUNK = 3_000_000
STRAIGHT_ENOUGH = 0.88  # cosine of the sharpest turn between two steps: a brush does not double back
LIGHT_FROM = (-0.62, -0.78)  # upper left, as a painter at an easel has the window


@dataclass(frozen=True)
class Brush:
    """Shape and handling of one brush; lengths are in units of the picture's height."""

    width: float
    length: float
    coverage: float = 2.0  # how often, on average, a spot is painted over
    taper: float = 0.5  # 0: a blunt end, 1: a pointed one
    dryness: float = 0.25  # share of the stroke over which single bristles run dry
    wander: float = 0.12  # how far a stroke strays from the field, in radians
    body: float = 1.0  # thickness of the paint


@dataclass(frozen=True)
class Load:
    """Paint on each brush: the covering colour and the half-mixed second one (N×3 each)."""

    main: Floats
    streak: Floats


@dataclass
class _Laid:
    """Properties of the strokes laid so far that shading needs, one array per batch."""

    main: list[Floats] = field(default_factory=list)
    streak: list[Floats] = field(default_factory=list)
    length: list[Floats] = field(default_factory=list)
    half_width: list[Floats] = field(default_factory=list)
    body: list[Floats] = field(default_factory=list)
    count: int = 0


def picture_size(long_side: int, aspect: float) -> tuple[int, int]:
    """Return height and width of a landscape-format picture."""
    return max(1, round(long_side / aspect)), long_side


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: tuple[float, float]) -> Floats:
    """Return seamless Gaussian noise with mean 0 and deviation 1."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), sigma, mode="wrap")
    return np.asarray((noise - noise.mean()) / (noise.std() + 1e-6), dtype=np.float32)


def scattered(rng: np.random.Generator, brush: Brush, aspect: float) -> tuple[Floats, Floats]:
    """Place a brush's strokes on a jittered grid in random order, also a little beyond the picture's edges.

    Returns x (0 to ``aspect`` within the picture) and y (0 to 1).
    """
    cell = float(np.sqrt(brush.width * brush.length / brush.coverage))
    beyond = 0.5 * brush.length / cell
    grid_x, grid_y = np.meshgrid(np.arange(-beyond, aspect / cell + beyond), np.arange(-beyond, 1 / cell + beyond))
    points = np.stack([grid_x.ravel(), grid_y.ravel()], axis=1) + rng.uniform(-0.5, 0.5, (grid_x.size, 2))
    points = rng.permutation(points * cell)
    return points[:, 0].astype(np.float32), points[:, 1].astype(np.float32)


class Canvas:
    """A canvas that receives strokes one after the other, the last one on top."""

    def __init__(self, height: int, width: int, rng: np.random.Generator) -> None:
        """Return an empty canvas of the given final size."""
        self.height, self.width = height, width
        self.unit = float(height * SUPERSAMPLING)  # supersampled pixels per unit of length
        self._rng = rng
        self._owner = np.full(self._pixels + 1, -1, dtype=np.int64)  # the last one catches what falls outside
        self._sheet = smooth_noise(rng, (SHEET_SIDE, SHEET_SIDE), (14.0, 1.1))
        self._laid = _Laid()

    @property
    def _pixels(self) -> int:
        return self.height * self.width * SUPERSAMPLING**2

    def look_up(self, grid: NDArray[Any], x: Floats, y: Floats) -> NDArray[Any]:
        """Look up a picture-sized grid at points in units of the height; points outside take the edge's values."""
        rows = np.clip((y * self.height).astype(np.int32), 0, grid.shape[0] - 1)
        columns = np.clip((x * self.height).astype(np.int32), 0, grid.shape[1] - 1)
        return np.asarray(grid[rows, columns])

    def lay(self, brush: Brush, x: Floats, y: Floats, load: Load, angle: Floats, inside: Mask | None = None) -> None:
        """Lay a stroke over each point along the angle field; it ends at the border of ``inside``."""
        if len(x) == 0:
            return
        length = brush.length * self._rng.uniform(0.55, 1.25, len(x)).astype(np.float32)
        half_width = 0.5 * brush.width * self._rng.uniform(0.7, 1.2, len(x)).astype(np.float32)
        path_x, path_y, steps = self._trace(brush, x, y, length, angle, inside)
        self._sweep(brush, path_x, path_y, steps, half_width * self.unit)
        self._remember(brush, load, steps * SAMPLE_STEP, half_width * self.unit)

    def _trace(
        self, brush: Brush, x: Floats, y: Floats, length: Floats, angle: Floats, inside: Mask | None
    ) -> tuple[Floats, Floats, Floats]:
        """Follow the field from every point at once; return the paths and the number of used steps of each."""
        step = SAMPLE_STEP / self.unit
        wanted = np.maximum(length / step, 3.0)
        total = int(wanted.max()) + 1
        path_x, path_y = np.empty((2, len(x), total), dtype=np.float32)
        stray = self._rng.normal(0, brush.wander, len(x)).astype(np.float32)
        x, y = self._backed_up(x, y, 0.5 * length, angle, inside)
        alive, used = np.ones(len(x), dtype=bool), np.zeros(len(x), dtype=np.float32)
        towards = self.look_up(angle, x, y) + stray
        for index in range(total):
            path_x[:, index], path_y[:, index] = x, y
            alive &= index < wanted
            if inside is not None:
                alive &= self.look_up(inside, x, y)
            used += alive
            before, towards = towards, self.look_up(angle, x, y) + stray
            alive &= np.cos(towards - before) > STRAIGHT_ENOUGH
            x = np.asarray(x + step * np.cos(towards), dtype=np.float32)
            y = np.asarray(y + step * np.sin(towards), dtype=np.float32)
        return path_x, path_y, used

    def _backed_up(
        self, x: Floats, y: Floats, distance: Floats, angle: Floats, inside: Mask | None
    ) -> tuple[Floats, Floats]:
        """Move points back along the field, so that the colour of a stroke is that of its middle."""
        step = distance / 8
        for _ in range(8):
            towards = self.look_up(angle, x, y)
            back_x, back_y = x - step * np.cos(towards), y - step * np.sin(towards)
            if inside is not None:
                step = step * self.look_up(inside, back_x, back_y).astype(np.float32)
            x, y = np.where(step > 0, back_x, x), np.where(step > 0, back_y, y)
        return x, y

    def _sweep(self, brush: Brush, path_x: Floats, path_y: Floats, steps: Floats, half_width: Floats) -> None:
        """Mark all touched pixels, in order, with stroke number and position within the stroke."""
        across = max(3, int(np.ceil(2 * float(half_width.max()) / SAMPLE_STEP)))
        v = np.linspace(-1, 1, across, dtype=np.float32)
        per_chunk = max(1, SWEEP_CHUNK // (across * path_x.shape[1]))
        for first in range(0, len(path_x), per_chunk):
            part = slice(first, first + per_chunk)
            self._sweep_chunk(brush, path_x[part], path_y[part], steps[part], half_width[part], v, first)

    def _sweep_chunk(
        self,
        brush: Brush,
        path_x: Floats,
        path_y: Floats,
        steps: Floats,
        half_width: Floats,
        v: Floats,
        first: int,
    ) -> None:
        strokes, total = path_x.shape
        u = np.arange(total, dtype=np.float32)[None] / np.maximum(steps, 1)[:, None]
        along_x, along_y = np.gradient(path_x, axis=1), np.gradient(path_y, axis=1)
        norm = np.hypot(along_x, along_y) + 1e-12
        spread = half_width[:, None] * stroke_outline(np.minimum(u, 1), brush.taper)
        column = path_x[..., None] * self.unit - (along_y / norm * spread)[..., None] * v
        row = path_y[..., None] * self.unit + (along_x / norm * spread)[..., None] * v
        bristle_start, bristle_end = self._bristle_reach(brush, strokes, half_width, v)
        touches = (u[..., None] < bristle_end[:, None]) & (u[..., None] > bristle_start[:, None])
        width, height = self.width * SUPERSAMPLING, self.height * SUPERSAMPLING
        touches &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
        place = np.where(touches, row.astype(np.int32) * width + column.astype(np.int32), self._pixels)
        number = (self._laid.count + first + np.arange(strokes, dtype=np.int64)) << 20
        within = (np.minimum(u, 1) * 1023).astype(np.int64) << 10
        side = ((v + 1) * 511.5).astype(np.int64)
        self._owner[place.ravel()] = ((number[:, None] + within)[..., None] + side).ravel()

    def _bristle_reach(self, brush: Brush, strokes: int, half_width: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Return the ragged start and end of each bristle's mark."""
        rows = self._rng.integers(0, SHEET_SIDE, (2, strokes, 1))
        columns = np.abs(v[None] * half_width[:, None]).astype(np.int32) * np.sign(v).astype(np.int32)
        ragged = 0.5 + 0.35 * self._sheet[rows, columns[None] % SHEET_SIDE]
        ragged = np.clip(ragged, 0, 1.3)
        return 0.35 * brush.dryness * ragged[0] - 0.01, 1 - brush.dryness * ragged[1]

    def _remember(self, brush: Brush, load: Load, length: Floats, half_width: Floats) -> None:
        self._laid.main.append(load.main.astype(np.float32))
        self._laid.streak.append(load.streak.astype(np.float32))
        self._laid.length.append(length)
        self._laid.half_width.append(half_width)
        self._laid.body.append(np.full(len(length), brush.body, dtype=np.float32))
        self._laid.count += len(length)

    def shaded(self, ground: tuple[float, float, float], relief: float = 1.0) -> Floats:
        """Return the finished picture, lit from the upper left, as H×W×3 in [0, 1]."""
        owner = self._owner[:-1]
        stroke = np.maximum(owner >> 20, 0).astype(np.int32)
        u = np.asarray(((owner >> 10) & 1023) / 1023, dtype=np.float32)
        v = np.asarray((owner & 1023) / 511.5 - 1, dtype=np.float32)
        furrow, mixing = self._bristles(stroke, u, v)
        main, streak = np.concatenate(self._laid.main), np.concatenate(self._laid.streak)
        share = np.clip(0.32 + 0.42 * mixing, 0, 1)[:, None]
        paint = main[stroke] * (1 - share) + streak[stroke] * share
        paint[owner < 0] = ground
        height = self._paint_height(stroke, u, v, furrow)
        height[owner < 0] = 0
        rows, columns = self.height * SUPERSAMPLING, self.width * SUPERSAMPLING
        picture = _lit(paint.reshape(rows, columns, 3), height.reshape(rows, columns), relief, 0.0005 * self.unit)
        return shrunk(picture, SUPERSAMPLING)

    def _bristles(self, stroke: NDArray[np.int32], u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Return two bristle textures at every pixel: one for the furrows, one for the half-mixed paint."""
        count = self._laid.count
        shift = self._rng.integers(0, SHEET_SIDE, (3, count), dtype=np.int32)
        length, half_width = np.concatenate(self._laid.length), np.concatenate(self._laid.half_width)
        fineness = 1600.0 / self.unit  # the bristles belong to the picture, not to the pixels
        rows = (u * length[stroke] * fineness).astype(np.int32) + shift[0][stroke]
        columns = (v * half_width[stroke] * fineness).astype(np.int32) + shift[1][stroke]
        furrow = self._sheet[rows % SHEET_SIDE, columns % SHEET_SIDE]
        rows, columns = rows // 2 + shift[2][stroke], columns // 2
        return furrow, self._sheet[rows % SHEET_SIDE, columns % SHEET_SIDE]

    def _paint_height(self, stroke: NDArray[np.int32], u: Floats, v: Floats, furrow: Floats) -> Floats:
        """Return the thickness of the paint, with ridges at the sides and the end, furrowed by the bristles."""
        half_width, body = np.concatenate(self._laid.half_width), np.concatenate(self._laid.body)
        lift = self._rng.uniform(0.0, 0.9, self._laid.count).astype(np.float32)
        side = np.abs(v)
        profile = 0.75 * (1 - side**4) + 0.4 * np.exp(-(((side - 0.72) / 0.16) ** 2))
        profile *= 1.15 - 0.45 * u + 0.35 * np.exp(-(((u - 0.9) / 0.07) ** 2))
        thickness = (0.036 * body * np.sqrt(half_width * self.unit))[stroke]
        return np.asarray(thickness * (profile + lift[stroke] + 0.2 * furrow), dtype=np.float32)


def stroke_outline(u: Floats, taper: float) -> Floats:
    """Return the relative width of a stroke along its length: a round start and a pointed end."""
    set_down = np.sqrt(np.clip(u / 0.12, 0.08, 1))
    lifted = np.clip((1 - u) / 0.55, 0, 1) ** 0.75
    return np.asarray(
        set_down * (1 - taper + taper * lifted) * np.clip((1 - u) / 0.05, 0.2, 1) ** 0.5, dtype=np.float32
    )


def _lit(paint: Floats, height: Floats, relief: float, softness: float) -> Floats:
    """Light the paint from the side: slopes that face the light are lighter and glossy, others are in shade."""
    height = ndimage.gaussian_filter(height, softness)
    slope_y, slope_x = np.gradient(height)
    facing = -relief * (LIGHT_FROM[0] * slope_x + LIGHT_FROM[1] * slope_y)
    facing = np.tanh(0.55 * facing)[..., None]
    diffuse = paint * (1 + 0.42 * np.minimum(facing, 0) + 0.20 * np.maximum(facing, 0))
    gloss = 0.17 * np.maximum(facing, 0) ** 1.6
    return np.asarray(np.clip(diffuse + gloss * (1 - diffuse), 0, 1), dtype=np.float32)


def shrunk(picture: Floats, factor: int) -> Floats:
    """Average blocks of ``factor`` × ``factor`` pixels."""
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    blocks = picture.reshape(height, factor, width, factor, -1)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)
