"""Combine several pictures: photograph, styles and painting side by side, and a grid of a painting's stages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from impasto.painting.events import Iteration, Started
from impasto.pictures import resize
from impasto.pictures.sizes import scaled_size

Pixels = npt.NDArray[np.float32]

TALLEST = 1024
"""Greatest height of a side-by-side sheet in pixels, without its margins."""

WIDEST = 4
"""Greatest width of a picture in a side-by-side sheet, as a multiple of the sheet's height."""

STAGES = 10
"""Number of pictures in a grid of stages, with the result."""

TILE = 360
"""Greatest long side of a stage's picture in pixels."""

_COLUMNS = 5
_PAPER = 1.0
_INK = (70, 70, 70)


def side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Join pictures in a row at the height of the last one, at most :data:`TALLEST`, with thin white margins.

    A picture wider than :data:`WIDEST` times that height is scaled down further and centred.

    Args:
        pictures: each H×W×3 in [0, 1], at least one.

    Returns:
        H×W×3 in [0, 1].
    """
    height = min(TALLEST, pictures[-1].shape[0])
    margin = max(4, height // 64)
    row = [resize(p, *_within(p.shape[0], p.shape[1], height)) for p in pictures]
    width = sum(p.shape[1] + margin for p in row) + margin
    sheet = np.full((height + 2 * margin, width, 3), _PAPER, np.float32)
    left = margin
    for picture in row:
        top = margin + (height - picture.shape[0]) // 2
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + margin
    return sheet


def _within(height: int, width: int, high: int) -> tuple[int, int]:
    """Return the size of a picture in a row of that height."""
    scale = min(high / height, WIDEST * high / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def tiled(picture: Pixels) -> Pixels:
    """Repeat a seamless texture two by two, H×W×3 to 2H×2W×3, to show its seams."""
    return np.tile(picture, (2, 2, 1))


@dataclass(frozen=True)
class Stage:
    """A picture of a grid, such as a painting after some iterations.

    Attributes:
        pixels: H×W×3 in [0, 1], at the size of the grid's tiles.
        label: text below the picture.
    """

    pixels: Pixels
    label: str


@dataclass
class StageKeeper:
    """Collects small pictures from a run's events, evenly spread over its arithmetic.

    A run with few iterations gives fewer pictures than :attr:`count`.

    Attributes:
        count: number of pictures in the grid, with the result.
        stages: the pictures so far.
    """

    count: int = STAGES
    stages: list[Stage] = field(default_factory=list)
    _size: tuple[int, int] = (1, 1)
    _last: int = 0

    def see(self, event: object) -> None:
        """Process an event of the painter, and keep its picture if one is due."""
        if isinstance(event, Started):
            height, width = event.octaves[-1][:2]
            self._size = scaled_size(height, width, min(TILE, max(height, width)))
        elif isinstance(event, Iteration) and event.share < 1:
            place = int(event.share * self.count + 1e-6)  # the share may be too small by a rounding error
            if place > self._last:
                self._last = place
                self._keep(event.image(), f"octave {event.octave}, iteration {event.iteration}")

    def state(self) -> tuple[list[str], int, dict[str, Pixels]]:
        """Return the state for :meth:`restored`: labels, place of the last stage, and pictures by name."""
        pictures = {f"stage{i}": stage.pixels for i, stage in enumerate(self.stages)}
        return [stage.label for stage in self.stages], self._last, pictures

    @classmethod
    def restored(cls, labels: Sequence[str], last: int, pictures: Mapping[str, Pixels]) -> StageKeeper:
        """Create a keeper from the state of another one."""
        return cls(stages=[Stage(pictures[f"stage{i}"], label) for i, label in enumerate(labels)], _last=last)

    def finish(self, result: Pixels, *, complete: bool) -> Pixels:
        """Return the grid of all stages, with the result as the last picture.

        Args:
            result: H×W×3 in [0, 1].
            complete: whether the painting is complete.
        """
        self._keep(result, "result" if complete else "result, stopped early")
        return grid(self.stages)

    def _keep(self, pixels: Pixels, label: str) -> None:
        self.stages.append(Stage(resize(pixels, *self._size), label))


def resized_stage(pixels: Pixels, label: str, size: tuple[int, int]) -> Stage:
    """Resize a picture to the size of a grid's tiles.

    Args:
        pixels: H×W×3 in [0, 1].
        label: text below the picture.
        size: height and width in pixels.
    """
    return Stage(resize(pixels, *size), label)


def grid(stages: Sequence[Stage], columns: int | None = None) -> Pixels:
    """Arrange pictures of one size in rows, each with its label.

    Args:
        stages: at least one.
        columns: pictures in a row; None for five at most.

    Returns:
        H×W×3 in [0, 1].
    """
    height, width = stages[0].pixels.shape[:2]
    font = ImageFont.load_default(max(9.0, min(14.0, width / 13)))
    text_height = round(1.7 * font.size) if isinstance(font, ImageFont.FreeTypeFont) else 16
    margin = max(4, max(height, width) // 40)
    columns = columns or min(_COLUMNS, len(stages))
    rows = -(-len(stages) // columns)
    # A column is at least as wide as the labels.
    across = max(width, *(math.ceil(font.getlength(stage.label)) for stage in stages)) + margin
    down = height + text_height + margin
    sheet = np.full((rows * down + margin, columns * across + margin, 3), _PAPER, np.float32)
    places = [(margin + (i // columns) * down, margin + (i % columns) * across) for i in range(len(stages))]
    for (top, left), stage in zip(places, stages, strict=True):
        sheet[top : top + height, left : left + width] = stage.pixels
    image = Image.fromarray((sheet * 255 + 0.5).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for (top, left), stage in zip(places, stages, strict=True):
        draw.text((left, top + height + text_height // 5), stage.label, font=font, fill=_INK)
    return np.asarray(image, np.float32) / np.float32(255)
