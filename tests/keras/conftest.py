"""The Keras file with seeded weights, written once for all tests, and its encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Encoder
from tests.keras.comparison import THREADS
from tests.keras.samples import write_vgg19


@pytest.fixture(scope="session")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the file of 80 MB, in less than a second."""
    return write_vgg19(tmp_path_factory.mktemp("keras") / "vgg19_seeded_notop.h5")


@pytest.fixture(scope="session")
def encoder(keras_file: Path) -> Encoder:
    """Load the encoder of the file."""
    return load_encoder(str(keras_file)).encoder


@pytest.fixture(autouse=True, scope="module")
def _few_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)
