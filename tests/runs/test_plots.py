"""The history as a table and as a plot."""

from __future__ import annotations

import csv
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from impasto.engine.loss import Loss
from impasto.errors import PictureError
from impasto.painting.history import Step
from impasto.painting.octaves import Octave
from impasto.runs.plots import COLUMNS, HISTORY_SUFFIXES, check_history_output, is_history, write_history


def history(lengths=(12, 8), spoil=()):
    steps = []
    for octave, length in enumerate(lengths, 1):
        for i in range(1, length + 1):
            total = math.nan if len(steps) in spoil else 40 / i
            steps.append(Step(octave, i, Loss(total, 0.0 if not steps else 0.1 * i, 1 / i, 0.01), 0.5 * len(steps)))
    return steps


def test_write_history_stores_every_step_exactly(tmp_path):
    path = tmp_path / "history.csv"
    steps = history(spoil=(19,))
    write_history(path, steps)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(steps)
    for row, step in zip(rows, steps, strict=True):
        assert (int(row["octave"]), int(row["iteration"])) == (step.octave, step.iteration)
        for name in ("total", "content", "style", "total_variation"):
            np.testing.assert_equal(float(row[name]), getattr(step.loss, name))


@pytest.mark.parametrize(
    "steps",
    [history(), history((1,)), history((2, 1, 1)), history((5,), spoil=(4,)), history((3,), spoil=(0, 1, 2)), []],
    ids=["two octaves", "one step", "short octaves", "a loss that is not finite", "no total", "nothing"],
)
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_write_history_plots_runs_of_any_length(tmp_path, steps, suffix):
    path = tmp_path / f"history{suffix}"
    octaves = [Octave(40 * n, 60 * n, 5) for n in (1, 2, 3)]
    write_history(path, steps, octaves)
    if suffix == ".png":
        with Image.open(path) as image:
            assert image.size == (1350, 750)
    else:
        assert ET.parse(path).getroot().tag.endswith("svg")


def test_plot_is_reproducible_and_names_octaves(tmp_path):
    pytest.importorskip("matplotlib").rcParams["svg.fonttype"] = "none"
    try:
        for name in ("a.svg", "b.svg"):
            write_history(tmp_path / name, history(), [Octave(40, 60, 12), Octave(80, 120, 8)])
    finally:
        __import__("matplotlib").rcdefaults()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    text = (tmp_path / "a.svg").read_text()
    for part in ("60×40", "120×80", "content", "style", "total", "iteration", "loss"):
        assert part in text


@pytest.mark.parametrize("suffix", HISTORY_SUFFIXES)
def test_is_history_recognizes_own_files(tmp_path, suffix):
    path = tmp_path / f"history{suffix}"
    write_history(path, history())
    assert is_history(path)
    check_history_output(path, replace_own=True)
    with pytest.raises(PictureError, match="exists"):
        check_history_output(path)


@pytest.mark.parametrize("suffix", HISTORY_SUFFIXES)
def test_is_history_rejects_other_files(tmp_path, suffix):
    path = tmp_path / f"plot{suffix}"
    path.write_bytes(b"octave,weight\n1,2\n" if suffix == ".csv" else b"another")
    assert not is_history(path)
    with pytest.raises(PictureError, match="exists"):
        check_history_output(path, replace_own=True)
    assert not is_history(tmp_path / "nothing")


def test_check_history_output_refuses_unwritable_paths(tmp_path):
    path = tmp_path / "history.csv"
    check_history_output(path)
    assert list(tmp_path.iterdir()) == []
    path.write_text("mine")
    with pytest.raises(PictureError, match="exists"):
        check_history_output(path)
    check_history_output(path, force=True)
    with pytest.raises(PictureError, match="input"):
        check_history_output(path, force=True, inputs=[path])
    with pytest.raises(PictureError, match=r"\.csv, \.png, \.svg"):
        check_history_output(tmp_path / "history.txt")
    with pytest.raises(PictureError, match="folder"):
        check_history_output(tmp_path / "nowhere" / "history.csv")
