"""Downloads from a local server: resumption, refusal, redirects, verification."""

from __future__ import annotations

import errno
import os
import re
import socket
from pathlib import Path

import pytest

from impasto.encoders.published.cache import CachedWeights
from impasto.encoders.published.download import DownloadError
from impasto.encoders.published.events import DownloadProgress, Note
from impasto.encoders.published.fetching import fetch
from impasto.errors import EncoderError
from tests.encoders.published import server as answers
from tests.encoders.samples import publish

CHUNK_SIZE = 1000
"""Bytes per read, as ``isolate_downloads`` sets it."""

WRONG = "which is wrong"


def notes(events):
    return [event.text for event in events if isinstance(event, Note)]


def assert_cache_is_empty(cached):
    assert [path.name for path in cached.folder.iterdir() if path != cached.lock] == []


def test_fetch_reports_progress(known, cached, server, events, data):
    fetch(known, events.append)
    assert [(request.path, request.range) for request in server.requests] == [("/files/tiny.h5", None)]
    assert events[0] == DownloadProgress("tiny.h5", "127.0.0.1", 0, len(data))
    done = [event.done for event in events]
    assert done == sorted(done)
    assert done[-1] == len(data)
    assert sorted(path.name for path in cached.folder.iterdir()) == ["tiny.json", "tiny.lock", "tiny.safetensors"]


def test_cut_connection_resumes_with_the_rest(known, cached, server, events, data):
    half = 40 * CHUNK_SIZE
    server.answers = [answers.cut_after(half + 1)]
    fetch(known, events.append)
    assert [request.range for request in server.requests] == [None, f"bytes={half}-"]
    assert server.bodies == [half + 1, len(data) - half]
    assert len(notes(events)) == 1
    assert "interrupted" in notes(events)[0]
    assert cached.verified_receipt()


def test_interruptions_with_new_data_never_exhaust_attempts(known, cached, server, data):
    part = 9 * CHUNK_SIZE
    server.answers = [answers.cut_after(part) for _ in range(7)]
    fetch(known)
    assert server.bodies == [*[part] * 7, len(data) - 7 * part]


def test_later_run_resumes_partial_file(known, cached, server, data):
    server.answers = [answers.cut_after(5000), answers.hang_up, answers.hang_up]
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch(known)
    assert cached.partial.read_bytes() == data[:5000]
    assert not cached.converted.exists()
    fetch(known)
    assert server.requests[-1].range == "bytes=5000-"
    assert cached.verified_receipt()


def test_server_without_ranges_sends_whole_file_again(known, cached, server, data):
    server.answers = [answers.cut_after(5000), answers.without_ranges]
    fetch(known)
    assert server.requests[1].range == "bytes=5000-"
    assert server.bodies == [5000, len(data)]
    assert cached.verified_receipt()


def test_partial_file_of_another_file_restarts_download(known, cached, server, events, data):
    cached.folder.mkdir(parents=True)
    cached.partial.write_bytes(bytes(5000))
    fetch(known, events.append)
    assert [request.range for request in server.requests] == ["bytes=5000-", None]
    assert "again from the start" in notes(events)[0]
    assert cached.verified_receipt()


def test_mismatched_halves_of_one_run_fail(known, cached, server, data):
    server.answers = [answers.cut_after(5000), answers.other_content(bytes(len(data)))]
    with pytest.raises(DownloadError, match=WRONG):
        fetch(known)
    assert len(server.requests) == 2
    assert_cache_is_empty(cached)


def test_complete_partial_file_needs_no_request(known, cached, server, data):
    cached.folder.mkdir(parents=True)
    cached.partial.write_bytes(data)
    fetch(known)
    assert server.requests == []
    assert cached.verified_receipt()


def test_overlong_partial_file_restarts_download(known, cached, server, data):
    cached.folder.mkdir(parents=True)
    cached.partial.write_bytes(data + b"more")
    fetch(known)
    assert [request.range for request in server.requests] == [None]


