"""Detection of faces, and a mask that protects them.

The detector is the cascade of Haar features in OpenCV 4 (Viola and Jones 2001, Lienhart and Maydt 2002). It finds
upright faces that look into the camera and are larger than a twentieth of the picture. It misses many turned, tilted,
covered or small faces, and sometimes mistakes another object for a face.
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
"""File of the detector in OpenCV's package."""

DETECTION_SIDE = 1024
"""Long side in pixels at which faces are detected; smaller pictures are not enlarged."""

MOST_FACES_ACROSS = 20
"""Long side of the picture divided by the side of the smallest face that is detected."""

SOFT_EDGE = 0.25
"""Width of the mask's soft edge, as a fraction of the face's radius."""


class Face(NamedTuple):
    """The square from the top of the brows to the bottom of the mouth, in fractions of the picture's long side."""

    left: float
    top: float
    side: float


def find_faces(photo: Array) -> list[Face]:
    """Detect the faces in a picture, from left to right.

    Args:
        photo: H×W×3 in [0, 1].

    Raises:
        SettingsError: OpenCV is not installed, or lacks the detector.
    """
    cv2, detector = _load_detector()
    height, width = photo.shape[:2]
    small = (
        photo if max(height, width) <= DETECTION_SIDE else resize(photo, *scaled_size(height, width, DETECTION_SIDE))
    )
    long_side = max(small.shape[:2])
    grey = (small @ np.array([0.299, 0.587, 0.114], np.float32) * 255 + 0.5).astype(np.uint8)
    least = max(24, long_side // MOST_FACES_ACROSS)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # with several threads the result depends on their order
    try:
        squares = detector.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=(least, least))
    finally:
        cv2.setNumThreads(threads)
    return sorted(Face(x / long_side, y / long_side, w / long_side) for x, y, w, _ in np.asarray(squares).tolist())


def face_mask(faces: list[Face], height: int, width: int) -> Array:
    """Draw a soft oval over each face, from the hairline to the chin.

    Args:
        faces: from :func:`find_faces`.
        height: height of the picture in pixels.
        width: width of the picture in pixels.

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
        edge = ((1 + SOFT_EDGE - radius) / SOFT_EDGE).clip(0, 1)
        np.maximum(mask, edge * edge * (3 - 2 * edge), out=mask)
    return mask


def check_detector() -> None:
    """Refuse to protect faces if the detector is not installed.

    Raises:
        SettingsError: as in :func:`find_faces`.
    """
    _load_detector()


def _load_detector() -> tuple[Any, Any]:
    """Return OpenCV's module and its detector."""
    try:
        cv2 = importlib.import_module("cv2")
        path = Path(cv2.data.haarcascades) / CASCADE
        detector = cv2.CascadeClassifier(str(path)) if path.is_file() else None
    except (ImportError, AttributeError):
        detector = None
    if detector is None or detector.empty():
        raise SettingsError(
            'To protect faces, impasto needs OpenCV 4, whose package contains a detector: run pip install "impasto'
            '[faces]", or draw a mask and give it with protect=FILE.'
        )
    return cv2, detector
