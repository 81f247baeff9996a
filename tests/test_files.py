import errno
import os
import stat
from pathlib import Path

import pytest

from impasto import files
from impasto.errors import PictureError
from tests.pictures.samples import assert_one_sentence


def test_shown_escapes_unprintable_characters():
    assert files.shown("a b é.png") == "a b é.png"
    assert files.shown("a\nb.png") == r"'a\nb.png'"
    assert files.shown("\udcff.png") == r"'\udcff.png'"


def test_reason_is_one_short_line():
    assert files.reason(OSError(errno.ENOSPC, "No space left on device", "file")) == "No space left on device"
    assert files.reason(ValueError("two\n lines")) == "two lines"
    assert files.reason(ValueError()) == "ValueError"
    assert len(files.reason(ValueError("long " * 100))) == 160


def test_replace_file_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "out.png"
    files.replace_file(path, b"first")
    files.replace_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_replace_file_accepts_longest_name(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    files.replace_file(path, b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.skipif(os.name != "posix", reason="permissions are different elsewhere")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_replace_file_follows_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        files.replace_file(tmp_path / "out.png", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) == 0o666 & ~mask


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_replace_file_keeps_symbolic_link(tmp_path):
    (tmp_path / "target").mkdir()
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "target" / "real.png")
    files.replace_file(link, b"content")
    assert link.is_symlink()
    assert (tmp_path / "target" / "real.png").read_bytes() == b"content"


@pytest.mark.parametrize("step", ["fsync", "replace", "interrupt"])
def test_failed_replacement_keeps_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def fail(*_args):
        raise KeyboardInterrupt if step == "interrupt" else OSError(errno.ENOSPC, "No space left on device")

    if step == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    else:
        monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KeyboardInterrupt if step == "interrupt" else PictureError) as refused:
        files.replace_file(path, b"new")
    if step != "interrupt":
        assert_one_sentence(refused.value, str(path), "No space left", "free some space")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_size_limit_raises_picture_error(tmp_path):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    before, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(PictureError) as refused:
            files.replace_file(tmp_path / "out.png", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, action)
    assert_one_sentence(refused.value, "out.png")
    assert list(tmp_path.iterdir()) == []


def test_replace_file_rejects_missing_folder(tmp_path):
    with pytest.raises(PictureError) as refused:
        files.replace_file(tmp_path / "none" / "out.png", b"content")
    assert_one_sentence(refused.value, "out.png")


def test_try_folder_leaves_no_file(tmp_path):
    files.try_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError):
        files.try_folder(tmp_path / "none")
