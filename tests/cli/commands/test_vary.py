"""``impasto vary``."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from impasto import pictures
from impasto.batches import variants
from impasto.batches.variants import grid_of
from impasto.cli.reporting.batch_reporters import BatchLineReporter
from impasto.errors import PictureError
from impasto.pictures import read_picture, write_picture
from impasto.runs.repeating import stored_record
from impasto.settings.presets import SKETCH_PRESETS
from tests.helpers import smooth_picture


@pytest.fixture
def painted(tmp_path, tiny_encoder, impasto_command, monkeypatch):
    """Paint a picture in the current folder, and return its path."""
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", smooth_picture(32, 48, seed=1))
    write_picture(tmp_path / "style.png", smooth_picture(32, 32, seed=2))
    options = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 2, "--threads", 1]
    options += ["--precision", "float32", "-o", "out.png"]
    assert impasto_command("paint", "photo.png", "style.png", *options).code == 0
    return tmp_path / "out.png"


VALUES = ("--set", "strength=0,0.5,1", "--set", "optimization.iterations=1,2")


def test_vary_writes_only_the_grid(painted, impasto_command):
    before = {path.name for path in painted.parent.iterdir()}
    result = impasto_command("vary", "out.png", *VALUES, "--jobs", 2)
    assert result.code == 0
    assert result.out.splitlines()[-2:] == ["6 painted", str(painted.parent / "out-vary.png")]
    assert "strength 0.5, iterations 2" in result.out
    assert {path.name for path in painted.parent.iterdir()} - before == {"out-vary.png"}
    height, width = read_picture("out-vary.png").size
    assert height > 3 * 32
    assert width > 2 * 48
    refused = impasto_command("vary", "out.png", *VALUES)
    assert (refused.code, refused.err.count("\n")) == (2, 1)


def test_kept_pictures_equal_those_of_again(painted, impasto_command):
    assert impasto_command("vary", "out.png", *VALUES, "--keep", "kept", "--quiet").code == 0
    names = sorted(path.name for path in (painted.parent / "kept").iterdir())
    assert len(names) == 6
    assert names[-1] == "out-strength=1-iterations=2.png"
    one = "kept/out-strength=0.5-iterations=2.png"
    assert stored_record(one).settings["strength"] == 0.5
    assert impasto_command("again", "out.png", "--strength", 0.5, "--iterations", 2, "-o", "again.png").code == 0
    np.testing.assert_array_equal(read_picture(one).pixels, read_picture("again.png").pixels)
    more = ("--set", "strength=0,0.25,1", "--set", "optimization.iterations=1,2", "--keep", "kept", "--force")
    assert "2 painted, 4 done before" in impasto_command("vary", "out.png", *more).out


def test_vary_of_photograph_is_instant_if_nothing_needs_another_preset(painted, impasto_command):
    options = ("--size", 48, "--set", "strength=0.2,0.8", "--threads", 1, "--keep", "kept", "--json")
    result = impasto_command("vary", "photo.png", "swirls", *options)
    assert result.code == 0
    assert json.loads(result.out.splitlines()[0]) == {
        "event": "announced", "photo": "photo.png", "styles": ["swirls"], "size": 48, "destination": "photo-vary.png",
    }  # fmt: skip
    presets = {stored_record(path).settings["preset"] for path in (painted.parent / "kept").iterdir()}
    assert presets == {"instant"}


def test_vary_paints_photograph_in_named_style(painted, impasto_command, tiny_encoder):
    options = ("--encoder", tiny_encoder, "--size", 48, "--set", "strength=0.2,0.8", "--threads", 1)
    result = impasto_command("vary", "photo.png", "swirls", *options, "--iterations", 1, "--keep", "kept")
    assert result.code == 0
    assert result.out.splitlines()[-2:] == ["2 painted", str(painted.parent / "photo-vary.png")]
    records = [stored_record(path) for path in sorted((painted.parent / "kept").iterdir())]
    assert [record.settings["strength"] for record in records] == [0.2, 0.8]
    assert {record.settings["preset"] for record in records} == {SKETCH_PRESETS[-1]}
    assert {record.styles[0].name for record in records} == {"swirls"}
    same = impasto_command("vary", "photo.png", "--style", "style.png", *options, "--preset", "fine",
                           "--iterations", 1, "--keep", "more", "-o", "other.png")  # fmt: skip
    assert same.code == 0
    fine = stored_record(painted.parent / "more" / "photo-strength=0.2.png")
    assert (fine.settings["preset"], fine.styles[0].path) == ("fine", "../style.png")


def test_vary_of_photograph_asks_for_style(painted, impasto_command):
    result = impasto_command("vary", "photo.png", "--set", "strength=0.2,0.8")
    assert result.code == 2
    assert "name a style too, as in `impasto vary photo.png swirls --set strength=0.2,0.5,0.8`" in result.err
    both = impasto_command("vary", "photo.png", "style.png", "--style", "style.png", "--set", "strength=0.2,0.8")
    assert (both.code, "with a STYLE leave them out" in both.err) == (2, True)


def test_vary_accepts_lists_and_writes_json(painted, impasto_command):
    options = ["--set", "style_weights=[1],[2]", "-o", "grid.jpg", "--json", "--size", 52]
    result = impasto_command("vary", "out.png", *options)
    assert result.code == 0
    events = [json.loads(line) for line in result.out.splitlines()]
    assert {event["name"] for event in events if event["event"] == "painted"} == {
        "style_weights [1]",
        "style_weights [2]",
    }
    assert events[-1] == {"event": "grid", "output": str(painted.parent / "grid.jpg")}


def test_between_varies_weights_of_two_styles(painted, impasto_command):
    write_picture("other.png", smooth_picture(32, 32, seed=3) * 0.3)
    styles = ("--style", "style.png", "--style", "other.png")
    result = impasto_command("vary", "out.png", "--between", 3, *styles, "--set", "style_weight=50", "--keep", "kept")
    assert result.code == 0
    kept = [painted.parent / "kept" / f"out-style_weights=_{weights}_.png" for weights in ("1_0", "0.5_0.5", "0_1")]
    assert [stored_record(path).settings["style_weights"] for path in kept] == [[1, 0], [0.5, 0.5], [0, 1]]
    means = [read_picture(path).pixels.mean() for path in kept]
    assert means[0] > means[1] > means[2]


def test_grid_never_replaces_an_input(painted, impasto_command):
    for name in ("first.png", "second.png"):
        write_picture(name, smooth_picture(32, 48, seed=3))
        before = (painted.parent / name).read_bytes()
        options = ["--set", "init=first.png,second.png", "-o", name, "--force"]
        assert impasto_command("vary", "out.png", *options).code == 2
        assert (painted.parent / name).read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals need the main thread")
def test_ctrl_c_during_the_grid_loses_nothing(painted, impasto_command, monkeypatch):
    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        return grid_of(*arguments)

    monkeypatch.setattr(variants, "grid_of", interrupted)
    assert impasto_command("vary", "out.png", "--set", "strength=0,1").code == 0
    assert read_picture("out-vary.png").size[1] > 96


def test_unwritable_grid_loses_no_variant(painted, impasto_command, monkeypatch, tmp_path_factory):
    def full(*_, **__):
        raise PictureError("out-vary.png cannot be written (No space left on device); free some space.")

    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    monkeypatch.setattr(pictures, "write_picture", full)
    result = impasto_command("vary", "out.png", "--set", "strength=0,1")
    assert result.code == 1
    (folder,) = elsewhere.glob("impasto-vary-*")
    assert f"No space left on device); free some space. Nothing is lost: the variants are in {folder}." in result.err
    assert len(list(folder.glob("*.png"))) == 2


def test_temporary_variants_are_nameless_and_removed(painted, impasto_command, monkeypatch, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    lines = impasto_command("vary", "out.png", "--set", "strength=0,1", "--json").out.splitlines()
    events = [json.loads(line) for line in lines]
    outputs = {event["output"] for event in events if "output" in event}
    assert outputs == {None, str(painted.parent / "out-vary.png")}
    assert not list(elsewhere.glob("impasto-vary-*"))


@pytest.mark.parametrize(
    ("temporary", "first", "second"),
    [
        (None, "What is finished stays.", "what is finished stays"),
        (Path("there"), "Without --keep nothing of it stays.", "what is finished is in there"),
    ],
)
def test_reporter_says_which_pictures_remain_after_signals(temporary, first, second, capsys):
    reporter = BatchLineReporter([], temporary=temporary)
    reporter.on_stop()
    assert capsys.readouterr().err.rstrip().endswith(first)
    assert reporter.remains == second


def test_note_that_variants_share_is_printed_once(painted, impasto_command):
    result = impasto_command("vary", "out.png", *VALUES, "--content", "out.png")
    assert result.code == 0
    notes = [line for line in result.err.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1
    assert notes[0].startswith("note: The photo out.png was painted by impasto")


def test_failed_variant_fails_the_command_not_the_grid(painted, impasto_command):
    result = impasto_command("vary", "out.png", "--set", "encoder=builtin,nothing.safetensors", "-o", "grid.png")
    assert result.code == 2  # refused before painting
    options = ["--set", "losses.style.relu5_4=0,1", "-o", "grid.png"]  # the encoder ends before that layer
    result = impasto_command("vary", "out.png", *options)
    assert result.code == 1
    assert "1 painted, 1 failed" in result.out
    assert read_picture("grid.png").pixels.shape[2] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("out.png", "--set", "strength=0.5"), "nothing to vary"),
        (("out.png", "--set", "strength=0.5,3"), "strength = 3"),
        (("out.png",), "nothing to vary"),
        (("out.png", "--between", "3"), "between two styles, not 1"),
        (("out.png", "--between", "1"), "from 2 to 100 steps"),
        (("out.png", "--between", "3", "--set", "style_weights=[1,1],[1,2]"), "style_weights is named twice"),
        (("photo.png", "--set", "seed=1,2"), "no record"),
        (("out.png", "--set", "seed=1,2", "-o", "out.png", "--force"), "is one of the pictures"),
        (("out.png", "--set", "seed=1,2", "-o", "nowhere/grid.png"), "nowhere"),
        (("out.png", "--set", "seed=1,2", "-o", "grid.xyz"), ".xyz"),
        (("out.png", "--set", "seamless=false,true"), "Only a texture can be seamless"),
        (("out.png", "--set", "masks.2=photo.png,style.png"), "There is no style 2 for --mask 2=FILE"),
        (("out.png", "--set", "style_weights=[1],[1,2]"), "The style_weights are 2"),
        (("out.png", "--set", "size=32,40", "--set", "seed=" + ",".join(map(str, range(60)))), "120 variants"),
    ],
)
def test_vary_refuses_invalid_arguments(painted, impasto_command, arguments, words):
    result = impasto_command("vary", *arguments)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert words in result.err
