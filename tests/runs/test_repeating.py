"""Finding what a painted picture was made from."""

from __future__ import annotations

import hashlib
import json

import pytest

from impasto.errors import PictureError, SettingsError
from impasto.pictures import write_picture
from impasto.runs.repeating import free_name, prepare, stored_record
from impasto.settings.making import make_settings


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def album(tmp_path, photo, style):
    """Return a folder with a photo, two styles and a subfolder ``painted``; ``store`` paints into it."""
    write_picture(tmp_path / "photo.png", photo)
    write_picture(tmp_path / "style.png", style)
    write_picture(tmp_path / "second.png", style[::-1])
    (tmp_path / "painted").mkdir()
    return tmp_path


def store(album, photo, **changes):
    path = album / "painted" / "out.png"
    record = {
        "impasto": "0.1.0",
        "torch": "2",
        "complete": True,
        "settings": make_settings(size=64, strength=0.3).model_dump(mode="json", exclude_none=True),
        "content": {"path": "../photo.png", "sha256": digest(album / "photo.png")},
        "styles": [{"path": "../style.png", "sha256": digest(album / "style.png")}],
        "encoder": {"name": "builtin", "sha256": "abc"},
        "seconds": 1.0,
        "something new": 1,
    } | changes
    write_picture(path, photo, record=json.dumps(record))
    return path


def test_prepare_finds_sources_relative_to_picture(album, photo, monkeypatch):
    path = store(album, photo)
    monkeypatch.chdir(album / "painted")
    for name in (path, "out.png", "../painted/out.png"):
        repeat = prepare(name)
        assert repeat.content.samefile(album / "photo.png")
        assert [style.samefile(album / "style.png") for style in repeat.styles] == [True]
        assert repeat.settings == make_settings(size=64, strength=0.3)


def test_prepare_merges_changes_into_stored_settings(album, photo):
    path = store(album, photo)
    changes = {"size": 96, "losses": {"style": {"relu3_1": 0}}, "optimization": {"iterations": 3}}
    settings = prepare(path, changes=changes).settings
    assert (settings.size, settings.strength, settings.optimization.iterations) == (96, 0.3, 3)
    assert settings.losses.style["relu3_1"] == 0
    assert settings.losses.style["relu4_1"] == make_settings().losses.style["relu4_1"]
    with pytest.raises(SettingsError, match="speed"):
        prepare(path, changes={"speed": 3})


def test_prepare_unsets_strength_or_raw_weights(album, photo):
    path = store(album, photo)
    settings = prepare(path, changes={"style_weight": 7}).settings
    assert (settings.strength, settings.style_weight) == (None, 7)
    raw = make_settings(content_weight=1, style_weight=2).model_dump(mode="json", exclude_none=True)
    settings = prepare(store(album, photo, settings=raw), changes={"strength": 0.6}).settings
    assert (settings.strength, settings.content_weight, settings.style_weight) == (0.6, None, None)


@pytest.mark.parametrize("preset", ["tutorial", "tutorial-core"])
def test_prepare_refuses_strength_over_raw_weights_of_preset(preset, album, photo):
    stored = make_settings(preset=preset, encoder="builtin").model_dump(mode="json", exclude_none=True)
    path = store(album, photo, settings=stored)
    with pytest.raises(SettingsError, match="the tutorial presets give raw weights"):
        prepare(path, changes={"strength": 0.6})
    settings = prepare(path, changes={"strength": 0.6, "preset": "default"}).settings
    assert (settings.strength, settings.content_weight, settings.style_weight) == (0.6, None, None)
    assert make_settings(**settings.model_dump(mode="json", exclude_none=True)) == settings


def test_prepare_ignores_missing_sources_that_are_replaced(album, photo):
    gone = {"path": "../gone.png", "sha256": "0"}
    path = store(album, photo, content=gone, styles=[gone, {"path": None, "sha256": None}])
    repeat = prepare(path, content="a.png", styles=["b.png", "c.png"])
    assert (str(repeat.content), [*map(str, repeat.styles)]) == ("a.png", ["b.png", "c.png"])
    with pytest.raises(PictureError, match=r"gone\.png.*content="):
        prepare(path)
    with pytest.raises(PictureError, match="styles="):
        prepare(path, content="a.png")


