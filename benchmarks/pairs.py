"""Pairs of a photograph and a painting, from a table of files or from the project's own."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from impasto.errors import PictureError
from impasto.pictures import read_picture, resize, write_picture
from impasto.pictures.sizes import scaled_size
from impasto.samples import photos, style_path

BUILTIN_PAIRS = (
    ("chelsea", "swirls"),
    ("coffee", "woodcut"),
    ("astronaut", "pointillism"),
    ("rocket", "mosaic"),
)
"""Names of the built-in pairs: each of scikit-image's photographs and each sample painting once."""


@dataclass(frozen=True)
class Pair:
    """A photograph and the painting that provides its style.

    Attributes:
        content: file of the photograph.
        style: file of the painting.
    """

    content: Path
    style: Path

    @property
    def name(self) -> str:
        """Names of both pictures, as in ``chelsea-swirls``."""
        return f"{self.content.stem}-{self.style.stem}"


def builtin_pairs(folder: Path, count: int | None = None) -> list[Pair]:
    """Return the first pairs of sample pictures, all if no count is given.

    Args:
        folder: receives the photographs as ``NAME.png``; those already there are kept.
        count: number of pairs; None for all.

    Raises:
        PictureError: scikit-image is not installed, or the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [Pair(folder / f"{photo}.png", style_path(style)) for photo, style in BUILTIN_PAIRS[:count]]
    for pair in pairs:
        if not pair.content.exists():
            write_picture(pair.content, photos.load_photo(pair.content.stem))
    return pairs


def read_pairs(table: Path, pictures: Path) -> list[Pair]:
    """Read pairs from a table.

    Args:
        table: CSV file with the columns ``content`` and ``style``, which hold file names.
        pictures: folder of these files.

    Raises:
        PictureError: the table cannot be read, a column or picture is missing, or there is no row or two pairs with the
            same name.
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
        raise PictureError(f"The table of pairs {str(table)!r} has two pairs named {twice!r}: rename a picture.")
    return pairs


def loaded(path: Path, long_side: int) -> Tensor:
    """Read a picture like the painter, as 1×3×H×W in [0, 1] with the given long side in pixels."""
    picture = read_picture(path, fit=long_side)
    return to_tensor(resize(picture.pixels, *scaled_size(*picture.original_size, long_side)))


def to_tensor(array: np.ndarray) -> Tensor:
    """Convert H×W×3 to 1×3×H×W."""
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None]


def to_array(image: Tensor) -> np.ndarray:
    """Convert 1×3×H×W to H×W×3."""
    array: np.ndarray = image[0].permute(1, 2, 0).contiguous().numpy()
    return array


def covering(path: Path, height: int, width: int) -> np.ndarray:
    """Resize a picture to cover a size, and crop its centre to H×W×3."""
    pixels = read_picture(path).pixels
    scale = max(height / pixels.shape[0], width / pixels.shape[1])
    size = [max(side, round(n * scale)) for side, n in zip((height, width), pixels.shape, strict=False)]
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return resize(pixels, *size)[top : top + height, left : left + width]
