"""``impasto demo``, and its gallery."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from impasto.demo import STYLE_NAMES, gallery
from impasto.runs.repeating import stored_record


@pytest.fixture
def quick_styles(monkeypatch, style):
    """Replace the drawing of styles by a ready picture."""
    monkeypatch.setattr(gallery, "draw_style", lambda name: style)


def test_demo_replaces_its_own_files(tmp_path, tiny_encoder, quick_styles, impasto_command):
    small = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--out", tmp_path / "new" / "demo"]
    for _ in range(2):
        result = impasto_command("demo", "--style", "mosaic", *small)
        assert result.code == 0
    photo = gallery.PAIRS["mosaic"]
    painted = tmp_path / "new" / "demo" / f"{photo}-as-mosaic.png"
    assert result.out == f"{painted}\n"
    assert sorted(path.name for path in painted.parent.iterdir()) == sorted(
        [f"{photo}.png", "mosaic.png", f"{photo}-as-mosaic.png", f"{photo}-as-mosaic-sheet.png"]
    )
    assert stored_record(painted).styles[0].path == "mosaic.png"
    (painted.parent / f"{photo}-as-mosaic-sheet.png").unlink()
    assert impasto_command("again", painted).code == 0


@pytest.mark.parametrize("name", ["chelsea.png", "mosaic.png", "chelsea-as-mosaic.png", "chelsea-as-mosaic-sheet.png"])
def test_demo_refuses_to_replace_other_files(tmp_path, tiny_encoder, quick_styles, impasto_command, name):
    Image.new("RGB", (60, 50), "red").save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    small = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--out", tmp_path]
    result = impasto_command("demo", "--style", "mosaic", *small)
    assert (result.code, result.out) == (2, "")
    assert "is none of the demonstration's: name another folder" in result.err
    assert (tmp_path / name).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_demo_paints_all_styles(tmp_path, tiny_encoder, quick_styles, impasto_command):
    small = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--out", tmp_path, "--quiet"]
    assert impasto_command("demo", "--style", "all", *small).code == 0
    for style, photo in gallery.PAIRS.items():
        assert (tmp_path / f"{photo}-as-{style}.png").exists()
        assert (tmp_path / f"{photo}-as-{style}-sheet.png").exists()


def test_demo_refuses_mistakes(tmp_path, impasto_command, monkeypatch):
    assert "swirls" in impasto_command("demo", "--style", "cubism").err
    (tmp_path / "file").touch()
    result = impasto_command("demo", "--out", tmp_path / "file")
    assert result.code == 2
    assert "--out" in result.err
    monkeypatch.setattr(gallery, "find_spec", lambda name: None)
    result = impasto_command("demo", "--out", tmp_path / "demo")
    assert result.code == 2
    assert 'pip install "impasto[demo]"' in result.err
    assert not (tmp_path / "demo").exists()


def test_gallery_photos_are_floats_in_range():
    assert set(gallery.PAIRS) == set(STYLE_NAMES)
    assert set(gallery.PAIRS.values()) <= set(gallery.PHOTO_NAMES)
    for name in gallery.PHOTO_NAMES:
        picture = gallery.photo(name)
        assert picture.dtype == np.float32
        assert picture.ndim == 3
        assert 0 <= picture.min() < picture.max() <= 1
    with pytest.raises(ValueError, match="no photograph"):
        gallery.photo("nobody")
    with pytest.raises(ValueError, match="no style"):
        gallery.draw_style("cubism")


@pytest.mark.parametrize("name", STYLE_NAMES)
def test_gallery_draws_styles_of_given_size(name):
    drawing = gallery.draw_style(name, long_side=96, seed=1)
    assert drawing.dtype == np.float32
    assert max(drawing.shape) == 96
