"""The cache: conversion, damage, manually placed files, and concurrent processes."""

from __future__ import annotations

import json
import re
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
from impasto.encoders.published.cache import CachedWeights, cache_folder
from impasto.encoders.published.events import Note, fetch_listener
from impasto.encoders.published.fetching import fetch
from impasto.errors import EncoderError
from impasto.files import sha256_of
from tests.encoders.published import server as answers
from tests.encoders.samples import WEIGHTS, keras_file, publish, same_features, torch_saved, torchvision_state
from tests.helpers import random_weights


def damage(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_load_encoder_fetches_published_weights_once(known, cached, server, data):
    for _ in range(2):
        loaded = load_encoder("tiny")
        assert loaded.name == "tiny"
        assert loaded.encoder.architecture == CAFFE
        assert same_features(loaded.encoder, Encoder(WEIGHTS, CAFFE))
    assert len(server.requests) == 1


def test_loaded_hash_is_that_of_published_file(known, cached, data, tmp_path):
    path = tmp_path / "mine.h5"
    path.write_bytes(data)
    assert load_encoder("tiny").sha256 == load_encoder(str(path)).sha256 == sha256_of(path)


def test_fetch_keeps_convolutions_only(server, cache, monkeypatch):
    data = torch_saved(torchvision_state(WEIGHTS), archive=False)
    changes = {"url": f"{server.url}/files/tiny.pth", "origin": "torchvision"}
    known = publish(server, monkeypatch, data, **changes)
    loaded = load_encoder("tiny")
    assert loaded.encoder.architecture == TORCHVISION
    assert same_features(loaded.encoder, Encoder(WEIGHTS, TORCHVISION))
    with safe_open(CachedWeights.of(known).converted, framework="pt") as file:
        assert sorted(file.keys()) == sorted(WEIGHTS)
    assert not CachedWeights.of(known).source.exists()


def test_damaged_converted_file_is_fetched_again(known, cached, server, events):
    load_encoder("tiny")
    damage(cached.converted)
    loaded = load_encoder("tiny", events.append)
    assert same_features(loaded.encoder, Encoder(WEIGHTS, CAFFE))
    assert [event for event in events if isinstance(event, Note)] == [
        Note(f"The file {cached.converted} is damaged: fetching it again.")
    ]
    assert len(server.requests) == 2


def test_damaged_converted_file_is_removed_offline(known, cached, server):
    load_encoder("tiny")
    damage(cached.converted)
    server.files.clear()
    with pytest.raises(EncoderError, match="could not be fetched"):
        load_encoder("tiny")
    assert not cached.converted.exists()


@pytest.mark.parametrize("receipt", ["", "[]", "{}", '{"source": "md5 0", "source_sha256": "", "sha256": ""}'])
def test_converted_file_without_receipt_is_ignored(known, cached, server, receipt):
    load_encoder("tiny")
    cached.receipt.write_text(receipt)
    assert cached.read_receipt() is None
    load_encoder("tiny")
    assert len(server.requests) == 2


def test_new_catalogue_version_replaces_cached_weights(known, cached, server, monkeypatch):
    load_encoder("tiny")
    newer = random_weights("conv5_4", seed=6)
    publish(server, monkeypatch, keras_file(newer))
    assert same_features(load_encoder("tiny").encoder, Encoder(newer, CAFFE))


def test_manually_placed_file_needs_no_network(known, cached, server, data):
    cached.folder.mkdir(parents=True)
    cached.source.write_bytes(data)
    assert same_features(load_encoder("tiny").encoder, Encoder(WEIGHTS, CAFFE))
    assert server.requests == []
    assert not cached.source.exists()


@pytest.mark.parametrize("wrong", [b"short", None])
def test_wrong_manually_placed_file_is_removed(known, cached, server, data, events, wrong):
    cached.folder.mkdir(parents=True)
    cached.source.write_bytes(wrong or bytes(len(data)))
    server.files.clear()
    with pytest.raises(EncoderError, match=r"could not be fetched \(127\.0\.0\.1: HTTP 404 Not Found\)"):
        load_encoder("tiny", events.append)
    assert not cached.source.exists()
    assert re.fullmatch(r"The file tiny\.h5 in the cache has .* and was removed: fetching it again\.", events[0].text)


def test_published_file_without_vgg_is_refused(server, cache, monkeypatch):
    known = publish(server, monkeypatch, b"right hash, wrong content")
    with pytest.raises(EncoderError, match="cannot be used"):
        load_encoder("tiny")
    assert not CachedWeights.of(known).converted.exists()


def test_read_only_cache_is_usable(known, cached, server, monkeypatch):
    load_encoder("tiny")
    monkeypatch.setattr(CachedWeights, "locked", None)  # any attempt to change the cache would fail
    assert load_encoder("tiny").encoder.architecture == CAFFE


def test_unusable_cache_folder_error_names_variable(known, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(EncoderError, match=r"cache folder .* cannot be used .*IMPASTO_CACHE"):
        load_encoder("tiny")


def test_cache_folder_obeys_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("IMPASTO_CACHE", raising=False)
    assert cache_folder() == Path(platformdirs.user_cache_dir("impasto"))
    monkeypatch.setenv("IMPASTO_CACHE", "~/paint")
    assert cache_folder() == Path.home() / "paint"


def test_fetch_listener_receives_events_of_load_encoder(known, events):
    with fetch_listener(events.append):
        load_encoder("tiny")
    assert events
    events.clear()
    CachedWeights.of(known).remove_all()
    load_encoder("tiny")
    assert events == []


FETCH = """
import json, sys
from impasto.encoders.published.catalogue import KnownWeights
from impasto.encoders.published.fetching import fetch
from impasto.encoders.published.events import Note

def on_event(event):
    if isinstance(event, Note):
        open(sys.argv[2], "a").write(event.text)

print(fetch(KnownWeights(**json.loads(sys.argv[1])), on_event).sha256)
"""


def test_concurrent_processes_download_once(known, cached, server, tmp_path):
    notes = [tmp_path / "first.txt", tmp_path / "second.txt"]

    def answer_when_other_waits(handler, body):
        end = time.monotonic() + answers.LONGEST_WAIT
        while not any(note.exists() for note in notes) and time.monotonic() < end:
            time.sleep(0.02)
        answers.whole_or_range(handler, body)

    server.answers = [answer_when_other_waits]
    source = str(Path(impasto.__file__).parents[1])
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r})\n{FETCH}", json.dumps(asdict(known))]
    processes = [subprocess.Popen([*command, str(note)], stdout=subprocess.PIPE, text=True) for note in notes]
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert said == [cached.verified_receipt().sha256] * 2
    assert len(server.requests) == 1
    waited = [note.read_text() for note in notes if note.exists()]
    assert waited == ["Another process is fetching or changing tiny: waiting for it to finish."]


def test_remove_all_keeps_only_lock(known, cached, server, data):
    fetch(known)
    cached.partial.write_bytes(b"part")
    assert cached.remove_all() > 4
    assert [path.name for path in cached.folder.iterdir()] == ["tiny.lock"]
    assert cached.remove_all() == 0
