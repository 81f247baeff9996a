"""The cache: conversion, damage, files put there by hand, and processes that meet."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import platformdirs
import pytest
from safetensors import safe_open

import impasto
from impasto.encoders.architectures import CAFFE, TORCHVISION
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Encoder
from impasto.encoders.published.cache import Slot, cache_folder
from impasto.encoders.published.fetching import fetch
from impasto.encoders.published.progress import Note, watching
from impasto.errors import EncoderError
from impasto.files import sha256_of
from tests.encoders.published import server as answers
from tests.encoders.samples import WEIGHTS, keras_file, published, same_features, saved, torchvision_state
from tests.helpers import random_weights


def damage(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_fetched_once_and_the_same_as_the_weights_themselves(known, slot, server, data):
    for _ in range(2):
        loaded = load_encoder("tiny")
        assert loaded.name == "tiny"
        assert loaded.encoder.architecture == CAFFE
        assert same_features(loaded.encoder, Encoder(WEIGHTS, CAFFE))
    assert len(server.requests) == 1


def test_the_hash_in_a_record_is_that_of_the_published_file(known, slot, data, tmp_path):
    path = tmp_path / "mine.h5"
    path.write_bytes(data)
    assert load_encoder("tiny").sha256 == load_encoder(str(path)).sha256 == sha256_of(path)


def test_only_the_convolutions_are_kept(server, cache, monkeypatch):
    data = saved(torchvision_state(WEIGHTS), archive=False)
    changes = {"url": f"{server.url}/files/tiny.pth", "origin": "torchvision"}
    known = published(server, monkeypatch, data, **changes)
    loaded = load_encoder("tiny")
    assert loaded.encoder.architecture == TORCHVISION
    assert same_features(loaded.encoder, Encoder(WEIGHTS, TORCHVISION))
    with safe_open(Slot.of(known).converted, framework="pt") as file:
        assert sorted(file.keys()) == sorted(WEIGHTS)
    assert not Slot.of(known).source.exists()


def test_a_damaged_file_is_noticed_and_fetched_anew(known, slot, server, events):
    load_encoder("tiny")
    damage(slot.converted)
    loaded = load_encoder("tiny", events.append)
    assert same_features(loaded.encoder, Encoder(WEIGHTS, CAFFE))
    assert [event for event in events if isinstance(event, Note)] == [
        Note(f"The file {slot.converted} is damaged: fetching it anew.")
    ]
    assert len(server.requests) == 2


def test_a_damaged_file_is_never_used_nor_kept(known, slot, server):
    load_encoder("tiny")
    damage(slot.converted)
    server.files.clear()
    with pytest.raises(EncoderError, match="could not be fetched"):
        load_encoder("tiny")
    assert not slot.converted.exists()


@pytest.mark.parametrize("receipt", ["", "[]", "{}", '{"source": "md5 0", "source_sha256": "", "sha256": ""}'])
def test_a_file_without_a_receipt_of_its_own_does_not_count(known, slot, server, receipt):
    load_encoder("tiny")
    slot.receipt.write_text(receipt)
    assert slot.stored() is None
    load_encoder("tiny")
    assert len(server.requests) == 2


def test_a_new_version_in_the_catalogue_replaces_the_old_one(known, slot, server, monkeypatch):
    load_encoder("tiny")
    newer = random_weights("conv5_4", seed=6)
    published(server, monkeypatch, keras_file(newer))
    assert same_features(load_encoder("tiny").encoder, Encoder(newer, CAFFE))


def test_a_file_put_there_by_hand_needs_no_network(known, slot, server, data):
    slot.folder.mkdir(parents=True)
    slot.source.write_bytes(data)
    assert same_features(load_encoder("tiny").encoder, Encoder(WEIGHTS, CAFFE))
    assert server.requests == []
    assert not slot.source.exists()


@pytest.mark.parametrize("wrong", [b"short", None])
def test_a_wrong_file_put_there_is_removed_and_told(known, slot, server, data, events, wrong):
    slot.folder.mkdir(parents=True)
    slot.source.write_bytes(wrong or bytes(len(data)))
    server.files.clear()
    with pytest.raises(EncoderError, match=r"tiny\.h5 that lay in the cache has .* and was removed; .*HTTP 404"):
        load_encoder("tiny", events.append)
    assert not slot.source.exists()
    assert isinstance(events[0], Note)


def test_a_published_file_that_is_no_vgg_is_refused(server, cache, monkeypatch):
    known = published(server, monkeypatch, b"right hash, wrong content")
    with pytest.raises(EncoderError, match="cannot be used"):
        load_encoder("tiny")
    assert not Slot.of(known).converted.exists()


def test_a_cache_that_may_only_be_read_serves(known, slot, server, monkeypatch):
    load_encoder("tiny")
    monkeypatch.setattr(Slot, "changing", None)  # nobody asks to change anything
    assert load_encoder("tiny").encoder.architecture == CAFFE


def test_a_cache_that_cannot_be_made_is_a_sentence(known, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(EncoderError, match=r"cache folder .* cannot be used .*IMPASTO_CACHE"):
        load_encoder("tiny")


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("IMPASTO_CACHE", raising=False)
    assert cache_folder() == Path(platformdirs.user_cache_dir("impasto"))
    monkeypatch.setenv("IMPASTO_CACHE", "~/paint")
    assert cache_folder() == Path.home() / "paint"


def test_watchers_are_told_from_deep_within(known, events):
    with watching(events.append):
        load_encoder("tiny")
    assert events
    events.clear()
    Slot.of(known).clear()
    load_encoder("tiny")
    assert events == []


FETCH = """
import json, sys
from impasto.encoders.published.catalogue import KnownWeights
from impasto.encoders.published.fetching import fetch
from impasto.encoders.published.progress import Note

def watch(event):
    if isinstance(event, Note):
        open(sys.argv[2], "a").write(event.text)

print(fetch(KnownWeights(**json.loads(sys.argv[1])), watch).sha256)
"""


def test_two_processes_at_once_download_once(known, slot, server, tmp_path):
    notes = [tmp_path / "first.txt", tmp_path / "second.txt"]

    def when_the_other_waits(handler, body):
        end = time.monotonic() + answers.LONGEST_WAIT
        while not any(note.exists() for note in notes) and time.monotonic() < end:
            time.sleep(0.02)
        answers.whole_or_range(handler, body)

    server.answers = [when_the_other_waits]
    source = str(Path(impasto.__file__).parents[1])
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r})\n{FETCH}", json.dumps(asdict(known))]
    processes = [subprocess.Popen([*command, str(note)], stdout=subprocess.PIPE, text=True) for note in notes]
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert said == [slot.intact().sha256] * 2
    assert len(server.requests) == 1
    waited = [note.read_text() for note in notes if note.exists()]
    assert waited == ["Another process is at work on tiny: waiting until it is done."]


def test_all_of_a_slot_can_be_removed(known, slot, server, data):
    fetch(known)
    slot.partial.write_bytes(b"part")
    assert slot.clear() > 4
    assert [path.name for path in slot.folder.iterdir()] == ["tiny.lock"]
    assert slot.clear() == 0
