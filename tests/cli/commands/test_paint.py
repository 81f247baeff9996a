"""``impasto paint`` from end to end."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.cli import main
from impasto.cli.reporting import reporters
from impasto.painting import timing
from impasto.painting.events import Iteration
from impasto.pictures import read_picture, read_record, write_picture
from impasto.pictures.codecs import encoding, formats, strip_reducer
from impasto.runs import slow_files
from impasto.runs.repeating import stored_record


def test_paint_writes_beside_photo_and_prints_path(folder, small, impasto_command):
    result = impasto_command("paint", "photo.png", "style.png", *small)
    assert result.code == 0
    assert result.out == f"{folder / 'photo-as-style.png'}\n"
    first, *lines = result.err.splitlines()
    assert first == "photo.png in the style of style.png, 96 px, to photo-as-style.png"
    assert lines[0].startswith("painting 96×72 px in 2 octaves on cpu with 1 thread")
    assert lines[1] == "octave 1/2: 48×36 px, 2 iterations"
    assert any(line.startswith("octave 2/2: 96×72 px") for line in lines)
    painted = read_picture(folder / "photo-as-style.png")
    assert painted.size == (72, 96)
    assert stored_record(painted.path).complete


def test_paint_writes_all_extras_for_two_styles(folder, small, impasto_command):
    Path("other.png").symlink_to("style.png")
    options = ["--style-weights", "1,2", "--sheet", "sheet.jpg", "--stages", "stages.png", "--history", "history.csv"]
    result = impasto_command("paint", "photo.png", "style.png", "other.png", *small, *options, "--depth", 16)
    assert result.code == 0
    assert (folder / "photo-as-style+other.png").exists()
    assert read_picture("photo-as-style+other.png").depth == 16
    settings = json.loads(read_record("photo-as-style+other.png"))["settings"]
    assert settings["style_weights"] == [1.0, 2.0]
    sheet = read_picture("sheet.jpg")
    assert sheet.width > 96 + 2 * 72  # the photo, two square styles at its height, and the painting
    assert read_picture("stages.png").width > 3 * 96
    with Path("history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["octave"], row["iteration"]) for row in rows] == [
        *(("1", "1"), ("1", "2")),
        *(("2", "1"), ("2", "2")),
    ]
    assert all(np.isfinite(float(row["total"])) for row in rows)


def test_set_overrides_options_which_override_config(folder, small, impasto_command):
    (folder / "run.toml").write_text(
        'preset = "fine"\nseed = 5\nstrength = 0.2\n[optimization]\nhistory = 7\nrate = 0.5'
    )
    more = ["--config", "run.toml", "--strength", "0.7", "--set", "seed=9", "--seed", "8", "-o", "out.png"]
    assert impasto_command("paint", "photo.png", "style.png", *small, *more).code == 0
    settings = stored_record("out.png").settings
    assert settings["preset"] == "fine"
    assert settings["strength"] == 0.7
    assert settings["seed"] == 9
    assert settings["optimization"]["history"] == 7
    assert settings["optimization"]["iterations"] == 2


def test_json_prints_one_event_per_line(folder, small, impasto_command):
    result = impasto_command("paint", "photo.png", "style.png", *small, "--json", "--sheet", "sheet.png")
    assert result.code == 0
    assert result.err == ""
    events = [json.loads(line) for line in result.out.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds == ["started", "octave", *["iteration"] * 2, "octave", *["iteration"] * 2, "finished"]
    plan = {"tile": None, "history": None, "method": None}
    assert events[0]["octaves"][1] == {"height": 72, "width": 96, "iterations": 2} | plan
    assert events[-2]["share"] == 1
    assert events[-1]["output"] == str(folder / "photo-as-style.png")
    assert events[-1]["sheet"] == str(folder / "sheet.png")
    assert events[-1]["complete"] is True


def test_quiet_prints_nothing(folder, small, impasto_command):
    result = impasto_command("paint", "photo.png", "style.png", *small, "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_explain_prints_plan_and_writes_nothing(folder, small, impasto_command):
    before = sorted(folder.iterdir())
    tiled = ("--tile", 64, "--set", "borders=mirrored")
    result = impasto_command("paint", "photo.png", "style.png", *small, *tiled, "--explain")
    assert result.code == 0
    assert result.err == ""
    heading, first, second, total = result.out.splitlines()
    assert heading.split() == ["octave", "size", "iterations", "tiles", "method", "memory", "arithmetic", "time"]
    assert first.split()[:6] == ["1", "48×36", "2", "1", "L-BFGS,", "2"]  # no more pairs than iterations
    assert second.split()[:7] == ["2", "96×72", "2", "4", "of", "≤", "64"]
    assert total.startswith("altogether about 0.")
    as_json = json.loads(impasto_command("paint", "photo.png", "style.png", *small, "--explain", "--json").out)
    assert [octave["tiles"] for octave in as_json["octaves"]] == [1, 1]
    assert " at most " not in total
    fine = impasto_command("paint", "photo.png", "style.png", *small, "--preset", "fine", "--explain").out
    assert " at the peak, at most 0." in fine.splitlines()[-1]
    assert as_json["memory"] == max(octave["memory"] for octave in as_json["octaves"])
    assert sorted(folder.iterdir()) == before


def test_explain_table_fits_80_columns(folder, small, impasto_command):
    many = ("--set", "optimization.smallest_octave=32", "--memory", "4G", "--size", 6000)
    result = impasto_command("paint", "photo.png", "style.png", *small, *many, "--explain")
    *table, total = result.out.splitlines()
    assert "6000×4500" in table[-1]
    assert max(map(len, table)) <= 80
    assert "…" not in result.out
    assert re.search(r"TFLOP and [\d.]+ to [\d.]+ (s|min|h)", total)


def test_explain_says_whether_machine_is_busy(folder, small, impasto_command, monkeypatch):
    pair = ("photo.png", "style.png", *small, "--explain")
    monkeypatch.setattr(timing, "physical_cores", lambda: 1)
    plans = []
    for load in (0.0, 1.0):
        monkeypatch.setattr(timing, "busy_cores", lambda _, load=load: load)
        state = "busy" if load else "otherwise idle"
        assert f"; the machine is {state} (judged by" in impasto_command("paint", *pair).out
        plans.append(json.loads(impasto_command("paint", *pair, "--json").out))
    assert [plan["busy"] for plan in plans] == [False, True]
    assert all(plan["least_seconds"] < plan["seconds"] < plan["most_seconds"] for plan in plans)


def test_print_size_is_fitted_and_sets_resolution(folder, small, impasto_command):
    result = impasto_command("paint", "photo.png", "style.png", *small, "--size", "20x30mm@100", "-o", "out.jpg")
    assert result.code == 0
    assert "so the painting is 26.7×20.1 mm: crop the photograph first" in result.err
    with Image.open("out.jpg") as image:
        assert image.size == (105, 79)
        assert image.info["dpi"] == (100, 100)
    assert stored_record("out.jpg").settings["size"] == "20x30mm@100"
    larger = impasto_command("again", "out.jpg", "--size", "40x60mm@100", "-o", "larger.tif", "--explain")
    assert "Continues from the composition of out.jpg" in larger.err


def test_too_little_memory_is_refused_with_requirement(folder, small, impasto_command):
    for more in ((), ("--explain",)):
        result = impasto_command("paint", "photo.png", "style.png", *small, "--memory", "300M", *more)
        assert result.code == 2
        of = "A painting of 96×72 px (in its octave of 48×36 px already) needs about 0."
        assert result.err.startswith(f"error: {of}")
        assert "0.30 GB are allowed: allow more memory." in result.err
    assert not (folder / "photo-as-style.png").exists()


def test_force_replaces_existing_files(folder, small, impasto_command):
    (folder / "photo-as-style.png").write_bytes(b"old")
    (folder / "history.csv").write_bytes(b"old")
    result = impasto_command("paint", "photo.png", "style.png", *small, "--force", "--history", "history.csv")
    assert result.code == 0
    assert stored_record("photo-as-style.png").complete
    assert (folder / "history.csv").read_text().startswith("octave,")


def test_picture_warning_is_one_note(folder, small, impasto_command, photo):
    write_picture("glass.png", photo, alpha=np.full(photo.shape[:2], 0.5, np.float32))
    result = impasto_command("paint", "glass.png", "style.png", *small, "-o", "out.jpg", "--sheet", "sheet.png")
    assert result.code == 0
    notes = [line for line in result.err.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1
    assert "transparency" in notes[0]


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_diverging_loss_leaves_last_good_picture(folder, small, impasto_command, distance):
    wild = [
        "--set",
        f"losses.style_distance={distance}",
        "--set",
        "optimization.method=adam",
        "--set",
        "optimization.rate=1e30",
        "--set",
        "optimization.clamp=octave",  # in [0, 1] no rate is too high
        "--history",
        "history.csv",
    ]
    result = impasto_command("paint", "photo.png", "style.png", *small, *wild, "--json")
    assert result.code == 1
    assert [line for line in result.err.splitlines() if line.startswith("error: The loss was not finite")]
    assert not stored_record("photo-as-style.png").complete
    assert json.loads(result.out.splitlines()[-1])["complete"] is False
    assert (folder / "history.csv").exists()


def test_loss_infinite_from_start_is_refused(folder, small, impasto_command, loud_encoder):
    loud = ["--encoder", str(loud_encoder), "--quiet"]
    result = impasto_command("paint", "photo.png", "style.png", *small, *loud)
    assert result.code == 2
    assert result.err.startswith("error: The loss is not finite before the first step")
    assert not (folder / "photo-as-style.png").exists()


def test_failing_sheet_spares_painting_and_history(folder, small, impasto_command, monkeypatch):
    def fail(_):
        raise MemoryError

    monkeypatch.setattr("impasto.runs.job.side_by_side", fail)
    more = ["--sheet", "sheet.png", "--history", "history.csv"]
    result = impasto_command("paint", "photo.png", "style.png", *small, *more, "--quiet")
    assert result.code == 1
    assert result.err == "error: The memory ran out while the sheet was made.\n"
    assert stored_record("photo-as-style.png").complete
    assert (folder / "history.csv").exists()


def test_files_appearing_at_outputs_are_kept(folder, small, impasto_command, monkeypatch):
    names = ("out.png", "sheet.png", "losses.csv")

    def on_event(self, event):
        if isinstance(event, Iteration):
            for name in names:
                (folder / name).write_text("mine")

    monkeypatch.setattr(reporters.JsonReporter, "on_event", on_event)
    options = ["-o", "out.png", "--sheet", "sheet.png", "--history", "losses.csv", "--json"]
    result = impasto_command("paint", "photo.png", "style.png", *small, *options)
    assert result.code == 1
    assert "Nothing is lost: the picture is out-again.png." in result.err
    assert stored_record("out-again.png").complete
    names = names[1:]
    result = impasto_command("paint", "photo.png", "style.png", *small, *options[2:], "-o", "other.png")
    assert (result.code, result.err.count("exists")) == (2, 1)
    for name in names:
        (folder / name).unlink()
    result = impasto_command("paint", "photo.png", "style.png", *small, *options[2:], "-o", "other.png")
    assert (result.code, result.err.count("exists")) == (1, 2)
    assert stored_record("other.png").complete
    assert {(folder / name).read_text() for name in ("out.png", *names)} == {"mine"}


def test_full_disk_is_one_sentence(folder, small, impasto_command, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    before = sorted(folder.iterdir())
    result = impasto_command("paint", "photo.png", "style.png", *small, "--quiet")
    assert result.code == 1
    assert result.err.startswith("error: ")
    assert "No space left" in result.err
    assert result.err.count("\n") == 1
    assert sorted(folder.iterdir()) == before


def test_exhausted_memory_leaves_best_picture(folder, small, impasto_command, monkeypatch):
    from impasto.engine.objective import Objective

    original, calls = Objective.value_and_gradient, []

    def run_out(self, image):
        calls.append(1)
        if len(calls) == 4:
            raise MemoryError
        return original(self, image)

    monkeypatch.setattr(Objective, "value_and_gradient", run_out)
    result = impasto_command("paint", "photo.png", "style.png", *small, "--quiet")
    assert result.code == 1
    assert result.err.startswith("error: The memory ran out while painting")
    assert not stored_record("photo-as-style.png").complete
    assert read_picture("photo-as-style.png").size == (72, 96)


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_undecodable_name_is_printed_byte_by_byte(folder, small, capfdbinary):
    name = os.fsdecode(b"odd\xff.png")
    try:
        Path("photo.png").rename(name)
    except OSError:
        pytest.skip("this file system wants text")
    assert main(["paint", name, "style.png", *small]) == 0
    assert capfdbinary.readouterr().out == os.fsencode(folder / os.fsdecode(b"odd\xff-as-style.png")) + b"\n"


def test_paint_reports_slow_files(folder, impasto_command, small, monkeypatch, photo):
    monkeypatch.setattr(slow_files, "PATIENCE", 0.0)
    monkeypatch.setattr(slow_files, "INTERVAL", 0.0)
    monkeypatch.setattr(strip_reducer, "LARGE", 0)
    monkeypatch.setattr(encoding, "LARGE", 0)
    write_picture(folder / "large.png", np.tile(photo, (4, 4, 1)))
    result = impasto_command("paint", "large.png", "style.png", "-o", "out.tif", *small, "--json")
    assert result.code == 0, result.err
    events = [json.loads(line) for line in result.out.splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "reading"
    assert events[0]["path"] == "large.png"
    assert names.index("started") > max(i for i, name in enumerate(names) if name == "reading")
    assert names[-2:] == ["writing", "finished"]
    assert events[-2] == {"event": "writing", "path": "out.tif", "share": 1.0}


@pytest.mark.parametrize(("name", "size"), [("out.webp", "16384"), ("out.jpg", "65501")])
def test_paint_refuses_size_beyond_format_limit(folder, impasto_command, name, size):
    result = impasto_command("paint", "photo.png", "style.png", "-o", name, "--size", size)
    assert result.code == 2
    assert name in result.err
    assert "cannot have a side longer than" in result.err
    assert result.err.count("\n") == 1


def test_paint_checks_original_size_before_painting(folder, impasto_command, small, monkeypatch):
    monkeypatch.setitem(formats.LONGEST_SIDE, "JPEG", 90)
    result = impasto_command("paint", "photo.png", "style.png", "-o", "out.jpg", *small, "--size", "original")
    assert result.code == 2
    assert "longer than 90 pixels" in result.err
    assert "octave" not in result.err
    assert not (folder / "out.jpg").exists()
