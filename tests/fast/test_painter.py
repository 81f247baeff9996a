import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto.cli import main
from impasto.fast import painter
from impasto.pictures import read_picture, read_record, write_picture
from tests.helpers import smooth_picture

pytest.importorskip("onnx", reason="needs impasto[onnx]")
pytest.importorskip("onnxruntime", reason="needs impasto[onnx]")
pytest.importorskip("threadpoolctl", reason="needs impasto[onnx]")

PROGRAM = """
import sys
from impasto.cli import main
code = main(sys.argv[1:])
print("torch" in sys.modules)
sys.exit(code)
"""

# With fewer positions of relu4_1 than channels, a second pass amplifies rounding.
OPTIONS = ["--preset", "instant", "--size", "192", "--threads", "1", "--precision", "float32"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    write_picture(tmp_path / "photo.png", smooth_picture(100, 162))
    write_picture(tmp_path / "style.png", smooth_picture(90, 90, 1))
    write_picture(tmp_path / "mask.png", np.tile(np.linspace(0, 1, 162, dtype=np.float32)[:, None], (100, 1, 3)))
    return tmp_path


def in_process(*arguments):
    command = [sys.executable, "-c", PROGRAM, *arguments]
    environment = {"PYTHONPATH": str(Path(impasto.__file__).parents[1])}
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)


def records(*names):
    found = [json.loads(read_record(Path(name))) for name in names]
    for record in found:
        del record["seconds"]
    return found


def paint_without_wing(monkeypatch, *arguments):
    with monkeypatch.context() as patch:
        patch.setattr(painter, "_LIBRARIES", ("no_such_library",))
        return main(["paint", *arguments, *OPTIONS, "-q"])


def test_shell_paints_without_torch(folder):
    done = in_process("paint", "photo.png", "style.png", "-o", "out.png", *OPTIONS)
    assert (done.returncode, done.stdout.splitlines()) == (0, [str(folder / "out.png"), "False"]), done.stderr


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--strength", "0.2", "--stroke-size", "2"],
        ["--strength", "0.8"],
        ["--colour", "keep"],
        ["--set", "losses.recolour=0.5"],
        ["--colour", "palette", "--set", "borders=mirrored"],
        ["--style-weights", "3,1", "--colours-from", "swirls", "--set", "borders=cut"],
    ],
)
def test_picture_and_record_equal_those_of_pytorch(options, folder, monkeypatch):
    styles = ["style.png", "swirls"] if "--style-weights" in options else ["style.png"]
    assert main(["paint", "photo.png", *styles, "-o", "fast.png", *OPTIONS, *options, "-q"]) == 0
    assert paint_without_wing(monkeypatch, "photo.png", *styles, "-o", "usual.png", *options) == 0
    fast, usual = (read_picture(name).pixels for name in ("fast.png", "usual.png"))
    assert np.abs(fast - usual).max() <= 1.01 / 255
    assert np.abs(fast - usual).mean() <= 1e-4
    found, expected = records("fast.png", "usual.png")
    assert found.pop("machine") == "cpu ONNX Runtime"
    assert expected.pop("machine")
    assert found == expected


@pytest.mark.parametrize(
    "options",
    [
        ["--protect", "mask.png"],
        ["--size", "1032"],
        ["--precision", "bfloat16"],
        ["--history", "h.csv"],
        ["--preset", "quick"],
    ],
)
def test_other_jobs_are_left_to_pytorch(options, folder, monkeypatch):
    jobs = []
    monkeypatch.setattr(
        "impasto.cli.running.run_job", lambda job, listener, control, make=None: jobs.append((job, make))
    )
    monkeypatch.setattr("impasto.cli.running._exit_code", lambda outcome, number: 0)
    assert main(["paint", "photo.png", "style.png", "-o", "out.png", *OPTIONS, *options, "-q"]) == 0
    ((job, make),) = jobs
    assert make is None or not painter._is_supported(job)


def test_wrong_models_are_left_to_pytorch(folder, monkeypatch):
    monkeypatch.setattr(painter, "cached_models", lambda sources: {"encoder.onnx": b"no model"})
    assert main(["paint", "photo.png", "style.png", "-o", "out.png", *OPTIONS, "-q"]) == 0
    assert (folder / "out.png").exists()


@pytest.mark.parametrize("arguments", [["thin.png", "style.png"], ["photo.png", "style.png", "--style-weights", "1,2"]])
def test_refusals_equal_those_of_pytorch(arguments, folder, monkeypatch, capfd):
    write_picture(folder / "thin.png", smooth_picture(20, 130))
    assert main(["paint", *arguments, "-o", "out.png", *OPTIONS]) == 2
    fast = capfd.readouterr().err
    assert paint_without_wing(monkeypatch, *arguments, "-o", "out.png") == 2
    assert fast.splitlines()[-1] == capfd.readouterr().err.splitlines()[-1]


def test_export_command_prints_paths(folder, capfd):
    assert main(["export", "--to", "models"]) == 0
    paths = capfd.readouterr().out.splitlines()
    assert [Path(path).name for path in paths][::5] == ["encoder.onnx", "instant.json"]
    assert all(Path(path).is_file() for path in paths)
