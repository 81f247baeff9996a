"""The picture type that reading returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from impasto.pictures.metadata.provenance import Provenance


class PictureWarning(UserWarning):
    """A warning that part of a picture was ignored or changed, although it was read or written."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in memory, with the other facts from its file.

    Attributes:
        pixels: height × width × 3, float32, sRGB-encoded values in [0, 1]. Transparent sources are already composited
            over white.
        alpha: height × width, float32 in [0, 1], 1 is opaque; None if the source is opaque everywhere.
        depth: bits per channel of the source, 8 or 16. Floating-point sources count as 16.
        provenance: author, date, copyright and resolution of the source.
        path: absolute path of the source; None for arrays and PIL images.
        sha256: hexadecimal SHA-256 of the file's bytes; for arrays and PIL images, of their shape, type and bytes.
        reduced_from: height and width of the source, upright, if the picture was shrunk during reading; None if it
            has all pixels of the source.
    """

    pixels: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32] | None
    depth: int
    provenance: Provenance
    path: Path | None
    sha256: str | None
    reduced_from: tuple[int, int] | None = None

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, in this order."""
        return self.height, self.width

    @property
    def original_size(self) -> tuple[int, int]:
        """Height and width of the source in pixels, upright."""
        return self.reduced_from or self.size
