"""Variants of a picture: every combination of some settings' values, and a grid of the results."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from impasto.batches.works import Work, check_fit, plan_works
from impasto.errors import SettingsError
from impasto.files import fitting_name, shortened
from impasto.pictures import read_picture
from impasto.pictures.sizes import scaled_size
from impasto.runs.repeating import prepare
from impasto.runs.sheets import Pixels, Stage, grid, resized_stage
from impasto.settings.making import make_settings, make_sketch_settings, parse_assignment
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings

MOST_VARIANTS = 100

GRID_CELL = 480
"""Longest side of a variant in the grid in pixels."""

_FAILED_GREY = 0.92
"""Value of the area in place of a failed variant, in [0, 1]."""

_LONGEST_PART = 60
"""Bytes of each setting in a variant's file name."""


@dataclass(frozen=True)
class Axis:
    """A setting and its values.

    Attributes:
        name: name of the setting, with dots if nested.
        values: values as text, at least one.
    """

    name: str
    values: tuple[str, ...]

    @property
    def short(self) -> str:
        """Last part of the name; the whole name if that part is a number, as in ``masks.2``."""
        last = self.name.rpartition(".")[2]
        return self.name if last.isdecimal() else last


@dataclass(frozen=True)
class Variant:
    """One combination of values.

    Attributes:
        label: its values of the varied settings, for people.
        work: its painting.
    """

    label: str
    work: Work


@dataclass(frozen=True)
class Variants:
    """All combinations of values, in the order of the grid.

    Attributes:
        variants: variants row by row; the values of the last setting vary fastest.
        columns: number of columns of the grid; None if a single setting varies, whose values may wrap into rows.
    """

    variants: tuple[Variant, ...]
    columns: int | None


def parse_axis(text: str) -> Axis:
    """Parse a setting and its values, as in ``strength=0.3,0.5``; commas in brackets, braces or quotes do not separate.

    Raises:
        SettingsError: there is no ``=``, no name before it, an empty value, or a value given twice.
    """
    if "=" not in text:
        raise SettingsError(f"{text!r} lacks its values: write NAME=A,B, as in strength=0.3,0.5.")
    parse_assignment(text)  # for its errors
    name, _, rest = text.partition("=")
    values = tuple(value.strip() for value in _split_values(rest))
    if not all(values):
        raise SettingsError(f"{text!r} lacks a value: write NAME=A,B, as in strength=0.3,0.5.")
    repeated = next((value for number, value in enumerate(values) if value in values[:number]), None)
    if repeated is not None:
        raise SettingsError(f"{text!r} names {repeated} twice: once is enough.")
    return Axis(".".join(part.strip() for part in name.split(".")), values)


def plan_variants(
    file: str | os.PathLike[str],
    assignments: Sequence[str],
    folder: Path,
    *,
    changes: Mapping[str, Any] | None = None,
    content: Path | None = None,
    styles: Sequence[str | os.PathLike[str]] = (),
    between: int | None = None,
) -> Variants:
    """Plan a variant of a painted picture for every combination of values.

    Args:
        file: the painted picture.
        assignments: settings and their values as for :func:`parse_axis`; a single value applies to all variants.
        folder: folder of the variants' pictures.
        changes: settings of all variants, as for :func:`impasto.runs.repeating.prepare`.
        content: photograph in place of the stored one.
        styles: style pictures in place of all the stored ones, as files or names.
        between: number of steps of a series from the first of two styles to the second, which becomes the first
            setting to vary; None for no series.

    Raises:
        PictureError: a picture cannot be used, as for :func:`impasto.runs.repeating.prepare`.
        SettingsError: an invalid value, a setting named twice, nothing to vary, too many combinations, or a series
            without exactly two styles.
    """

    def work_with(changed: Mapping[str, Any]) -> Work:
        repeat = prepare(file, content=content, styles=styles, changes=changed)
        return Work(repeat.content, repeat.styles, repeat.settings, folder, repeat.plan)

    return _combine(work_with, Path(file).stem, assignments, changes or {}, between)


def plan_photo_variants(
    photo: Path,
    styles: Sequence[Path],
    assignments: Sequence[str],
    folder: Path,
    *,
    changes: Mapping[str, Any] | None = None,
    between: int | None = None,
) -> Variants:
    """Plan a variant of a photograph for every combination of values.

    Args:
        photo: the photograph.
        styles: style pictures of all variants, at least one.
        assignments: as for :func:`plan_variants`.
        folder: folder of the variants' pictures.
        changes: settings of all variants, as for :func:`impasto.settings.making.make_settings`. Without a preset, it is
            that of :func:`impasto.settings.making.make_sketch_settings`, the same for all variants.
        between: as for :func:`plan_variants`.

    Raises:
        SettingsError: as for :func:`plan_variants`.
    """
    assigned = [parse_assignment(f"{axis.name}={axis.values[0]}") for axis in map(parse_axis, assignments)]
    given = deep_merge(changes or {}, *assigned)
    preset = make_sketch_settings(given).preset

    def work_with(changed: Mapping[str, Any]) -> Work:
        return Work(photo, tuple(styles), make_settings(**changed), folder)

    return _combine(work_with, photo.stem, assignments, {"preset": preset, **(changes or {})}, between)


