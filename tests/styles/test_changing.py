"""Adding and removing the user's own styles."""

from __future__ import annotations

import pytest

from impasto import files
from impasto.errors import PictureError
from impasto.pictures import write_picture
from impasto.styles.changing import add_style, remove_style
from impasto.styles.lookup import find_style


@pytest.fixture
def picture(styles_folder, style):
    """Write a picture, and return its path."""
    path = styles_folder.parent / "monet.png"
    write_picture(path, style)
    return path


def test_add_style_copies_bytes(styles_folder, picture):
    assert add_style(picture) == styles_folder / "monet.png"
    assert add_style(picture, "Étude-2") == find_style("Étude-2") == styles_folder / "Étude-2.png"
    assert {path.read_bytes() for path in styles_folder.iterdir()} == {picture.read_bytes()}


def test_add_style_takes_suffix_from_content(styles_folder, picture):
    other = picture.rename(picture.with_name("picture.download"))
    assert add_style(other, "monet") == styles_folder / "monet.png"


@pytest.mark.parametrize("name", ["monet", "Monet"])
def test_add_style_replaces_only_with_force(styles_folder, picture, style, name):
    add_style(picture)
    other = picture.with_suffix(".tif")
    write_picture(other, style[::-1])
    with pytest.raises(PictureError, match="a style monet already: give another name=, or force=True"):
        add_style(other, name)
    assert [path.name for path in styles_folder.iterdir()] == ["monet.png"]
    assert add_style(other, name, force=True) == find_style(name)
    assert [path.read_bytes() for path in styles_folder.iterdir()] == [other.read_bytes()]


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "..", "-x", "x" * 61, "two words", "swirls"])
def test_add_style_refuses_name(styles_folder, picture, name):
    with pytest.raises(PictureError, match="give another name="):
        add_style(picture, name)
    assert not styles_folder.exists()


@pytest.mark.parametrize("content", [b"", b"not a picture", None])
def test_add_style_refuses_unreadable_picture(styles_folder, picture, content):
    picture.write_bytes(picture.read_bytes()[:-500] if content is None else content)
    with pytest.raises(PictureError):
        add_style(picture)
    assert not styles_folder.exists()


def test_failed_replacement_keeps_earlier_style(styles_folder, picture, style, monkeypatch):
    add_style(picture)
    earlier = picture.read_bytes()
    write_picture(picture, style[::-1])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(PictureError, match="No space left on device"):
        add_style(picture, force=True)
    assert [path.read_bytes() for path in styles_folder.iterdir()] == [earlier]


def test_add_style_explains_unusable_folder(styles_folder, picture, monkeypatch):
    styles_folder.touch()
    with pytest.raises(PictureError, match="name another folder in the environment variable IMPASTO_STYLES"):
        add_style(picture)
    monkeypatch.setenv("IMPASTO_STYLES", str(styles_folder / "below"))
    with pytest.raises(PictureError, match="name another folder in the environment variable IMPASTO_STYLES"):
        add_style(picture)


def test_remove_style_removes_only_own_styles(styles_folder, picture):
    path = add_style(picture)
    assert remove_style("monet") == path
    assert not path.exists()
    with pytest.raises(PictureError, match="There is no style monet in"):
        remove_style("monet")
    with pytest.raises(PictureError, match="part of impasto"):
        remove_style("swirls")
