import errno
import os
import tracemalloc
from pathlib import Path

import pytest

from impasto.errors import PictureError
from impasto.pictures import open_picture
from tests.pictures.samples import assert_one_sentence


def test_open_picture_yields_content(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with open_picture(path) as file:
        assert file.read() == b"content"


def test_open_picture_reserves_only_bytes_left(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    tracemalloc.start()
    try:
        with open_picture(path) as file:
            assert file.read(2) == b"co"
            assert file.read(2**30) == b"ntent"
            assert file.read(2**30) == file.read() == file.read(None) == b""
            file.seek(3)
            assert file.read() == b"tent"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_open_picture_rejects_missing_file(tmp_path):
    with pytest.raises(PictureError) as refused, open_picture(tmp_path / "none.png"):
        pass
    assert_one_sentence(refused.value, "none.png", "no picture")


def test_open_picture_rejects_folder(tmp_path):
    with pytest.raises(PictureError) as refused, open_picture(tmp_path):
        pass
    assert_one_sentence(refused.value, str(tmp_path), "folder")


def test_open_picture_rejects_empty_file(tmp_path):
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(PictureError) as refused, open_picture(path):
        pass
    assert_one_sentence(refused.value, str(path), "empty")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_open_picture_rejects_pipe_without_blocking(tmp_path):
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    with pytest.raises(PictureError) as refused, open_picture(path):
        pass
    assert_one_sentence(refused.value, str(path), "pipe")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices here")
def test_open_picture_rejects_device():
    with pytest.raises(PictureError) as refused, open_picture(Path("/dev/zero")):
        pass
    assert_one_sentence(refused.value, "/dev/zero", "device")


def test_open_picture_rejects_unreadable_file(tmp_path, monkeypatch):
    path = tmp_path / "secret.png"
    path.write_bytes(b"content")
    path.chmod(0)
    if os.access(path, os.R_OK):  # the administrator may read everything

        def refuse(*_args, **_options):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError) as refused, open_picture(path):
        pass
    assert_one_sentence(refused.value, str(path), "may not be read")


@pytest.mark.parametrize("name", ["nul\0l.png", "x" * 5000, "new\nline.png"])
def test_open_picture_rejects_impossible_names(name):
    with pytest.raises(PictureError) as refused, open_picture(Path(name)):
        pass
    assert_one_sentence(refused.value)
