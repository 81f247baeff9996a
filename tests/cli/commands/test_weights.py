"""``impasto weights``, and what downloads look like while painting."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from impasto.cli.commands import weights as command
from impasto.cli.reporting.reporters import JsonReporter, LineReporter, Reporter
from impasto.cli.reporting.terminal import TerminalReporter
from impasto.encoders.published.cache import Slot
from impasto.encoders.published.progress import Fetching, Note, current_watcher, watching
from impasto.runs.repeating import stored_record
from tests.encoders.published import server as answers
from tests.encoders.samples import WEIGHTS, keras_file, published, surroundings

FETCHING = "note: Fetching tiny.h5 from 127.0.0.1, once: 0.1 MB.\n"


@pytest.fixture
def server(tmp_path, monkeypatch):
    surroundings(monkeypatch, tmp_path / "cache")
    with answers.serving() as files:
        yield files


@pytest.fixture
def slot(server, monkeypatch):
    """Weights called ``tiny``, which the server publishes."""
    return Slot.of(published(server, monkeypatch, keras_file(WEIGHTS)))


def test_fetch_prints_where_they_are(slot, server, impasto_command):
    for note in (FETCHING, ""):
        result = impasto_command("weights", "fetch", "tiny")
        assert (result.code, result.out, result.err) == (0, f"{slot.converted}\n", note)
    assert impasto_command("weights", "path", "tiny").out == f"{slot.converted}\n"
    assert len(server.requests) == 1


def test_fetch_says_nothing_where_asked_to(slot, impasto_command):
    result = impasto_command("weights", "fetch", "--quiet", "tiny")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert slot.intact()


def test_fetch_offline(slot, server, impasto_command):
    server.files.clear()
    result = impasto_command("weights", "fetch", "tiny")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: The weights tiny could not be fetched (127.0.0.1:")
    assert result.err.count("\n") == 1


def test_list(slot, impasto_command):
    def line():
        return next(line for line in impasto_command("weights", "list").out.splitlines() if line.startswith("tiny: "))

    assert line().startswith("tiny: not fetched; made up (0.1 MB")
    slot.folder.mkdir(parents=True)
    slot.partial.write_bytes(bytes(slot.known.size // 2))
    assert line().startswith("tiny: fetched in part, 50%; ")
    slot.partial.unlink()
    impasto_command("weights", "fetch", "tiny")
    assert line().startswith("tiny: in the cache, 0.")
    listed = impasto_command("weights", "list").out
    assert listed.startswith("builtin: ")
    assert "\nvgg19: " in listed
    assert "\nvgg19-torchvision: " in listed


def test_verify(slot, impasto_command):
    assert impasto_command("weights", "verify").out == "There are no weights in the cache.\n"
    impasto_command("weights", "fetch", "tiny")
    result = impasto_command("weights", "verify")
    assert (result.code, result.out, result.err) == (0, "tiny: whole\n", "")
    slot.converted.write_bytes(slot.converted.read_bytes()[:-1] + b"?")
    result = impasto_command("weights", "verify", "tiny")
    assert (result.code, result.out) == (2, "tiny: damaged, removed\n")
    assert "`impasto weights fetch tiny` fetches it" in result.err
    assert not slot.converted.exists()
    result = impasto_command("weights", "verify", "tiny")
    assert (result.code, result.out) == (2, "tiny: not in the cache\n")


def test_a_file_put_there_by_hand_is_seen(slot, impasto_command):
    """As docs/weights.md says to where there is no network."""
    slot.folder.mkdir(parents=True)
    slot.source.write_bytes(keras_file(WEIGHTS))
    assert "tiny: in the cache as it was published" in impasto_command("weights", "list").out
    assert "checks and converts them" in impasto_command("weights", "path", "tiny").err
    result = impasto_command("weights", "verify")
    assert result.code == 0
    assert result.out.startswith("tiny: whole, as it was published")
    slot.source.write_bytes(b"junk")
    result = impasto_command("weights", "verify")
    assert result.code == 2
    assert result.out.startswith("tiny: damaged, removed: the file has 4 bytes in place of")
    assert not slot.source.exists()


def test_path(slot, impasto_command):
    assert impasto_command("weights", "path").out == f"{slot.folder}\n"
    result = impasto_command("weights", "path", "tiny")
    assert (result.code, result.out) == (2, "")
    assert "not in the cache" in result.err


def test_remove(slot, impasto_command):
    assert impasto_command("weights", "remove", "tiny").out == "tiny: was not in the cache\n"
    assert not slot.folder.exists()
    impasto_command("weights", "fetch", "tiny")
    result = impasto_command("weights", "remove", "tiny")
    assert (result.code, result.out) == (0, "tiny: removed, 0.0 MB\n")
    assert slot.stored() is None
    assert not slot.converted.exists()


@pytest.mark.parametrize("arguments", [("fetch",), ("fetch", "vgg"), ("path", "vgg"), ("remove",), ("dance",)])
def test_mistakes_are_one_sentence(arguments, impasto_command):
    result = impasto_command("weights", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


def test_no_command_shows_the_help(impasto_command):
    result = impasto_command("weights")
    assert result.code == 0
    for name in ("list", "fetch", "verify", "path", "remove"):
        assert f"\n  {name} " in result.out


def test_paint_fetches_what_it_needs_and_says_so(slot, server, folder, small, impasto_command):
    options = [*small, "--encoder", "tiny"]
    result = impasto_command("paint", "photo.png", "style.png", "-o", "out.png", *options)
    assert result.code == 0
    assert result.err.startswith(FETCHING)
    assert stored_record(folder / "out.png").encoder.name == "tiny"
    result = impasto_command("again", "out.png", "--threads", "1")
    assert result.code == 0
    assert "note" not in result.err
    assert len(server.requests) == 1


@pytest.mark.parametrize(("option", "note"), [("--quiet", ""), ("--json", FETCHING)])
def test_other_faces_of_paint(option, note, slot, folder, small, impasto_command):
    result = impasto_command("paint", "photo.png", "style.png", "-o", "out.png", *small, "--encoder", "tiny", option)
    assert (result.code, result.err) == (0, note)


def test_a_painting_that_is_refused_fetches_nothing(slot, server, folder, small, impasto_command):
    result = impasto_command("paint", "photo.png", "nothing.png", *small, "--encoder", "tiny")
    assert result.code == 2
    assert server.requests == []


def test_lines_come_every_few_seconds(capsys, monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(command.time, "monotonic", lambda: now.value)
    with command.fetching_shown(LineReporter()):
        for done in range(2_000_000, 16_000_000, 1_000_000):
            current_watcher()(Fetching("a.h5", "https://one.example/a.h5", done, 20_000_000))
            now.value += 1
        current_watcher()(Note("something"))
    assert capsys.readouterr().err.splitlines() == [
        "note: Fetching a.h5 from one.example, once: 20.0 MB, of which 2.0 MB are there.",
        "a.h5: 35% of 20.0 MB",
        "a.h5: 60% of 20.0 MB",
        "note: something",
    ]


@pytest.mark.parametrize("reporter", [Reporter, JsonReporter])
def test_no_lines_where_nobody_asked_for_them(reporter, capsys, monkeypatch):
    monkeypatch.setattr(command, "SECONDS_BETWEEN_LINES", 0.0)
    with command.fetching_shown(reporter()):
        current_watcher()(Fetching("a.h5", "https://one.example/a.h5", 5, 20))
    assert "25%" not in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_a_bar_and_takes_it_away(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with command.fetching_shown(TerminalReporter()):
        for done in (0, 10_000_000):
            current_watcher()(Fetching("a.h5", "https://one.example/a.h5", done, 20_000_000))
        current_watcher()(Note("The download broke off; trying again."))
        assert stream.getvalue().count("\x1b[?25h") == 1
        current_watcher()(Fetching("a.h5", "https://one.example/a.h5", 15_000_000, 20_000_000))
    text = stream.getvalue()
    assert text.count("note: Fetching a.h5") == 1
    assert "10.0/20.0 MB" in text
    assert "15.0/20.0 MB" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back


def test_watching_ends_with_the_run():
    before = current_watcher()
    with watching(lambda event: None), command.fetching_shown(Reporter()):
        assert current_watcher() is not before
    assert current_watcher() is before
