"""Lines of manifests, keys and shards."""

from __future__ import annotations

import json
from itertools import chain

import fsspec
import pytest

from impasto import make_settings
from impasto.batches.manifest.entries import Entry, Shard, entry_key, read_manifest, write_manifest
from impasto.errors import SettingsError
from impasto.settings.making import change_settings

KEY = "0" * 32


def entry(**changes):
    return Entry("/a.png", ("swirls",), make_settings(**changes), "/out/a.png", KEY)


@pytest.mark.parametrize(
    "settings",
    [
        make_settings(),
        make_settings(preset="quick", size=64, masks={2: "/m.png"}, threads=2),
        make_settings(preset="tutorial", losses={"style": {"relu3_1": 3.0}}),
        change_settings(make_settings(losses={"style": {"relu1_1": 1.0}}), preset="fine"),
    ],
)
def test_manifest_restores_all_settings(settings, tmp_path):
    written = [Entry("/a.png", ("swirls", "s3://b/s.png"), settings, "s3://b/a.png", KEY)]
    write_manifest(tmp_path / "p.jsonl", written)
    read = read_manifest(tmp_path / "p.jsonl")
    assert read == written
    assert read[0].settings.model_dump_json() == settings.model_dump_json()  # the order of layers counts


def test_manifest_lines_hold_only_changed_settings(tmp_path):
    write_manifest(tmp_path / "p.jsonl", [entry(size=64)])
    line = json.loads((tmp_path / "p.jsonl").read_text())
    assert line["settings"] == {"preset": "default", "size": 64}


@pytest.mark.parametrize("folder", ["disk", "memory://plans"])
def test_manifest_is_replaced_only_by_force(folder, tmp_path):
    fsspec.filesystem("memory").store.clear()
    path = f"{tmp_path if folder == 'disk' else folder}/p.jsonl"
    write_manifest(path, [entry()])
    with pytest.raises(SettingsError, match="force=True"):
        write_manifest(path, [entry(size=64)])
    write_manifest(path, [entry(size=64)], force=True)
    assert read_manifest(path)[0].settings.size == 64


LINE = {"content": "/a.png", "styles": ["s"], "output": "/o.png", "settings": {}, "key": KEY, "impasto": "0.1.0"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no paintings"),
        ("{", "Line 1 of .* is not JSON"),
        (json.dumps(LINE) + "\n" + json.dumps(LINE | {"key": "x"}), "Line 2 of .*see key"),
        (json.dumps(LINE | {"styles": "s"}), "see styles"),
        (json.dumps(LINE | {"settings": {"size": 1}}), "settings that are not valid"),
        (json.dumps(LINE | {"impasto": "9.9"}), "is of impasto 9.9"),
        (json.dumps(LINE | {"output": "s3://key:hunter2@b/o.png"}), "holds credentials"),
    ],
)
def test_invalid_manifests_are_refused(text, words, tmp_path):
    (tmp_path / "p.jsonl").write_text(text)
    with pytest.raises(SettingsError, match=words) as error:
        read_manifest(tmp_path / "p.jsonl")
    assert "hunter2" not in str(error.value)
    for missing in (tmp_path / "missing", "memory://missing"):
        with pytest.raises(SettingsError, match="cannot be read"):
            read_manifest(missing)


def test_shards_cover_every_entry_once():
    numbers = list(range(10))
    shards = [Shard.parse(f"{number}/3").select(numbers) for number in (1, 2, 3)]
    assert shards[0] == [0, 3, 6, 9]
    assert sorted(chain(*shards)) == numbers


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "-1/3", "1/3/5", ""])
def test_invalid_shards_are_refused(text):
    with pytest.raises(SettingsError, match="not a shard"):
        Shard.parse(text)


def test_keys_depend_on_version_and_fingerprint():
    assert len({entry_key("a"), entry_key("b"), entry_key("a", "9.9")}) == 3
