"""A server with a small file in Keras's layout, and a cache of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from impasto.encoders.published.cache import Slot
from impasto.encoders.published.catalogue import KnownWeights
from tests.encoders.published.server import FileServer, serving
from tests.encoders.samples import WEIGHTS, keras_file, published, surroundings


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the weights in an empty cache."""
    surroundings(monkeypatch, tmp_path / "cache")
    return tmp_path / "cache" / "weights"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as files:
        yield files


@pytest.fixture(scope="session")
def data() -> bytes:
    """The published file."""
    return keras_file(WEIGHTS)


@pytest.fixture
def known(server: FileServer, cache: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> KnownWeights:
    """The entry ``tiny`` of the catalogue, which the server publishes."""
    return published(server, monkeypatch, data)


@pytest.fixture
def slot(known: KnownWeights) -> Slot:
    """Its place in the cache."""
    return Slot.of(known)


@pytest.fixture
def events() -> list:
    """What a watcher was told, once a test has given ``events.append`` as one."""
    return []
