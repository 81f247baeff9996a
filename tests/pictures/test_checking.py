import errno
import os
from pathlib import Path

import numpy as np
import pytest

from impasto import files
from impasto.errors import PictureError
from impasto.pictures import SUFFIXES, check_output, write_picture
from tests.pictures.samples import assert_one_sentence

PIXELS = np.zeros((2, 2, 3))


def refusal(path, **options):
    with pytest.raises(PictureError) as error:
        check_output(path, **options)
    assert_one_sentence(error.value, files.shown(path))
    return str(error.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_check_output_accepts_new_file(tmp_path, suffix):
    check_output(tmp_path / f"x{suffix}")
    check_output(str(tmp_path / f"x{suffix.upper()}"), force=True, inputs=[tmp_path / "y.png"])
    assert list(tmp_path.iterdir()) == []


def test_check_output_accepts_bare_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_output("x.png")


@pytest.mark.parametrize("name", ["x", "x.bmp", "x.gif", "x.psd"])
def test_check_output_rejects_other_suffixes(tmp_path, name):
    message = refusal(tmp_path / name)
    assert all(suffix in message for suffix in SUFFIXES)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_check_output_rejects_unsupported_depth(tmp_path, suffix):
    assert ".png" in refusal(tmp_path / f"x{suffix}", depth=16)
    check_output(tmp_path / "x.png", depth=16)
    check_output(tmp_path / "x.tif", depth=16)


@pytest.mark.parametrize("force", [False, True])
def test_check_output_rejects_folder(tmp_path, force):
    (tmp_path / "x.png").mkdir()
    assert "folder" in refusal(tmp_path / "x.png", force=force)


def test_check_output_rejects_missing_folder(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none" / "x.png")


def test_check_output_rejects_file_as_folder(tmp_path):
    (tmp_path / "file").touch()
    assert "not a folder" in refusal(tmp_path / "file" / "x.png")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_check_output_rejects_proc():
    assert "takes no files" in refusal("/proc/x.png")


def test_check_output_reports_missing_permission(tmp_path, monkeypatch):
    def refuse(_folder):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("impasto.pictures.checking.try_folder", refuse)
    assert "Permission denied" in refusal(tmp_path / "x.png")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_check_output_rejects_readonly_folder(tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert "takes no files" in refusal(tmp_path / "x.png")
    finally:
        tmp_path.chmod(0o700)


def test_existing_file_requires_force(tmp_path):
    path = tmp_path / "x.png"
    write_picture(path, PIXELS)
    assert "exists" in refusal(path)
    check_output(path, force=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_interrupted_painting_may_be_replaced(tmp_path, suffix):
    write_picture(tmp_path / f"x{suffix}", PIXELS, record='{"complete": false}')
    check_output(tmp_path / f"x{suffix}")


@pytest.mark.parametrize(
    "record",
    [
        None,
        '{"complete": true}',
        "{}",
        '{"complete": null}',
        '{"complete": 0}',
        '{"inner": {"complete": false}}',
        '["complete", false]',
        "no json",
        "[" * 100_000,
        "",
    ],
)
def test_other_records_protect_file(tmp_path, record):
    write_picture(tmp_path / "x.png", PIXELS, record=record)
    assert "exists" in refusal(tmp_path / "x.png")


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\nrubbish"])
def test_other_files_are_protected(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    assert "exists" in refusal(tmp_path / "x.png")


@pytest.mark.parametrize("record", [None, '{"complete": false}'])
@pytest.mark.parametrize("force", [False, True])
def test_inputs_are_never_replaced(tmp_path, monkeypatch, force, record):
    path = tmp_path / "x.png"
    write_picture(path, PIXELS, record=record)
    os.link(path, tmp_path / "hard.png")
    (tmp_path / "soft.png").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    for name in (path, "x.png", tmp_path / "hard.png", tmp_path / "soft.png"):
        for source in (path, Path("x.png"), str(tmp_path / "soft.png")):
            assert "read" in refusal(name, force=force, inputs=[tmp_path / "missing.png", source])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_check_output_rejects_pipe(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    assert "pipe" in refusal(tmp_path / "x.png", force=True)


def test_check_output_accepts_broken_link(tmp_path):
    (tmp_path / "x.png").symlink_to(tmp_path / "y.png")
    check_output(tmp_path / "x.png")
    (tmp_path / "z.png").symlink_to(tmp_path / "none" / "y.png")
    assert "takes no files" in refusal(tmp_path / "z.png")


@pytest.mark.parametrize("name", ["nul\0.png", "x" * 5000 + ".png", "none\n/x.png"])
def test_check_output_rejects_impossible_names(tmp_path, name):
    refusal(tmp_path / name)
