"""The user's cache: where fetched weights lie, converted, and how their soundness is known.

The folder holds the converted file and its receipt for each of :data:`~impasto.encoders.published.catalogue.KNOWN`.
The receipt is written last and removed first, so a converted file with a receipt is whole. During a download the
folder also holds the partial file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from impasto.encoders.published.catalogue import KnownWeights
from impasto.encoders.published.progress import Note, Watcher
from impasto.errors import EncoderError, PictureError
from impasto.files import expanded, reason, replace_file, sha256_of, shown

CACHE_VARIABLE = "IMPASTO_CACHE"
"""Environment variable that names another folder for the cache."""


def cache_folder() -> Path:
    """The folder for everything that impasto may fetch again."""
    given = os.environ.get(CACHE_VARIABLE)
    return expanded(given).absolute() if given else platformdirs.user_cache_path("impasto")


def weights_folder() -> Path:
    """The folder of the cache where weights lie."""
    return cache_folder() / "weights"


@dataclass(frozen=True)
class Receipt:
    """What the cache remembers of a converted file.

    Attributes:
        source: the published hash of the file that it was made from, with its algorithm.
        source_sha256: of that file.
        sha256: of the converted file.
    """

    source: str
    source_sha256: str
    sha256: str


@dataclass(frozen=True)
class Slot:
    """The places in the cache that belong to one entry of the catalogue.

    Attributes:
        known: the entry.
        folder: where they are.
    """

    known: KnownWeights
    folder: Path

    @classmethod
    def of(cls, known: KnownWeights) -> Slot:
        """The entry's slot in the user's cache."""
        return cls(known, weights_folder())

    @property
    def converted(self) -> Path:
        """The convolutions, as safetensors."""
        return self.folder / f"{self.known.name}.safetensors"

    @property
    def receipt(self) -> Path:
        """What is known of the converted file."""
        return self.folder / f"{self.known.name}.json"

    @property
    def source(self) -> Path:
        """The published file, until it is converted; users without a network put it here."""
        return self.folder / self.known.file

    @property
    def partial(self) -> Path:
        """As much of the published file as has arrived."""
        return self.folder / f"{self.known.file}.partial"

    @property
    def validator(self) -> Path:
        """Which version of the file on the server the part belongs to."""
        return self.folder / f"{self.known.file}.partial.json"

    @property
    def lock(self) -> Path:
        """What a process holds while it changes anything here."""
        return self.folder / f"{self.known.name}.lock"

    def stored(self) -> Receipt | None:
        """The receipt of the converted file, whose content is not looked at; None where there is none for this entry.

        A receipt of another version of the published file, which an earlier impasto fetched, does not count.
        """
        try:
            receipt = Receipt(**json.loads(self.receipt.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return receipt if receipt.source == self.known.hash and self.converted.is_file() else None

    def intact(self) -> Receipt | None:
        """The receipt, where the converted file is still what it says."""
        receipt = self.stored()
        try:
            return receipt if receipt and sha256_of(self.converted) == receipt.sha256 else None
        except OSError:
            return None

    def store(self, converted: bytes, receipt: Receipt) -> None:
        """Put a converted file in place; the published one is no longer needed and is removed.

        Raises:
            EncoderError: it cannot be written.
        """
        self.receipt.unlink(missing_ok=True)
        try:
            replace_file(self.converted, converted)
            replace_file(self.receipt, json.dumps(asdict(receipt), indent=2).encode())
        except PictureError as error:  # the same sentence fits any file
            raise EncoderError(str(error)) from None
        self.source.unlink(missing_ok=True)

    def discard_partial(self) -> None:
        """Forget what has arrived of the published file."""
        self.validator.unlink(missing_ok=True)
        self.partial.unlink(missing_ok=True)

    def discard_converted(self) -> None:
        """Remove the converted file."""
        self.receipt.unlink(missing_ok=True)
        self.converted.unlink(missing_ok=True)

    def clear(self) -> int:
        """Remove all that there is but the lock.

        Returns:
            How many bytes that frees.
        """
        paths = (self.receipt, self.converted, self.source, self.validator, self.partial)
        freed = sum(size_of(path) for path in paths)
        for path in paths:
            path.unlink(missing_ok=True)
        return freed

    @contextmanager
    def changing(self, watch: Watcher) -> Iterator[None]:
        """Keep other processes away while this one changes anything here; waits for one that does.

        Args:
            watch: is told where there is anything to wait for.

        Raises:
            EncoderError: the folder cannot be made or written to.
        """
        with _refusals(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.lock)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                watch(Note(f"Another process is at work on {self.known.name}: waiting until it is done."))
                lock.acquire(poll_interval=0.1)
            try:
                yield
            finally:
                lock.release()


def size_of(path: Path) -> int:
    """Size of a file in bytes; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    """What the file system refuses, said in a sentence."""
    try:
        yield
    except OSError as error:
        raise EncoderError(
            f"The cache folder {shown(folder)} cannot be used ({reason(error)}): free some space or give yourself "
            f"permission, or name another folder in the environment variable {CACHE_VARIABLE}."
        ) from None
