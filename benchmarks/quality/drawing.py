"""Plots of curves, without ``pyplot`` like :mod:`impasto.runs.plots`."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.curves import Curve
from impasto.files import replace_file

# Colours that are distinct with every common kind of colour blindness (Okabe and Ito); other marks follow when used up.
_COLOURS = ("#222222", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKS = ("o", "s", "^")


def plot_curves(path: Path, curves: Mapping[str, Curve], title: str) -> None:
    """Plot strokes over content, with a curve for each method; lower right is better.

    Args:
        path: SVG or PNG file to write.
        curves: curves by method; a single point becomes a cross.
        title: title of the plot.

    Raises:
        PictureError: the file cannot be written.
    """
    figure, axes = _axes(title)
    for i, (name, curve) in enumerate(curves.items()):
        style = {"color": _COLOURS[i % len(_COLOURS)], "label": name}
        x, y = [p.content for p in curve], [p.strokes for p in curve]
        if len(curve) == 1:
            axes.plot(x, y, linestyle="none", marker="x", markersize=8, **style)
            continue
        axes.plot(x, y, marker=_MARKS[i // len(_COLOURS) % len(_MARKS)], markersize=4, linewidth=1.3, **style)
        default = [p for p in curve if abs(p.factor - 1) < 1e-9]
        axes.plot([p.content for p in default], [p.strokes for p in default], marker="o", markersize=9,
                  markerfacecolor="none", linestyle="none", color=style["color"])  # fmt: skip
    axes.set_xlabel("content: the photograph's structure")
    axes.set_ylabel("strokes: distance to the painting's (lower is better)")
    _save(figure, path)


def plot_lines(
    path: Path,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    labels: tuple[str, str],
    level: float | None = None,
    logarithmic: bool = True,
) -> None:
    """Plot named lines.

    Args:
        path: SVG or PNG file to write.
        lines: x and y values by name.
        title: title of the plot.
        labels: labels of both axes.
        level: y value of a horizontal line; None for no line.
        logarithmic: whether both axes are logarithmic.

    Raises:
        PictureError: the file cannot be written.
    """
    figure, axes = _axes(title)
    for i, (name, (x, y)) in enumerate(lines.items()):
        dashes = "-" if i < len(_COLOURS) else "--"
        axes.plot(x, y, dashes, color=_COLOURS[i % len(_COLOURS)], linewidth=1.3, label=name)
    if level is not None:
        axes.axhline(level, color="#8a8a8a", linewidth=0.8, linestyle=(0, (4, 3)))
    if logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    _save(figure, path)


def _axes(title: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    buffer, kind = io.BytesIO(), path.suffix.lower().removeprefix(".")
    figure.savefig(buffer, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, buffer.getvalue())
