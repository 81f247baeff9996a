"""Variants of a painted picture: every combination of some settings' values, and a grid of what comes of them."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from impasto.batches.works import Work, check_fit
from impasto.errors import SettingsError
from impasto.files import shortened
from impasto.pictures import read_picture
from impasto.pictures.sizes import scaled
from impasto.runs.repeating import prepare
from impasto.runs.sheets import Pixels, Stage, grid, resized_stage
from impasto.settings.making import parse_assignment
from impasto.settings.merging import deep_merge

MOST = 100
"""No more variants than this at a time."""

TILE = 480
"""Long side in pixels of each variant in the grid at most."""

_PALE = 0.92

_LONGEST = 60
"""Bytes of each setting in a variant's name."""


@dataclass(frozen=True)
class Axis:
    """A setting and the values that it takes.

    Attributes:
        name: with dots.
        values: as they were written, at least one.
    """

    name: str
    values: tuple[str, ...]

    @property
    def short(self) -> str:
        """The last part of the name; all of it where that is but a number, as in ``masks.2``."""
        last = self.name.rpartition(".")[2]
        return self.name if last.isdecimal() else last


@dataclass(frozen=True)
class Variant:
    """One combination.

    Attributes:
        label: what is special about it.
        work: what is to be painted.
    """

    label: str
    work: Work


@dataclass(frozen=True)
class Variants:
    """All combinations, the last axis from left to right.

    Attributes:
        variants: row by row.
        columns: of the grid; None where there is but one axis, and it may be broken into rows.
    """

    variants: tuple[Variant, ...]
    columns: int | None


def parse_axis(text: str) -> Axis:
    """Read ``strength=0.3,0.5`` as a setting and its values; commas within brackets, braces or quotes divide nothing.

    Raises:
        SettingsError: no ``=``, no name before it, or a value that is missing.
    """
    parse_assignment(text)  # for its complaints
    name, _, rest = text.partition("=")
    values = tuple(value.strip() for value in _divided(rest))
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
    styles: Sequence[Path] = (),
    between: int | None = None,
) -> Variants:
    """Every combination of the values.

    Args:
        file: the painted picture.
        assignments: as :func:`parse_axis` reads them; those with one value hold for all variants.
        folder: for the variants' pictures.
        changes: settings for all variants, as in :func:`impasto.runs.repeating.prepare`.
        content: a photograph in place of the stored one.
        styles: paintings in place of all the stored ones.
        between: steps of a series from the first of two styles to the second, the first axis; None for no series.

    Raises:
        PictureError: as in :func:`impasto.runs.repeating.prepare`.
        SettingsError: a value that is not valid, a setting named twice, no list of values, too many combinations, or a
            series of other than two styles.
    """
    axes = [*([] if between is None else [_series(between)]), *(parse_axis(text) for text in assignments)]
    _check(axes)
    varied = [axis for axis in axes if len(axis.values) > 1]
    variants = []
    for values in itertools.product(*(axis.values for axis in axes)):
        assigned = [parse_assignment(f"{axis.name}={value}") for axis, value in zip(axes, values, strict=True)]
        repeat = prepare(file, content=content, styles=styles, changes=deep_merge(changes or {}, *assigned))
        if between is not None and len(repeat.styles) != 2:
            raise SettingsError(
                f"A series runs between two styles, and there are {len(repeat.styles)}: name both with --style."
            )
        check_fit(repeat.settings, len(repeat.styles), photo=repeat.content is not None)
        named = [(axis, value) for axis, value in zip(axes, values, strict=True) if axis in varied]
        label = ", ".join(f"{_name_among(axis, varied)} {value}" for axis, value in named)
        stem = "-".join([Path(file).stem, *(_in_file_name(f"{_name_among(a, varied)}={value}") for a, value in named)])
        output = folder / f"{stem}.png"
        variants.append(Variant(label, Work(repeat.content, repeat.styles, repeat.settings, output, repeat.plan)))
    return Variants(tuple(variants), len(varied[-1].values) if len(varied) > 1 else None)


def _series(steps: int) -> Axis:
    """Weights of two styles, from the first alone to the second alone."""
    if not 2 <= steps <= MOST:
        raise SettingsError(f"A series between two styles has from 2 to {MOST} steps, and {steps} were asked for.")
    shares = [number / (steps - 1) for number in range(steps)]
    return Axis("style_weights", tuple(f"[{1 - share:.4g},{share:.4g}]" for share in shares))


def grid_of(variants: Variants, failed: Sequence[int] = ()) -> Pixels:
    """The variants' pictures with their labels, those that failed as pale areas.

    Args:
        variants: painted.
        failed: places of those that are not.

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
        size = size or scaled(*picture.size, min(TILE, max(picture.size)))
        stages.append(resized_stage(picture.pixels, variant.label, size))
    blank = np.full((*(size or (TILE, TILE)), 3), _PALE, np.float32)
    shown = [
        stage or Stage(blank, f"{variant.label}: failed")
        for stage, variant in zip(stages, variants.variants, strict=True)
    ]
    return grid(shown, variants.columns)


def _divided(text: str) -> list[str]:
    """Parts between commas that stand in no bracket, brace or string."""
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


def _check(axes: Sequence[Axis]) -> None:
    names = [axis.name for axis in axes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise SettingsError(f"The setting {twice} is named twice: give all its values in one list.")
    count = int(np.prod([len(axis.values) for axis in axes], dtype=object))
    if count < 2:
        raise SettingsError("There is nothing to vary: give a setting several values, as in strength=0.3,0.5,0.7.")
    if count > MOST:
        raise SettingsError(
            f"These values make {count} variants, and {MOST} are the most at a time: give fewer values."
        )


def _name_among(axis: Axis, axes: Sequence[Axis]) -> str:
    """A setting's short name, or all of it where others end alike."""
    return axis.short if sum(other.short == axis.short for other in axes) == 1 else axis.name


def _in_file_name(text: str) -> str:
    """Text as a part of a name; where more than brackets and commas is lost of it, a hash tells it from others."""
    readable = re.sub(r"[^\w.=+-]+", "_", text)
    if len(readable.encode()) <= _LONGEST and not re.search(r"[^\w.=+\-\[\]{}\", ]", text):
        return readable
    return f"{shortened(readable, _LONGEST)}-{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:8]}"