def test_file_with_wrong_hash_is_removed(known, cached, server, data):
    server.files["/files/tiny.h5"] = bytes(len(data))
    with pytest.raises(DownloadError, match=rf"has the md5 \w{{32}}, {WRONG}"):
        fetch(known)
    assert len(server.requests) == 1
    assert_cache_is_empty(cached)


def test_web_page_instead_of_file_is_refused(known, cached, server):
    server.files["/files/tiny.h5"] = b"<html>please sign in</html>"
    with pytest.raises(DownloadError, match="it sends another file, with fewer bytes"):
        fetch(known)
    assert_cache_is_empty(cached)


def test_response_without_length_is_accepted_if_right(known, cached, server, data):
    server.answers = [answers.without_length]
    fetch(known)
    cached.remove_all()
    server.files["/files/tiny.h5"] = data + b"more"
    server.answers = [answers.without_length]
    with pytest.raises(DownloadError, match="it sends another file, with more bytes"):
        fetch(known)
    assert_cache_is_empty(cached)


def test_status_404_is_not_retried(known, cached, server):
    server.files.clear()
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1: HTTP 404 Not Found"):
        fetch(known)
    assert len(server.requests) == 1
    assert_cache_is_empty(cached)


def test_temporary_statuses_are_retried(known, cached, server):
    server.answers = [answers.status(503), answers.status(429)]
    fetch(known)
    assert len(server.requests) == 3
    assert cached.verified_receipt()


def test_redirects_keep_the_range(known, cached, server, data):
    server.files["/elsewhere"] = data
    server.answers = [
        answers.redirect(f"{server.url}/elsewhere"),
        answers.cut_after(5000),
        answers.redirect(f"{server.url}/elsewhere"),
    ]
    fetch(known)
    assert [request.path for request in server.requests] == ["/files/tiny.h5", "/elsewhere"] * 2
    assert server.requests[-1].range == "bytes=5000-"
    assert sum(server.bodies) == len(data)


def test_circular_redirects_fail(known, server):
    server.answers = [answers.redirect(known.url)] * 40
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch(known)


def test_server_that_never_answers_is_not_retried(known, server, monkeypatch):
    monkeypatch.setattr("impasto.encoders.published.download.READ_TIMEOUT", 0.2)
    server.answers = [answers.silence]
    with pytest.raises(DownloadError, match="timed out"):
        fetch(known)
    assert len(server.requests) == 1


def test_stalled_download_is_retried_and_given_up(known, cached, server, monkeypatch):
    monkeypatch.setattr("impasto.encoders.published.download.READ_TIMEOUT", 0.2)
    monkeypatch.setattr("impasto.encoders.published.download.ATTEMPTS", 2)
    server.answers = [answers.stuck_after(100)] * 9
    with pytest.raises(DownloadError, match="timed out"):
        fetch(known)
    assert len(server.requests) == 2
    assert not cached.source.exists()
    assert not cached.converted.exists()


def unused_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_offline_error_is_one_complete_sentence(server, cache, data, monkeypatch):
    url = f"http://127.0.0.1:{unused_port()}/tiny.h5"
    known = publish(server, monkeypatch, data, url=url)
    with pytest.raises(DownloadError) as caught:
        fetch(known)
    sentence = str(caught.value)
    for part in ("tiny.h5", f"{len(data):,} bytes", f"md5 {known.digest}", url, str(cache), 'encoder="builtin"'):
        assert part in sentence
    assert os.strerror(111) in sentence or "refused" in sentence.lower()
    assert "\n" not in sentence
    assert sentence.count(". ") == 0
    assert_cache_is_empty(CachedWeights.of(known))


def test_mirrors_are_tried_first_in_order(known, cached, server, data, monkeypatch):
    monkeypatch.setenv("IMPASTO_MIRROR", f"{server.url}/empty, {server.url}/mirror/")
    server.files["/mirror/tiny.h5"] = data
    fetch(known)
    assert [request.path for request in server.requests] == ["/empty/tiny.h5", "/mirror/tiny.h5"]


