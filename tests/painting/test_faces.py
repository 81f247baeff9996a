"""Faces: detected in photographs, absent from others, and protected."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import impasto
from impasto import SettingsError
from impasto.painting.faces import Face, face_mask, find_faces
from impasto.pictures import resize, resize_by_area
from impasto.runs.repeating import stored_record


@pytest.fixture
def small(tiny_encoder):
    return {"encoder": str(tiny_encoder), "size": 128, "threads": 1, "device": "cpu", "optimization": {"iterations": 2}}


def photograph(name):
    pytest.importorskip("cv2", reason="the extra `faces` is not installed")
    data = pytest.importorskip("skimage.data")
    return (getattr(data, name)() / 255).astype(np.float32)


def test_face_mask_is_soft_oval():
    mask = face_mask([Face(0.2, 0.2, 0.2), Face(0.6, 0.3, 0.1)], 150, 200)
    assert mask.dtype == np.float32
    assert mask[60, 60] == mask[71, 130] == 1
    assert mask[60, 100] == mask[5, 60] == mask[120, 130] == 0
    assert 0 < ((mask > 0) & (mask < 1)).sum() < (mask == 1).sum()
    assert np.abs(np.diff(face_mask([Face(0.2, 0.2, 0.2)], 150, 200), axis=1)).max() < 0.35
    np.testing.assert_array_equal(face_mask([], 4, 5), np.zeros((4, 5)))
    small = face_mask([Face(0.2, 0.2, 0.2)], 75, 100)
    np.testing.assert_allclose(small, resize_by_area(face_mask([Face(0.2, 0.2, 0.2)], 150, 200), 75, 100), atol=0.05)


@pytest.mark.parametrize("size", [240, 512, 1400])
def test_find_faces_works_at_any_size(size):
    (face,) = find_faces(resize(photograph("astronaut"), size, size))
    centre = face.left + face.side / 2, face.top + face.side / 2
    np.testing.assert_allclose(centre, (0.44, 0.22), atol=0.02)
    assert 0.15 < face.side < 0.25


@pytest.mark.parametrize("name", ["chelsea", "coffee", "rocket"])
def test_photo_without_face_protects_nothing(name, style, small):
    assert find_faces(photograph(name)) == []
    painter = impasto.make_painter(photograph(name), style, **small, protect="faces")
    assert "No face was found" in painter.remarks[-1]
    assert painter.regions.masks == {}


def test_protected_face_stays_and_repeats(style, small, tmp_path):
    photo = photograph("astronaut")
    painter = impasto.make_painter(photo, style, **small, protect="faces")
    assert painter.remarks[-1] == "One face was found and is protected."
    *_, last = painter
    at_size, protection = resize(photo, 128, 128), painter.regions.protection(128, 128)
    np.testing.assert_array_equal(last.painting.array[protection == 1], at_size[protection == 1])
    assert protection[28, 56] == 1
    assert 0.03 < protection.mean() < 0.15
    path = last.painting.save(tmp_path / "a.png")
    record = stored_record(path)
    assert (record.settings["protect"], record.named) == ("faces", {})
    again = impasto.paint(photo, style, last.painting.settings)
    np.testing.assert_array_equal(again.array, last.painting.array)


@pytest.mark.parametrize("module", [None, sys])
def test_missing_detector_is_reported(module, photo, style, small, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", module)  # missing, or a version without detector
    with pytest.raises(SettingsError, match=r"pip install \"impasto\[faces\]\".*protect=FILE"):
        impasto.make_painter(photo, style, **small, protect="faces")
