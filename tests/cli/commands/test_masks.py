"""``--mask``, ``--style-mask`` and ``--protect`` in paint, again, vary and batch."""

from __future__ import annotations

import numpy as np
import pytest

from impasto.pictures import read_picture, write_picture
from impasto.runs.repeating import stored_record

MASKED = ("--mask", "2=masks/left.png", "--style-mask", "1=masks/part.png", "--protect", "masks/face.png")


@pytest.fixture
def masked(folder, small, impasto_command, style):
    """Paint masked.png in two styles with masks of all kinds, and return its path."""
    write_picture(folder / "other.png", style[::-1, ::-1])
    (folder / "masks").mkdir()
    for name, (height, width, end) in {"left": (36, 48, 30), "part": (160, 160, 90), "face": (72, 96, 20)}.items():
        mask = np.repeat((np.arange(width) < end)[None, :, None] * np.ones(3, np.float32), height, axis=0)
        write_picture(folder / "masks" / f"{name}.png", mask)
    command = ("paint", "photo.png", "style.png", "other.png", *small, "--iterations", 4, *MASKED, "-o", "masked.png")
    assert impasto_command(*command).code == 0
    return folder / "masked.png"


def pixels(name):
    return read_picture(name).pixels


def test_masks_are_recorded_and_protected_area_kept(masked, impasto_command):
    record = stored_record(masked)
    assert {name: source.path for name, source in record.named.items()} == {
        "masks.2": "masks/left.png",
        "style_masks.1": "masks/part.png",
        "protect": "masks/face.png",
    }
    assert np.abs(pixels(masked) - pixels("photo.png"))[:, :20].max() < 1 / 255
    assert np.abs(pixels(masked) - pixels("photo.png"))[:, 20:].max() > 0.1
    shown = impasto_command("show", masked).out
    assert all(f"masks/{name}.png" in shown for name in ("left", "part", "face"))


def test_again_keeps_or_removes_masks(masked, impasto_command, monkeypatch):
    (masked.parent / "sub").mkdir()
    monkeypatch.chdir(masked.parent / "sub")
    assert impasto_command("again", masked, "-o", "same.png").code == 0
    np.testing.assert_array_equal(pixels("same.png"), pixels(masked))
    assert stored_record("same.png").named["protect"].path == "../masks/face.png"
    assert impasto_command("again", masked, "--protect", "none", "--mask", "2=none", "-o", "less.png").code == 0
    assert list(stored_record("less.png").named) == ["style_masks.1"]
    assert np.abs(pixels("less.png") - pixels("../photo.png"))[:, :20].max() > 0.05
    result = impasto_command("again", masked, "--style", "../style.png", "-o", "one.png")
    assert result.code == 2
    assert "--mask 2=FILE" in result.err


def test_vary_keeps_masks(masked, impasto_command):
    options = ("--set", "masks.2=masks/left.png,none", "--size", 64, "--keep", "variants")
    assert impasto_command("vary", masked, *options, "-o", "grid.png").code == 0
    first, second = sorted((masked.parent / "variants").iterdir())
    assert {len(stored_record(path).named) for path in (first, second)} == {2, 3}


def test_batch_compares_masks_of_finished_pictures(masked, small, impasto_command):
    command = (
        "batch",
        "photo.png",
        "-s",
        "style.png",
        "-s",
        "other.png",
        "--blend",
        "-o",
        "out",
        *small,
        "--iterations",
        4,
    )
    assert impasto_command(*command, *MASKED).code == 0
    picture = masked.parent / "out" / "photo-as-style+other.png"
    np.testing.assert_array_equal(pixels(picture), pixels(masked))
    written = picture.stat().st_mtime_ns
    assert impasto_command(*command, *MASKED).code == 0
    assert picture.stat().st_mtime_ns == written
    face = masked.parent / "masks" / "face.png"
    face.write_bytes(face.read_bytes() + b"\0")
    result = impasto_command(*command, *MASKED)
    assert result.code == 2
    assert "other pictures or settings" in result.err


def test_explain_checks_masks(masked, small, impasto_command):
    pair = ("photo.png", "style.png", *small, "--explain")
    assert impasto_command("paint", *pair, "--protect", "masks/face.png").code == 0
    assert impasto_command("paint", *pair, "--protect", "masks/part.png").code == 2
