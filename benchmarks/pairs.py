"""Pairs of a photograph and a painting: from a table of files, or from what the project brings along."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from impasto.demo.gallery import photo_file, style_file
from impasto.errors import PictureError
from impasto.pictures import read_picture, resize
from impasto.pictures.sizes import scaled_size

BUILTIN_PAIRS = (
    ("chelsea", "swirls"),
    ("coffee", "woodcut"),
    ("astronaut", "pointillism"),
    ("rocket", "mosaic"),
)
"""scikit-image's photographs, and styles that the project draws: each of them once."""


@dataclass(frozen=True)
class Pair:
    """A photograph and the painting after which to paint it.

    Attributes:
        content: file of the photograph.
        style: file of the painting.
    """

    content: Path
    style: Path

    @property
    def name(self) -> str:
        """Of both, as in ``chelsea-swirls``."""
        return f"{self.content.stem}-{self.style.stem}"


def builtin_pairs(folder: Path, count: int | None = None) -> list[Pair]:
    """The first pairs that need no files of the user's, all where no count is given; drawn into a folder once.

    Raises:
        PictureError: scikit-image is not installed, or the folder takes no files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [Pair(photo_file(photo, folder), style_file(style, folder)) for photo, style in BUILTIN_PAIRS[:count]]


def read_pairs(table: Path, pictures: Path) -> list[Pair]:
    """Pairs of a table.

    Args:
        table: CSV with the columns ``content`` and ``style``, names of files.
        pictures: the folder that these are in.

    Raises:
        PictureError: no such table, a column or picture that is missing, no row, or two pairs of one name.
    """
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        pairs = [Pair(pictures / row["content"], pictures / row["style"]) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PictureError(f"The table of pairs {str(table)!r} cannot be read ({error}).") from None
    except (KeyError, TypeError):
        raise PictureError(f"The table of pairs {str(table)!r} needs the columns content and style.") from None
    missing = next((path for pair in pairs for path in (pair.content, pair.style) if not path.is_file()), None)
    if missing is not None:
        raise PictureError(f"There is no picture {str(missing)!r}: check {str(table)!r} and the folder of pictures.")
    if not pairs:
        raise PictureError(f"The table of pairs {str(table)!r} has no row.")
    twice = next((pair.name for number, pair in enumerate(pairs) if pair.name in [p.name for p in pairs[:number]]), "")
    if twice:
        raise PictureError(f"The table of pairs {str(table)!r} has two of the name {twice!r}: rename a picture.")
    return pairs


def loaded(path: Path, long_side: int) -> Tensor:
    """A picture as the painter reads it, 1×3×H×W in [0, 1], at a long side in pixels."""
    picture = read_picture(path, fit=long_side)
    return to_tensor(resize(picture.pixels, *scaled_size(*picture.original_size, long_side)))


def to_tensor(array: np.ndarray) -> Tensor:
    """H×W×3 to 1×3×H×W."""
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None]


def to_array(image: Tensor) -> np.ndarray:
    """1×3×H×W to H×W×3."""
    array: np.ndarray = image[0].permute(1, 2, 0).contiguous().numpy()
    return array


def covering(path: Path, height: int, width: int) -> np.ndarray:
    """A picture's middle, H×W×3, at the least scale at which it covers a size."""
    pixels = read_picture(path).pixels
    scale = max(height / pixels.shape[0], width / pixels.shape[1])
    size = [max(side, round(n * scale)) for side, n in zip((height, width), pixels.shape, strict=False)]
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return resize(pixels, *size)[top : top + height, left : left + width]
