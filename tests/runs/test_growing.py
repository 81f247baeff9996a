"""Repeats at a larger size, which go on from the composition of the painted picture."""

from __future__ import annotations

import json

import pytest

import impasto
from impasto.errors import PictureError
from impasto.painting.octaves import Octave
from impasto.pictures import read_record, write_picture
from impasto.runs.repeating import prepare, stored_record
from tests.helpers import smooth_picture


@pytest.fixture
def painted(tmp_path, photo, style, tiny_encoder):
    """Return a painting of 64 px beside its sources, and a second style."""
    write_picture(tmp_path / "photo.png", photo)
    write_picture(tmp_path / "style.png", style)
    write_picture(tmp_path / "second.png", style[::-1])
    how = {"encoder": str(tiny_encoder), "size": 64, "threads": 1, "device": "cpu", "optimization": {"iterations": 1}}
    impasto.paint(tmp_path / "photo.png", tmp_path / "style.png", **how).save(tmp_path / "out.png")
    return tmp_path / "out.png"


def rewrite(painted, pixels=None, **values):
    """Change values in the record of a picture, and perhaps its pixels."""
    record = json.loads(read_record(painted)) | values
    write_picture(painted, smooth_picture(48, 64) if pixels is None else pixels, record=json.dumps(record))


@pytest.mark.parametrize("changes", [{}, {"memory": "2G", "tile": 64, "threads": 2, "depth": 16, "device": "auto"}])
def test_larger_repeat_grows_from_picture(painted, changes):
    repeat = prepare(painted, changes={"size": 128} | changes)
    assert repeat.settings.grow_from == str(painted)
    (remark,) = repeat.remarks
    assert remark.startswith("Continues from the composition of")
    assert "at 64 px" in remark
    assert repeat.remarks_on(repeat.record.encoder.sha256, "float32") == repeat.remarks


def test_original_size_grows_from_picture(painted):
    assert prepare(painted, changes={"size": "original"}).settings.grow_from == str(painted)


def test_moved_photo_still_grows(painted):
    moved = painted.with_name("moved.png")
    painted.with_name("photo.png").rename(moved)
    assert prepare(painted, content=moved, changes={"size": 128}).settings.grow_from == str(painted)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"strength": 0.7}, "the setting strength changes"),
        ({"optimization": {"iterations": 2}}, "the setting optimization.iterations changes"),
        ({"preset": "fine"}, "the setting preset changes"),
        ({"losses": {"style": {"relu4_1": 0}}}, "the setting losses.style.relu4_1 changes"),
        ({"colour": "keep"}, "the setting colour changes"),
    ],
)
def test_larger_repeat_with_changes_paints_all(painted, changes, reason):
    repeat = prepare(painted, changes={"size": 128} | changes)
    assert repeat.settings.grow_from is None
    assert reason in repeat.remarks[0]


def test_larger_repeat_of_other_pictures_paints_all(painted):
    repeat = prepare(painted, styles=[painted.with_name("second.png")], changes={"size": 128})
    assert repeat.settings.grow_from is None
    assert "other pictures" in repeat.remarks[0]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"complete": False}, "stopped early"),
        ({"settings": {"size": 64, "colour": "palette"}}, "palette"),
        ({"settings": {"size": 64, "preset": "tutorial"}}, "single octave"),
        ({"pixels": smooth_picture(48, 200)}, "shows more than the painting"),
    ],
)
def test_unsuitable_picture_is_not_grown_from(painted, values, reason):
    rewrite(painted, **values)
    repeat = prepare(painted, changes={"size": 128})
    assert repeat.settings.grow_from is None
    assert reason in repeat.remarks[0]


@pytest.mark.parametrize("changes", [{}, {"size": 48}, {"strength": 0.7}, {"size": 128, "grow_from": "none"}])
def test_other_repeats_paint_all_without_remark(painted, changes):
    repeat = prepare(painted, changes=changes)
    assert (repeat.settings.grow_from, repeat.remarks) == (None, ())


@pytest.fixture
def grown(painted):
    """Return a painting of 128 px that grew from the one of 64 px."""
    repeat = prepare(painted, changes={"size": 128})
    painting = impasto.paint(repeat.content, repeat.styles, repeat.settings)
    return painting.save(painted.with_name("grown.png"))


def test_repeat_of_grown_picture_uses_same_file(painted, grown):
    repeat = prepare(grown)
    assert (repeat.settings.grow_from, repeat.remarks) == (str(painted), ())
    assert repeat.plan.octaves == stored_record(grown).octaves
    rewrite(painted)
    with pytest.raises(PictureError, match=r'smaller painting .*changed.*grow_from=.*grow_from="none"'):
        prepare(grown)
    painted.unlink()
    with pytest.raises(PictureError, match=r'smaller painting .*not at.*grow_from=.*grow_from="none"'):
        prepare(grown)
    assert prepare(grown, changes={"grow_from": None}).settings.grow_from is None
    assert prepare(grown, changes={"size": 256}).settings.grow_from == str(grown)


@pytest.mark.parametrize("changes", [{"strength": 0.7}, {"size": 100}])
def test_changed_repeat_of_grown_picture_paints_all(grown, changes):
    repeat = prepare(grown, changes=changes)
    assert repeat.settings.grow_from is None
    assert repeat.plan.octaves == ()


OLD = ({"height": 47, "width": 63, "iterations": 3}, {"height": 48, "width": 64, "iterations": 1, "method": "adam"})


@pytest.mark.parametrize(
    ("changes", "octaves", "tiling"),
    [
        ({}, True, True),
        ({"strength": 0.7, "size": 64, "stroke_size": 2}, True, False),
        ({"memory": "3G"}, True, False),
        ({"optimization": {"iterations": 2}}, False, True),
        ({"optimization": {"max_octaves": 1}}, False, True),
        ({"optimization": {"history": 5}}, True, True),
        ({"size": 100}, False, False),
    ],
)
def test_repeat_keeps_octaves_of_old_record(painted, changes, octaves, tiling):
    rewrite(painted, plan=OLD)
    old = tuple(Octave(**octave) for octave in OLD)
    assert prepare(painted, changes=changes).plan == (old if octaves else (), old if tiling else ())
