"""Collecting of pictures from files, folders and patterns."""

from __future__ import annotations

import pytest

from impasto.batches.collecting import collect
from impasto.errors import PictureError
from impasto.pictures import write_picture


@pytest.fixture
def album(tmp_path, photo):
    folder = tmp_path / "album"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.png", "a.jpg"):
        write_picture(folder / name, photo)
    write_picture(folder / "painted.png", photo, record='{"complete": true}')
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "damaged.jpg").write_bytes(b"")
    (folder / "unnamed").write_bytes((folder / "b.png").read_bytes())
    return folder


def test_folder_gives_its_pictures_and_remarks(album):
    found = collect([album])
    assert [path.name for path in found.paths] == ["a.jpg", "b.png", "damaged.jpg", "unnamed"]
    assert len(found.remarks) == 2
    assert "not pictures: notes.txt." in found.remarks[0]
    assert "painted.png" in found.remarks[1]


def test_named_files_and_patterns_are_found(album):
    found = collect([album / "painted.png", str(album / "*.jpg")])
    assert [path.name for path in found.paths] == ["painted.png", "a.jpg", "damaged.jpg"]
    assert found.remarks == ()


def test_file_with_brackets_in_its_name_is_found(album):
    (album / "a[1].jpg").write_bytes((album / "a.jpg").read_bytes())
    assert [path.name for path in collect([album / "a[1].jpg"]).paths] == ["a[1].jpg"]


@pytest.mark.parametrize("name", ["nothing.png", "*.webp", "deeper"])
def test_names_without_pictures_are_refused(album, name):
    with pytest.raises(PictureError, match=r"no picture|No file"):
        collect([album / name])
