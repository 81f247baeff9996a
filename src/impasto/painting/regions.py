"""Regions: where in the photograph each style counts, which part of a painting is taken, and what of the photo stays.

All of them are masks: weights in [0, 1] over a whole picture, of any size, soft or hard. The masks of the styles share
the photograph, or a texture, out, so that at each position what the styles count adds up to 1, and to 0 where it is
protected.
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
"""Share by which a mask's aspect ratio may differ from its picture's; it is then stretched. One pixel is always
allowed, as small masks have no exact aspect ratio."""

NOWHERE = 1e-3
"""Weights under this count as none: a quarter of a step of 8 bits."""

HELD_FROM = 0.9
"""Share of the photograph that stays from which on what is painted under it is held. Painted in full under the soft
edge, and knowing only what wholly stays, it meets the photograph without a rim in between."""

STRIP = 1 << 18
"""Pixels that are composited at once."""


@dataclass(frozen=True, eq=False)
class Mask:
    """A mask as it was read.

    Attributes:
        weights: H×W in [0, 1].
        path: where it was read; None for one that came from memory.
        sha256: of the file, or of the array; None for one that was made of the photograph.
    """

    weights: Array
    path: Path | None
    sha256: str | None

    @classmethod
    def of(cls, picture: Picture, name: str) -> Mask:
        """The mask that a picture is: its luma, and 0 where it is transparent.

        Args:
            picture: the mask's; greys count as their encoded value, so that 50 % grey weighs a half.
            name: of the mask.

        Raises:
            PictureError: it is black everywhere.
        """
        red, green, blue = (picture.pixels[..., channel] for channel in range(3))
        # Rec. 709's luma, in a form that leaves greys as they are, to the last bit.
        weights = green + 0.2126 * (red - green) + 0.0722 * (blue - green)
        if picture.alpha is not None:
            weights += picture.alpha - 1  # it was composited over white, and a mask stands on black
        weights = weights.clip(0, 1)
        if weights.max() < NOWHERE:
            raise PictureError(
                f"The {describe(name)} {_called(picture.path)} is black everywhere ({keyword_of(name)}): paint white "
                f"what it is to choose, or leave it out."
            )
        return cls(weights, picture.path, picture.sha256)

    def at(self, height: int, width: int) -> Array:
        """The weights at another size, reduced by area."""
        return resize_by_area(self.weights, height, width)


@dataclass(frozen=True, eq=False)
class Regions:
    """The masks of a run.

    Attributes:
        count: number of styles.
        masks: by name, as :mod:`impasto.settings.references` spells them; none for plain painting.
    """

    count: int
    masks: Mapping[str, Mask]

    def has_own(self, style: int) -> bool:
        """Whether a style has a mask in the photograph; its number from 0."""
        return mask_name("masks", style + 1) in self.masks

    def coverage(self, height: int, width: int, *, protected: bool = True) -> list[Array] | None:
        """What each style counts at each position of the photograph.

        Where the styles' masks add up to more than 1, they are divided by their sum. What they leave goes in equal
        parts to the styles that have no mask, and where all have one, to style 1.

        Args:
            height: in pixels.
            width: in pixels.
            protected: whether nothing counts where painting is held.

        Returns:
            height × width for each style, and together 1 where nothing is held; styles without a mask of their own
            have one array in common. None where all count alike everywhere.
        """
        own = {n: self.masks[mask_name("masks", n + 1)] for n in range(self.count) if self.has_own(n)}
        held = self.held(height, width) if protected else None
        if not own and held is None:
            return None
        weights = {number: mask.at(height, width) for number, mask in own.items()}
        total = sum(weights.values(), np.zeros((height, width), np.float32))
        scale = (1 / np.maximum(total, 1)).astype(np.float32, copy=False)
        left = np.maximum(0, 1 - total)
        if held is not None:
            scale *= 1 - held
            left *= 1 - held
        found: dict[int, Array] = {number: weight * scale for number, weight in weights.items()}
        others = [number for number in range(self.count) if number not in own]
        if not others:
            found[0] += left
        rest = (left / max(1, len(others))).astype(np.float32, copy=False)
        return [found.get(number, rest) for number in range(self.count)]

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """The styles, by their numbers from 0, that count everywhere alike: those without a mask, and each other."""
        together = tuple(number for number in range(self.count) if not self.has_own(number))
        return [*([together] if together else []), *((n,) for n in range(self.count) if self.has_own(n))]

    def blended(self, height: int, width: int, part_of: Callable[[tuple[int, ...]], Array]) -> Array:
        """A picture of which each part is that of the styles that count there, protected or not.

        Args:
            height: in pixels.
            width: in pixels.
            part_of: gives a new picture, height × width × 3 in [0, 1], for each of :attr:`groups`.
        """
        coverage = self.coverage(height, width, protected=False)
        if coverage is None or len(self.groups) == 1:
            return part_of(self.groups[0])
        blended = np.zeros((height, width, 3), np.float32)
        for group in self.groups:
            part = part_of(group)
            part *= len(group) * coverage[group[0]][..., None]
            blended += part
        return blended.clip(0, 1)

    def kept(self, height: int, width: int) -> Array | None:
        """How much of the photograph stays at each position, height × width; None where nothing is protected."""
        mask = self.masks.get(PROTECT)
        return None if mask is None else mask.at(height, width)

    def held(self, height: int, width: int) -> Array | None:
        """How much the painted layer is held to the photograph at each position: where next to all of that stays.

        Args:
            height: in pixels.
            width: in pixels.

        Returns:
            height × width; None where nothing is protected.
        """
        kept = self.kept(height, width)
        return None if kept is None else ((kept - HELD_FROM) / (1 - HELD_FROM)).clip(0, 1)

    def within(self, style: int, height: int, width: int) -> Array | None:
        """What each position of a painting counts, height × width; None where all of it counts.

        Args:
            style: its number, from 0.
            height: in pixels.
            width: in pixels.
        """
        mask = self.masks.get(mask_name("style_masks", style + 1))
        return None if mask is None else mask.at(height, width)

    def check(self, weights: Sequence[float], height: int, width: int, *, is_texture: bool = False) -> None:
        """Refuse masks that leave a style, or all of them, nothing to paint.

        Args:
            weights: of the styles.
            height: of the painting, in pixels.
            width: of the painting, in pixels.
            is_texture: whether there is no photograph that could show where no style pulls.

        Raises:
            SettingsError: said in a sentence.
        """
        if self.count == 1 and self.has_own(0):
            mend = "" if is_texture else "to keep the photo there use --protect, or "
            raise SettingsError(
                f"A mask of the only style changes nothing, as what no mask covers takes style 1 (--mask 1=FILE): "
                f"{mend}give a second style."
            )
        kept = self.kept(height, width)
        if kept is not None and kept.min() > 1 - NOWHERE:
            raise SettingsError("All of the photo is protected, so there is nothing to paint: paint black in the mask "
                                "of --protect what is to be painted.")  # fmt: skip
        coverage = self.coverage(height, width)
        if coverage is None:
            return
        whole, options = ("texture", "--mask") if is_texture else ("photo", "--mask, --protect")
        for number, (region, weight) in enumerate(zip(coverage, weights, strict=True), 1):
            if weight > 0 and region.max() < NOWHERE:
                raise SettingsError(
                    f"Style {number} counts nowhere, as other masks cover all of the {whole} ({options}): give it a "
                    f"part of its own with --mask {number}=FILE, or leave it out."
                )
        pulled = sum((r for r, weight in zip(coverage, weights, strict=True) if weight > 0), np.zeros((height, width)))
        if is_texture and pulled.min() < NOWHERE:
            raise SettingsError(
                "Where only styles of weight 0 count there is nothing to paint a texture after (--mask, "
                "--style-weights): give each style with a mask a weight, or leave its mask out."
            )


def check_numbers(names: Iterable[str], count: int) -> None:
    """Refuse masks of styles that are not there.

    Args:
        names: of the masks, and of other pictures.
        count: number of styles.

    Raises:
        SettingsError: with the option's name.
    """
    for name in names:
        number = split_name(name)[1]
        if number is not None and number > count:
            there = "there is one style picture" if count == 1 else f"there are {count} style pictures"
            keyword = keyword_of(name)
            without = keyword.replace("…", '"none"')
            raise SettingsError(
                f"There is no style {number} for {keyword}, as {there}: number them from 1, in their order, or leave a "
                f"stored mask out with {without}."
            )


def check_shape(name: str, mask: Picture, whose: str, tall: int, wide: int) -> None:
    """Refuse a mask whose proportions are not those of what it lies over.

    Args:
        name: of the mask.
        mask: as it was read.
        whose: ``photo``, ``texture`` or ``painting``.
        tall: height of that, in pixels.
        wide: its width, in pixels.

    Raises:
        PictureError: they differ by more than :data:`SHAPE_TOLERANCE` and more than a pixel.
    """
    height, width = mask.original_size
    off = min(abs(width - height * wide / tall) / max(1.0, SHAPE_TOLERANCE * width),
              abs(height - width * tall / wide) / max(1.0, SHAPE_TOLERANCE * height))  # fmt: skip
    if off > 1:
        raise PictureError(
            f"The {describe(name)} {_called(mask.path)} is {width}×{height} px and the {whose} {wide}×{tall} px "
            f"({keyword_of(name)}): give it the same proportions, within 2 %; its size may be any."
        )


def as_picture_source(source: Any) -> Any:
    """A mask from memory as a picture may come; arrays of bool, which pictures are not, become 0 and 255."""
    if isinstance(source, np.ndarray) and source.dtype == np.bool_:
        return source.astype(np.uint8) * np.uint8(255)
    return source


def composited(painted: Array, photo: Array, kept: Array) -> Array:
    """The photograph over what was painted, strip by strip.

    Args:
        painted: H×W×3.
        photo: H×W×3.
        kept: H×W, how much of the photograph stays; where it is 1 the result is the photograph, to the last bit, and
            where it is 0 what was painted.

    Returns:
        A new array.
    """
    result = np.empty_like(painted)
    rows = max(1, STRIP // painted.shape[1])
    for row in range(0, len(painted), rows):
        part = slice(row, row + rows)
        share = kept[part, :, None]
        result[part] = share * photo[part] + (1 - share) * painted[part]
    return result


def named_masks(masks: Mapping[int, Any], style_masks: Mapping[int, Any], protect: Any) -> dict[str, Any]:
    """Pictures of masks by name.

    Args:
        masks: of the styles, by number.
        style_masks: in the paintings, by number.
        protect: the mask of what is protected, or None.

    Raises:
        SettingsError: a number that no style has.
    """
    numbered = {"masks": masks, "style_masks": style_masks}
    found = {_checked(of, number): value for of, given in numbered.items() for number, value in given.items()}
    return found if protect is None else found | {PROTECT: protect}


def from_memory(changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell masks that are pictures in memory from settings.

    Args:
        changes: settings by name; the values of ``masks``, ``style_masks`` and ``protect`` may also be pictures.

    Returns:
        The settings, and the pictures by their masks' names.

    Raises:
        SettingsError: a picture for a number that no style has.
    """
    settings, pictures = dict(changes), {}
    for of in ("masks", "style_masks"):
        given = settings.get(of)
        if isinstance(given, Mapping):
            settings[of] = {number: value for number, value in given.items() if _is_setting(value)}
            pictures[of] = {number: value for number, value in given.items() if not _is_setting(value)}
    protect = None if _is_setting(settings.get(PROTECT)) else settings.pop(PROTECT)
    return settings, named_masks(pictures.get("masks", {}), pictures.get("style_masks", {}), protect)


def _checked(of: str, number: object) -> str:
    if not str(number).isdecimal() or int(str(number)) < 1:
        raise SettingsError(f"The setting {of} has a mask for style {number!r}: number the styles from 1.")
    return mask_name(of, int(str(number)))


def _is_setting(value: object) -> bool:
    return value is None or isinstance(value, str | os.PathLike)


def _called(path: Path | None) -> str:
    return "given" if path is None else shown(path)
