"""``--watch`` on terminals that show pictures, and ``--live``."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import sys
import termios
import time

import pytest

from impasto.pictures import read_picture
from tests.cli.test_closed_terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a Linux pseudo-terminal")

SIXEL = (b"\x1b[c", b"\x1b[?62;4;22c")
NO_SIXEL = (b"\x1b[c", b"\x1b[?62;22c")
KITTY = (b"a=q", b"\x1b_Gi=31;OK\x1b\\")


class PictureTerminal(Terminal):
    """A terminal of 24 lines of 80 columns that answers questions about its abilities."""

    def __init__(self, *command, answers):
        super().__init__(*command)
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 800, 480))
        self._answers = list(answers)

    def read_all(self):
        """Answer and read until the command ends; return its exit code."""
        while True:
            try:
                self.shown += os.read(self.ours, 65536)
            except OSError:  # the command has ended
                return self.child.wait(timeout=60)
            for question, answer in self._answers:
                if question in self.shown:
                    os.write(self.ours, answer)
                    self._answers.remove((question, answer))
                    break


@pytest.fixture
def watch(folder, small):
    """Return a function that paints on a terminal with ``--watch``, and returns what the terminal received."""

    def paint(*answers):
        terminal = PictureTerminal(
            sys.executable, "-m", "impasto", "paint", "photo.png", "style.png", *small, "--force", "--watch",
            answers=answers,
        )  # fmt: skip
        assert terminal.read_all() == 0
        os.close(terminal.ours)
        assert (folder / "photo-as-style.png").exists()
        return terminal.shown

    return paint


def test_watch_draws_sixel_pictures(watch):
    shown = watch(SIXEL)
    pictures = re.findall(rb"\x1bP[\d;]*q.*?\x1b\\", shown, re.DOTALL)
    assert len(pictures) >= 2  # at least one while painting, and the painting
    assert b"shows no pictures" not in shown
    assert b"photo.png in the style of style.png, 96 px, to photo-as-style.png" in shown


def test_watch_draws_pictures_of_kitty(watch):
    shown = watch(NO_SIXEL, KITTY)
    sent = set(re.findall(rb"\x1b_Gi=(\d+),m=0,f=100", shown)) | set(re.findall(rb"\x1b_Gi=(\d+),m=1,f=100", shown))
    deleted = set(re.findall(rb"\x1b_Ga=d,I=(\d+)", shown))
    assert len(sent) >= 2
    assert len(sent - deleted) == 1  # the painting stays


def test_watch_notes_terminal_without_pictures(watch):
    shown = watch(NO_SIXEL)
    assert b"note: This terminal shows no pictures" in shown
    assert b"\x1bP" not in shown
    assert b"painted in" in shown


def test_watch_without_library_is_refused(folder, small, impasto_command, monkeypatch):
    monkeypatch.setitem(sys.modules, "textual_image", None)
    result = impasto_command("paint", "photo.png", "style.png", *small, "--watch")
    assert result.code == 2
    assert 'pip install "impasto[watch]"' in result.err


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_watch_excludes_silence_and_json(folder, small, impasto_command, option):
    result = impasto_command("paint", "photo.png", "style.png", *small, "--watch", option)
    assert (result.code, result.err) == (2, f"error: --watch excludes {option}: leave one of them out.\n")


def test_live_shows_painting_and_result(folder, small, impasto_command):
    result = impasto_command("paint", "photo.png", "style.png", *small, "--live", "live.html")
    assert result.code == 0
    assert "photo.png in the style of style.png" in (folder / "live.html").read_text()
    difference = read_picture("live.jpg").pixels - read_picture("photo-as-style.png").pixels
    assert abs(difference).mean() < 0.03  # of JPEG
    begun = time.time_ns()
    assert impasto_command("again", "photo-as-style.png", "--live", "live.jpg").code == 0
    assert (folder / "live.jpg").stat().st_mtime_ns > begun
    again = impasto_command("again", "photo-as-style.png", "-o", "new.png", "--live", "photo-as-style.png")
    assert (again.code, (folder / "new.png").exists()) == (2, False)
