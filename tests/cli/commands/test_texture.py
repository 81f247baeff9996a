"""``impasto texture``, and strokes and colours of different pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto.painting.events import Iteration
from impasto.pictures import read_picture, write_picture
from impasto.runs.checkpoints.folder import remember
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.repeating import stored_record
from tests.helpers import smooth_picture


@pytest.fixture
def tiny(folder, tiny_encoder):
    """Write a second painting, and return options for a texture that takes half a second."""
    write_picture("other.png", smooth_picture(60, 60, seed=6) * np.array([0.8, 0.3, 0.2], np.float32))
    options = ["--encoder", tiny_encoder, "--threads", 1, "--size", "64x48", "--iterations", 2]
    return [*options, "--set", "optimization.coarse_factor=1"]


def test_texture_is_written_beside_painting(folder, tiny, impasto_command):
    result = impasto_command("texture", "style.png", *tiny)
    assert result.code == 0
    assert result.out == f"{folder / 'style-texture.png'}\n"
    first, second = result.err.splitlines()[:2]
    assert first == "texture in the style of style.png, 64x48 px, to style-texture.png"
    assert second.startswith("painting 64×48 px in 1 octave on cpu")
    assert read_picture("style-texture.png").size == (48, 64)
    record = stored_record("style-texture.png")
    assert record.content is None
    assert record.complete
    assert impasto_command("texture", "style.png", *tiny).code == 2  # it exists


def test_texture_works_with_extras_again_and_show(folder, tiny, impasto_command):
    extras = ["--sheet", "sheet.png", "--stages", "stages.png", "--history", "history.csv", "--depth", 16, "--seed", 3]
    result = impasto_command(
        "texture", "style.png", "other.png", *tiny, "--seamless", *extras, "--style-weights", "2,1"
    )
    assert result.code == 0
    made = folder / "style+other-texture.png"
    assert read_picture(made).depth == 16
    assert read_picture("sheet.png").width > 2 * 64 + 2 * 60  # two paintings, and the texture tiled
    assert impasto_command("again", made, "-o", "again.png").code == 0
    np.testing.assert_array_equal(read_picture("again.png").pixels, read_picture(made).pixels)
    shown = impasto_command("show", made).out
    assert "content " not in shown.split("settings")[0]
    assert "* seamless" in shown
    assert impasto_command("again", made, "-o", "more.png", "--content", "photo.png").code == 2
    assert impasto_command("again", made, "-o", "small.png", "--size", 32, "--preset", "quick").code == 0
    assert read_picture("small.png").size == (32, 32)


def test_texture_explains_plan_and_prints_events(folder, tiny, impasto_command):
    assert "64×48" in impasto_command("texture", "style.png", *tiny, "--explain").out
    assert not Path("style-texture.png").exists()
    events = [json.loads(x) for x in impasto_command("texture", "style.png", *tiny, "--json").out.splitlines()]
    assert [event["event"] for event in events] == ["started", "octave", "iteration", "iteration", "finished"]


def test_resumed_texture_equals_uninterrupted_one(folder, tiny, impasto_command):
    options = {"encoder": str(tiny[1]), "threads": 1, "size": (64, 48), "optimization": {"iterations": 3}}
    painter = impasto.make_texture_painter("style.png", **options, seamless=True)
    with impasto.CheckpointWriter("run", least_seconds=0, times_writing=0) as writer:
        for event in painter:
            writer.see(event)
            if isinstance(event, Iteration) and event.iteration == 2:
                painter.stop()
    remember(Slot("run"))
    assert "64×48" in impasto_command("runs").out
    assert json.loads(impasto_command("runs", "--json").out.splitlines()[0])["content"] is None
    assert impasto_command("resume", "run", "-o", "resumed.png").code == 0
    whole = impasto.texture("style.png", **options, seamless=True).save("whole.png")
    np.testing.assert_array_equal(read_picture("resumed.png").pixels, read_picture(whole).pixels)


def test_vary_accepts_texture(folder, tiny, impasto_command):
    assert impasto_command("texture", "style.png", *tiny, "-o", "made.png").code == 0
    assert impasto_command("vary", "made.png", "--set", "seed=1,2", "--keep", "kept").code == 0
    assert stored_record("kept/made-seed=2.png").content is None


@pytest.mark.parametrize("command", [("paint", "photo.png"), ("texture",)])
def test_strokes_and_colours_come_from_different_paintings(folder, tiny, impasto_command, command):
    size = ["--size", 64] if command[0] == "paint" else []
    pairs = [
        ("style.png", "--colours-from", "other.png"),
        ("other.png", "--texture-from", "style.png"),
        ("--texture-from", "style.png", "--colours-from", "other.png"),
    ]
    for number, sources in enumerate(pairs):
        assert impasto_command(*command, *sources, *tiny, *size, "-o", f"{number}.png").code == 0
        record = stored_record(f"{number}.png")
        assert [source.path for source in (*record.styles, record.named["colours_from"])] == ["style.png", "other.png"]
    pictures = [read_picture(f"{number}.png").pixels for number in range(3)]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_array_equal(pictures[0], pictures[2])
    assert impasto_command("again", "1.png", "-o", "again.png").code == 0
    np.testing.assert_array_equal(read_picture("again.png").pixels, pictures[0])
    assert re.search(r"colours_from\s+other\.png\s+\([0-9a-f]{12}\)", impasto_command("show", "0.png").out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("texture",), "There is no style"),
        (("paint", "photo.png"), "There is no style"),
        (
            ("paint", "photo.png", "style.png", "other.png", "--texture-from", "other.png"),
            "one STYLE gives the colours",
        ),
        (("texture", "--texture-from", "other.png"), "one STYLE gives the colours, and there are 0"),
        (
            ("texture", "style.png", "--texture-from", "other.png", "--colours-from", "other.png"),
            "nothing is left for STYLE",
        ),
        (("paint", "photo.png", "style.png", "--colours-from", "other.png", "--colour", "match"), "exclude each other"),
        (("texture", "style.png", "--colour", "keep"), "a texture has none"),
        (("texture", "style.png", "--size", "original"), "no photograph to take its size from"),
        (("texture", "style.png", "--init", "content"), "no photograph to begin from"),
        (("texture", "style.png", "--size", "64x"), "size = '64x'"),
        (("texture", "style.png", "--set", "strength=0.5"), "there is no strength"),
        (("texture", "style.png", "--colours-from", "nowhere.png"), "nowhere.png"),
        (("texture", "style.png", "-o", "other.png", "--colours-from", "other.png", "--force"), "other.png"),
        (("paint", "photo.png", "style.png", "--size", "64x48"), "is for textures"),
        (("paint", "photo.png", "style.png", "--set", "seamless=true"), "Only a texture can be seamless"),
        (("batch", "photo.png", "--style", "style.png", "--out", "out", "--size", "64x48"), "is for textures"),
    ],
)
def test_texture_refuses_mistakes(folder, tiny, impasto_command, arguments, words):
    result = impasto_command(*arguments)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert words in result.err


def test_masks_place_styles_in_texture(folder, tiny, impasto_command):
    write_picture("left.png", np.repeat((np.arange(64) < 32)[None, :, None] * np.ones(3, np.float32), 48, axis=0))
    write_picture("part.png", np.repeat((np.arange(60) < 30)[:, None, None] * np.ones(3, np.float32), 60, axis=1))
    masks = ["--mask", "2=left.png", "--style-mask", "2=part.png", "--colours-from", "photo.png"]
    assert impasto_command("texture", "style.png", "other.png", *tiny, "--seamless", *masks, "-o", "a.png").code == 0
    assert list(stored_record("a.png").named) == ["colours_from", "masks.2", "style_masks.2"]
    assert impasto_command("again", "a.png", "-o", "b.png").code == 0
    np.testing.assert_array_equal(read_picture("b.png").pixels, read_picture("a.png").pixels)
    assert impasto_command("again", "a.png", "--colours-from", "none", "--mask", "2=none", "-o", "c.png").code == 0
    assert list(stored_record("c.png").named) == ["style_masks.2"]
    assert np.abs(read_picture("c.png").pixels - read_picture("a.png").pixels).mean() > 0.05


@pytest.mark.parametrize("value", ["left.png", "faces"])
def test_texture_refuses_protection(folder, tiny, impasto_command, value):
    write_picture("left.png", smooth_picture(48, 64))
    for options in (["--protect", value], ["--set", f"protect={value}"]):
        result = impasto_command("texture", "style.png", *tiny, *options)
        assert result.code == 2
        assert "protect" in result.err
        assert result.err.count("\n") == 1
    assert impasto_command("texture", "style.png", *tiny, "-o", "a.png").code == 0
    result = impasto_command("again", "a.png", "--protect", value, "-o", "b.png")
    assert (result.code, result.err) == (
        2,
        "error: A texture has no photograph that could stay: leave out --protect.\n",
    )
