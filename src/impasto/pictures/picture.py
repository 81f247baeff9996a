"""What a picture is once it has been read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from impasto.pictures.metadata.provenance import Provenance


class PictureWarning(UserWarning):
    """Something about a picture that was passed over or changed, though the picture itself was read or written."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as the painter sees it, with what its file held besides.

    Attributes:
        pixels: height × width × 3, float32, sRGB-encoded values in [0, 1]. Where the source was transparent, its
            colours are already composited over white.
        alpha: height × width, float32 in [0, 1], where 1 is opaque; None when the source is opaque everywhere.
        depth: bits per channel of the source, 8 or 16. Floating-point sources count as 16.
        provenance: the metadata worth keeping: who made the source, when, and its resolution.
        path: the absolute path that the picture was read from; None for arrays and PIL images.
        sha256: hexadecimal SHA-256 of the file's bytes; for arrays and PIL images, of their shape, type and bytes.
        reduced_from: height and width of the source, upright, where the picture was shrunk while it was read; None
            where it has all the source's pixels.
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
        """The height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """The width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, in this order."""
        return self.height, self.width

    @property
    def original_size(self) -> tuple[int, int]:
        """Height and width of the source in pixels, upright."""
        return self.reduced_from or self.size
