"""Where an encoder's weights come from: the package, the user's cache, the network, or a file of the user's own.

:func:`load_encoder` is all that painting needs. :func:`fetch` brings published weights into the cache;
:func:`watching` shows what it does meanwhile.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from impasto.weights.catalogue import BUILTIN, BUILTIN_FILE, KNOWN, KnownWeights
from impasto.weights.progress import Fetching, Note, watching

if TYPE_CHECKING:
    from impasto.files import sha256_of
    from impasto.weights.architectures import METADATA_KEY, architecture_from_json, architecture_to_json
    from impasto.weights.fetching import fetch
    from impasto.weights.loading import LoadedEncoder, load_encoder

__all__ = [
    "BUILTIN",
    "BUILTIN_FILE",
    "KNOWN",
    "METADATA_KEY",
    "Fetching",
    "KnownWeights",
    "LoadedEncoder",
    "Note",
    "architecture_from_json",
    "architecture_to_json",
    "fetch",
    "load_encoder",
    "sha256_of",
    "watching",
]

# `impasto weights list` should not wait for PyTorch, so what needs it is imported when it is first asked for.
_LATE = {
    "LoadedEncoder": "loading",
    "load_encoder": "loading",
    "METADATA_KEY": "architectures",
    "architecture_from_json": "architectures",
    "architecture_to_json": "architectures",
    "fetch": "fetching",
    "sha256_of": "hashes",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(f"impasto.weights.{_LATE[name]}"), name)
    raise AttributeError(f"module 'impasto.weights' has no attribute {name!r}")
