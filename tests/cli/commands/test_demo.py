"""``impasto demo``."""

from __future__ import annotations

import pytest
from PIL import Image

from impasto.runs.repeating import stored_record
from impasto.samples import PHOTO_OF_STYLE, photos


def test_demo_replaces_its_own_files(tmp_path, tiny_encoder, impasto_command):
    small = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--out", tmp_path / "new" / "demo"]
    for _ in range(2):
        result = impasto_command("demo", "--style", "mosaic", *small)
        assert result.code == 0
    photo = PHOTO_OF_STYLE["mosaic"]
    painted = tmp_path / "new" / "demo" / f"{photo}-as-mosaic.png"
    assert result.out == f"{painted}\n"
    assert sorted(path.name for path in painted.parent.iterdir()) == sorted(
        [f"{photo}.png", "mosaic.png", f"{photo}-as-mosaic.png", f"{photo}-as-mosaic-sheet.png"]
    )
    assert stored_record(painted).styles[0].path == "mosaic.png"
    (painted.parent / f"{photo}-as-mosaic-sheet.png").unlink()
    assert impasto_command("again", painted).code == 0


@pytest.mark.parametrize("name", ["chelsea.png", "mosaic.png", "chelsea-as-mosaic.png", "chelsea-as-mosaic-sheet.png"])
def test_demo_refuses_to_replace_other_files(tmp_path, tiny_encoder, impasto_command, name):
    Image.new("RGB", (60, 50), "red").save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    small = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--out", tmp_path]
    result = impasto_command("demo", "--style", "mosaic", *small)
    assert (result.code, result.out) == (2, "")
    assert "is none of the demonstration's: name another folder" in result.err
    assert (tmp_path / name).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_demo_paints_all_styles(tmp_path, tiny_encoder, impasto_command):
    small = ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--out", tmp_path, "--quiet"]
    assert impasto_command("demo", "--style", "all", *small).code == 0
    for style, photo in PHOTO_OF_STYLE.items():
        assert (tmp_path / f"{photo}-as-{style}.png").exists()
        assert (tmp_path / f"{photo}-as-{style}-sheet.png").exists()


def test_demo_refuses_mistakes(tmp_path, impasto_command, monkeypatch):
    assert "swirls" in impasto_command("demo", "--style", "cubism").err
    (tmp_path / "file").touch()
    result = impasto_command("demo", "--out", tmp_path / "file")
    assert result.code == 2
    assert "--out" in result.err
    monkeypatch.setattr(photos, "find_spec", lambda name: None)
    result = impasto_command("demo", "--out", tmp_path / "demo")
    assert result.code == 2
    assert 'pip install "impasto[demo]"' in result.err
    assert not (tmp_path / "demo").exists()
