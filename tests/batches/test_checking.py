"""Checks of works: finished works and refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto import make_settings
from impasto.batches.checking import check_works, make_folders
from impasto.batches.works import Work
from impasto.errors import EncoderError, PictureError
from impasto.pictures import write_picture
from impasto.settings.making import change_settings
from tests.helpers import smooth_picture


@pytest.fixture
def work(tmp_path, tiny_encoder, monkeypatch) -> Work:
    """Return a work that is done."""
    monkeypatch.chdir(tmp_path)
    write_picture("photo.png", smooth_picture(32, 40, seed=1))
    write_picture("style.png", smooth_picture(32, 32, seed=2))
    (tmp_path / "tiny.safetensors").write_bytes(tiny_encoder.read_bytes())
    settings = make_settings(encoder="tiny.safetensors", size=40, threads=1, optimization={"iterations": 1})
    work = Work(Path("photo.png"), (Path("style.png"),), settings, Path("out.png"))
    impasto.paint(work.content, [*work.styles], settings).save(work.output)
    return work


def test_work_with_same_inputs_and_settings_is_done(work):
    (checked,) = check_works([work])
    assert checked.done
    on_other_machine = change_settings(
        work.settings, threads=2, memory="3G", device="cpu", encoder=str(Path("tiny.safetensors").absolute())
    )
    assert check_works([replace(work, settings=on_other_machine)])[0].done
    assert check_works([replace(work, settings=change_settings(work.settings, strength=0.5))])[0].done


def test_masks_are_compared_by_content(work):
    write_picture("half.png", np.repeat((np.arange(40) < 20)[None, :, None] * np.ones(3, np.float32), 32, axis=0))
    write_picture("other.png", np.repeat((np.arange(40) < 30)[None, :, None] * np.ones(3, np.float32), 32, axis=0))
    masked = replace(work, settings=change_settings(work.settings, protect="half.png"), output=Path("masked.png"))
    assert Path("half.png") in masked.inputs
    impasto.paint(masked.content, [*masked.styles], masked.settings).save(masked.output)
    Path("copy.png").write_bytes(Path("half.png").read_bytes())
    for same in ("half.png", "copy.png"):
        assert check_works([replace(masked, settings=change_settings(masked.settings, protect=same))])[0].done
    for other in ("other.png", "none"):
        with pytest.raises(PictureError, match="from other pictures or settings"):
            check_works([replace(masked, settings=change_settings(masked.settings, protect=other))])
    with pytest.raises(PictureError, match=r"gone\.png"):
        check_works([replace(masked, settings=change_settings(masked.settings, protect="gone.png"))])


@pytest.mark.parametrize("change", ["strength", "nested", "photo", "style", "init", "encoder"])
def test_different_output_is_replaced_only_by_force(work, change):
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
        check_works([work])
    (checked,) = check_works([work], force=True)
    assert (checked.done, checked.replaces) == (False, True)


def test_interrupted_output_is_painted_again(work):
    painting = replace(impasto.paint("photo.png", "style.png", work.settings), complete=False)
    painting.save("out.png", force=True)
    (checked,) = check_works([work])
    assert (checked.done, checked.replaces) == (False, True)


def test_foreign_file_is_replaced_only_by_force(work):
    Path("out.png").write_text("mine")
    with pytest.raises(PictureError, match="not by impasto"):
        check_works([work])
    assert check_works([work], force=True)[0].replaces


def test_colliding_outputs_are_refused(work):
    with pytest.raises(PictureError, match="would both be"):
        check_works([work, replace(work, content=Path("style.png"), output=Path("./out.png"))])
    with pytest.raises(PictureError, match="is one of the pictures"):
        check_works([replace(work, output=Path("style.png"))], force=True)
    with pytest.raises(PictureError, match=r"\.bmp"):
        check_works([replace(work, output=Path("out.bmp"))])


def test_missing_encoder_and_style_are_refused(work):
    Path("tiny.safetensors").unlink()
    with pytest.raises(EncoderError, match="no encoder"):
        check_works([work])
    Path("style.png").unlink()
    with pytest.raises(PictureError, match="style"):
        check_works([work])


def test_unreadable_photos_are_refused_only_if_all_are(work):
    empty = replace(work, content=Path("empty.png"), output=Path("empty-out.png"))
    Path("empty.png").write_bytes(b"")
    assert [w.output for w in check_works([work, empty])] == [work.output, empty.output]
    with pytest.raises(PictureError, match=r"empty\.png is empty"):
        check_works([empty])
    Path("style.png").write_bytes(b"")
    with pytest.raises(PictureError, match=r"style\.png is empty"):
        check_works([work, empty])


def test_work_with_unreadable_photo_is_not_done(work):
    other = replace(work, content=Path("other.png"), output=Path("other-out.png"))
    write_picture(Path("other.png"), smooth_picture(32, 40, seed=8))
    impasto.paint(other.content, [*other.styles], other.settings).save(other.output)
    assert [w.done for w in check_works([work, other])] == [True, True]
    Path("other.png").write_bytes(b"")
    with pytest.raises(PictureError, match=r"other-out\.png exists"):
        check_works([work, other])
    assert check_works([work, other], force=True)[1].replaces


def test_make_folders_creates_or_refuses_folders(work, tmp_path):
    make_folders([replace(work, output=tmp_path / "one" / "two" / "out.png")])
    assert (tmp_path / "one" / "two").is_dir()
    with pytest.raises(PictureError, match="cannot be made"):
        make_folders([replace(work, output=tmp_path / "photo.png" / "out.png")])
