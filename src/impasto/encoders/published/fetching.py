"""Published weights into the cache: download, check, convert once."""

from __future__ import annotations

from hashlib import sha256

from safetensors.torch import save

from impasto.encoders.architectures import METADATA_KEY, architecture_to_json
from impasto.encoders.formats import read_encoder, require_h5py
from impasto.encoders.published.cache import Receipt, Slot, size_of
from impasto.encoders.published.catalogue import KnownWeights
from impasto.encoders.published.progress import Note, Watcher, current_watcher
from impasto.files import digest_of, sha256_of, shown


def fetch(known: KnownWeights, watch: Watcher | None = None) -> Receipt:
    """Make sure that published weights are in the cache, whole and converted.

    Downloads nothing where they are there already, or where the published file has been put beside them by hand.

    Args:
        known: an entry of :data:`impasto.encoders.published.catalogue.KNOWN`.
        watch: is told what happens; that of :func:`impasto.encoders.published.progress.watching` where not given.

    Returns:
        What the cache knows of the converted file.

    Raises:
        EncoderError: they cannot be fetched, read or written; the sentence says how to get them by hand.
    """
    watch = watch or current_watcher()
    if known.url.endswith(".h5"):
        require_h5py()  # before eighty megabytes come that could not be read
    slot = Slot.of(known)
    with slot.changing(watch):
        receipt = slot.intact()  # asked again under the lock: another process may just have fetched it
        if receipt is not None:
            return receipt
        if slot.stored():
            watch(Note(f"The file {shown(slot.converted)} is damaged: fetching it anew."))
        slot.discard_converted()
        _bring_source(slot, watch)
        return _convert(slot)


def _bring_source(slot: Slot, watch: Watcher) -> None:
    """See to the published file: the one that the user put there where it is right, else download it."""
    from impasto.encoders.published.download import download  # only who fetches waits for its library

    failures: list[str] = []
    if slot.source.exists():
        wrong = wrong_source(slot)
        if wrong is None:
            return
        slot.source.unlink()
        failures = [f"the {slot.known.file} that lay in the cache {wrong} and was removed"]
        watch(Note(f"The {slot.known.file} that lay in the cache {wrong} and was removed: fetching it anew."))
    download(slot, watch, failures)


def wrong_source(slot: Slot) -> str | None:
    """What is wrong with the published file in the cache, as the rest of a sentence; None where it is right."""
    known, size = slot.known, size_of(slot.source)
    if size != known.size:
        return f"has {size:,} bytes in place of {known.size:,}"
    found = digest_of(slot.source, known.algorithm)
    return None if found == known.digest else f"has the {known.algorithm} {found}, which is wrong"


def _convert(slot: Slot) -> Receipt:
    """Put the convolutions of the published file in place, as safetensors, and remove that file."""
    encoder = read_encoder(slot.source, slot.known.origin).encoder
    weights = {
        f"{layer}.{part}": encoder.get_buffer(f"{layer}_{part}").contiguous()
        for layer in encoder.convolutions
        for part in ("weight", "bias")
    }
    converted = save(weights, {METADATA_KEY: architecture_to_json(encoder.architecture)})
    receipt = Receipt(slot.known.hash, sha256_of(slot.source), sha256(converted).hexdigest())
    slot.store(converted, receipt)
    return receipt
