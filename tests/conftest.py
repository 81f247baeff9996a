"""Shared fixtures: small pictures and a small encoder, all seeded."""

from __future__ import annotations

import os

# Two workers with two spinning threads each would slow each other tenfold: see impasto.cli.main.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ALL_CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def _share_cores() -> None:
    """Give each worker of pytest-xdist its share of the cores, and so of the threads.

    On two cores, two workers with two threads each need 1.4 times the processor time for the same small paintings.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    if count > 1 and ALL_CORES:
        cores, number = sorted(ALL_CORES), int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        share = cores[number * len(cores) // count : (number + 1) * len(cores) // count]
        os.sched_setaffinity(0, share or [cores[number % len(cores)]])


_share_cores()  # before PyTorch counts them

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from safetensors.torch import save_file

from impasto.encoders.architectures import METADATA_KEY, architecture_to_json
from impasto.encoders.network import Architecture
from impasto.engine import devices
from tests.helpers import random_weights, smooth_picture

settings.register_profile("impasto", deadline=None, derandomize=True, max_examples=40, print_blob=True)
settings.load_profile("impasto")

MULTIPLIES_BFLOAT16 = devices._multiplies_bfloat16


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist keep the tests of a group on one worker, so that their fixtures are made once."""
    if getattr(config.option, "dist", None) == "load":
        config.option.dist = "loadgroup"
    if "PYTEST_XDIST_WORKER" in os.environ:  # the change of the option does not reach the workers
        config.option.loadgroup = True


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep runs, styles and caches out of the user's folders; processes that tests start inherit this."""
    os.environ["IMPASTO_STATE"] = str(tmp_path_factory.mktemp("state"))
    os.environ["IMPASTO_STYLES"] = str(tmp_path_factory.mktemp("styles"))
    os.environ["IMPASTO_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def _full_precision() -> Iterator[None]:
    """``auto`` is float32 within the tests, so that they see the same numbers on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "_multiplies_bfloat16", lambda device: False)
        yield


@pytest.fixture
def _machine_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """``auto`` chooses the precision as it does outside the tests."""
    monkeypatch.setattr(devices, "_multiplies_bfloat16", MULTIPLIES_BFLOAT16)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a safetensors file with a narrow encoder of random weights, down to conv5_1."""
    path = tmp_path_factory.mktemp("encoder") / "tiny.safetensors"
    save_file(random_weights(), path, {METADATA_KEY: architecture_to_json(Architecture())})
    return path


@pytest.fixture(scope="session")
def loud_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an encoder whose features are too large for any precision."""
    loud = {name: 1e8 * weight if name.endswith("weight") else weight for name, weight in random_weights().items()}
    path = tmp_path_factory.mktemp("encoder") / "loud.safetensors"
    save_file(loud, path, {METADATA_KEY: architecture_to_json(Architecture())})
    return path


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """Return a 72×96 picture."""
    return smooth_picture(72, 96, seed=1)


@pytest.fixture(scope="session")
def style() -> np.ndarray:
    """Return an 80×80 picture."""
    return smooth_picture(80, 80, seed=2)
