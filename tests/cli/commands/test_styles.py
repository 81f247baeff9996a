"""``impasto styles``, ``impasto sheet``, and styles by name in the other commands."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import impasto
from impasto.painting.events import Iteration
from impasto.pictures import read_picture, read_record, write_picture
from impasto.runs.checkpoints.resuming import StoredRun
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.repeating import prepare, stored_record
from impasto.samples import STYLE_NAMES, style_path
from impasto.styles import lookup


@pytest.fixture(autouse=True)
def own_styles(folder, monkeypatch):
    """Return an empty folder for the user's styles, beside the current folder's pictures."""
    monkeypatch.setenv("IMPASTO_STYLES", str(folder / "own"))
    return folder / "own"


@pytest.fixture
def tiny(tiny_encoder):
    """Return options for a painting of a moment."""
    return ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--threads", 1, "--precision", "float32"]


def test_styles_lists_adds_and_removes(own_styles, impasto_command):
    result = impasto_command("styles", "add", "style.png", "--name", "mine")
    assert (result.code, result.out, result.err) == (0, f"{own_styles / 'mine.png'}\n", "")
    lines = impasto_command("styles").out.splitlines()
    assert [line.split()[0] for line in lines] == [*STYLE_NAMES, "mine"]
    assert lines[-1].endswith(str(own_styles / "mine.png"))
    result = impasto_command("styles", "add", "photo.png", "--name", "mine")
    assert (result.code, result.err) == (2, "error: There is a style mine already: give another --name, or --force.\n")
    assert impasto_command("styles", "add", "photo.png", "--name", "mine", "--force").code == 0
    assert impasto_command("styles", "remove", "mine").code == 0
    assert not list(own_styles.iterdir())
    assert impasto_command("styles", "remove", "mine").code == 2


def test_styles_notes_unreadable_folder(own_styles, impasto_command):
    own_styles.touch()
    result = impasto_command("styles")
    assert (result.code, len(result.out.splitlines())) == (0, 4)
    assert result.err.startswith("note: The styles in ")
    assert result.err.count("\n") == 1


def test_paint_stores_name_and_hash_of_style(tiny, impasto_command):
    assert impasto_command("paint", "photo.png", "swirls", *tiny).code == 0
    stored = json.loads(read_record("photo-as-swirls.png"))
    sha256 = read_picture(style_path("swirls")).sha256
    assert stored["styles"] == [{"path": None, "sha256": sha256, "name": "swirls"}]
    assert set(stored["content"]) == {"path", "sha256"}
    assert "swirls  " in impasto_command("show", "photo-as-swirls.png").out


def test_paint_suggests_similar_name(tiny, impasto_command):
    result = impasto_command("paint", "photo.png", "swrils", *tiny)
    assert result.code == 2
    assert result.err == "error: There is no picture at swrils, and no style of that name: did you mean swirls?\n"


def test_paint_prefers_file_to_name_with_note(folder, tiny, impasto_command):
    shutil.copy("style.png", "swirls")
    result = impasto_command("paint", "photo.png", "swirls", *tiny)
    assert result.code == 0
    assert f"note: swirls is taken as {folder / 'swirls'}, not as the style of that name" in result.err
    assert stored_record("photo-as-swirls.png").styles[0].path == "swirls"


def test_paint_in_python_takes_name(tiny_encoder):
    settings = {"encoder": str(tiny_encoder), "size": 48, "optimization": {"iterations": 1}}
    by_name, by_path = (impasto.paint("photo.png", style, **settings) for style in ("woodcut", style_path("woodcut")))
    np.testing.assert_array_equal(by_name.array, by_path.array)
    assert by_name.styles[0].name == "woodcut"


def test_again_finds_style_in_other_installation(folder, tiny, impasto_command, monkeypatch, tmp_path_factory):
    assert impasto_command("paint", "photo.png", "mosaic", *tiny).code == 0
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "mosaic.jpg"
    shutil.copy(style_path("mosaic"), elsewhere)
    monkeypatch.setattr(lookup, "style_path", lambda name: elsewhere.with_name(f"{name}.jpg"))
    assert prepare("photo-as-mosaic.png").styles == (elsewhere,)
    assert impasto_command("again", "photo-as-mosaic.png").code == 0
    again, first = (read_picture(f"photo-as-mosaic{end}.png").pixels for end in ("-again", ""))
    np.testing.assert_array_equal(again, first)


def test_again_refuses_style_that_changed_or_vanished(tiny, style, impasto_command):
    assert impasto_command("styles", "add", "style.png", "--name", "mine").code == 0
    assert impasto_command("paint", "photo.png", "mine", *tiny).code == 0
    write_picture("other.png", style[::-1])
    assert impasto_command("styles", "add", "other.png", "--name", "mine", "--force").code == 0
    assert "has changed since" in impasto_command("again", "photo-as-mine.png").err
    assert impasto_command("styles", "remove", "mine").code == 0
    result = impasto_command("again", "photo-as-mine.png")
    assert (
        result.err == "error: The style mine is not among the styles any more: add it, or name a file with --style.\n"
    )
    assert impasto_command("again", "photo-as-mine.png", "--style", "woodcut").code == 0
    assert stored_record("photo-as-mine-again.png").styles[0].name == "woodcut"


def test_colours_and_texture_take_names(tiny, impasto_command):
    named = ("--texture-from", "woodcut")
    assert impasto_command("paint", "photo.png", "mosaic", *named, *tiny, "-o", "one.png").code == 0
    record = stored_record("one.png")
    assert (record.styles[0].name, record.named["colours_from"].name) == ("woodcut", "mosaic")
    assert impasto_command("again", "one.png", "-o", "two.png").code == 0
    assert stored_record("two.png").named == record.named
    np.testing.assert_array_equal(read_picture("one.png").pixels, read_picture("two.png").pixels)


def test_texture_of_name_is_written_here(folder, tiny, impasto_command):
    result = impasto_command("texture", "woodcut", *tiny)
    assert (result.code, result.out) == (0, f"{folder / 'woodcut-texture.png'}\n")


def test_checkpoint_resumes_style_by_name(tiny_encoder, impasto_command):
    painter = impasto.make_painter(
        "photo.png", "swirls", encoder=str(tiny_encoder), size=48, optimization={"iterations": 3, "max_octaves": 1}
    )
    with impasto.CheckpointWriter("run.checkpoint", least_seconds=0, least_expected=0) as writer:
        for event in painter:
            writer.see(event)
            if isinstance(event, Iteration):
                painter.stop()
        writer.write_last()
    run = StoredRun(Slot("run.checkpoint"))
    run.close()
    run.slot.release()
    assert [(source.name, source.path) for source in run.state.styles] == [("swirls", None)]
    result = impasto_command("resume", "run.checkpoint", "-o", "resumed.png")
    assert result.code == 0
    assert stored_record("resumed.png").styles[0].name == "swirls"


def test_batch_takes_names_and_recognises_finished(tiny, impasto_command):
    command = ("batch", "photo.png", "--style", "swirls", "--style", "style.png", "--out", "out", *tiny)
    assert impasto_command(*command).out.splitlines()[-1] == "2 painted"
    assert stored_record("out/photo-as-swirls.png").styles[0].name == "swirls"
    assert impasto_command(*command).out.splitlines()[-1] == "2 done before"


def test_batch_prefers_folder_to_name_with_note(folder, impasto_command):
    (folder / "swirls").mkdir()
    shutil.copy("style.png", "swirls/one.png")
    result = impasto_command("batch", "photo.png", "--style", "swirls", "--out", "out", "--dry-run")
    assert "one.png" in result.out
    assert f"note: swirls is taken as {folder / 'swirls'}, not as the style of that name" in result.err


def test_vary_takes_name_in_place_of_style(tiny, impasto_command):
    assert impasto_command("paint", "photo.png", "swirls", *tiny).code == 0
    command = ("vary", "photo-as-swirls.png", "--set", "strength=0,1", "--keep", "kept")
    assert impasto_command(*command, "--style", "mosaic").code == 0
    assert stored_record("kept/photo-as-swirls-strength=0.png").styles[0].name == "mosaic"


def test_sheet_paints_all_styles_quickly(folder, tiny_encoder, impasto_command):
    assert impasto_command("styles", "add", "style.png", "--name", "mine").code == 0
    options = ["--encoder", tiny_encoder, "--size", 48, "--threads", 1, "--set", "optimization.max_octaves=1"]
    result = impasto_command("sheet", "photo.png", "--keep", "kept", *options)
    assert result.code == 0
    assert result.out.splitlines()[-1] == str(folder / "photo-styles.png")
    assert sorted(path.name for path in (folder / "kept").iterdir()) == sorted(
        f"photo-as-{name}.png" for name in (*STYLE_NAMES, "mine")
    )
    record = stored_record("kept/photo-as-swirls.png")
    assert (record.settings["preset"], record.octaves[0].iterations) == ("quick", 13)
    height, width = read_picture("photo-styles.png").size
    assert width > 5 * 48
    assert 36 < height < width


def test_sheet_is_instant_if_nothing_needs_another_preset(folder, impasto_command):
    result = impasto_command(
        "sheet", "photo.png", "--size", 48, "--threads", 1, "--styles", "swirls,mosaic", "--keep", "k"
    )
    assert result.code == 0
    assert result.err.splitlines()[0] == "photo.png in the style of swirls and mosaic, 48 px, to photo-styles.png"
    presets = {stored_record(f"k/photo-as-{name}.png").settings["preset"] for name in ("swirls", "mosaic")}
    assert presets == {"instant"}


def test_sheet_paints_chosen_styles_and_preset(tiny, impasto_command):
    options = ["--styles", "mosaic, style.png", "--preset", "default", "--keep", "kept", "-o", "out.png"]
    assert impasto_command("sheet", "photo.png", *options, *tiny).code == 0
    assert stored_record("kept/photo-as-style.png").settings["preset"] == "default"
    assert stored_record("kept/photo-as-mosaic.png").styles[0].name == "mosaic"
    refused = impasto_command("sheet", "photo.png", *options, *tiny)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "did you mean mosaic?" in impasto_command("sheet", "photo.png", "--styles", "mosaik", *tiny).err
