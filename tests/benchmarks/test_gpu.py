"""The comparison of a GPU with the CPU, in its small form on the CPU: tables, failures, and rows left out."""

import math
import time

import pytest
import torch

from benchmarks.gpu import __main__ as program, speed
from benchmarks.gpu.__main__ import main
from benchmarks.gpu.bench import SMALL, Bench, Report
from benchmarks.gpu.comparison import tf32_convolutions
from benchmarks.gpu.speed import Pace, measure_painting, time_paintings
from benchmarks.quality.yardstick import he_encoder, save_encoder
from impasto.painting.octaves import Octave
from impasto.painting.painter import Painter
from impasto.settings.making import make_settings
from tests.helpers import smooth_picture

ARGUMENTS = ["--device", "cpu", "--small"]


@pytest.fixture
def bench(tmp_path):
    encoder = save_encoder(he_encoder(channels=SMALL.channels), tmp_path / "narrow.safetensors")
    return Bench(
        torch.device("cpu"), SMALL, time.monotonic() + 600, {"narrow": str(encoder)}, Report(tmp_path / "gpu.md")
    )


def rows_of(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


@pytest.mark.usefixtures("_few_patches")
def test_small_form_writes_both_tables(tmp_path, capsys):
    assert main([*ARGUMENTS, "--out", str(tmp_path / "gpu.md")]) == 0
    assert (tmp_path / "gpu.md").read_text(encoding="utf-8") == capsys.readouterr().out
    compared = [row for row in rows_of(tmp_path / "gpu.md") if len(row) == 5][2:]
    timed = [row for row in rows_of(tmp_path / "gpu.md") if len(row) == 11][2:]
    assert len(compared) == 2 * 3 * 2 + 2 * 4 + 1
    assert {row[4] for row in compared} == {"passed", ""}
    assert all(float(row[2]) > 0 for row in compared if "bfloat16" in row[0])
    assert {(row[1], row[2]) for row in timed} == {(s, p) for s in ("64", "96") for p in ("bfloat16", "float32")}
    for row in timed:
        painting, pace, evaluation, step, bare = map(float, row[3:8])
        assert pace == pytest.approx(1000 / (evaluation + step), rel=0.1)
        assert painting > 0
        assert bare > 0
        assert 0 < float(row[8].removesuffix(" %")) < 150
        assert row[10].startswith(("3 iterations", "6 iterations"))


def test_difference_above_bound_fails(bench, tmp_path):
    bench.compare("a", lambda: {"loss": (0.2, 0.1), "gradient": (math.nan, 0.1), "pixel": (9.0, None)})
    bench.compare("b", lambda: {"loss": (0.1, 0.1)})
    assert bench.failures == 2
    assert [row[4] for row in rows_of(tmp_path / "gpu.md")] == ["**FAILED**", "**FAILED**", "", "passed"]


def test_error_in_comparison_is_failed_row(bench, tmp_path):
    def fail():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")

    bench.compare("a", fail)
    assert bench.failures == 1
    assert rows_of(tmp_path / "gpu.md") == [["a", "", "", "", "**FAILED**: CUDA out of memory."]]


def test_failed_comparison_sets_exit_code(monkeypatch):
    monkeypatch.setattr(program, "compare_objectives", lambda bench: bench.compare("a", lambda: {"loss": (2.0, 1.0)}))
    monkeypatch.setattr(program, "compare_paintings", lambda bench: None)
    monkeypatch.setattr(program, "time_paintings", lambda bench, precisions: None)
    assert main(ARGUMENTS) == 1


def test_rows_beyond_time_are_named(tmp_path):
    assert main([*ARGUMENTS, "--seconds", "0", "--out", str(tmp_path / "gpu.md")]) == 0
    rows = rows_of(tmp_path / "gpu.md")
    assert sum(row[-1] == "skipped: no time left" for row in rows) == 2 * 3 + 3
    assert sum(row[-1].startswith("skipped: needs about") for row in rows) == 2 * 2


def test_speed_row_survives_lack_of_memory(bench, tmp_path, monkeypatch):
    def fail(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")

    monkeypatch.setattr(speed, "measure_speed", fail)
    time_paintings(bench, ["float32"])
    rows = [row for row in rows_of(tmp_path / "gpu.md") if row[0] == "narrow"]
    assert [row[-1] for row in rows] == ["not measured: CUDA out of memory."] * 2


def test_stopped_painting_is_extrapolated(bench):
    settings = make_settings(size=96, encoder=bench.encoders["narrow"], optimization={"iterations": 3})
    pictures = [smooth_picture(72, 96, seed) for seed in (0, 1)]
    pace = Pace(90.0, 10.0, 1, Octave(72, 96, 3))
    found = measure_painting(bench, lambda: Painter(pictures[0], [pictures[1]], settings), pace, 0.0)
    assert (found.done, found.planned) == (1, 6)
    assert found.seconds == pytest.approx(2 * 100 / 4 + 3 * 100, rel=0.1)


def test_tf32_of_convolutions_is_restored():
    if not hasattr(torch.backends.cudnn, "conv"):
        pytest.skip("this PyTorch has only allow_tf32")
    before = torch.backends.cudnn.conv.fp32_precision
    for allowed, expected in ((True, "tf32"), (False, "ieee")):
        with tf32_convolutions(allowed=allowed):
            assert torch.backends.cudnn.conv.fp32_precision == expected
        assert torch.backends.cudnn.conv.fp32_precision == before
