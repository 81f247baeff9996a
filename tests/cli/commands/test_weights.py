"""The command ``impasto weights``, and the display of downloads while painting."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from impasto.cli.commands import weights as command
from impasto.cli.reporting.reporters import JsonReporter, LineReporter, Reporter
from impasto.cli.reporting.terminal import TerminalReporter
from impasto.encoders.published.cache import CachedWeights
from impasto.encoders.published.events import DownloadProgress, Note, current_listener, fetch_listener
from impasto.runs.repeating import stored_record
from tests.encoders.published import server as answers
from tests.encoders.samples import WEIGHTS, isolate_downloads, keras_file, publish

FETCHING = "note: Fetching tiny.h5 from 127.0.0.1, once: 0.1 MB.\n"


@pytest.fixture
def server(tmp_path, monkeypatch):
    isolate_downloads(monkeypatch, tmp_path / "cache")
    with answers.serving() as files:
        yield files


@pytest.fixture
def cached(server, monkeypatch):
    """Return the cached files of ``tiny``, which the server publishes."""
    return CachedWeights.of(publish(server, monkeypatch, keras_file(WEIGHTS)))


def test_fetch_prints_path(cached, server, impasto_command):
    for note in (FETCHING, ""):
        result = impasto_command("weights", "fetch", "tiny")
        assert (result.code, result.out, result.err) == (0, f"{cached.converted}\n", note)
    assert impasto_command("weights", "path", "tiny").out == f"{cached.converted}\n"
    assert len(server.requests) == 1


def test_quiet_fetch_prints_nothing(cached, impasto_command):
    result = impasto_command("weights", "fetch", "--quiet", "tiny")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert cached.verified_receipt()


def test_failed_fetch_prints_one_sentence(cached, server, impasto_command):
    server.files.clear()
    result = impasto_command("weights", "fetch", "tiny")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: The weights tiny could not be fetched (127.0.0.1: HTTP 404 Not Found)")
    assert result.err.count("\n") == 1


def test_list_shows_state_of_weights(cached, impasto_command):
    def line():
        return next(line for line in impasto_command("weights", "list").out.splitlines() if line.startswith("tiny: "))

    assert line().startswith("tiny: not fetched; invented (0.1 MB")
    cached.folder.mkdir(parents=True)
    cached.partial.write_bytes(bytes(cached.known.size // 2))
    assert line().startswith("tiny: partly fetched, 50%; ")
    cached.partial.unlink()
    impasto_command("weights", "fetch", "tiny")
    assert line().startswith("tiny: in the cache, 0.")
    listed = impasto_command("weights", "list").out
    assert listed.startswith("builtin: ")
    assert "\nvgg19: " in listed
    assert "\nvgg19-torchvision: " in listed


def test_verify_removes_damaged_weights(cached, impasto_command):
    assert impasto_command("weights", "verify").out == "There are no weights in the cache.\n"
    impasto_command("weights", "fetch", "tiny")
    result = impasto_command("weights", "verify")
    assert (result.code, result.out, result.err) == (0, "tiny: intact\n", "")
    cached.converted.write_bytes(cached.converted.read_bytes()[:-1] + b"?")
    result = impasto_command("weights", "verify", "tiny")
    assert (result.code, result.out) == (2, "tiny: damaged, removed\n")
    assert "`impasto weights fetch tiny` fetches it" in result.err
    assert not cached.converted.exists()
    result = impasto_command("weights", "verify", "tiny")
    assert (result.code, result.out) == (2, "tiny: not in the cache\n")


def test_manually_placed_file_is_listed_and_verified(cached, impasto_command):
    """docs/weights.md recommends this without a network."""
    cached.folder.mkdir(parents=True)
    cached.source.write_bytes(keras_file(WEIGHTS))
    assert "tiny: in the cache as published" in impasto_command("weights", "list").out
    assert "verifies and converts them" in impasto_command("weights", "path", "tiny").err
    result = impasto_command("weights", "verify")
    assert result.code == 0
    assert result.out.startswith("tiny: intact, as published")
    cached.source.write_bytes(b"junk")
    result = impasto_command("weights", "verify")
    assert result.code == 2
    assert result.out.startswith("tiny: damaged, removed: the file has 4 bytes instead of")
    assert not cached.source.exists()


def test_path_prints_folder_or_refuses(cached, impasto_command):
    assert impasto_command("weights", "path").out == f"{cached.folder}\n"
    result = impasto_command("weights", "path", "tiny")
    assert (result.code, result.out) == (2, "")
    assert "not in the cache" in result.err


def test_remove_frees_cached_weights(cached, impasto_command):
    assert impasto_command("weights", "remove", "tiny").out == "tiny: was not in the cache\n"
    assert not cached.folder.exists()
    impasto_command("weights", "fetch", "tiny")
    result = impasto_command("weights", "remove", "tiny")
    assert (result.code, result.out) == (0, "tiny: removed, 0.0 MB\n")
    assert cached.read_receipt() is None
    assert not cached.converted.exists()


@pytest.mark.parametrize("arguments", [("fetch",), ("fetch", "vgg"), ("path", "vgg"), ("remove",), ("dance",)])
def test_wrong_arguments_print_one_sentence(arguments, impasto_command):
    result = impasto_command("weights", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


def test_weights_without_subcommand_prints_help(impasto_command):
    result = impasto_command("weights")
    assert result.code == 0
    for name in ("list", "fetch", "verify", "path", "remove"):
        assert f"\n  {name} " in result.out


def test_paint_fetches_weights_with_note(cached, server, folder, small, impasto_command):
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
def test_quiet_and_json_paint_notes(option, note, cached, folder, small, impasto_command):
    result = impasto_command("paint", "photo.png", "style.png", "-o", "out.png", *small, "--encoder", "tiny", option)
    assert (result.code, result.err) == (0, note)


def test_refused_painting_fetches_nothing(cached, server, folder, small, impasto_command):
    result = impasto_command("paint", "photo.png", "nothing.png", *small, "--encoder", "tiny")
    assert result.code == 2
    assert server.requests == []


def test_log_shows_progress_every_few_seconds(capsys, monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(command.time, "monotonic", lambda: now.value)
    with command.show_downloads(LineReporter()):
        for done in range(2_000_000, 16_000_000, 1_000_000):
            current_listener()(DownloadProgress("a.h5", "one.example", done, 20_000_000))
            now.value += 1
        current_listener()(Note("something"))
    assert capsys.readouterr().err.splitlines() == [
        "note: Fetching a.h5 from one.example, once: 20.0 MB, 2.0 MB of them already here.",
        "a.h5: 35% of 20.0 MB",
        "a.h5: 60% of 20.0 MB",
        "note: something",
    ]


@pytest.mark.parametrize("reporter", [Reporter, JsonReporter])
def test_other_reporters_show_no_progress_lines(reporter, capsys, monkeypatch):
    monkeypatch.setattr(command, "LOG_INTERVAL", 0.0)
    with command.show_downloads(reporter()):
        current_listener()(DownloadProgress("a.h5", "one.example", 5, 20))
    assert "25%" not in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminal_shows_and_removes_bar(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with command.show_downloads(TerminalReporter()):
        for done in (0, 10_000_000):
            current_listener()(DownloadProgress("a.h5", "one.example", done, 20_000_000))
        current_listener()(Note("The download was interrupted: trying again."))
        assert stream.getvalue().count("\x1b[?25h") == 1
        current_listener()(DownloadProgress("a.h5", "one.example", 15_000_000, 20_000_000))
    text = stream.getvalue()
    assert text.count("note: Fetching a.h5") == 1
    assert "10.0/20.0 MB" in text
    assert "15.0/20.0 MB" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is visible again


def test_show_downloads_restores_previous_listener():
    before = current_listener()
    with fetch_listener(lambda event: None), command.show_downloads(Reporter()):
        assert current_listener() is not before
    assert current_listener() is before
