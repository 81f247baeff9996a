"""Fixtures: a server with a small file in Keras's layout, and an empty cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from impasto.encoders.published.cache import CachedWeights
from impasto.encoders.published.catalogue import KnownWeights
from tests.encoders.published.server import FileServer, serving
from tests.encoders.samples import WEIGHTS, isolate_downloads, keras_file, publish


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the weights in an empty cache."""
    isolate_downloads(monkeypatch, tmp_path / "cache")
    return tmp_path / "cache" / "weights"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as files:
        yield files


@pytest.fixture(scope="session")
def data() -> bytes:
    """Content of the published file."""
    return keras_file(WEIGHTS)


@pytest.fixture
def known(server: FileServer, cache: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> KnownWeights:
    """Entry ``tiny`` of the catalogue, which the server publishes."""
    return publish(server, monkeypatch, data)


@pytest.fixture
def cached(known: KnownWeights) -> CachedWeights:
    """Files of ``tiny`` in the cache."""
    return CachedWeights.of(known)


@pytest.fixture
def events() -> list:
    """Events received, if a test passes ``events.append`` as the listener."""
    return []
