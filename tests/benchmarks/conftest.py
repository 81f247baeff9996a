"""Fixtures: two small pairs of pictures, and a narrow encoder down to the tutorial's content layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import measures
from benchmarks.pairs import Pair
from benchmarks.quality.yardstick import save_encoder
from impasto.encoders.network import Encoder
from impasto.pictures import write_picture
from tests.helpers import random_weights, smooth_picture


@pytest.fixture
def _few_patches(monkeypatch):
    """Sample fewer patches, since scoring takes most of the time and the values do not matter."""
    monkeypatch.setattr(measures, "SAMPLES", 256)
    monkeypatch.setattr(measures, "PROJECTIONS", 8)


@pytest.fixture(scope="session")
def narrow_encoder() -> Encoder:
    return Encoder(random_weights("conv5_2"))


@pytest.fixture(scope="session")
def encoder_file(narrow_encoder, tmp_path_factory) -> Path:
    return save_encoder(narrow_encoder, tmp_path_factory.mktemp("narrow") / "narrow.safetensors")


@pytest.fixture(scope="session")
def pairs(tmp_path_factory) -> list[Pair]:
    folder = tmp_path_factory.mktemp("pairs")
    for seed, name in enumerate(("hill", "lake", "waves")):
        write_picture(folder / f"{name}.png", smooth_picture(72, 96, seed=seed))
    return [Pair(folder / "hill.png", folder / "waves.png"), Pair(folder / "lake.png", folder / "waves.png")]
