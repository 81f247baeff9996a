import errno
import os
import stat
from pathlib import Path

import pytest

from impasto import files
from impasto.errors import PictureError
from tests.pictures.samples import assert_one_sentence


def test_opened_gives_the_content(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with files.opened(path) as file:
        assert file.read() == b"content"


def test_missing_files_are_refused(tmp_path):
    with pytest.raises(PictureError) as refused, files.opened(tmp_path / "none.png"):
        pass
    assert_one_sentence(refused.value, "none.png", "no picture")


def test_folders_are_refused(tmp_path):
    with pytest.raises(PictureError) as refused, files.opened(tmp_path):
        pass
    assert_one_sentence(refused.value, str(tmp_path), "folder")


def test_empty_files_are_refused(tmp_path):
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(PictureError) as refused, files.opened(path):
        pass
    assert_one_sentence(refused.value, str(path), "empty")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_are_refused_without_waiting(tmp_path):
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    with pytest.raises(PictureError) as refused, files.opened(path):
        pass
    assert_one_sentence(refused.value, str(path), "pipe")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices here")
def test_devices_are_refused():
    with pytest.raises(PictureError) as refused, files.opened(Path("/dev/zero")):
        pass
    assert_one_sentence(refused.value, "/dev/zero", "device")


def test_files_that_may_not_be_read_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "secret.png"
    path.write_bytes(b"content")
    path.chmod(0)
    if os.access(path, os.R_OK):  # the administrator may read everything

        def refuse(*_args, **_options):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError) as refused, files.opened(path):
        pass
    assert_one_sentence(refused.value, str(path), "may not be read")


@pytest.mark.parametrize("name", ["nul\0l.png", "x" * 5000, "new\nline.png"])
def test_impossible_names_are_refused_on_one_line(name):
    with pytest.raises(PictureError) as refused, files.opened(Path(name)):
        pass
    assert_one_sentence(refused.value)


def test_names_are_shown_on_one_line():
    assert files.shown("a b é.png") == "a b é.png"
    assert files.shown("a\nb.png") == r"'a\nb.png'"
    assert files.shown("\udcff.png") == r"'\udcff.png'"


def test_reasons_are_short_lines():
    assert files.reason(OSError(errno.ENOSPC, "No space left on device", "file")) == "No space left on device"
    assert files.reason(ValueError("two\n lines")) == "two lines"
    assert files.reason(ValueError()) == "ValueError"
    assert len(files.reason(ValueError("long " * 100))) == 160


def test_replaces_files_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "out.png"
    files.replace_file(path, b"first")
    files.replace_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_longest_names_are_possible(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    files.replace_file(path, b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.skipif(os.name != "posix", reason="permissions are different elsewhere")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        files.replace_file(tmp_path / "out.png", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) == 0o666 & ~mask


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_links_stay_links(tmp_path):
    (tmp_path / "target").mkdir()
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "target" / "real.png")
    files.replace_file(link, b"content")
    assert link.is_symlink()
    assert (tmp_path / "target" / "real.png").read_bytes() == b"content"


@pytest.mark.parametrize("step", ["fsync", "replace", "interrupt"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
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


def test_a_limit_on_the_size_of_files_is_a_failure_like_any_other(tmp_path):
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


def test_a_missing_folder_is_a_failure(tmp_path):
    with pytest.raises(PictureError) as refused:
        files.replace_file(tmp_path / "none" / "out.png", b"content")
    assert_one_sentence(refused.value, "out.png")


def test_trying_a_folder_leaves_nothing(tmp_path):
    files.try_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError):
        files.try_folder(tmp_path / "none")
