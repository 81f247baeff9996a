"""Works: the single paintings of a batch, and their planning from photographs and styles."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from impasto.batches.naming import DEFAULT_TEMPLATE, check_template, output_name
from impasto.errors import SettingsError
from impasto.painting.octaves import EarlierPlan
from impasto.painting.regions import check_numbers
from impasto.settings.model import Settings

P = TypeVar("P", str, Path)


@dataclass(frozen=True)
class Work:
    """One painting of a batch.

    Attributes:
        content: path of the photograph; None for a texture.
        styles: paths of the style pictures.
        settings: settings of the painting.
        output: path of the picture to write.
        plan: plan of an earlier painting, which is followed as far as it applies.
        replaces: whether to replace an existing file at ``output``.
        done: whether ``output`` already holds this painting, with the same inputs and settings.
    """

    content: Path | None
    styles: tuple[Path, ...]
    settings: Settings
    output: Path
    plan: EarlierPlan | None = None
    replaces: bool = False
    done: bool = False

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Paths of all pictures that the painting reads."""
        return (*([self.content] if self.content else []), *self.styles, *self.settings.named_files.values())


def plan_works(
    photos: Sequence[Path],
    styles: Sequence[Path],
    settings: Settings,
    folder: Path,
    *,
    template: str = DEFAULT_TEMPLATE,
    zipped: bool = False,
    blend: bool = False,
) -> list[Work]:
    """Plan the paintings of photographs in styles: every pair, pairs one by one, or all styles blended.

    Args:
        photos: photographs, at least one.
        styles: style pictures, at least one.
        settings: settings of all paintings.
        folder: folder of all outputs.
        template: template of the outputs' names, see :func:`impasto.batches.naming.check_template`.
        zipped: pair the first photograph with the first style and so on; otherwise repeated pictures count once.
        blend: paint each photograph in all styles together.

    Raises:
        SettingsError: the template is not valid, or the settings do not suit the numbers of pictures.
    """
    check_template(template)
    return [
        Work(photo, each, settings, folder / output_name(template, photo, each, number))
        for number, (photo, each) in enumerate(pair_pictures(photos, styles, settings, zipped, blend), 1)
    ]


def pair_pictures(
    photos: Sequence[P], styles: Sequence[P], settings: Settings, zipped: bool, blend: bool
) -> list[tuple[P, tuple[P, ...]]]:
    """Return the photograph and the styles of each painting; arguments and errors as for :func:`plan_works`."""
    if zipped and blend:
        raise SettingsError("Pairs one by one and blends exclude each other: choose one.")
    if zipped and len(photos) != len(styles):
        raise SettingsError(
            f"There are {len(photos)} photographs and {len(styles)} styles: to pair them one by one their numbers must "
            f"be the same."
        )
    pairs: list[tuple[P, tuple[P, ...]]]
    if zipped:
        pairs = [(photo, (style,)) for photo, style in zip(photos, styles, strict=True)]
    else:
        sets = [tuple(_unique(styles))] if blend else [(style,) for style in _unique(styles)]
        pairs = [(photo, each) for photo in _unique(photos) for each in sets]
    try:
        check_fit(settings, len(pairs[0][1]))
    except SettingsError as error:
        if blend or zipped or len(_unique(styles)) == 1:
            raise
        raise SettingsError(f"Without blending each painting has one style, and so: {error}") from None
    return pairs


def check_fit(settings: Settings, style_count: int, *, has_photo: bool = True) -> None:
    """Refuse settings that do not suit the kind of painting and its number of styles.

    Args:
        settings: settings of a painting.
        style_count: number of its style pictures.
        has_photo: whether it has a photograph; False for a texture.

    Raises:
        SettingsError: a setting does not suit them.
    """
    settings.check_photo(has_photo)
    settings.check_style_weights(style_count)
    check_numbers(settings.named_files, style_count)


def _unique(paths: Iterable[P]) -> list[P]:
    by_real_path: dict[str, P] = {}
    for path in paths:
        by_real_path.setdefault(os.path.realpath(path), path)
    return list(by_real_path.values())