def test_publisher_resumes_download_of_mirror(known, cached, server, data, monkeypatch):
    monkeypatch.setenv("IMPASTO_MIRROR", f"{server.url}/mirror")
    server.files["/mirror/tiny.h5"] = data
    server.answers = [answers.cut_after(5000), answers.status(404)]
    fetch(known)
    assert [(r.path, r.range) for r in server.requests[1:]] == [
        ("/mirror/tiny.h5", "bytes=5000-"),
        ("/files/tiny.h5", "bytes=5000-"),
    ]
    assert cached.verified_receipt()


def test_mirror_with_wrong_file_is_skipped(known, cached, server, data, monkeypatch):
    monkeypatch.setenv("IMPASTO_MIRROR", f"{server.url}/mirror")
    server.files["/mirror/tiny.h5"] = bytes(len(data))
    fetch(known)
    assert cached.verified_receipt()
    server.files["/files/tiny.h5"] = bytes(len(data))
    cached.remove_all()
    with pytest.raises(DownloadError, match=f"{WRONG}; .*{WRONG}"):
        fetch(known)
    assert_cache_is_empty(cached)


def test_mirror_password_is_sent_but_not_shown(known, cached, server, data, events, monkeypatch):
    monkeypatch.setenv("IMPASTO_MIRROR", server.url.replace("//", "//anna:secret@") + "/mirror")
    server.answers = [answers.status(404), answers.status(404)]
    with pytest.raises(DownloadError) as caught:
        fetch(known, events.append)
    assert server.requests[0].headers["Authorization"].startswith("Basic ")
    server.files["/mirror/tiny.h5"] = data
    server.answers = [answers.cut_after(5000), *[answers.status(404)] * 2]
    with pytest.raises(DownloadError):
        fetch(known, events.append)
    assert "secret" not in f"{caught.value} {events}"


@pytest.mark.parametrize("mirror", ["mirror.example", "http://[bad/weights", "http://"])
def test_invalid_mirror_is_refused(known, server, monkeypatch, mirror):
    monkeypatch.setenv("IMPASTO_MIRROR", mirror)
    with pytest.raises(DownloadError, match=rf"IMPASTO_MIRROR names '{re.escape(mirror)}', which is not a web address"):
        fetch(known)
    assert server.requests == []


def test_proxy_of_environment_is_used(server, cache, data, monkeypatch):
    known = publish(server, monkeypatch, data, url="http://weights.invalid/files/tiny.h5")
    server.files[known.url] = data  # the path of a request to a proxy
    monkeypatch.setenv("http_proxy", server.url)
    fetch(known)
    assert [request.path for request in server.requests] == [known.url]


def test_unreachable_proxy_is_named(server, cache, data, monkeypatch):
    known = publish(server, monkeypatch, data, url="http://weights.invalid/files/tiny.h5")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    with pytest.raises(DownloadError, match="proxy"):
        fetch(known)


def test_full_disk_error_names_cache_folder(known, cached, monkeypatch):
    opened = Path.open

    def open_or_fail(path, mode="r", *arguments, **options):
        if path == cached.partial:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_or_fail)
    with pytest.raises(
        EncoderError, match=r"cannot be used \(No space left on device\): free some space.*IMPASTO_CACHE"
    ):
        fetch(known)


def test_catalogue_matches_publishers():
    from impasto.encoders.published.catalogue import KNOWN

    keras, torchvision = KNOWN["vgg19"], KNOWN["vgg19-torchvision"]
    assert keras.file == "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert (keras.size, keras.digest) == (80_134_624, "253f8cb515780f3b799900260a226db6")
    assert torchvision.size == 574_673_361
    # PyTorch puts the first digits of the hash into the file name.
    assert re.fullmatch(r"vgg19-(\w{8})\.pth", torchvision.file)[1] == torchvision.digest[:8]
    assert len(torchvision.digest) == 64
