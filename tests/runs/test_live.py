"""The picture that is rewritten while a run paints."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from impasto.engine.loss import Loss
from impasto.errors import PictureError
from impasto.painting.events import Announced, Iteration, Started
from impasto.painting.octaves import Octave
from impasto.pictures import read_picture, write_picture
from impasto.runs import live
from impasto.runs.listener import ListenerGroup, Outcome, SilentListener
from impasto.runs.live import LiveFiles, LivePicture
from impasto.runs.repeating import stored_record

OCTAVES = (Octave(32, 48, 5), Octave(64, 96, 5))


class Notes(SilentListener):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def now(monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(live.time, "monotonic", lambda: now.value)
    return now


def iteration(grey, number=1):
    image = np.full((32, 48, 3), grey, np.float32)
    return Iteration(1, number, 5, Loss(1.0, 0.0, 0.0, 0.0), 0.25, 1.0, 12.3, lambda: image)


def begin(path, listener=None):
    picture = LivePicture(LiveFiles.named(path), listener or Notes())
    picture.on_event(Announced("a & b.jpg", ("swirls",), 96, "out.png"))
    picture.on_event(Started(OCTAVES, "cpu", 1, "builtin"))
    return picture


def grey_of(path):
    picture = read_picture(path)
    assert picture.size == (64, 96)  # of the last octave, from the first version on
    return float(picture.pixels.mean())


def test_live_picture_is_rewritten_once_a_second(tmp_path, now):
    path = tmp_path / "live.png"
    picture = begin(path)
    for number, grey in enumerate((0.2, 0.4, 0.6, 0.8)):
        picture.on_event(iteration(grey, number + 1))
        assert grey_of(path) == pytest.approx((0.2, 0.2, 0.6, 0.6)[number], abs=0.01)
        now.value += 0.6
    assert sorted(tmp_path.iterdir()) == [path]


def test_slow_live_picture_takes_little_of_the_time(tmp_path, now, monkeypatch):
    def slow(*arguments, **options):
        now.value += 2.0
        write_picture(*arguments, **options)

    monkeypatch.setattr(live, "write_picture", slow)
    picture = begin(tmp_path / "live.png")
    written = []
    for number in range(100):
        before = now.value
        picture.on_event(iteration(0.5, number))
        written.append(now.value > before)
        now.value += 1.0
    assert 1 < sum(written) <= 4


def test_live_page_reloads_until_the_end(tmp_path, now):
    path = tmp_path / "live.html"
    picture = begin(path)
    picture.on_event(iteration(0.2))
    first = path.read_text()
    assert '<meta http-equiv="refresh" content="1">' in first
    assert "a &amp; b.jpg in the style of swirls" in first
    assert "25% painted, about 12 s left" in first
    now.value += 2
    picture.on_event(iteration(0.6))
    assert re.findall(r'src="live.jpg\?(\d)"', first + path.read_text()) == ["1", "2"]
    painting = SimpleNamespace(array=np.full((64, 96, 3), 0.9, np.float32), alpha=None, complete=True)
    picture.on_finished(Outcome(painting, {}))
    assert "refresh" not in path.read_text()
    assert "finished" in path.read_text()
    assert grey_of(tmp_path / "live.jpg") == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (99.2, ", about 99 s left"), (5400.0, ", about 90 min left")]
)
def test_live_page_tells_time_left(seconds, words):
    assert live._left(seconds) == words


def test_live_files_replace_only_earlier_ones(tmp_path, now):
    path = tmp_path / "live.html"
    files = LiveFiles.named(path)
    files.check([], force=False)
    begin(path).on_event(iteration(0.2))
    files.check([], force=False)
    with pytest.raises(PictureError, match="in progress"):
        stored_record(tmp_path / "live.jpg")
    path.write_text("<html>mine</html>")
    with pytest.raises(PictureError, match="exists already"):
        files.check([], force=False)
    files.check([], force=True)
    write_picture(tmp_path / "live.jpg", np.zeros((9, 9, 3), np.float32))
    with pytest.raises(PictureError, match="exists already"):
        LiveFiles.named(tmp_path / "live.jpg").check([], force=False)
    with pytest.raises(PictureError, match="as another file"):
        LiveFiles.named(tmp_path / "out.png").check([tmp_path / "out.png"], force=True)


def test_failure_of_live_picture_is_noted_once(tmp_path, now):
    notes = Notes()
    picture = begin(tmp_path / "missing" / "live.png", notes)
    for _ in range(3):
        picture.on_event(iteration(0.5))
        now.value += 9
    assert len(notes.notes) == 1
    assert notes.notes[0].startswith("The live picture ends here, and painting goes on: ")


def test_listener_group_passes_everything_in_order():
    class Recorder:
        def __init__(self, name):
            self.name = name

        def __getattr__(self, method):
            return lambda *_: calls.append((method, self.name))

        def __enter__(self):
            calls.append(("enter", self.name))

        def __exit__(self, *_):
            calls.append(("exit", self.name))

    calls = []
    group = ListenerGroup(Recorder("a"), Recorder("b"))
    with group:
        group.on_event(Started(OCTAVES, "cpu", 1, "builtin"))
        group.note("text")
        group.on_stop()
    group.on_finished(None)
    methods = ("enter", "on_event", "note", "on_stop", "exit", "on_finished")
    assert calls == [(method, name) for method in methods for name in "ab"]
