"""From the name of an encoder to the encoder."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.encoders.formats import read_encoder
from impasto.encoders.names import BUILTIN, EncoderFile, builtin_file, find_encoder_file
from impasto.encoders.network import Encoder
from impasto.encoders.published.cache import Slot
from impasto.encoders.published.catalogue import KNOWN, KnownWeights
from impasto.encoders.published.fetching import fetch
from impasto.encoders.published.progress import Note, Watcher, current_watcher
from impasto.errors import EncoderError
from impasto.files import reason, sha256_of, shown


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
    file = find_encoder_file(name)
    if file is not None:
        return _load_file(file, watch)
    if name == BUILTIN:
        with builtin_file() as path:
            return LoadedEncoder(read_encoder(path).encoder, BUILTIN, sha256_of(path))
    return _load_known(KNOWN[name], watch)


def _load_known(known: KnownWeights, watch: Watcher) -> LoadedEncoder:
    slot = Slot.of(known)
    receipt = slot.intact() or fetch(known, watch)
    return LoadedEncoder(read_encoder(slot.converted).encoder, known.name, receipt.source_sha256)


def _load_file(file: EncoderFile, watch: Watcher) -> LoadedEncoder:
    read, path = read_encoder(file.path, file.origin), file.path.resolve()
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise EncoderError(f"The encoder's file {shown(path)} cannot be read ({reason(error)}).") from None
    if read.guessed and sha256 not in [known.digest for known in KNOWN.values()]:
        watch(Note(f"{shown(path)} is read as torchvision's weights: if they are Caffe's, write caffe:{shown(path)}."))
    return LoadedEncoder(read.encoder, file._replace(path=path).name, sha256)
