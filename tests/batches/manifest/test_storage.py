"""Reading and writing of URLs, also on a server of S3 that is lost for a while."""

from __future__ import annotations

import threading

import fsspec
import pytest

from impasto.batches.events import Ended
from impasto.batches.manifest import storage
from impasto.batches.manifest.batch import ManifestBatch
from impasto.batches.manifest.outcomes import select_pending, summarize
from impasto.batches.manifest.planning import plan_entries
from impasto.batches.manifest.storage import list_url, read_url, url_exists, write_url
from impasto.errors import PictureError, SettingsError


class Unreliable:
    """A file system whose connection is lost a number of times.

    Args:
        failures: errors to raise before the first success.
    """

    def __init__(self, *failures):
        self.failures, self.calls = list(failures), 0

    def cat_file(self, path):
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return b"content"

    def pipe_file(self, path, data):
        self.cat_file(path)


@pytest.fixture
def pauses(monkeypatch):
    """Return the pauses between attempts, which take no time."""
    taken = []
    monkeypatch.setattr(storage.time, "sleep", taken.append)
    return taken


def connect(monkeypatch, *failures):
    files = Unreliable(*failures)
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url: (files, url))
    return files


@pytest.mark.parametrize("error", [ConnectionError("reset"), TimeoutError("late"), RuntimeError("of a store")])
def test_lost_connections_are_tried_again(monkeypatch, pauses, error):
    files = connect(monkeypatch, error, error)
    assert read_url("memory://a") == b"content"
    assert (files.calls, tuple(pauses)) == (3, storage.PAUSES[:2])


def test_attempts_end_with_one_sentence(monkeypatch, pauses):
    connect(monkeypatch, *[ConnectionError("reset by peer")] * 9)
    with pytest.raises(PictureError, match=r"^memory://a could not be written in 4 attempts \(reset by peer\): try"):
        write_url("memory://a", b"")
    assert tuple(pauses) == storage.PAUSES


@pytest.mark.parametrize(
    ("error", "words"), [(PermissionError("denied"), "cannot be read"), (FileNotFoundError(), "There is no picture")]
)
def test_definite_errors_are_not_tried_again(monkeypatch, pauses, error, words):
    files = connect(monkeypatch, error)
    with pytest.raises(PictureError, match=words):
        read_url("memory://a")
    assert (files.calls, pauses) == (1, [])


def test_missing_packages_are_named(monkeypatch):
    def refuse(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(SettingsError, match="Install s3fs"):
        read_url("s3://bucket/a.png")


@pytest.mark.filterwarnings("ignore")  # of the libraries
def test_s3_run_survives_a_lost_server(s3, album, settings, inline, monkeypatch):
    write_url("s3://gallery/in/0.png", (album / "photos" / "0.png").read_bytes())
    entries = plan_entries(["s3://gallery/in/", "photos/1.png"], ["style.png"], settings, "s3://gallery/out").entries
    assert [entry.output for entry in entries] == [f"s3://gallery/out/{n}-as-style.png" for n in (0, 1)]
    monkeypatch.setattr(storage, "PAUSES", (0.1, 0.4, 1.5))

    def states(**options):
        batch = ManifestBatch(select_pending(entries, **options), inline())
        return [event.state for event in batch if isinstance(event, Ended)]

    put = []

    def write_while_lost(url, data):
        """Lose the server before the first picture is put, for a moment."""
        if not put:
            s3.stop()
            threading.Timer(0.5, s3.start).start()
        put.append(url)
        write_url(url, data)

    monkeypatch.setattr("impasto.batches.manifest.painting.write_url", write_while_lost)
    assert states() == ["painted", "painted"]
    assert put == [entry.output for entry in entries]
    assert summarize(entries).counts["done"] == 2

    fsspec.filesystem("s3").rm(entries[0].output)  # its record alone does not count
    assert not url_exists(entries[0].output)
    assert summarize(entries).counts == {"done": 1, "failed": 0, "left": 1}
    assert sorted(states()) == ["done", "painted"]
    assert list_url("s3://gallery/out") == [entry.output for entry in entries]


@pytest.mark.filterwarnings("ignore")
def test_s3_failure_is_resumed_by_the_next_run(s3, album, settings, inline, monkeypatch):
    (entry,) = plan_entries(["photos/1.png"], ["style.png"], settings, "s3://gallery/out").entries
    monkeypatch.setattr(storage, "PAUSES", (0.01,))
    pending = select_pending([entry])
    s3.stop()
    (end,) = [event for event in ManifestBatch(pending, inline()) if isinstance(event, Ended)]
    assert end.state == "failed"
    assert "in 2 attempts" in end.message
    s3.start()
    assert summarize([entry]).counts["left"] == 1  # the failure could not be recorded either
    (end,) = [event for event in ManifestBatch(select_pending([entry]), inline()) if isinstance(event, Ended)]
    assert end.state == "painted"
