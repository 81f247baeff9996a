"""The pictures that go into a run: photograph, paintings, and those that the settings name."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from impasto import pictures
from impasto.errors import PaintingError, SettingsError
from impasto.painting.events import Event, Reading
from impasto.painting.faces import face_mask, find_faces
from impasto.painting.octaves import LEAST_SIDE, style_size
from impasto.painting.record import Source
from impasto.painting.regions import Mask, Regions, as_picture_source, check_numbers, check_shape
from impasto.pictures import Picture
from impasto.pictures.sizes import scaled_size
from impasto.settings.exclusions import TEXTURE_PROTECT_MESSAGE
from impasto.settings.fields import FACES
from impasto.settings.model import Settings
from impasto.settings.references import COLOURS_FROM, INIT, PROTECT, split_name

PictureLike = str | os.PathLike[str] | Image.Image | np.ndarray


class Inputs:
    """All pictures of a run, read, and none that does not fit.

    Args:
        content: the photograph; None for a texture.
        styles: the paintings.
        settings: of the run.
        named: masks and other pictures by the names of :mod:`~impasto.settings.references`, in place of those that the
            settings name.
        on_event: called with :class:`Reading` events.

    Attributes:
        content: the photograph.
        styles: the paintings.
        start: the picture that painting begins from, where the settings name one.
        colours: the picture whose colours the styles are given, where the settings name one.
        regions: the masks.
        weights: of the styles.
        remarks: sentences for the user.

    Raises:
        PictureError: a picture that cannot be read, or a mask that does not fit.
        SettingsError: settings that do not fit the pictures.
    """

    def __init__(
        self,
        content: PictureLike | None,
        styles: Sequence[PictureLike],
        settings: Settings,
        named: Mapping[str, PictureLike] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._settings, self._on_event = settings, on_event
        if not styles:
            raise SettingsError("At least one style picture is needed.")
        settings.check_style_weights(len(styles))
        self.weights: Sequence[float] = settings.style_weights or (1.0,) * len(styles)
        by_name: dict[str, PictureLike] = {**settings.named_files, **(named or {})}
        check_numbers(by_name, len(styles))
        settings.check_photo(content is not None)
        if content is None and PROTECT in by_name:
            raise SettingsError(TEXTURE_PROTECT_MESSAGE)
        self.content = None if content is None else _with_extended_colours(self._read(content, settings.long_side))
        # Scales under 1 may have a least size: see impasto.painting.octaves.style_size.
        largest = math.ceil(self.long_side * max(1.0, settings.stroke_size))
        self.styles = [self._read(style, largest) for style in styles]
        self.start, self.colours = (
            self._read(by_name.pop(name), self.long_side) if name in by_name else None for name in (INIT, COLOURS_FROM)
        )
        self.regions = Regions(len(styles), {name: self._read_mask(name, source) for name, source in by_name.items()})
        self.remarks: tuple[str, ...] = ()
        if settings.protect == FACES and PROTECT not in by_name:
            self._protect_faces()

    @property
    def long_side(self) -> int:
        """Of the painting as the settings ask for it, in pixels."""
        found = self._settings.long_side
        if found is None:
            assert self.content is not None
            return max(self.content.height, self.content.width)
        return found

    @property
    def full_size(self) -> tuple[int, int]:
        """Height and width of the painting as the settings ask for it."""
        if self.content is not None:
            return scaled_size(*self.content.original_size, self.long_side)
        return self._settings.sides or (self.long_side, self.long_side)

    @property
    def pictures(self) -> list[Picture]:
        """All pictures that are held but the masks."""
        found = (self.content, *self.styles, self.start, self.colours)
        return [picture for picture in found if picture is not None]

    @property
    def named(self) -> dict[str, Source]:
        """Where the pictures that the settings name come from; a mask of faces comes from the photograph, and is none.

        In the order of their settings.
        """
        found: dict[str, Picture | Mask | None] = {INIT: self.start, COLOURS_FROM: self.colours, **self.regions.masks}
        return {name: Source.of(p) for name, p in found.items() if p is not None and p.sha256 is not None}

    @property
    def sources(self) -> list[Source]:
        """Where all pictures come from, in the order of :attr:`impasto.painting.record.Record.inputs`."""
        photo = [Source.of(self.content)] if self.content else []
        return [*photo, *map(Source.of, self.styles), *(source for _, source in sorted(self.named.items()))]

    def check_sizes(self) -> None:
        """Refuse pictures that are too narrow.

        Raises:
            PaintingError: photograph or painting, in the octaves' sizes.
        """
        if self.content:
            self._check_size("photograph", self.content, 1.0)
        for style in self.styles:
            self._check_size("style", style, self._settings.stroke_size)

    def _check_size(self, what: str, picture: Picture, scale: float) -> None:
        height, width = picture.original_size
        read = style_size(height, width, self.long_side, scale)
        if min(read) < LEAST_SIDE:
            short = min(scaled_size(height, width, self.long_side * max(1.0, scale)))
            least = math.ceil(LEAST_SIDE * max(height, width) / min(height, width) / max(1.0, scale))
            raise PaintingError(
                f"The {what} {_name(picture)} is {width}×{height} px: at size {self.long_side} its short side would be "
                f"{short} px, {LEAST_SIDE} are needed: choose a size of at least {least}, or a part of it that is less "
                f"narrow."
            )

    def enlarged_styles(self) -> tuple[str, ...]:
        """Paintings that larger strokes, or a large texture, ask more pixels of than they have, each in a sentence."""
        side, scale, found, is_texture = self.long_side, self._settings.stroke_size, [], self.content is None
        mend = ", or a smaller stroke size," if is_texture else ""
        for style in self.styles:
            there = max(style.original_size)
            read = max(style_size(*style.original_size, side, scale))
            if (scale > 1 or is_texture) and read > there:
                found.append(
                    f"At stroke size {scale:g} the style {_name(style)} is enlarged from {there} to {read} px, so its "
                    f"strokes have soft edges: a larger picture of it{mend} would paint sharper ones."
                )
        return tuple(found)

    def _read(self, source: PictureLike, long_side: int | None) -> Picture:
        """A picture at the size of the largest octave or, where it is not much larger, at its own."""
        on_event, on_progress = self._on_event, None
        if on_event is not None and isinstance(source, str | os.PathLike):
            path = Path(os.fsdecode(source))

            def on_progress(share: float) -> None:
                on_event(Reading(path, share))

        # Without antialiasing every pixel of the original may count.
        fit = long_side if self._settings.resampling == "antialiased" else None
        return pictures.read_picture(source, max_pixels=self._settings.max_pixels, fit=fit, on_progress=on_progress)

    def _read_mask(self, name: str, source: PictureLike) -> Mask:
        """A mask, which must have the proportions of photograph or texture, or of the painting that it lies in."""
        setting, number = split_name(name)
        whose, size, scale = ("photo" if self.content else "texture"), self.full_size, 1.0
        if self.content:
            size = self.content.original_size
        if setting == "style_masks" and number is not None:
            # No larger than the painting is used.
            size, scale = self.styles[number - 1].original_size, max(1.0, self._settings.stroke_size)
            whose = "painting"
        mask = self._read(as_picture_source(source), math.ceil(self.long_side * scale))
        check_shape(name, mask, whose, *size)
        return Mask.of(mask, name)

    def _protect_faces(self) -> None:
        """Protect the faces that are found in the photograph, and say how many they are."""
        assert self.content is not None
        found = find_faces(self.content.pixels)
        if not found:
            self.remarks += (
                "No face was found in the photo, so nothing is protected: draw a mask and give it with --protect.",
            )
            return
        mask = Mask(face_mask(found, *self.content.size), None, None)
        self.regions = Regions(self.regions.count, {**self.regions.masks, PROTECT: mask})
        count = "One face was found and is" if len(found) == 1 else f"{len(found)} faces were found and are"
        self.remarks += (f"{count} protected.",)


def _with_extended_colours(photo: Picture) -> Picture:
    """Replace the white below a transparent photograph by its own colours, carried outwards from its edges.

    So no white takes part in the painting, and none has to be removed from the painted colours.
    """
    if photo.alpha is None:
        return photo
    straight = pictures.off_white(photo.pixels, photo.alpha)
    return replace(photo, pixels=pictures.extend_colours(straight, photo.alpha))


def _name(picture: Picture) -> str:
    return repr(str(picture.path)) if picture.path else "given"
