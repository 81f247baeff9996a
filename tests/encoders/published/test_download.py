"""Downloads from a real server: resumed, refused, redirected, checked."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections import namedtuple

import pytest

from impasto.encoders.published.cache import Slot
from impasto.encoders.published.download import DownloadError
from impasto.encoders.published.fetching import fetch
from impasto.encoders.published.progress import Fetching, Note
from tests.encoders.published import server as answers
from tests.encoders.samples import published

WRONG = "which is wrong"


def notes(events):
    return [event.text for event in events if isinstance(event, Note)]


def assert_nothing_is_left(slot):
    assert [path.name for path in slot.folder.iterdir() if path != slot.lock] == []


def test_a_download_tells_how_far_it_is(known, slot, server, events, data):
    fetch(known, events.append)
    assert [(request.path, request.range) for request in server.requests] == [("/files/tiny.h5", None)]
    assert server.requests[0].headers["User-Agent"].startswith("impasto/")
    assert events[0] == Fetching("tiny.h5", known.url, 0, len(data))
    done = [event.done for event in events]
    assert done == sorted(done)
    assert done[-1] == len(data)
    assert sorted(path.name for path in slot.folder.iterdir()) == ["tiny.json", "tiny.lock", "tiny.safetensors"]


def test_a_cut_connection_is_resumed_with_the_rest_only(known, slot, server, events, data):
    half = len(data) // 2
    server.answers = [answers.cut_after(half)]
    fetch(known, events.append)
    assert [request.range for request in server.requests] == [None, f"bytes={half}-"]
    assert server.requests[1].headers["If-Range"] == server.etag
    assert server.bodies == [half, len(data) - half]
    assert len(notes(events)) == 1
    assert "broke off" in notes(events)[0]
    assert slot.intact()


def test_many_cuts_are_no_failure_while_something_arrives(known, slot, server, data):
    part = len(data) // 8
    server.answers = [answers.cut_after(part) for _ in range(7)]
    fetch(known)
    assert sum(server.bodies) == len(data)
    assert len(server.bodies) in (8, 9)


def test_a_later_run_goes_on_where_an_earlier_one_ended(known, slot, server, data):
    server.answers = [answers.cut_after(5000), answers.hang_up, answers.hang_up]
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch(known)
    assert slot.partial.read_bytes() == data[:5000]
    assert not slot.converted.exists()
    fetch(known)
    assert server.requests[-1].range == "bytes=5000-"
    assert slot.intact()


def test_a_server_that_knows_no_ranges_sends_it_all_again(known, slot, server, data):
    server.answers = [answers.cut_after(5000), answers.without_ranges]
    fetch(known)
    assert server.requests[1].range == "bytes=5000-"
    assert server.bodies == [5000, len(data)]
    assert slot.intact()


def test_a_file_that_has_changed_on_the_server_is_begun_anew(known, slot, server, data):
    def changed(handler, body):
        server.etag = '"two"'
        answers.whole_or_range(handler, body)

    server.answers = [answers.cut_after(5000), changed]
    fetch(known)
    assert server.bodies == [5000, len(data)]
    assert slot.intact()


def test_a_weak_tag_makes_no_condition(known, server):
    server.etag = 'W/"weak"'
    server.answers = [answers.cut_after(5000)]
    fetch(known)
    assert server.requests[1].range == "bytes=5000-"
    assert server.requests[1].headers["If-Range"] is None


def test_halves_of_two_files_are_fetched_again_as_one(known, slot, server, events, data):
    slot.folder.mkdir(parents=True)
    slot.partial.write_bytes(bytes(5000))
    fetch(known, events.append)
    assert [request.range for request in server.requests] == ["bytes=5000-", None]
    assert "from its beginning" in notes(events)[0]
    assert slot.intact()


def test_halves_that_never_fit_end_the_attempts(known, slot, server, data):
    wrong = bytes(len(data))
    server.answers = [answer for _ in range(9) for answer in (answers.cut_after(5000), answers.instead(wrong))]
    with pytest.raises(DownloadError, match=WRONG):
        fetch(known)
    assert len(server.requests) == 4
    assert_nothing_is_left(slot)


def test_a_part_that_is_whole_needs_no_server(known, slot, server, data):
    slot.folder.mkdir(parents=True)
    slot.partial.write_bytes(data)
    fetch(known)
    assert server.requests == []
    assert slot.intact()


def test_a_part_that_is_too_long_is_thrown_away(known, slot, server, data):
    slot.folder.mkdir(parents=True)
    slot.partial.write_bytes(data + b"more")
    fetch(known)
    assert [request.range for request in server.requests] == [None]


@pytest.mark.parametrize("second", [answers.status(416), answers.other_range])
def test_an_answer_to_another_question_begins_it_anew(known, slot, server, second):
    server.answers = [answers.cut_after(5000), second]
    fetch(known)
    assert [request.range for request in server.requests] == [None, "bytes=5000-", None]
    assert slot.intact()


def test_wrong_bytes_are_removed_and_never_used(known, slot, server, data):
    server.files["/files/tiny.h5"] = bytes(len(data))
    with pytest.raises(DownloadError, match=rf"has the md5 \w{{32}}, {WRONG}"):
        fetch(known)
    assert len(server.requests) == 1
    assert_nothing_is_left(slot)


def test_a_page_in_place_of_the_file_is_not_even_read(known, slot, server):
    server.files["/files/tiny.h5"] = b"<html>please sign in</html>"
    with pytest.raises(DownloadError, match="its file has 27 bytes in place of"):
        fetch(known)
    assert_nothing_is_left(slot)


def test_without_a_length_the_end_is_what_the_hash_says(known, slot, server, data):
    server.answers = [answers.without_length]
    fetch(known)
    slot.clear()
    server.files["/files/tiny.h5"] = data + b"more"
    server.answers = [answers.without_length]
    with pytest.raises(DownloadError, match="sent more than"):
        fetch(known)
    assert_nothing_is_left(slot)


def test_404_is_final(known, slot, server):
    server.files.clear()
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:\d+: HTTP 404 Not Found"):
        fetch(known)
    assert len(server.requests) == 1
    assert_nothing_is_left(slot)


def test_a_server_with_troubles_of_its_own_is_asked_again(known, slot, server):
    server.answers = [answers.status(503), answers.hang_up]
    fetch(known)
    assert len(server.requests) == 3
    assert slot.intact()


def test_redirects_are_followed_with_the_range(known, slot, server, data):
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


def test_redirects_in_a_circle_are_a_sentence(known, server):
    server.answers = [answers.redirect(known.url)] * 40
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch(known)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (answers.silence, r"no answer for 0\.2 s"),
        (answers.stuck_after(100), r"nothing came for 0\.2 s"),
        (answers.drip, r"only [\d,]+ bytes came in 0\.\d+ s"),
    ],
)
def test_a_slow_server_is_given_up_in_a_sentence(known, slot, server, monkeypatch, answer, words):
    monkeypatch.setattr("impasto.encoders.published.download.SECONDS_OF_SILENCE", 0.2)
    monkeypatch.setattr("impasto.encoders.published.download.ATTEMPTS", 2)
    server.answers = [answer] * 9
    with pytest.raises(DownloadError, match=words):
        fetch(known)
    assert len(server.requests) == 2
    assert not slot.source.exists()
    assert not slot.converted.exists()


def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_offline_one_sentence_says_it_all(server, cache, data, monkeypatch):
    url = f"http://127.0.0.1:{closed_port()}/tiny.h5"
    known = published(server, monkeypatch, data, url=url)
    with pytest.raises(DownloadError) as caught:
        fetch(known)
    sentence = str(caught.value)
    for part in ("tiny.h5", f"{len(data):,} bytes", f"md5 {known.digest}", url, str(cache), "--encoder builtin"):
        assert part in sentence
    assert os.strerror(111) in sentence or "refused" in sentence.lower()
    assert "\n" not in sentence
    assert sentence.count(". ") == 0
    assert_nothing_is_left(Slot.of(known))


def test_mirrors_come_first_in_their_order(known, slot, server, data, monkeypatch):
    monkeypatch.setenv("IMPASTO_MIRROR", f"{server.url}/empty, {server.url}/mirror/")
    server.files["/mirror/tiny.h5"] = data
    fetch(known)
    assert [request.path for request in server.requests] == ["/empty/tiny.h5", "/mirror/tiny.h5"]


def test_a_mirror_may_begin_what_another_ends(known, slot, server, data, monkeypatch):
    monkeypatch.setenv("IMPASTO_MIRROR", f"{server.url}/mirror")
    server.files["/mirror/tiny.h5"] = data
    server.answers = [answers.cut_after(5000), answers.status(404)]
    fetch(known)
    assert [(r.path, r.range) for r in server.requests[1:]] == [
        ("/mirror/tiny.h5", "bytes=5000-"),
        ("/files/tiny.h5", "bytes=5000-"),
    ]
    assert server.requests[-1].headers["If-Range"] is None  # the tag is the mirror's
    assert slot.intact()


def test_a_mirror_with_another_file_does_no_harm(known, slot, server, data, monkeypatch):
    monkeypatch.setenv("IMPASTO_MIRROR", f"{server.url}/mirror")
    server.files["/mirror/tiny.h5"] = bytes(len(data))
    fetch(known)
    assert slot.intact()
    server.files["/files/tiny.h5"] = bytes(len(data))
    slot.clear()
    with pytest.raises(DownloadError, match=f"{WRONG}; .*{WRONG}"):
        fetch(known)
    assert_nothing_is_left(slot)


def test_a_mirrors_password_is_used_and_not_shown(known, slot, server, data, events, monkeypatch):
    monkeypatch.setenv("IMPASTO_MIRROR", server.url.replace("//", "//anna:secret@") + "/mirror")
    server.answers = [answers.status(404), answers.status(404)]
    with pytest.raises(DownloadError) as caught:
        fetch(known, events.append)
    assert server.requests[0].headers["Authorization"].startswith("Basic ")
    server.files["/mirror/tiny.h5"] = data
    server.answers = [answers.cut_after(5000), *[answers.status(404)] * 2]
    with pytest.raises(DownloadError):
        fetch(known, events.append)
    assert "secret" not in f"{caught.value} {events} {slot.validator.read_text()}"


@pytest.mark.parametrize("mirror", ["mirror.example", "http://[bad/weights", "http://mirror.example:port", "http://"])
def test_a_mirror_that_is_no_address_is_refused(known, server, monkeypatch, mirror):
    monkeypatch.setenv("IMPASTO_MIRROR", mirror)
    with pytest.raises(DownloadError, match=rf"IMPASTO_MIRROR names '{re.escape(mirror)}', which is no address"):
        fetch(known)
    assert server.requests == []


def test_the_environments_proxy_is_used(server, cache, data, monkeypatch):
    known = published(server, monkeypatch, data, url="http://weights.invalid/files/tiny.h5")
    server.files[known.url] = data  # what a proxy is asked for
    monkeypatch.setenv("http_proxy", server.url)
    fetch(known)
    assert [request.path for request in server.requests] == [known.url]


def test_a_proxy_that_is_not_there_is_named(server, cache, data, monkeypatch):
    known = published(server, monkeypatch, data, url="http://weights.invalid/files/tiny.h5")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(DownloadError, match="proxy"):
        fetch(known)


def test_a_full_disk_is_told_before(known, server, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 90, 10))
    with pytest.raises(DownloadError, match=r"room for 10: free some space.*IMPASTO_CACHE"):
        fetch(known)
    assert server.requests == []


def test_the_catalogue_is_that_of_the_publishers():
    from impasto.encoders.published.catalogue import KNOWN

    keras, torchvision = KNOWN["vgg19"], KNOWN["vgg19-torchvision"]
    assert keras.file == "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert (keras.size, keras.digest) == (80_134_624, "253f8cb515780f3b799900260a226db6")
    assert torchvision.size == 574_673_361
    # PyTorch puts the first digits of the hash into the name.
    assert re.fullmatch(r"vgg19-(\w{8})\.pth", torchvision.file)[1] == torchvision.digest[:8]
    assert len(torchvision.digest) == 64
