"""Finding faces, so that they can be kept as they are in the photograph.

The detector is OpenCV 4's cascade of Haar features (Viola and Jones 2001, Lienhart and Maydt 2002), which its package
carries. It finds upright faces that look into the camera and are larger than a twentieth of the picture. Of turned,
tilted, covered or small ones it misses many, and now and then it takes something else for a face.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from impasto.errors import SettingsError
from impasto.pictures import resize, scaled_size

Array = npt.NDArray[np.float32]

CASCADE = "haarcascade_frontalface_alt2.xml"

LONG_SIDE = 1024
"""Faces are looked for at this size in pixels, or in the picture's own where it is smaller."""

SMALLEST = 20
"""No face is smaller than the long side divided by this."""

SOFT = 0.25
"""Width of the soft edge, as a share of the face's radius."""


class Face(NamedTuple):
    """The square that a face fills from the brows' top to the mouth's bottom, all in shares of the long side."""

    left: float
    top: float
    side: float


def find_faces(photo: Array) -> list[Face]:
    """Faces in a picture, from left to right.

    Args:
        photo: H×W×3 in [0, 1].

    Raises:
        SettingsError: OpenCV is not installed, or not one that carries the detector.
    """
    cv2, detector = _detector()
    height, width = photo.shape[:2]
    small = photo if max(height, width) <= LONG_SIDE else resize(photo, *scaled_size(height, width, LONG_SIDE))
    longest = max(small.shape[:2])
    grey = (small @ np.array([0.299, 0.587, 0.114], np.float32) * 255 + 0.5).astype(np.uint8)
    least = max(24, longest // SMALLEST)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # what is found must not depend on which thread finds it first
    try:
        found = detector.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=(least, least))
    finally:
        cv2.setNumThreads(threads)
    return sorted(Face(x / longest, y / longest, side / longest) for x, y, side, _ in np.asarray(found).tolist())


def face_mask(faces: list[Face], height: int, width: int) -> Array:
    """A soft oval over each face, from the hair's edge to the chin.

    Args:
        faces: in a picture of that size.
        height: in pixels.
        width: in pixels.

    Returns:
        height × width in [0, 1].
    """
    mask = np.zeros((height, width), np.float32)
    y, x = (np.arange(length, dtype=np.float32) + 0.5 for length in (height, width))
    for left, top, side in faces:
        scale = side * max(height, width)
        across = (x - left * max(height, width) - 0.5 * scale) / (0.47 * scale)
        down = (y - top * max(height, width) - 0.55 * scale) / (0.7 * scale)
        radius = np.sqrt(across[None] ** 2 + down[:, None] ** 2)
        edge = ((1 + SOFT - radius) / SOFT).clip(0, 1)
        np.maximum(mask, edge * edge * (3 - 2 * edge), out=mask)
    return mask


def check_detector() -> None:
    """Refuse to look for faces where nothing can find them.

    Raises:
        SettingsError: as :func:`find_faces`.
    """
    _detector()


def _detector() -> tuple[Any, Any]:
    """OpenCV, and its detector."""
    try:
        cv2 = importlib.import_module("cv2")
        path = Path(cv2.data.haarcascades) / CASCADE
        detector = cv2.CascadeClassifier(str(path)) if path.is_file() else None
    except (ImportError, AttributeError):
        detector = None
    if detector is None or detector.empty():
        raise SettingsError(
            'To protect faces, impasto needs OpenCV 4, whose package carries a detector: run pip install "impasto'
            '[faces]", or draw a mask and give it with --protect FILE.'
        )
    return cv2, detector