def _combine(
    work_with: Callable[[Mapping[str, Any]], Work],
    stem: str,
    assignments: Sequence[str],
    changes: Mapping[str, Any],
    between: int | None,
) -> Variants:
    """Plan the combinations of values.

    Args:
        work_with: returns the painting with changed settings; its output is the folder of all variants.
        stem: first part of the variants' file names.
        assignments: settings and their values.
        changes: settings of all variants.
        between: number of steps between two styles; None for no series.
    """
    axes = [*([] if between is None else [_style_series(between)]), *(parse_axis(text) for text in assignments)]
    _check_axes(axes)
    varied = [axis for axis in axes if len(axis.values) > 1]
    variants = []
    for values in itertools.product(*(axis.values for axis in axes)):
        assigned = [parse_assignment(f"{axis.name}={value}") for axis, value in zip(axes, values, strict=True)]
        work = work_with(deep_merge(changes, *assigned))
        if between is not None and len(work.styles) != 2:
            raise SettingsError(f"A series runs between two styles, not {len(work.styles)}: name two style pictures.")
        check_fit(work.settings, len(work.styles), has_photo=work.content is not None)
        named = [(_shortest_name(a, varied), v) for a, v in zip(axes, values, strict=True) if a in varied]
        label = ", ".join(f"{name} {value}" for name, value in named)
        name = "-".join([stem, *(_to_file_name(f"{name}={value}") for name, value in named)])
        variants.append(Variant(label, replace(work, output=work.output / fitting_name(f"{name}.png"))))
    return Variants(tuple(variants), len(varied[-1].values) if len(varied) > 1 else None)


def plan_styles(photo: Path, styles: Sequence[Path], settings: Settings, folder: Path) -> Variants:
    """Plan a variant of a photograph in each style, with the stem of the style's file as label.

    Args:
        photo: photograph.
        styles: style pictures, at least one; repeated ones count once.
        settings: settings of all paintings.
        folder: folder of the variants' pictures.

    Raises:
        SettingsError: the settings do not suit a painting in one style.
    """
    works = plan_works([photo], styles, settings, folder)
    return Variants(tuple(Variant(work.styles[0].stem, work) for work in works), None)


def _style_series(steps: int) -> Axis:
    """Return the weights of two styles in even steps, from the first alone to the second alone."""
    if not 2 <= steps <= MOST_VARIANTS:
        raise SettingsError(f"A series between two styles has from 2 to {MOST_VARIANTS} steps, not {steps}.")
    shares = [number / (steps - 1) for number in range(steps)]
    return Axis("style_weights", tuple(f"[{1 - share:.4g},{share:.4g}]" for share in shares))


def grid_of(variants: Variants, failed: Sequence[int] = ()) -> Pixels:
    """Draw a grid of the variants with their labels; failed ones are pale areas.

    Args:
        variants: painted variants.
        failed: indices of those that failed.

    Returns:
        H×W×3 in [0, 1].

    Raises:
        PictureError: a picture cannot be read.
    """
    size: tuple[int, int] | None = None
    stages: list[Stage | None] = []
    for number, variant in enumerate(variants.variants):
        if number in failed:
            stages.append(None)
            continue
        picture = read_picture(variant.work.output)
        size = size or scaled_size(*picture.size, min(GRID_CELL, max(picture.size)))
        stages.append(resized_stage(picture.pixels, variant.label, size))
    blank = np.full((*(size or (GRID_CELL, GRID_CELL)), 3), _FAILED_GREY, np.float32)
    shown = [
        stage or Stage(blank, f"{variant.label}: failed")
        for stage, variant in zip(stages, variants.variants, strict=True)
    ]
    return grid(shown, variants.columns)


def _split_values(text: str) -> list[str]:
    """Split at the commas outside of brackets, braces and strings."""
    parts, depth, quoted, escaped = [""], 0, False, False
    for character in text:
        if character == "," and not depth and not quoted:
            parts.append("")
            continue
        parts[-1] += character
        if quoted:
            quoted = character != '"' or escaped
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        else:
            depth += (character in "[{") - (character in "]}")
    return parts


def _check_axes(axes: Sequence[Axis]) -> None:
    names = [axis.name for axis in axes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise SettingsError(f"The setting {twice} is named twice: give all its values in one list.")
    count = int(np.prod([len(axis.values) for axis in axes], dtype=object))
    if count < 2:
        raise SettingsError("There is nothing to vary: give a setting several values, as in strength=0.3,0.5,0.7.")
    if count > MOST_VARIANTS:
        raise SettingsError(f"These values make {count} variants, and the limit is {MOST_VARIANTS}: give fewer values.")


def _shortest_name(axis: Axis, axes: Sequence[Axis]) -> str:
    """Return a setting's short name, or its whole name if another setting has the same short one."""
    return axis.short if sum(other.short == axis.short for other in axes) == 1 else axis.name


def _to_file_name(text: str) -> str:
    """Return text as part of a file name, with a hash if more than brackets and commas is replaced."""
    readable = re.sub(r"[^\w.=+-]+", "_", text)
    if len(readable.encode()) <= _LONGEST_PART and not re.search(r"[^\w.=+\-\[\]{}\", ]", text):
        return readable
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{shortened(readable, _LONGEST_PART)}-{digest}"
