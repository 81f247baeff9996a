"""Fetching of published weights into the cache: download, verification, one conversion."""

from __future__ import annotations

from hashlib import sha256

from safetensors.torch import save

from impasto.encoders.architectures import METADATA_KEY, architecture_to_json
from impasto.encoders.published.cache import CachedWeights, Receipt, size_of
from impasto.encoders.published.catalogue import KnownWeights
from impasto.encoders.published.events import FetchListener, Note, current_listener
from impasto.encoders.weight_files import read_encoder, require_h5py
from impasto.files import digest_of, sha256_of, shown


def fetch(known: KnownWeights, on_event: FetchListener | None = None) -> Receipt:
    """Make sure that the cache holds published weights, complete and converted.

    Nothing is downloaded if the cache holds them already, or if the user has put the published file into its folder.

    Args:
        known: an entry of :data:`impasto.encoders.published.catalogue.KNOWN`.
        on_event: callback that receives the progress; defaults to the listener of
            :func:`impasto.encoders.published.events.fetch_listener`.

    Returns:
        Receipt of the converted file.

    Raises:
        EncoderError: the weights cannot be downloaded, read or written.
    """
    on_event = on_event or current_listener()
    if known.url.endswith(".h5"):
        require_h5py()  # before a download of 80 MB that could not be read
    cached = CachedWeights.of(known)
    with cached.locked(on_event):
        receipt = cached.verified_receipt()  # another process may have fetched them before this one got the lock
        if receipt is not None:
            return receipt
        if cached.read_receipt():
            on_event(Note(f"The file {shown(cached.converted)} is damaged: fetching it again."))
        cached.remove_converted()
        _provide_source(cached, on_event)
        return _convert(cached)


def _provide_source(cached: CachedWeights, on_event: FetchListener) -> None:
    """Keep the published file if the user has put it into the cache intact, else download it."""
    from impasto.encoders.published.download import download  # requests takes time to import

    if cached.source.exists():
        fault = source_fault(cached)
        if fault is None:
            return
        cached.source.unlink()
        on_event(Note(f"The file {cached.known.file} in the cache {fault} and was removed: fetching it again."))
    download(cached, on_event)


def source_fault(cached: CachedWeights) -> str | None:
    """Describe what is wrong with the published file in the cache, as a predicate; None if it is intact."""
    known, size = cached.known, size_of(cached.source)
    if size != known.size:
        return f"has {size:,} bytes instead of {known.size:,}"
    found = digest_of(cached.source, known.algorithm)
    return None if found == known.digest else f"has the {known.algorithm} {found}, which is wrong"


def _convert(cached: CachedWeights) -> Receipt:
    """Convert the published file's convolutions to safetensors, and remove that file."""
    encoder = read_encoder(cached.source, cached.known.origin).encoder
    weights = {
        f"{layer}.{part}": encoder.get_buffer(f"{layer}_{part}").contiguous()
        for layer in encoder.convolutions
        for part in ("weight", "bias")
    }
    converted = save(weights, {METADATA_KEY: architecture_to_json(encoder.architecture)})
    receipt = Receipt(cached.known.hash, sha256_of(cached.source), sha256(converted).hexdigest())
    cached.store(converted, receipt)
    return receipt
