"""Write the history of losses, as a table (CSV) or a plot (PNG, SVG)."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import PictureError
from impasto.files import reason, replace_file, shown, try_folder

if TYPE_CHECKING:
    from impasto.painting.history import Step
    from impasto.painting.octaves import Octave

HISTORY_SUFFIXES = (".csv", ".png", ".svg")
COLUMNS = ("octave", "iteration", "total", "content", "style", "total_variation", "seconds")

MARK = "Losses of a painting by impasto"
"""Title in the metadata of plots, by which :func:`is_history` recognizes them."""

# Distinct to people with any common kind of colour blindness (Okabe and Ito); the total is wider as well.
_CURVES = (
    ("content", "content", "#0072b2", 1.3),
    ("style", "style", "#d55e00", 1.3),
    ("total", "total (weighted)", "#222222", 2.0),
)
_GREY = "#8a8a8a"


def check_history_output(
    path: Path, *, force: bool = False, replace_own: bool = False, inputs: Sequence[str | os.PathLike[str]] = ()
) -> None:
    """Check that :func:`write_history` can and may write a file.

    Args:
        path: of the file.
        force: whether an existing file may be replaced.
        replace_own: whether an existing history may be replaced.
        inputs: files that the run reads, which are never replaced.

    Raises:
        PictureError: a suffix not in :data:`HISTORY_SUFFIXES`, a plot without matplotlib, a folder that is missing or
            not writable, or a file that may not be replaced.
    """
    if path.suffix.lower() not in HISTORY_SUFFIXES:
        raise PictureError(
            f"The history {shown(path)} has an unknown suffix: end its name in {', '.join(HISTORY_SUFFIXES)}."
        )
    if path.suffix.lower() != ".csv" and find_spec("matplotlib") is None:
        raise PictureError('A plot needs matplotlib: run pip install "impasto[plot]", or end the name in .csv.')
    if not path.parent.is_dir():
        raise PictureError(f"The history {shown(path)} cannot be written: there is no folder {shown(path.parent)}.")
    try:
        try_folder(path.parent)
    except OSError as error:
        raise PictureError(f"The history {shown(path)} cannot be written ({reason(error)}).") from None
    if not path.exists():
        return
    if not path.is_file():
        raise PictureError(f"The history {shown(path)} is not an ordinary file: choose another name.")
    if any(Path(source).exists() and path.samefile(source) for source in inputs):
        raise PictureError(f"The history {shown(path)} is one of the input files: choose another name.")
    if not force and not (replace_own and is_history(path)):
        raise PictureError(f"The history {shown(path)} exists: choose another name, or force=True to replace it.")


def is_history(path: Path) -> bool:
    """Return whether :func:`write_history` wrote a file, judging by its first bytes."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(4096)
        return head.startswith(f"{','.join(COLUMNS)}\n".encode()) or MARK.encode() in head
    return False


def write_history(path: Path, history: Sequence[Step], octaves: Sequence[Octave] = ()) -> None:
    """Write the losses of a run atomically.

    Args:
        path: ``.csv``, ``.png`` or ``.svg``.
        history: every evaluation of the loss.
        octaves: sizes for the plot's labels; without them the octaves are numbered.

    Raises:
        PictureError: the file cannot be written.
    """
    suffix = path.suffix.lower()
    data = _table(history) if suffix == ".csv" else _plot(history, octaves, suffix.removeprefix("."))
    replace_file(path, data)


def _table(history: Sequence[Step]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for step in history:
        loss = step.loss
        numbers = (loss.total, loss.content, loss.style, loss.total_variation)
        writer.writerow((step.octave, step.iteration, *map(repr, numbers), f"{step.seconds:.3f}"))
    return text.getvalue().encode()


def _plot(history: Sequence[Step], octaves: Sequence[Octave], kind: str) -> bytes:
    """Plot the losses over all iterations on a logarithmic axis.

    It avoids ``pyplot``, whose state is global to the process, so as not to disturb notebooks and threads.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, label, colour, width in _CURVES:
        # The content loss is 0 while the painting still equals the photograph, and 0 has no logarithm.
        values = [value if (value := getattr(step.loss, name)) > 0 else math.nan for step in history]
        if any(map(math.isfinite, values)):
            marker = "o" if len(history) == 1 else None
            axes.plot(range(1, len(values) + 1), values, color=colour, linewidth=width, label=label, marker=marker)
    if axes.lines:
        axes.set_yscale("log")
        figure.legend(loc="outside upper right", ncols=len(_CURVES), frameon=False)
    axes.set_xlim(1, max(2, len(history)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    _mark_octaves(axes, history, octaves)
    buffer = io.BytesIO()
    # No date and no random ids, so that the same run gives the same file.
    metadata = {"Title": MARK} | ({"Date": None} if kind == "svg" else {})
    with rc_context({"svg.hashsalt": "impasto"}):
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return buffer.getvalue()


def _mark_octaves(axes: Any, history: Sequence[Step], octaves: Sequence[Octave]) -> None:
    """Draw a line at the start of each octave, with the octave's size above it."""
    starts = [1, *(i for i, (a, b) in enumerate(pairwise(history), 2) if a.octave != b.octave)] if history else []
    for start in starts:
        number = history[start - 1].octave
        if start > 1:
            axes.axvline(start, color=_GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        size = f"{octaves[number - 1].width}×{octaves[number - 1].height}" if octaves else f"octave {number}"
        axes.annotate(
            size, (start, 1), xycoords=("data", "axes fraction"), xytext=(4, -2), textcoords="offset points",
            fontsize=8, color="#5a5a5a", va="top", annotation_clip=False,
        )  # fmt: skip
