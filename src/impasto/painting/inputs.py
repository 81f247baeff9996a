"""The pictures of a run: photograph, paintings, and pictures that the settings name."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

from impasto import pictures
from impasto.errors import PaintingError, SettingsError
from impasto.painting.events import Event, Reading
from impasto.painting.faces import face_mask, find_faces
from impasto.painting.input_remarks import remarks_on_pictures
from impasto.painting.octaves import LEAST_SIDE, style_size
from impasto.painting.record import Source
from impasto.painting.regions import RegionMask, Regions, as_picture_source, check_numbers, check_shape
from impasto.pictures import Picture
from impasto.pictures.metadata.provenance import NO_PROVENANCE, Provenance
from impasto.pictures.sizes import scaled_size
from impasto.settings.exclusions import TEXTURE_PROTECT_MESSAGE
from impasto.settings.fields import FACES
from impasto.settings.model import Settings
from impasto.settings.print_sizes import UNITS_PER_INCH
from impasto.settings.references import COLOURS_FROM, GROW_FROM, INIT, PROTECT, split_name
from impasto.styles.lookup import ambiguity, check_photo_name, find_style

PictureLike: TypeAlias = str | os.PathLike[str] | Image.Image | np.ndarray

_PATH_TYPES = (str, os.PathLike)

GREY_TOLERANCE = 0.5 / 255
"""Largest difference between the colours of a grey pixel, in [0, 1]."""


class Inputs:
    """All pictures of a run, read and checked.

    Args:
        content: the photograph; None for a texture.
        styles: the paintings; also names of styles.
        settings: settings of the run.
        named: masks and other pictures by name, as in :mod:`impasto.settings.references`; they replace files that the
            settings name.
        on_event: callback that receives :class:`Reading` events.

    Attributes:
        content: the photograph.
        styles: the paintings.
        start: initial picture, if the settings name one.
        colours: picture whose colours the styles take, if the settings name one.
        smaller: smaller painting that this one goes on from, if the settings name one.
        regions: the masks.
        weights: weights of the styles.
        remarks: sentences for the user.

    Raises:
        PictureError: a picture cannot be read, or a mask does not fit.
        SettingsError: the settings do not fit the pictures.
    """

    def __init__(
        self,
        content: PictureLike | None,
        styles: Sequence[PictureLike],
        settings: Settings,
        named: Mapping[str, PictureLike] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._settings, self._named, self._on_event = settings, named or {}, on_event
        if not styles:
            raise SettingsError("At least one style picture is needed.")
        settings.check_style_weights(len(styles))
        self.weights: Sequence[float] = settings.style_weights or (1.0,) * len(styles)
        by_name: dict[str, PictureLike] = {**settings.named_files, **(named or {})}
        check_numbers(by_name, len(styles))
        settings.check_photo(content is not None)
        if content is None and PROTECT in by_name:
            raise SettingsError(TEXTURE_PROTECT_MESSAGE)
        if isinstance(content, _PATH_TYPES):
            check_photo_name(content)
        self.content = None if content is None else _with_extended_colours(self._read(content, settings.long_side))
        # With a stroke size below 1 the size of a narrow painting may still be that at 1: see style_size.
        style_side = math.ceil(self.long_side * max(1.0, settings.stroke_size))
        self.styles = [self._read(find_style(s) if isinstance(s, _PATH_TYPES) else s, style_side) for s in styles]
        self.start, self.colours = (
            self._read(by_name.pop(name), self.long_side) if name in by_name else None for name in (INIT, COLOURS_FROM)
        )
        self.smaller = self._read_smaller(by_name.pop(GROW_FROM)) if GROW_FROM in by_name else None
        given = [s for s in (*styles, settings.colours_from) if isinstance(s, _PATH_TYPES)]
        self.remarks = (*filter(None, map(ambiguity, given)), *remarks_on_pictures(self.content, self.styles))
        self._read_regions(by_name)

    def steered(self, settings: Settings, named: Mapping[str, PictureLike] | None = None) -> Inputs:
        """Return the same pictures with the masks and the style weights of other settings; only masks are read.

        Args:
            settings: settings that differ in nothing but :data:`~impasto.painting.steering.STEERABLE` ones.
            named: masks by name, which replace files that the settings name; None keeps those given before.

        Raises:
            PictureError: a mask cannot be read, or does not fit.
            SettingsError: the settings do not fit the pictures.
        """
        settings.check_style_weights(len(self.styles))
        settings.check_photo(self.content is not None)
        result = copy(self)
        result._settings, result._named, result.remarks = settings, self._named if named is None else named, ()
        result.weights = settings.style_weights or (1.0,) * len(self.styles)
        by_name: dict[str, PictureLike] = {**settings.named_files, **result._named}
        check_numbers(by_name, len(self.styles))
        if self.content is None and PROTECT in by_name:
            raise SettingsError(TEXTURE_PROTECT_MESSAGE)
        result._read_regions({name: by_name[name] for name in by_name if name not in (INIT, COLOURS_FROM, GROW_FROM)})
        return result

    def _read_regions(self, masks: Mapping[str, PictureLike]) -> None:
        """Read the masks, or detect the faces that the settings protect."""
        read = {name: self._read_mask(name, source) for name, source in masks.items()}
        self.regions = Regions(len(self.styles), read)
        if self._settings.protect == FACES and PROTECT not in masks:
            self._protect_faces()

    @property
    def long_side(self) -> int:
        """Long side in pixels that the settings ask for."""
        return self._settings.long_side_of(*self.proportions)

    @cached_property
    def is_grey(self) -> bool:
        """Whether all pictures that give colours are grey; the painting then stays grey, except in the tutorial."""
        coloured = [*self.styles, *(p for p in (self.content, self.start, self.colours) if p is not None)]
        return not self._settings.preset.startswith("tutorial") and all(map(_is_grey, coloured))

    @property
    def full_size(self) -> tuple[int, int]:
        """Height and width in pixels that the settings ask for."""
        return scaled_size(*self.proportions, self.long_side)

    @property
    def proportions(self) -> tuple[int, int]:
        """Height and width of the photograph in pixels, or those of a texture that the settings ask for."""
        if self.content is not None:
            return self.content.original_size
        side = self._settings.long_side
        assert side is not None
        return self._settings.sides or (side, side)

    @property
    def pictures(self) -> list[Picture]:
        """All pictures except the masks."""
        candidates = (self.content, *self.styles, self.start, self.colours, self.smaller)
        return [picture for picture in candidates if picture is not None]

    @property
    def named(self) -> dict[str, Source]:
        """Sources of the pictures that the settings name, in the order of the settings.

        A mask of detected faces has no source, because it is derived from the photograph.
        """
        named: dict[str, Picture | RegionMask | None] = {
            INIT: self.start,
            COLOURS_FROM: self.colours,
            GROW_FROM: self.smaller,
            **self.regions.masks,
        }
        return {name: Source.of(p) for name, p in named.items() if p is not None and p.sha256 is not None}

    @property
    def sources(self) -> list[Source]:
        """Sources of all pictures: photograph, paintings, and the named ones sorted by name."""
        photo = [Source.of(self.content)] if self.content else []
        return [*photo, *map(Source.of, self.styles), *(source for _, source in sorted(self.named.items()))]

    @property
    def provenance(self) -> Provenance:
        """Metadata of the painting: those of the photograph, with the resolution of the print if the size gives one."""
        kept, printed = self.content.provenance if self.content else NO_PROVENANCE, self._settings.print_size
        return replace(kept, dpi=(printed.dpi, printed.dpi)) if printed else kept

    def check_sizes(self) -> None:
        """Refuse pictures that are too narrow.

        Raises:
            PaintingError: the short side of photograph or painting is too small at the size of the run.
        """
        if self.content:
            self._check_size("photograph", self.content, 1.0)
        for style in self.styles:
            self._check_size("style", style, self._settings.stroke_size)

    def _check_size(self, subject: str, picture: Picture, scale: float) -> None:
        height, width = picture.original_size
        if min(style_size(height, width, self.long_side, scale)) < LEAST_SIDE:
            short = min(scaled_size(height, width, self.long_side * max(1.0, scale)))
            least = math.ceil(LEAST_SIDE * max(height, width) / min(height, width) / max(1.0, scale))
            raise PaintingError(
                f"The {subject} {_quoted(picture)} is {width}×{height} px: at size {self.long_side} its short side "
                f"would be {short} px, {LEAST_SIDE} are needed: choose a size of at least {least}, or a part of the "
                f"picture that is less narrow."
            )

    def enlarged_styles(self) -> tuple[str, ...]:
        """Return a remark for each painting that large strokes, or a large texture, enlarge beyond its pixels."""
        side, scale, remarks, is_texture = self.long_side, self._settings.stroke_size, [], self.content is None
        advice = ", or a smaller stroke size," if is_texture else ""
        for style in self.styles:
            original = max(style.original_size)
            enlarged = max(style_size(*style.original_size, side, scale))
            if (scale > 1 or is_texture) and enlarged > original:
                remarks.append(
                    f"At stroke size {scale:g} the style {_quoted(style)} is enlarged from {original} to {enlarged} "
                    f"px, so its strokes have soft edges: a larger picture of it{advice} would paint sharper ones."
                )
        return tuple(remarks)

    def print_margin(self) -> tuple[str, ...]:
        """Return a remark with the painting's size on a print of another shape; empty if it fills the print."""
        printed = self._settings.print_size
        if printed is None or self._settings.sides is None:
            return ()
        (height, width), paper = self.full_size, sorted(printed.pixels)
        if all(abs(side - full) <= 0.01 * full for side, full in zip(sorted((height, width)), paper, strict=True)):
            return ()
        across, down = (side * UNITS_PER_INCH[printed.unit] / printed.dpi for side in (width, height))
        return (
            f"The photograph has another shape than the print, so the painting is {across:.3g}×{down:.3g} "
            f"{printed.unit}: crop the photograph first to fill the print.",
        )

    def _read(self, source: PictureLike, long_side: int | None) -> Picture:
        """Read a picture, reduced towards a long side if it is much larger."""
        on_event, on_progress = self._on_event, None
        if on_event is not None and isinstance(source, str | os.PathLike):
            path = Path(os.fsdecode(source))

            def on_progress(share: float) -> None:
                on_event(Reading(path, share))

        # Without antialiasing a reduced picture would give other pixels than the original.
        fit = long_side if self._settings.resampling == "antialiased" else None
        return pictures.read_picture(source, max_pixels=self._settings.max_pixels, fit=fit, on_progress=on_progress)

    def _read_smaller(self, source: PictureLike) -> Picture:
        """Read the painting that this one goes on from, with the photograph's transparency taken out of its colours."""
        picture = self._read(source, None)
        check_shape(GROW_FROM, picture, "photo" if self.content else "texture", *self.proportions)
        if max(picture.size) >= self.long_side:
            raise SettingsError(
                f"The painting {_quoted(picture)} is not smaller than {self.long_side} px, so none can grow from it to "
                f"that size: choose a larger size, or leave out grow_from=."
            )
        if self.content is None or self.content.alpha is None:
            return picture
        return _with_extended_colours(replace(picture, alpha=pictures.resize(self.content.alpha, *picture.size)))

    def _read_mask(self, name: str, source: PictureLike) -> RegionMask:
        """Read a mask, which must have the proportions of the photograph or texture, or of its painting."""
        setting, number = split_name(name)
        subject, size, scale = ("photo" if self.content else "texture"), self.proportions, 1.0
        if setting == "style_masks" and number is not None:
            subject, size = "painting", self.styles[number - 1].original_size
            scale = max(1.0, self._settings.stroke_size)
        mask = self._read(as_picture_source(source), math.ceil(self.long_side * scale))
        check_shape(name, mask, subject, *size)
        return RegionMask.from_picture(mask, name)

    def _protect_faces(self) -> None:
        """Protect the faces in the photograph, and add a remark with their number."""
        assert self.content is not None
        faces = find_faces(self.content.pixels)
        if not faces:
            self.remarks += (
                "No face was found in the photo, so nothing is protected: draw a mask and give it with protect=.",
            )
            return
        mask = RegionMask(face_mask(faces, *self.content.size), None, None)
        self.regions = Regions(self.regions.count, {**self.regions.masks, PROTECT: mask})
        count = "One face was found and is" if len(faces) == 1 else f"{len(faces)} faces were found and are"
        self.remarks += (f"{count} protected.",)


def _with_extended_colours(photo: Picture) -> Picture:
    """Replace the white below a transparent photograph by its own colours, carried outwards from its edges.

    So no white takes part in the painting, and none has to be removed from the painted colours.
    """
    if photo.alpha is None:
        return photo
    straight = pictures.off_white(photo.pixels, photo.alpha)
    return replace(photo, pixels=pictures.extend_colours(straight, photo.alpha))


def _quoted(picture: Picture) -> str:
    return repr(str(picture.path)) if picture.path else "given"


def _is_grey(picture: Picture) -> bool:
    return all(
        (np.ptp(rows, axis=2) <= GREY_TOLERANCE).all()
        for rows in np.array_split(picture.pixels, picture.height // 64 + 1)
    )
