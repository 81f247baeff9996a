"""From the name of an encoder to the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import get_args

from impasto.encoders.formats import read_encoder
from impasto.encoders.network import Encoder
from impasto.encoders.published.cache import Slot
from impasto.encoders.published.catalogue import BUILTIN, BUILTIN_FILE, KNOWN, KnownWeights, Origin
from impasto.encoders.published.fetching import fetch
from impasto.encoders.published.progress import Note, Watcher, current_watcher
from impasto.errors import EncoderError
from impasto.files import expanded, is_file, reason, sha256_of, shown


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder and where it came from.

    Attributes:
        encoder: on the CPU.
        name: ``builtin``, that of published weights, or the file's path; what :func:`load_encoder` takes.
        sha256: of the file; of published weights, that of the file as it is published.
    """

    encoder: Encoder
    name: str
    sha256: str


def load_encoder(name: str = BUILTIN, watch: Watcher | None = None) -> LoadedEncoder:
    """Load an encoder; needs the network only where published weights are used for the first time.

    Args:
        name: ``builtin``; a name of :data:`impasto.encoders.published.catalogue.KNOWN`; or the path of a file that
            :func:`impasto.encoders.formats.read_encoder` reads. A path may begin with ``caffe:`` or ``torchvision:``,
            which says whose preprocessing its weights expect.
        watch: is told of downloads; that of :func:`impasto.encoders.published.progress.watching` where not given.

    Raises:
        EncoderError: there is no such file, it holds no VGG-19 stack, or it cannot be fetched.
    """
    watch = watch or current_watcher()
    if name == BUILTIN:
        with as_file(files("impasto") / "encoders" / BUILTIN_FILE) as path:
            return LoadedEncoder(read_encoder(path).encoder, BUILTIN, sha256_of(path))
    if name in KNOWN:
        return _load_known(KNOWN[name], watch)
    return _load_file(name, watch)


def _load_known(known: KnownWeights, watch: Watcher) -> LoadedEncoder:
    slot = Slot.of(known)
    receipt = slot.intact() or fetch(known, watch)
    return LoadedEncoder(read_encoder(slot.converted).encoder, known.name, receipt.source_sha256)


def _load_file(name: str, watch: Watcher) -> LoadedEncoder:
    origin, path = _split(name)
    if not is_file(path):
        raise EncoderError(
            f"There is no encoder {name!r}: give {', '.join((BUILTIN, *KNOWN))}, or the path of a file of VGG-19's "
            f"weights (safetensors, .h5 or .pth)."
        )
    read, path = read_encoder(path, origin), path.resolve()
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise EncoderError(f"The encoder's file {shown(path)} cannot be read ({reason(error)}).") from None
    if read.guessed and sha256 not in [known.digest for known in KNOWN.values()]:
        watch(Note(f"{shown(path)} is read as torchvision's weights: if they are Caffe's, write caffe:{shown(path)}."))
    return LoadedEncoder(read.encoder, f"{origin}:{path}" if origin else str(path), sha256)


def _split(name: str) -> tuple[Origin | None, Path]:
    """An encoder's name as whose weights it says they are, if it does, and the path."""
    for origin in get_args(Origin):
        if name.startswith(f"{origin}:"):
            return origin, expanded(name.removeprefix(f"{origin}:"))
    return None, expanded(name)
