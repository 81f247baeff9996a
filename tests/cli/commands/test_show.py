"""``impasto show``: the strength, and the command that repeats the picture."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest

from impasto.cli.repeat_command import repeating_command
from impasto.painting.record import Record
from impasto.pictures import read_picture, read_record, write_picture
from impasto.settings.making import make_settings, make_texture_settings


@pytest.fixture
def tiny(tiny_encoder):
    """Return options for a painting of a moment."""
    return ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--threads", 1, "--precision", "float32"]


def words_of(shown):
    """Return the words of the command at the end of a record's table."""
    return shlex.split(shown.splitlines()[-1])


def test_shown_command_paints_same_picture(folder, tiny, impasto_command):
    write_picture("sky.png", np.repeat(np.linspace(0, 1, 96)[None, :, None], 72, 0).repeat(3, 2).astype(np.float32))
    options = ["--style-weights", "2,1", "--mask", "2=sky.png", "--set", "losses.style.rgb=0", "--strength", "0.7"]
    more = ["--colours-from", "woodcut", "--detail", "0.3", "--depth", "16", "-o", "a picture.png"]
    assert impasto_command("paint", "photo.png", "style.png", "swirls", *tiny, *options, *more).code == 0
    words = words_of(impasto_command("show", "a picture.png").out)
    assert words[:5] == ["impasto", "paint", "photo.png", "style.png", "swirls"]
    assert words[5:7] == ["-o", "a picture-again.png"]
    assert impasto_command(*words[1:]).code == 0
    again = read_picture("a picture-again.png")
    np.testing.assert_array_equal(again.pixels, read_picture("a picture.png").pixels)
    before, after = (json.loads(read_record(name)) for name in ("a picture.png", "a picture-again.png"))
    assert {k: v for k, v in after.items() if k != "seconds"} == {k: v for k, v in before.items() if k != "seconds"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"preset": "fine", "strength": 0.5}, "--preset fine --strength 0.5"),
        ({"optimization": {"iterations": 3, "tolerance": 0.1}}, "--iterations 3 --set optimization.tolerance=0.1"),
        ({"preset": "tutorial", "content_weight": 7}, "--preset tutorial --set content_weight=7.0"),
    ],
)
def test_command_has_options_for_changes_to_preset(changes, words, tmp_path):
    settings = make_settings(**changes)
    record = Record(
        impasto="1", complete=True, settings=settings.model_dump(mode="json", exclude_none=True),
        content={"path": "photo.jpg"}, styles=[{"name": "swirls"}, {}], encoder={"name": settings.encoder, "sha256": ""},
    )  # fmt: skip
    found = shlex.split(repeating_command(tmp_path / "out.png", record))
    start = ["impasto", "paint", str(tmp_path / "photo.jpg"), "swirls", "STYLE", "-o", str(tmp_path / "out-again.png")]
    assert found[:7] == start
    assert sorted(found[7:]) == sorted(words.split())


def test_command_of_texture_starts_from_its_preset(tmp_path):
    settings = make_texture_settings(seamless=True, size="64x48", preset="quick")
    record = Record(
        impasto="1", complete=True, settings=settings.model_dump(mode="json", exclude_none=True),
        styles=[{"name": "swirls"}], encoder={"name": "builtin", "sha256": ""},
    )  # fmt: skip
    words = shlex.split(repeating_command(tmp_path / "out.png", record))
    assert words[:3] == ["impasto", "texture", "swirls"]
    assert words[5:] == ["--preset", "quick", "--size", "64x48", "--seamless"]


def test_show_gives_default_strength_unmarked(folder, tiny, impasto_command):
    assert impasto_command("paint", "photo.png", "swirls", *tiny, "-o", "out.png").code == 0
    assert "\n  strength                     0.5\n" in impasto_command("show", "out.png").out
    assert impasto_command("texture", "swirls", *tiny, "-o", "texture.png").code == 0
    assert "strength " not in impasto_command("show", "texture.png").out


def test_show_json_leaves_out_unknown_strength(folder, tiny, impasto_command):
    assert impasto_command("texture", "swirls", *tiny, "-o", "texture.png").code == 0
    shown = json.loads(impasto_command("show", "texture.png", "--json").out)
    assert "strength" not in shown
    assert shown["command"].startswith("impasto texture swirls -o texture-again.png ")


@pytest.mark.parametrize("text", ['{"grid": true}', "[1]", "damaged"])
def test_show_json_prints_other_records_as_stored(text, folder, photo, impasto_command):
    write_picture("other.png", photo, record=text)
    assert impasto_command("show", "other.png", "--json").out == text + "\n"
    assert impasto_command("show", "other.png").code == 2


def test_long_default_name_is_shortened(folder, tiny, impasto_command):
    names = [f"{'ü' * 120}{letter}.png" for letter in "ab"]
    for name in names:
        (folder / name).write_bytes((folder / "photo.png").read_bytes())
        assert impasto_command("paint", name, "swirls", *tiny).code == 0
    painted = [path.name for path in folder.iterdir() if path.name not in (*names, "photo.png", "style.png")]
    assert len(painted) == 2
    assert all(len(name.encode()) <= 255 and name.endswith(".png") for name in painted)
