"""``impasto again`` and ``impasto show``."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from impasto.pictures import read_picture, read_record, write_picture
from impasto.runs.repeating import stored_record
from impasto.settings.making import make_settings


@pytest.fixture
def painted(folder, small, impasto_command):
    """Paint a picture that begins from noise, and return its path."""
    assert impasto_command("paint", "photo.png", "style.png", *small, "--init", "noise", "--seed", 3).code == 0
    return folder / "photo-as-style.png"


def test_again_gives_same_pixels_under_free_name(painted, impasto_command):
    for name in ("photo-as-style-again.png", "photo-as-style-again-2.png"):
        result = impasto_command("again", painted)
        assert result.code == 0
        assert result.out == f"{painted.with_name(name)}\n"
        np.testing.assert_array_equal(read_picture(name).pixels, read_picture(painted).pixels)


def test_again_finds_sources_after_moving_folder(painted, impasto_command, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "album"
    shutil.copytree(painted.parent, elsewhere)
    assert impasto_command("again", elsewhere / painted.name, "-o", "again.png").code == 0
    np.testing.assert_array_equal(read_picture("again.png").pixels, read_picture(painted).pixels)


def test_again_applies_changes(painted, impasto_command, style):
    write_picture("other.png", style[::-1])
    options = [
        "--strength",
        "0.9",
        "--seed",
        4,
        "--set",
        "losses.style.relu3_1=0",
        "--style",
        "other.png",
        "--size",
        64,
    ]
    result = impasto_command("again", painted, *options, "-o", "again.webp", "--content", "style.png")
    assert result.code == 0
    record = stored_record("again.webp")
    assert (record.settings["strength"], record.settings["seed"]) == (0.9, 4)
    assert record.settings["losses"]["style"]["relu3_1"] == 0
    assert record.settings["losses"]["style"]["relu4_1"] == make_settings().losses.style["relu4_1"]
    assert [source.path for source in (record.content, *record.styles)] == ["style.png", "other.png"]
    assert max(read_picture("again.webp").size) == 64


def test_record_keeps_colour_and_strokes(folder, small, impasto_command):
    options = ("--colour", "keep", "--stroke-size", 1.5, "--detail", 0.7)
    assert impasto_command("paint", "photo.png", "style.png", *small, *options, "-o", "a.png").code == 0
    settings = stored_record("a.png").settings
    assert (settings["colour"], settings["stroke_size"], settings["detail"]) == ("keep", 1.5, 0.7)
    assert impasto_command("again", "a.png", "-o", "b.png").code == 0
    np.testing.assert_array_equal(read_picture("b.png").pixels, read_picture("a.png").pixels)
    assert impasto_command("again", "a.png", "--colour", "palette", "-o", "c.png").code == 0
    assert stored_record("c.png").settings["colour"] == "palette"
    assert stored_record("c.png").settings["detail"] == 0.7


def test_again_refuses_changed_or_missing_sources(painted, impasto_command, photo):
    write_picture("photo.png", photo[::-1])
    result = impasto_command("again", painted)
    assert result.code == 2
    assert "changed" in result.err
    assert "--content" in result.err
    assert impasto_command("again", painted, "--content", "photo.png", "-o", "again.png").code == 0
    (painted.parent / "style.png").unlink()
    result = impasto_command("again", "again.png")
    assert result.code == 2
    assert "--style" in result.err
    assert result.err.count("\n") == 1


def test_again_notes_different_encoder(painted, impasto_command, tmp_path):
    from safetensors.torch import load_file, save_file

    weights = load_file(stored_record(painted).encoder.name)
    save_file({name: weight * 1.01 for name, weight in weights.items()}, tmp_path / "other.safetensors")
    result = impasto_command("again", painted, "--encoder", "other.safetensors")
    assert result.code == 0
    assert [line for line in result.err.splitlines() if line.startswith("note: The encoder is not the one")]


def test_again_begins_from_same_init_picture(folder, small, impasto_command, style):
    write_picture("first.png", style)
    assert impasto_command("paint", "photo.png", "style.png", *small, "--init", "first.png", "-o", "a.png").code == 0
    (folder / "deeper").mkdir()
    assert impasto_command("again", "a.png", "-o", "deeper/b.png").code == 0
    np.testing.assert_array_equal(read_picture("deeper/b.png").pixels, read_picture("a.png").pixels)
    assert stored_record("deeper/b.png").named["init"].path == "../first.png"
    (folder / "first.png").unlink()
    result = impasto_command("again", "a.png")
    assert result.code == 2
    assert "--init" in result.err


def test_again_accepts_sheet_of_painting(folder, small, impasto_command):
    options = ["--sheet", "sheet.png", "-o", "out.png"]
    assert impasto_command("paint", "photo.png", "style.png", *small, *options).code == 0
    assert impasto_command("again", "sheet.png", "-o", "again.png").code == 0
    np.testing.assert_array_equal(read_picture("again.png").pixels, read_picture("out.png").pixels)


def test_show_prints_record(painted, impasto_command):
    result = impasto_command("show", painted)
    assert result.code == 0
    assert "photo.png" in result.out
    assert "* init" in result.out
    assert "  depth" in result.out
    raw = impasto_command("show", painted, "--json")
    shown, stored = json.loads(raw.out), json.loads(read_record(painted))
    assert shown.items() >= stored.items()
    assert shown.keys() - stored.keys() == {"strength", "command"}
    assert shown["strength"] == 0.5
    assert shown["command"] == result.out.splitlines()[-1]


def test_again_keeps_stored_plan_unless_size_changes(folder, small, impasto_command):
    assert impasto_command("paint", "photo.png", "style.png", *small, "--memory", "2G").code == 0
    record = json.loads(read_record("photo-as-style.png"))
    assert [octave["tile"] for octave in record["plan"]] == [None, None]
    record["plan"][1] |= {"tile": 64, "method": "adam"}
    write_picture("stored.png", read_picture("photo-as-style.png").pixels, record=json.dumps(record))
    for options, expected in (
        ((), (64, "adam")),
        (("--strength", 0.7), (64, "adam")),
        (("--memory", "3G"), (None, None)),
        (("--tile", 80), (80, None)),
        (("--size", 100), (None, None)),
    ):
        assert impasto_command("again", "stored.png", *options, "-o", "out.png", "--force").code == 0
        last = json.loads(read_record("out.png"))["plan"][-1]
        assert (last["tile"], last["method"]) == expected


def test_again_explains_without_writing(painted, impasto_command):
    before = sorted(painted.parent.iterdir())
    result = impasto_command("again", painted, "--tile", 64, "--explain")
    assert result.code == 0
    assert "of ≤ 64 px" in result.out
    assert sorted(painted.parent.iterdir()) == before


def test_again_refuses_damaged_plan(painted, impasto_command):
    record = json.loads(read_record(painted))
    record["plan"][0]["tile"] = 1
    write_picture("stored.png", read_picture(painted).pixels, record=json.dumps(record))
    result = impasto_command("again", "stored.png")
    assert result.code == 2
    assert "damaged" in result.err


def test_again_paints_octaves_of_older_version(painted, impasto_command):
    record = json.loads(read_record(painted))
    record["plan"] = [{"height": 45, "width": 60, "iterations": 4}, {"height": 72, "width": 96, "iterations": 1}]
    write_picture("stored.png", read_picture(painted).pixels, record=json.dumps(record))
    for options in ((), ("--memory", "3G")):
        assert impasto_command("again", "stored.png", *options, "-o", "out.png", "--force").code == 0
        plan = json.loads(read_record("out.png"))["plan"]
        assert [(octave["width"], octave["iterations"]) for octave in plan] == [(60, 4), (96, 1)]


def test_again_grows_and_repeats_grown_picture(painted, impasto_command):
    result = impasto_command("again", painted, "--size", 192, "-o", "grown.png")
    assert result.code == 0
    assert f"note: Continues from the composition of {painted} at 96 px: --grow-from none paints all" in result.err
    record = stored_record("grown.png")
    assert [octave.width for octave in record.octaves] == [192]
    assert record.named["grow_from"].path == "photo-as-style.png"
    assert impasto_command("again", "grown.png", "-o", "again.png").code == 0
    np.testing.assert_array_equal(read_picture("again.png").pixels, read_picture("grown.png").pixels)
    assert "grow_from" in impasto_command("show", "grown.png").out


def test_again_paints_anew_without_grow_from(painted, impasto_command):
    result = impasto_command("again", painted, "--size", 192, "--grow-from", "none", "-o", "anew.png")
    assert (result.code, "composition" in result.err) == (0, False)
    record = stored_record("anew.png")
    assert ([octave.width for octave in record.octaves], record.named.keys()) == ([48, 96, 192], set())


def test_again_refuses_to_replace_picture_grown_from(painted, impasto_command):
    result = impasto_command("again", painted, "--size", 192, "-o", painted, "--force")
    assert result.code == 2
    assert painted.name in result.err


def test_grown_run_resumes_to_same_picture(painted, impasto_command, monkeypatch):
    from impasto.painting.painter import Painter

    assert impasto_command("again", painted, "--size", 192, "-o", "whole.png").code == 0
    stops = iter([True])
    step = Painter._iteration

    def stop_once(self, *arguments, **options):
        if next(stops, False):
            self.stop()
        return step(self, *arguments, **options)

    monkeypatch.setattr(Painter, "_iteration", stop_once)
    stopped = ("again", painted, "--size", 192, "-o", "part.png", "--checkpoint", "run.checkpoint")
    assert impasto_command(*stopped, "--checkpoint-every", 0).code == 1
    assert impasto_command("resume", "run.checkpoint").code == 0
    np.testing.assert_array_equal(read_picture("part.png").pixels, read_picture("whole.png").pixels)
