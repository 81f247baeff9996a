"""A workload with a wide encoder of random weights, and octaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from impasto.encoders.network import Architecture, Encoder
from impasto.painting.octaves import Octave, plan_octaves
from impasto.painting.workload import Workload
from impasto.settings.making import make_settings
from impasto.settings.model import Optimization
from tests.helpers import random_weights


def make_workload(
    sources: Sequence[tuple[int, int]] = ((3000, 4000), (1000, 800)),
    architecture: Architecture | None = None,
    **changes: Any,
) -> Workload:
    """Return the workload of a photograph and paintings of some sizes, with changed settings."""
    encoder = Encoder(random_weights(channels=(32, 64, 128, 256, 256)), architecture)
    return Workload(encoder, make_settings(**changes), list(sources), list(sources[1:]))


def make_octaves(height: int, width: int, iterations: int = 50) -> tuple[Octave, ...]:
    """Plan the octaves of a size with the default ratio and factor."""
    return plan_octaves(height, width, Optimization(iterations=iterations))
