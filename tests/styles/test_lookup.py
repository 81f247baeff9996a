"""Finding styles by file and name."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

import impasto
from impasto.errors import PictureError
from impasto.samples import STYLE_NAMES, style_path
from impasto.styles.changing import add_style
from impasto.styles.lookup import (
    ambiguity,
    check_photo_name,
    find_style,
    style_name,
    style_paths,
    styles_folder as default_folder,
)


@pytest.mark.parametrize("name", STYLE_NAMES)
def test_find_style_finds_samples_by_name(styles_folder, name):
    assert find_style(name) == find_style(Path(name)) == style_path(name)
    assert style_name(style_path(name)) == name


def test_find_style_prefers_existing_file(styles_folder):
    assert ambiguity("swirls") is None
    Path("swirls").touch()
    assert find_style("swirls") == Path("swirls")
    assert ambiguity("swirls") == (
        f"swirls is taken as {Path('swirls').absolute()}, not as the style of that name: rename one of them."
    )
    assert style_name(Path("swirls").absolute()) is None


def test_style_in_place_of_photo_is_refused(styles_folder):
    with pytest.raises(PictureError, match="swirls is a style: name the photograph first"):
        impasto.make_painter("swirls", "photo.jpg")
    check_photo_name("photo.jpg")
    Path("swirls").touch()
    check_photo_name("swirls")


@pytest.mark.parametrize("path", ["nothing.png", "./swirls", "folder/nothing", ".."])
def test_find_style_leaves_paths_to_the_reader(styles_folder, path):
    assert find_style(path) == Path(path)


@pytest.mark.parametrize("name", ["swrils", "Swirls", "swirl", "swirls.jpg"])
def test_find_style_suggests_similar_name(styles_folder, name):
    with pytest.raises(PictureError, match=f"no picture at {name}, and no style of that name: did you mean swirls\\?"):
        find_style(name)


def test_find_style_lists_names_without_similar(styles_folder):
    with pytest.raises(PictureError, match="choose a file, or one of swirls, woodcut, mosaic, pointillism"):
        find_style("cubism")


def test_user_styles_follow_samples_by_name(styles_folder):
    for name in ("monet", "cezanne"):
        add_style(style_path("mosaic"), name)
    (styles_folder / "notes.txt").touch()
    (styles_folder / ".hidden.png").touch()
    (styles_folder / "swirls.png").touch()
    assert list(style_paths()) == [*STYLE_NAMES, "cezanne", "monet"]
    assert find_style("monet") == styles_folder / "monet.jpg"
    assert find_style("swirls") == style_path("swirls")
    assert style_name(styles_folder / "monet.jpg") == "monet"
    assert style_name(styles_folder / "swirls.png") is None


def test_newer_of_two_files_with_one_name_counts(styles_folder):
    styles_folder.mkdir()
    for suffix, seconds in ((".png", 100), (".jpg", 50)):
        (styles_folder / f"monet{suffix}").touch()
        os.utime(styles_folder / f"monet{suffix}", (seconds, seconds))
    assert find_style("monet") == styles_folder / "monet.png"


def test_styles_folder_is_in_user_data(monkeypatch):
    monkeypatch.delenv("IMPASTO_STYLES")
    assert default_folder() == platformdirs.user_data_path("impasto") / "styles"


def test_samples_are_found_without_usable_folder(styles_folder, monkeypatch):
    styles_folder.touch()
    assert list(style_paths()) == list(STYLE_NAMES)
    monkeypatch.setenv("IMPASTO_STYLES", "~nobody-of-this-name/styles")
    assert list(style_paths()) == list(STYLE_NAMES)
    with pytest.raises(PictureError, match="no home folder: name another folder in the environment variable IMPASTO_"):
        default_folder()
