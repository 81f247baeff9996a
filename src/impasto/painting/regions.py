"""Masks: regions of the photograph for each style, parts of the paintings to use, and protection of the photograph.

A mask holds weights in [0, 1] over a whole picture; it may have any size, soft or hard edges. The masks of the styles
divide the photograph, or a texture: at each position their weights sum to 1, or to 0 if the position is protected.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from impasto.errors import PictureError, SettingsError
from impasto.files import shown
from impasto.pictures import Picture, resize_by_area
from impasto.settings.references import PROTECT, describe, keyword_of, mask_name, split_name

Array = npt.NDArray[np.float32]

SHAPE_TOLERANCE = 0.02
"""Largest relative difference between the aspect ratios of a mask, which is then stretched, and of its picture.

A difference of one pixel is always allowed, because small masks have no exact aspect ratio."""

NEGLIGIBLE = 1e-3
"""Weight below which a position is not in a region: a quarter of a step of 8 bits."""

HOLD_FROM = 0.9
"""Protection from which the painted layer is held to the photograph.

The soft edge below it is painted in full, with the photograph as its context, so that no rim appears between them."""

STRIP = 1 << 18
"""Pixels that are composited at a time."""


@dataclass(frozen=True, eq=False)
class RegionMask:
    """A mask over a whole picture.

    Attributes:
        weights: H×W in [0, 1].
        path: file that it was read from; None for a mask from memory.
        sha256: hash of the file, or of the array; None for a mask that was derived from the photograph.
    """

    weights: Array
    path: Path | None
    sha256: str | None

    @classmethod
    def from_picture(cls, picture: Picture, name: str) -> RegionMask:
        """Convert a picture to a mask: the weight is its luma, and 0 for transparent pixels.

        Args:
            picture: any picture; greys keep their encoded value, so that 50 % grey weighs one half.
            name: name of the mask, as in :mod:`impasto.settings.references`.

        Raises:
            PictureError: the picture is black everywhere.
        """
        red, green, blue = (picture.pixels[..., channel] for channel in range(3))
        # Rec. 709's luma, in a form that leaves greys unchanged, to the last bit.
        weights = green + 0.2126 * (red - green) + 0.0722 * (blue - green)
        if picture.alpha is not None:
            weights += picture.alpha - 1  # replaces the white that it was composited over by black
        weights = weights.clip(0, 1)
        if weights.max() < NEGLIGIBLE:
            raise PictureError(
                f"The {describe(name)} {_quoted(picture.path)} is black everywhere ({keyword_of(name)}): paint the "
                f"region white, or leave the mask out."
            )
        return cls(weights, picture.path, picture.sha256)

    def resized(self, height: int, width: int) -> Array:
        """Return the weights at another size, reduced by area."""
        return resize_by_area(self.weights, height, width)


@dataclass(frozen=True, eq=False)
class Regions:
    """The masks of a run.

    Attributes:
        count: number of styles.
        masks: by name, as in :mod:`impasto.settings.references`; empty if there are no regions.
    """

    count: int
    masks: Mapping[str, RegionMask]

    def has_mask(self, style: int) -> bool:
        """Tell whether a style, numbered from 0, has a mask in the photograph."""
        return mask_name("masks", style + 1) in self.masks

    def coverage(self, height: int, width: int, *, protected: bool = True) -> list[Array] | None:
        """Compute the weight of each style at each position of the photograph.

        If the masks of the styles sum to more than 1, they are divided by their sum. The remainder is shared equally
        by the styles without a mask; if every style has one, style 1 takes it.

        Args:
            height: height in pixels.
            width: width in pixels.
            protected: whether held positions have no weight.

        Returns:
            height × width for each style, with the sum 1 at positions that are not held. Styles without a mask share
            one array. None if all styles weigh alike everywhere.
        """
        masks = {n: self.masks[mask_name("masks", n + 1)] for n in range(self.count) if self.has_mask(n)}
        held = self.held(height, width) if protected else None
        if not masks and held is None:
            return None
        weights = {number: mask.resized(height, width) for number, mask in masks.items()}
        total = sum(weights.values(), np.zeros((height, width), np.float32))
        scale = (1 / np.maximum(total, 1)).astype(np.float32, copy=False)
        remainder = np.maximum(0, 1 - total)
        if held is not None:
            scale *= 1 - held
            remainder *= 1 - held
        masked: dict[int, Array] = {number: weight * scale for number, weight in weights.items()}
        unmasked = [number for number in range(self.count) if number not in masks]
        if not unmasked:
            masked[0] += remainder
        shared = (remainder / max(1, len(unmasked))).astype(np.float32, copy=False)
        return [masked.get(number, shared) for number in range(self.count)]

    @property
    def style_groups(self) -> list[tuple[int, ...]]:
        """Numbers, from 0, of the styles that weigh alike everywhere: all styles without a mask, and each other one."""
        unmasked = tuple(number for number in range(self.count) if not self.has_mask(number))
        return [*([unmasked] if unmasked else []), *((n,) for n in range(self.count) if self.has_mask(n))]

    def blended(self, height: int, width: int, picture_of: Callable[[tuple[int, ...]], Array]) -> Array:
        """Blend one picture for each group of styles by the styles' weights, ignoring protection.

        Args:
            height: height in pixels.
            width: width in pixels.
            picture_of: makes a new picture, height × width × 3 in [0, 1], for one of :attr:`style_groups`.
        """
        coverage = self.coverage(height, width, protected=False)
        if coverage is None or len(self.style_groups) == 1:
            return picture_of(self.style_groups[0])
        blend = np.zeros((height, width, 3), np.float32)
        for group in self.style_groups:
            picture = picture_of(group)
            picture *= len(group) * coverage[group[0]][..., None]
            blend += picture
        return blend.clip(0, 1)

    def protection(self, height: int, width: int) -> Array | None:
        """Return the share of the photograph in the result at each position, height × width; None if it is 0."""
        mask = self.masks.get(PROTECT)
        return None if mask is None else mask.resized(height, width)

    def held(self, height: int, width: int) -> Array | None:
        """Compute how strongly the painted layer is held to the photograph at each position.

        It is 0 up to a protection of :data:`HOLD_FROM`, and 1 under full protection.

        Args:
            height: height in pixels.
            width: width in pixels.

        Returns:
            height × width in [0, 1]; None without protection.
        """
        protection = self.protection(height, width)
        return None if protection is None else ((protection - HOLD_FROM) / (1 - HOLD_FROM)).clip(0, 1)

    def style_mask(self, style: int, height: int, width: int) -> Array | None:
        """Return the weight of each position of a painting, height × width; None if all of it is used.

        Args:
            style: number of the painting, from 0.
            height: height in pixels.
            width: width in pixels.
        """
        mask = self.masks.get(mask_name("style_masks", style + 1))
        return None if mask is None else mask.resized(height, width)

    def check(self, weights: Sequence[float], height: int, width: int, *, is_texture: bool = False) -> None:
        """Refuse masks that leave one style, or all of them, nothing to paint.

        Args:
            weights: weights of the styles.
            height: height of the painting in pixels.
            width: width of the painting in pixels.
            is_texture: whether there is no photograph, which would remain visible in regions of weight 0.

        Raises:
            SettingsError: a region is missing or empty.
        """
        if self.count == 1 and self.has_mask(0):
            advice = "" if is_texture else "to keep the photo there use protect=, or "
            raise SettingsError(
                f"A mask of the only style has no effect, because style 1 also takes the part that no mask covers "
                f"(masks={{1: …}}): {advice}give a second style."
            )
        protection = self.protection(height, width)
        if protection is not None and protection.min() > 1 - NEGLIGIBLE:
            raise SettingsError(
                "All of the photo is protected, so there is nothing to paint: blacken the part to paint in the mask "
                "protect=."
            )
        coverage = self.coverage(height, width)
        if coverage is None:
            return
        whole, keywords = ("texture", "masks=") if is_texture else ("photo", "masks=, protect=")
        for number, (region, weight) in enumerate(zip(coverage, weights, strict=True), 1):
            if weight > 0 and region.max() < NEGLIGIBLE:
                raise SettingsError(
                    f"Style {number} counts nowhere, as other masks cover all of the {whole} ({keywords}): give it a "
                    f"region of its own with masks={{{number}: …}}, or leave it out."
                )
        pulled = sum((r for r, weight in zip(coverage, weights, strict=True) if weight > 0), np.zeros((height, width)))
        if is_texture and pulled.min() < NEGLIGIBLE:
            raise SettingsError(
                "A region in which only styles of weight 0 count has no style to paint it (masks=, style_weights=): "
                "give each style with a mask a weight, or leave its mask out."
            )


def check_numbers(names: Iterable[str], count: int) -> None:
    """Refuse masks for numbers that no style has.

    Args:
        names: names of masks and other pictures, as in :mod:`impasto.settings.references`.
        count: number of styles.

    Raises:
        SettingsError: a number is larger than the number of styles.
    """
    for name in names:
        number = split_name(name)[1]
        if number is not None and number > count:
            styles = "there is one style picture" if count == 1 else f"there are {count} style pictures"
            keyword = keyword_of(name)
            without = keyword.replace("…", '"none"')
            raise SettingsError(
                f"There is no style {number} for {keyword}, as {styles}: number the styles from 1, in their order, or "
                f"leave a stored mask out with {without}."
            )


def check_shape(name: str, mask: Picture, subject: str, height: int, width: int) -> None:
    """Refuse a mask whose aspect ratio differs from that of its picture.

    Args:
        name: name of the mask, as in :mod:`impasto.settings.references`.
        mask: picture of the mask.
        subject: ``photo``, ``texture`` or ``painting``.
        height: height of the subject in pixels.
        width: width of the subject in pixels.

    Raises:
        PictureError: they differ by more than :data:`SHAPE_TOLERANCE` and more than one pixel.
    """
    mask_height, mask_width = mask.original_size
    deviation = min(
        abs(mask_width - mask_height * width / height) / max(1.0, SHAPE_TOLERANCE * mask_width),
        abs(mask_height - mask_width * height / width) / max(1.0, SHAPE_TOLERANCE * mask_height),
    )
    if deviation > 1:
        raise PictureError(
            f"The {describe(name)} {_quoted(mask.path)} is {mask_width}×{mask_height} px and the {subject} "
            f"{width}×{height} px ({keyword_of(name)}): give it the same proportions, within 2 %; its size may be any."
        )


def as_picture_source(source: Any) -> Any:
    """Convert a mask of bool, which pictures cannot be, to 0 and 255; other sources of pictures stay as they are."""
    if isinstance(source, np.ndarray) and source.dtype == np.bool_:
        return source.astype(np.uint8) * np.uint8(255)
    return source


def composited(painted: Array, photo: Array, protection: Array) -> Array:
    """Composite the photograph over the painted picture, strip by strip.

    Args:
        painted: H×W×3.
        photo: H×W×3.
        protection: H×W in [0, 1], share of the photograph. The result equals the photograph where it is 1, and the
            painted picture where it is 0, to the last bit.

    Returns:
        A new array.
    """
    result = np.empty_like(painted)
    rows = max(1, STRIP // painted.shape[1])
    for row in range(0, len(painted), rows):
        strip = slice(row, row + rows)
        share = protection[strip, :, None]
        result[strip] = share * photo[strip] + (1 - share) * painted[strip]
    return result


def named_masks(masks: Mapping[int, Any], style_masks: Mapping[int, Any], protect: Any) -> dict[str, Any]:
    """Return masks by name, as in :mod:`impasto.settings.references`.

    Args:
        masks: masks of the styles, by number from 1.
        style_masks: masks in the paintings, by number from 1.
        protect: mask of the protected part, or None.

    Raises:
        SettingsError: a key is not a number from 1.
    """
    numbered = {"masks": masks, "style_masks": style_masks}
    named = {
        _mask_name(setting, number): mask
        for setting, by_number in numbered.items()
        for number, mask in by_number.items()
    }
    return named if protect is None else named | {PROTECT: protect}


def separate_masks(changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Separate masks in memory from settings.

    Args:
        changes: settings by name; the values of ``masks``, ``style_masks`` and ``protect`` may also be pictures.

    Returns:
        The settings, and the pictures by name, as in :mod:`impasto.settings.references`.

    Raises:
        SettingsError: a picture's key is not a number from 1.
    """
    settings, pictures = dict(changes), {}
    for setting in ("masks", "style_masks"):
        masks = settings.get(setting)
        if isinstance(masks, Mapping):
            settings[setting] = {number: mask for number, mask in masks.items() if _is_setting(mask)}
            pictures[setting] = {number: mask for number, mask in masks.items() if not _is_setting(mask)}
    protect = None if _is_setting(settings.get(PROTECT)) else settings.pop(PROTECT)
    return settings, named_masks(pictures.get("masks", {}), pictures.get("style_masks", {}), protect)


def _mask_name(setting: str, number: object) -> str:
    if not str(number).isdecimal() or int(str(number)) < 1:
        raise SettingsError(f"The setting {setting} has a mask for style {number!r}: number the styles from 1.")
    return mask_name(setting, int(str(number)))


def _is_setting(value: object) -> bool:
    return value is None or isinstance(value, str | os.PathLike)


def _quoted(path: Path | None) -> str:
    return "given" if path is None else shown(path)
