"""Pictures side by side, and the stages of a painting."""

from __future__ import annotations

import numpy as np
import pytest

from impasto.engine.loss import Loss
from impasto.painting.events import Iteration, Started
from impasto.painting.octaves import Octave
from impasto.runs.sheets import TALLEST, WIDEST, Stage, StageKeeper, grid, side_by_side


def flat(height, width, value):
    return np.full((height, width, 3), value, np.float32)


def test_side_by_side_takes_height_of_last_picture():
    sheet = side_by_side([flat(100, 50, 0.2), flat(30, 60, 0.4), flat(64, 48, 0.6)])
    assert sheet.shape == (64 + 2 * 4, 32 + 128 + 48 + 4 * 4, 3)
    assert sheet.dtype == np.float32
    row = sheet[36, :, 0]
    assert [round(float(row[x]), 3) for x in (0, 4, 35, 36, 40, 167, 168, 172, 219, 220)] == [
        *(1.0, 0.2, 0.2, 1.0),
        *(0.4, 0.4, 1.0),
        *(0.6, 0.6, 1.0),
    ]
    assert (sheet[:4] == 1).all()
    assert (sheet[-4:] == 1).all()


def test_side_by_side_limits_height():
    sheet = side_by_side([flat(10, 10, 0), flat(TALLEST * 2, 20, 0)])
    assert TALLEST < sheet.shape[0] <= TALLEST + 2 * (TALLEST // 64)


def test_side_by_side_limits_width_of_pictures():
    sheet = side_by_side([flat(16, 1024, 0.2), flat(64, 48, 0.6)])
    assert sheet.shape == (64 + 2 * 4, WIDEST * 64 + 48 + 3 * 4, 3)
    column = sheet[:, 100, 0]
    assert np.flatnonzero(column < 0.9).tolist() == list(range(34, 38))  # 4 px high, in the middle


def iterations(octaves):
    """Yield the events of a run; each picture is as bright as the finished share of the work."""
    total = sum(o.pixels * o.iterations for o in octaves)
    done = 0
    for number, octave in enumerate(octaves, 1):
        for i in range(1, octave.iterations + 1):
            done += octave.pixels
            share = done / total

            def image(share=share, octave=octave):
                return flat(octave.height, octave.width, share)

            yield Iteration(number, i, octave.iterations, Loss(1, 1, 1, 0), share, 0, 0, image)


def kept(octaves):
    keeper = StageKeeper()
    keeper.see(Started(octaves, "cpu", 1, "builtin"))
    for event in iterations(octaves):
        keeper.see(event)
    return keeper


def test_stage_keeper_spreads_stages_evenly_over_work():
    octaves = (Octave(25, 50, 70), Octave(50, 100, 50))
    keeper = kept(octaves)
    assert len(keeper.stages) == 9
    shares = [float(stage.pixels.mean()) for stage in keeper.stages]
    np.testing.assert_allclose(shares, np.arange(1, 10) / 10, atol=0.02)
    assert {stage.pixels.shape for stage in keeper.stages} == {(50, 100, 3)}
    assert keeper.stages[0].label.startswith("octave 1, iteration ")
    sheet = keeper.finish(flat(50, 100, 0), complete=True)
    assert [stage.label for stage in keeper.stages][-1] == "result"
    assert len(keeper.stages) == 10
    height, width = sheet.shape[:2]
    assert 5 * (100 + 4) + 4 <= width < 800
    assert 2 * 50 < height < 200


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 11])
def test_stage_keeper_repeats_no_stage_of_short_runs(count):
    keeper = kept((Octave(40, 40, count),))
    assert len(keeper.stages) == min(9, count - 1)
    assert len({stage.label for stage in keeper.stages}) == len(keeper.stages)


def test_grid_fits_labels_into_columns():
    stages = [Stage(flat(30, 40, 1.0), "octave 12, iteration 12345")] * 6
    sheet = grid(stages)
    assert (sheet[:, -4:] == 1).all()
    assert sheet.min() < 0.9  # there is writing


def test_stage_keeper_shrinks_large_pictures():
    keeper = kept((Octave(500, 1000, 12),))
    assert keeper.stages[0].pixels.shape == (180, 360, 3)
