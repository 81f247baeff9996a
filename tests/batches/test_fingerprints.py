"""Fingerprints of works."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto import make_settings
from impasto.batches.fingerprints import FileHashes, work_fingerprint
from impasto.batches.works import Work
from impasto.errors import PictureError


def test_fingerprint_depends_on_every_named_picture():
    changes = [{}, {"protect": "faces"}, {"init": "noise"}, {"colours_from": "style.png"}, {"init": "style.png"},
               {"masks": {1: "style.png"}}, {"style_masks": {1: "style.png"}}, {"protect": "style.png"}]  # fmt: skip
    works = [Work(Path("photo.png"), (Path("style.png"),), make_settings(**c), Path("out.png")) for c in changes]
    assert len({work_fingerprint(work, lambda path: path.name) for work in works}) == len(changes)


def test_file_hash_is_computed_once(tmp_path):
    hashes, path = FileHashes(), tmp_path / "file"
    path.write_bytes(b"abc")
    first = hashes.sha256(path)
    assert first == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.unlink()
    assert hashes.sha256(path) == first
    with pytest.raises(PictureError):
        FileHashes().sha256(path)