@pytest.mark.parametrize(
    ("field", "option"),
    [
        ("content", "content="),
        ("styles", "styles="),
        ("init", "init="),  # as it was stored once
        ("named.init", "init="),
        ("named.colours_from", "colours_from="),
        ("named.style_masks.2", "style_masks={2: …}"),
    ],
)
def test_prepare_refuses_changed_and_in_memory_sources(album, photo, field, option):
    for source, word in (
        ({"path": None, "sha256": "0"}, "memory"),
        ({"path": "../second.png", "sha256": "0"}, "changed"),
    ):
        place, _, name = field.partition(".")
        path = store(album, photo, **{place: {name: source} if name else [source] if place == "styles" else source})
        with pytest.raises(PictureError, match=rf"{word}.*{option}"):
            prepare(path)


def test_prepare_fills_settings_missing_in_old_records(album, photo):
    settings = make_settings(preset="fine", size=64).model_dump(mode="json", exclude_none=True)
    del settings["precision"], settings["borders"], settings["optimization"]["tolerance"]
    del settings["losses"]["style"]["strokes"]
    found = prepare(store(album, photo, settings=settings)).settings
    assert found.losses.style["strokes"] == 0
    assert (found.precision, found.borders) == ("float32", "cut")
    assert (found.optimization.tolerance, found.optimization.iterations) == (0.0, 60)
    found = prepare(store(album, photo, settings=settings), changes={"borders": "mirrored"}).settings
    assert (found.precision, found.borders) == ("float32", "mirrored")


def test_prepare_finds_init_picture_and_encoder(album, photo):
    settings = make_settings(init="second.png", encoder="here.safetensors").model_dump(mode="json", exclude_none=True)
    path = store(
        album,
        photo,
        settings=settings,
        init={"path": "../second.png", "sha256": digest(album / "second.png")},
        encoder={"name": "/there/here.safetensors", "sha256": "abc"},
    )
    repeat = prepare(path)
    assert repeat.settings.init == str(album / "second.png")
    assert repeat.settings.encoder == "/there/here.safetensors"
    assert repeat.remarks_on("abc", "float32") == ()
    (remark,) = repeat.remarks_on("def", "float32")
    assert "encoder" in remark
    (remark,) = repeat.remarks_on("abc", "bfloat16")
    assert 'precision="float32"' in remark
    asked = prepare(path, changes={"precision": "bfloat16"})
    assert asked.remarks_on("abc", "bfloat16") == ()
    changed = prepare(path, changes={"init": "noise", "encoder": "builtin"}).settings
    assert (changed.init, changed.encoder) == ("noise", "builtin")


def test_prepare_finds_masks_unless_replaced(album, photo):
    write_picture(album / "sky.png", photo)
    here = {"path": "../sky.png", "sha256": digest(album / "sky.png")}
    gone = {"path": "../gone.png", "sha256": "0"}
    settings = {"masks": {"1": "sky.png", "2": "gone.png"}, "protect": "sky.png"}
    path = store(album, photo, settings=settings, named={"masks.1": here, "masks.2": gone, "protect": here})
    found = str(album / "sky.png")
    for changes, masks in (
        ({2: "a.png"}, {1: found, 2: "a.png"}),
        ({"2": "none"}, {1: found}),
        (None, {}),
        ("none", {}),
    ):
        repeat = prepare(path, changes={"masks": changes})
        assert repeat.settings.masks == masks
        assert repeat.settings.protect == found
    assert prepare(path, changes={"masks": None, "protect": "none"}).settings.protect is None
    with pytest.raises(PictureError, match=r"mask of style 2 .*gone\.png.*masks={2: …}"):
        prepare(path)
    changed = store(album, photo, settings={"protect": "sky.png"}, named={"protect": here | {"sha256": "0"}})
    with pytest.raises(PictureError, match=r"protected .*changed.*protect="):
        prepare(changed)
    with pytest.raises(PictureError, match="damaged"):
        prepare(store(album, photo, named={"elsewhere": here}))


def test_stored_record_refuses_damaged_records(album, photo, style):
    path = album / "painted" / "bad.png"
    for record in ("{", "[]", "null", "{}", '{"impasto": 1}'):
        write_picture(path, photo, record=record)
        with pytest.raises(PictureError, match="damaged"):
            stored_record(path)
    write_picture(path, photo)
    with pytest.raises(PictureError, match="no record"):
        stored_record(path)
    with pytest.raises(SettingsError, match=r"impasto 9\.9.*speed"):
        prepare(store(album, photo, impasto="9.9", settings={"speed": 3}))


def test_free_name_skips_existing_files(tmp_path):
    path = tmp_path / "a.b.jpg"
    assert free_name(path) == tmp_path / "a.b-again.jpg"
    (tmp_path / "a.b-again.jpg").touch()
    (tmp_path / "a.b-again-2.jpg").symlink_to("nowhere")
    assert free_name(path) == tmp_path / "a.b-again-3.jpg"
