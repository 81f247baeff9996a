"""Sheets of encoders side by side: each pair's paintings, and each painting's textures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.encoder.measuring import picture_of
from benchmarks.encoder.results import STYLE_WEIGHTS, Result, level_of, texture_styles
from benchmarks.pairs import Pair, covering, loaded, to_array
from benchmarks.quality.tables import labelled
from impasto.pictures import read_picture, write_picture
from impasto.runs.sheets import Stage, grid


def write_sheets(results: Sequence[Result], pairs: Sequence[Pair], size: int, out: Path) -> None:
    """Write ``out/sheets/PAIR.jpg`` and ``out/sheets/texture-PAINTING.jpg``.

    Each encoder appears at the style weight whose mean content is nearest to the level of the table.

    Args:
        results: results of the encoders, the first of which is the reference.
        pairs: pairs to show, all of them painted.
        size: long side of the paintings in pixels.
        out: folder of the results.

    Raises:
        PictureError: a picture is missing, or a file cannot be written.
    """
    folder, level = out / "sheets", level_of(results)
    folder.mkdir(parents=True, exist_ok=True)
    for pair in pairs:
        photograph = to_array(loaded(pair.content, size))
        row = [
            Stage(photograph, "photograph"),
            Stage(covering(pair.style, *photograph.shape[:2]), "style (its middle)"),
        ]
        for result in results:
            weight = nearest_weight(result, level)
            score = result.pairs[f"{weight:g}"][pair.name]
            pixels = read_picture(picture_of(out, result.name, weight, pair)).pixels
            row.append(Stage(pixels, f"{result.name}: {labelled(score)}"))
        write_picture(folder / f"{pair.name}.jpg", grid(row, columns=min(4, len(row))))
    for style in texture_styles(pairs):
        row = [Stage(to_array(loaded(style, size // 2)), "painting")]
        for result in results:
            pixels = read_picture(out / result.name / "texture" / f"{style.stem}.png").pixels
            row.append(Stage(pixels, f"{result.name}: {result.texture[style.name]:.3f}"))
        write_picture(folder / f"texture-{style.stem}.jpg", grid(row, columns=min(4, len(row))))


def nearest_weight(result: Result, level: float) -> float:
    """Return the style weight at which an encoder's mean content is nearest to a level."""
    return min(STYLE_WEIGHTS, key=lambda weight: abs(result.curve[f"{weight:g}"].content - level))
