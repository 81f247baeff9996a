"""What is to be painted, and what is done already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto import make_settings
from impasto.batches.works import Work, combine, fingerprint, make_folders, settle
from impasto.errors import EncoderError, PictureError, SettingsError
from impasto.pictures import write_picture
from impasto.settings.making import change_settings
from tests.helpers import smooth_picture

PHOTOS, STYLES = [Path("a.jpg"), Path("b.jpg")], [Path("s.png"), Path("t.png")]


def named(works):
    return [work.output.name for work in works]


def test_every_pair_or_zipped_or_blended():
    settings = make_settings()
    pairs = combine(PHOTOS, STYLES, settings, Path("out"))
    assert named(pairs) == ["a-as-s.png", "a-as-t.png", "b-as-s.png", "b-as-t.png"]
    assert named(combine(PHOTOS, STYLES, settings, Path("out"), zipped=True)) == ["a-as-s.png", "b-as-t.png"]
    assert named(combine(PHOTOS, STYLES, settings, Path("out"), blend=True)) == ["a-as-s+t.png", "b-as-s+t.png"]
    assert named(combine([*PHOTOS, Path("./a.jpg")], STYLES[:1], settings, Path("out"))) == ["a-as-s.png", "b-as-s.png"]


@pytest.mark.parametrize(
    ("changes", "how", "words"),
    [
        ({}, {"zipped": True, "blend": True}, "exclude"),
        ({"style_weights": (1, 2)}, {}, "style_weights are 2"),
        ({"style_weights": (1,)}, {"blend": True}, "style_weights are 1"),
        ({"masks": {2: "sky.png"}}, {}, r"masks=\{2: …\}"),
        ({}, {"template": "{nothing}.png"}, "nothing"),
    ],
)
def test_what_does_not_fit_is_refused(changes, how, words):
    with pytest.raises(SettingsError, match=words):
        combine(PHOTOS, STYLES, make_settings(**changes), Path("out"), **how)


def test_lengths_that_differ_cannot_be_zipped():
    with pytest.raises(SettingsError, match="2 photographs and 1 styles"):
        combine(PHOTOS, STYLES[:1], make_settings(), Path("out"), zipped=True)


@pytest.fixture
def work(tmp_path, tiny_encoder, monkeypatch) -> Work:
    """A work whose picture is painted."""
    monkeypatch.chdir(tmp_path)
    write_picture("photo.png", smooth_picture(32, 40, seed=1))
    write_picture("style.png", smooth_picture(32, 32, seed=2))
    (tmp_path / "tiny.safetensors").write_bytes(tiny_encoder.read_bytes())
    settings = make_settings(encoder="tiny.safetensors", size=40, threads=1, optimization={"iterations": 1})
    work = Work(Path("photo.png"), (Path("style.png"),), settings, Path("out.png"))
    impasto.paint(work.content, [*work.styles], settings).save(work.output)
    return work


def test_done_is_what_has_the_same_pictures_and_settings(work):
    (settled,) = settle([work])
    assert settled.done
    machinery = change_settings(
        work.settings, threads=2, memory="3G", device="cpu", encoder=str(Path("tiny.safetensors").absolute())
    )
    assert settle([replace(work, settings=machinery)])[0].done
    assert settle([replace(work, settings=change_settings(work.settings, strength=0.5))])[0].done


def test_masks_are_compared_by_their_content(work):
    write_picture("half.png", np.repeat((np.arange(40) < 20)[None, :, None] * np.ones(3, np.float32), 32, axis=0))
    write_picture("other.png", np.repeat((np.arange(40) < 30)[None, :, None] * np.ones(3, np.float32), 32, axis=0))
    masked = replace(work, settings=change_settings(work.settings, protect="half.png"), output=Path("masked.png"))
    assert Path("half.png") in masked.inputs
    impasto.paint(masked.content, [*masked.styles], masked.settings).save(masked.output)
    Path("copy.png").write_bytes(Path("half.png").read_bytes())
    for same in ("half.png", "copy.png"):
        assert settle([replace(masked, settings=change_settings(masked.settings, protect=same))])[0].done
    for other in ("other.png", "none"):
        with pytest.raises(PictureError, match="from other pictures or settings"):
            settle([replace(masked, settings=change_settings(masked.settings, protect=other))])
    with pytest.raises(PictureError, match=r"gone\.png"):
        settle([replace(masked, settings=change_settings(masked.settings, protect="gone.png"))])


def test_the_words_in_place_of_pictures_count(work):
    kinds = [{}, {"protect": "faces"}, {"init": "noise"}, {"colours_from": "style.png"}, {"init": "style.png"},
             {"masks": {1: "style.png"}}, {"style_masks": {1: "style.png"}}, {"protect": "style.png"}]  # fmt: skip
    works = [replace(work, settings=change_settings(work.settings, **kind)) for kind in kinds]
    assert len({fingerprint(each, lambda path: str(path.name)) for each in works}) == len(kinds)


@pytest.mark.parametrize("change", ["strength", "nested", "photo", "style", "init", "encoder"])
def test_what_changed_is_refused_and_painted_anew_by_force(work, change):
    if change == "strength":
        work = replace(work, settings=change_settings(work.settings, strength=0.6))
    elif change == "nested":
        work = replace(work, settings=change_settings(work.settings, losses={"style": {"relu1_1": 0.5}}))
    elif change == "init":
        write_picture("init.png", smooth_picture(32, 40, seed=3))
        work = replace(work, settings=change_settings(work.settings, init="init.png"))
    else:
        path = Path({"photo": "photo.png", "style": "style.png", "encoder": "tiny.safetensors"}[change])
        path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(PictureError, match="from other pictures or settings"):
        settle([work])
    (settled,) = settle([work], force=True)
    assert (settled.done, settled.replaces) == (False, True)


def test_interrupted_pictures_are_painted_anew(work):
    painting = replace(impasto.paint("photo.png", "style.png", work.settings), complete=False)
    painting.save("out.png", force=True)
    (settled,) = settle([work])
    assert (settled.done, settled.replaces) == (False, True)


def test_files_of_others_are_refused(work):
    Path("out.png").write_text("mine")
    with pytest.raises(PictureError, match="not by impasto"):
        settle([work])
    assert settle([work], force=True)[0].replaces


def test_outputs_that_collide_are_refused(work):
    with pytest.raises(PictureError, match="would both be"):
        settle([work, replace(work, content=Path("style.png"), output=Path("./out.png"))])
    with pytest.raises(PictureError, match="is one of the pictures"):
        settle([replace(work, output=Path("style.png"))], force=True)
    with pytest.raises(PictureError, match=r"\.bmp"):
        settle([replace(work, output=Path("out.bmp"))])


def test_missing_inputs_are_refused(work):
    Path("tiny.safetensors").unlink()
    with pytest.raises(EncoderError, match="no encoder"):
        settle([work])
    Path("style.png").unlink()
    with pytest.raises(PictureError, match="style"):
        settle([work])


def test_one_photo_that_cannot_be_read_is_left_to_fail_and_all_of_them_are_refused(work):
    empty = replace(work, content=Path("empty.png"), output=Path("empty-out.png"))
    Path("empty.png").write_bytes(b"")
    assert [w.output for w in settle([work, empty])] == [work.output, empty.output]
    with pytest.raises(PictureError, match=r"empty\.png is empty"):
        settle([empty])
    Path("style.png").write_bytes(b"")
    with pytest.raises(PictureError, match=r"style\.png is empty"):
        settle([work, empty])


def test_a_picture_whose_photo_cannot_be_read_any_more_is_not_done(work):
    other = replace(work, content=Path("other.png"), output=Path("other-out.png"))
    write_picture(Path("other.png"), smooth_picture(32, 40, seed=8))
    impasto.paint(other.content, [*other.styles], other.settings).save(other.output)
    assert [w.done for w in settle([work, other])] == [True, True]
    Path("other.png").write_bytes(b"")
    with pytest.raises(PictureError, match=r"other-out\.png exists"):
        settle([work, other])
    assert settle([work, other], force=True)[1].replaces


def test_folders_are_made_or_refused(work, tmp_path):
    make_folders([replace(work, output=tmp_path / "one" / "two" / "out.png")])
    assert (tmp_path / "one" / "two").is_dir()
    with pytest.raises(PictureError, match="cannot be made"):
        make_folders([replace(work, output=tmp_path / "photo.png" / "out.png")])
