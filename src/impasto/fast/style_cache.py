"""Measured styles of the instant network on disk, because measuring one takes a tenth of a painting's time.

The key of a style is the hash of its pixels at the size at which they are measured. So a changed file, another size and
other colours are other styles.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from impasto.encoders.published.cache import cache_folder
from impasto.errors import ImpastoError
from impasto.fast.graphs import LEVELS
from impasto.fast.histograms import HISTOGRAMS
from impasto.fast.maps import Array, Style
from impasto.fast.network import MeasuredStyle, Network
from impasto.files import replace_file

FORMAT = 2
"""Version of the files, which changes with the statistics that a style consists of."""

MOST_FILES = 32
"""Number of styles that are kept; each takes 0.7 MB."""

SUFFIX = ".style"

DIGEST_BYTES = 32
"""Length of the SHA-256 that precedes the arrays in a file."""


def measure_style(network: Network, pixels: Array) -> MeasuredStyle:
    """Return a painting's statistics, from the cache or measured and stored there.

    A cache that cannot be read or written is left alone.

    Args:
        network: encoder.
        pixels: H×W×3 in [0, 1].
    """
    path = _path(network, pixels)
    found = None if path is None else _read(path)
    if found is not None:
        return found
    measured = network.measure_style(pixels)
    if path is not None:
        _store(path, measured)
    return measured


def _path(network: Network, pixels: Array) -> Path | None:
    """Return the file of a style; None if the user has no home folder."""
    try:
        folder = cache_folder() / "styles"
    except ImpastoError:
        return None
    found = hashlib.sha256(f"{FORMAT} {network.encoder_sha256} {pixels.shape} {pixels.dtype}".encode())
    found.update(np.ascontiguousarray(pixels).data)
    return folder / f"{found.hexdigest()[:32]}{SUFFIX}"


def _read(path: Path) -> MeasuredStyle | None:
    """Return the style in a file; None if the file is missing or damaged."""
    from safetensors.numpy import load

    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, arrays = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    if hashlib.sha256(arrays).digest() != digest:
        return None
    stored = load(arrays)
    levels = range(len(LEVELS) + 1)  # and the pixels
    return MeasuredStyle(
        [Style(stored[f"mean_{n}"], stored[f"root_{n}"], stored[f"variance_{n}"].item()) for n in levels],
        [stored[f"histograms_{n}"] for n in range(HISTOGRAMS)],
    )


def _store(path: Path, measured: MeasuredStyle) -> None:
    """Write a style, and remove the oldest ones beyond :data:`MOST_FILES`."""
    from safetensors.numpy import save

    arrays: dict[str, Any] = {f"histograms_{n}": found for n, found in enumerate(measured.histograms)}
    for n, level in enumerate(measured.levels):
        arrays |= {f"mean_{n}": level.mean, f"root_{n}": level.root, f"variance_{n}": np.array(level.variance)}
    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    with suppress(OSError, ImpastoError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, hashlib.sha256(data).digest() + data)
        by_age = sorted(path.parent.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
        for file in by_age[:-MOST_FILES]:
            file.unlink(missing_ok=True)
