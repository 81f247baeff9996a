"""Where an encoder's weights come from: the built-in file, or the path of a safetensors file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, get_args

from safetensors import SafetensorError, safe_open
from torch import Tensor

from impasto.encoder import Architecture, Encoder, Padding, Pooling, Preprocessing
from impasto.errors import EncoderError

BUILTIN = "builtin"
BUILTIN_FILE = "builtin.safetensors"
METADATA_KEY = "impasto-encoder"


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder and where it came from.

    Attributes:
        encoder: on the CPU.
        name: ``builtin``, or the file's path.
        sha256: of the file.
    """

    encoder: Encoder
    name: str
    sha256: str


def load_encoder(name: str = BUILTIN) -> LoadedEncoder:
    """Load an encoder; needs no network.

    Args:
        name: ``builtin``, or the path of a safetensors file with ``conv1_1.weight`` and so on.

    Raises:
        EncoderError: there is no such file, or it holds no VGG-19 stack.
    """
    if name == BUILTIN:
        with as_file(files("impasto") / "encoders" / BUILTIN_FILE) as path:
            return LoadedEncoder(_read(path), BUILTIN, sha256_of(path))
    path = Path(name).expanduser()
    if not path.is_file():
        raise EncoderError(
            f"There is no encoder {name!r}: give {BUILTIN}, or the path of a safetensors file of VGG-19's convolutions."
        )
    return LoadedEncoder(_read(path), str(path.resolve()), sha256_of(path))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> Encoder:
    try:
        with safe_open(path, framework="pt") as file:
            weights: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise EncoderError(f"The encoder's file {str(path)!r} is no safetensors file ({error}).") from None
    try:
        return Encoder(weights, architecture_from_json(metadata[METADATA_KEY]) if METADATA_KEY in metadata else None)
    except EncoderError as error:
        raise EncoderError(f"The encoder's file {str(path)!r} cannot be used. {error}") from None


def architecture_to_json(architecture: Architecture) -> str:
    """The architecture as the file's metadata hold it."""
    return json.dumps(asdict(architecture))


def architecture_from_json(text: str) -> Architecture:
    """The inverse of :func:`architecture_to_json`.

    Raises:
        EncoderError: the text is no such architecture.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        before = values.pop("preprocessing")
        before |= {name: tuple(float(v) for v in before[name]) for name in ("mean", "std")}
        architecture = Architecture(**values, preprocessing=Preprocessing(**before))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EncoderError(f"Its description is damaged ({error!r}).") from None
    if architecture.pooling not in get_args(Pooling) or architecture.padding not in get_args(Padding):
        raise EncoderError(f"Its description names an unknown pooling or padding ({text}).")
    return architecture
