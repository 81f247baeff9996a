"""Several pictures in one: photo, style and painting side by side, and the stages of a painting."""

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
"""No side-by-side sheet is taller than this, in pixels, plus its margins."""

WIDEST = 4
"""No picture in it is more than so many times as wide as the sheet is high."""

STAGES = 10
TILE = 360
"""Long side in pixels of each stage's picture at most."""

_COLUMNS = 5
_PAPER = 1.0
_INK = (70, 70, 70)


def side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Pictures in a row at one height, that of the last one up to :data:`TALLEST`, with thin white margins.

    One that is more than :data:`WIDEST` times as wide is less high, and stands in the middle.

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
    """The size at which a picture stands in a row of that height."""
    scale = min(high / height, WIDEST * high / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def tiled(picture: Pixels) -> Pixels:
    """A picture four times, two by two, as a seamless texture is looked at; H×W×3 to 2H×2W×3."""
    return np.tile(picture, (2, 2, 1))


@dataclass(frozen=True)
class Stage:
    """A painting at some moment.

    Attributes:
        pixels: H×W×3 in [0, 1], at the size of the grid's tiles.
        label: written below it.
    """

    pixels: Pixels
    label: str


@dataclass
class StageKeeper:
    """Keeps pictures from a run's events, evenly spread over its work; small ones, so that they cost no memory.

    Where the run has fewer iterations than there are places, the grid has fewer pictures.
    """

    count: int = STAGES
    stages: list[Stage] = field(default_factory=list)
    _size: tuple[int, int] = (1, 1)
    _last: int = 0

    def see(self, event: object) -> None:
        """Look at an event; keeps its picture where one is due."""
        if isinstance(event, Started):
            height, width = event.octaves[-1][:2]
            self._size = scaled_size(height, width, min(TILE, max(height, width)))
        elif isinstance(event, Iteration) and event.share < 1:
            place = int(event.share * self.count + 1e-6)  # a share may be a hair too small for its place
            if place > self._last:
                self._last = place
                self._keep(event.image(), f"octave {event.octave}, iteration {event.iteration}")

    def state(self) -> tuple[list[str], int, dict[str, Pixels]]:
        """What :meth:`restored` makes another keeper of: labels, place of the last stage, and pictures by name."""
        pictures = {f"stage{i}": stage.pixels for i, stage in enumerate(self.stages)}
        return [stage.label for stage in self.stages], self._last, pictures

    @classmethod
    def restored(cls, labels: Sequence[str], last: int, pictures: Mapping[str, Pixels]) -> StageKeeper:
        """A keeper that goes on from the state of another."""
        return cls(stages=[Stage(pictures[f"stage{i}"], label) for i, label in enumerate(labels)], _last=last)

    def finish(self, result: Pixels, *, complete: bool) -> Pixels:
        """The grid, the result last.

        Args:
            result: H×W×3 in [0, 1].
            complete: whether the run came to its end.
        """
        self._keep(result, "result" if complete else "result, stopped early")
        return grid(self.stages)

    def _keep(self, pixels: Pixels, label: str) -> None:
        self.stages.append(Stage(resize(pixels, *self._size), label))


def resized_stage(pixels: Pixels, label: str, size: tuple[int, int]) -> Stage:
    """A picture at the size of a grid's tiles.

    Args:
        pixels: H×W×3 in [0, 1].
        label: written below it.
        size: height and width in pixels.
    """
    return Stage(resize(pixels, *size), label)


def grid(stages: Sequence[Stage], columns: int | None = None) -> Pixels:
    """Pictures of one size in rows, each with its label.

    Args:
        stages: at least one.
        columns: pictures in a row; five at most where not given.

    Returns:
        H×W×3 in [0, 1].
    """
    height, width = stages[0].pixels.shape[:2]
    font = ImageFont.load_default(max(9.0, min(14.0, width / 13)))
    text_height = round(1.7 * font.size) if isinstance(font, ImageFont.FreeTypeFont) else 16
    margin = max(4, max(height, width) // 40)
    columns = columns or min(_COLUMNS, len(stages))
    rows = -(-len(stages) // columns)
    # Where the pictures are narrower than their labels, the columns are not.
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
