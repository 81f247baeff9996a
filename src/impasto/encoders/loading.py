"""Loading of an encoder by its name."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.encoders.names import BUILTIN, BUILTIN_FILES, EncoderFile, builtin_file, find_encoder_file
from impasto.encoders.network import Encoder
from impasto.encoders.published.cache import CachedWeights
from impasto.encoders.published.catalogue import KNOWN, KnownWeights
from impasto.encoders.published.events import FetchListener, Note, current_listener
from impasto.encoders.published.fetching import fetch
from impasto.encoders.weight_files import read_encoder
from impasto.errors import EncoderError
from impasto.files import reason, sha256_of, shown


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder with its name and hash.

    Attributes:
        encoder: the encoder, on the CPU.
        name: name of a built-in encoder or of published weights, or the file's absolute path, with its origin if given;
            :func:`load_encoder` accepts it.
        sha256: SHA-256 of the file, for published weights of the file as published.
    """

    encoder: Encoder
    name: str
    sha256: str


def load_encoder(name: str = BUILTIN, on_event: FetchListener | None = None) -> LoadedEncoder:
    """Load an encoder, downloading published weights on first use only.

    Args:
        name: a name in :data:`impasto.encoders.names.BUILTIN_FILES` or
            :data:`impasto.encoders.published.catalogue.KNOWN`; or the path of a file that
            :func:`impasto.encoders.weight_files.read_encoder` accepts. The prefix ``caffe:`` or ``torchvision:`` of a
            path states the preprocessing that its weights expect.
        on_event: callback that receives the progress of a download; defaults to the listener of
            :func:`impasto.encoders.published.events.fetch_listener`.

    Raises:
        EncoderError: the file does not exist or holds no stack of convolutions, or the weights cannot be downloaded.
    """
    on_event = on_event or current_listener()
    file = find_encoder_file(name)
    if file is not None:
        return _load_file(file, on_event)
    if name in BUILTIN_FILES:
        with builtin_file(name) as path:
            return LoadedEncoder(read_encoder(path).encoder, name, sha256_of(path))
    return _load_published(KNOWN[name], on_event)


def _load_published(known: KnownWeights, on_event: FetchListener) -> LoadedEncoder:
    cached = CachedWeights.of(known)
    receipt = cached.verified_receipt() or fetch(known, on_event)
    return LoadedEncoder(read_encoder(cached.converted).encoder, known.name, receipt.source_sha256)


def _load_file(file: EncoderFile, on_event: FetchListener) -> LoadedEncoder:
    parsed, path = read_encoder(file.path, file.origin), file.path.resolve()
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise EncoderError(f"The encoder's file {shown(path)} cannot be read ({reason(error)}).") from None
    if parsed.origin_assumed and sha256 not in [known.digest for known in KNOWN.values()]:
        on_event(Note(f"{shown(path)} is read as torchvision's weights: for Caffe's, write caffe:{shown(path)}."))
    return LoadedEncoder(parsed.encoder, file._replace(path=path).name, sha256)
