"""The user's cache of published weights, with a receipt that proves each file intact.

For each of :data:`~impasto.encoders.published.catalogue.KNOWN` the folder holds the converted file and its receipt. The
receipt is written last and removed first, so a converted file with a receipt is complete. During a download the folder
also holds the partial file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from impasto.encoders.published.catalogue import KnownWeights
from impasto.encoders.published.events import FetchListener, Note
from impasto.errors import EncoderError, PictureError
from impasto.files import reason, replace_file, sha256_of, shown, user_folder

CACHE_VARIABLE = "IMPASTO_CACHE"
"""Environment variable that replaces the default cache folder."""


def cache_folder() -> Path:
    """Return the folder for files that impasto can fetch again.

    Raises:
        EncoderError: the user has no home folder.
    """
    folder = user_folder(CACHE_VARIABLE, platformdirs.user_cache_path)
    if folder is None:
        raise EncoderError(
            f"There is no cache folder, because this user has no home folder: set HOME, or name a folder in the "
            f"environment variable {CACHE_VARIABLE}."
        )
    return folder


def weights_folder() -> Path:
    """Return the subfolder of the cache for weights."""
    return cache_folder() / "weights"


@dataclass(frozen=True)
class Receipt:
    """Hashes of a converted file and of its source.

    Attributes:
        source: published hash of the source file, with its algorithm.
        source_sha256: SHA-256 of the source file.
        sha256: SHA-256 of the converted file.
    """

    source: str
    source_sha256: str
    sha256: str


@dataclass(frozen=True)
class CachedWeights:
    """Files in the cache that belong to one entry of the catalogue.

    Attributes:
        known: the entry.
        folder: folder of the files.
    """

    known: KnownWeights
    folder: Path

    @classmethod
    def of(cls, known: KnownWeights) -> CachedWeights:
        """Return an entry's files in the user's cache."""
        return cls(known, weights_folder())

    @property
    def converted(self) -> Path:
        """Path of the convolutions, as safetensors."""
        return self.folder / f"{self.known.name}.safetensors"

    @property
    def receipt(self) -> Path:
        """Path of the receipt for the converted file."""
        return self.folder / f"{self.known.name}.json"

    @property
    def source(self) -> Path:
        """Path of the published file until it is converted; users without a network put it here."""
        return self.folder / self.known.file

    @property
    def partial(self) -> Path:
        """Path of an incomplete download."""
        return self.folder / f"{self.known.file}.partial"

    @property
    def lock(self) -> Path:
        """Path of the lock that a process holds while it changes any of these files."""
        return self.folder / f"{self.known.name}.lock"

    def read_receipt(self) -> Receipt | None:
        """Read the receipt of the converted file, without checking that file's content.

        Returns:
            The receipt. None if it or the converted file is missing, or if it belongs to another version of the
            published file.
        """
        try:
            receipt = Receipt(**json.loads(self.receipt.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return receipt if receipt.source == self.known.hash and self.converted.is_file() else None

    def verified_receipt(self) -> Receipt | None:
        """Return the receipt if the converted file still has the receipt's hash, else None."""
        receipt = self.read_receipt()
        try:
            return receipt if receipt and sha256_of(self.converted) == receipt.sha256 else None
        except OSError:
            return None

    def store(self, converted: bytes, receipt: Receipt) -> None:
        """Write the converted file and its receipt, and remove the published file.

        Raises:
            EncoderError: a file cannot be written.
        """
        self.receipt.unlink(missing_ok=True)
        try:
            replace_file(self.converted, converted)
            replace_file(self.receipt, json.dumps(asdict(receipt), indent=2).encode())
        except PictureError as error:  # its sentence fits any file
            raise EncoderError(str(error)) from None
        self.source.unlink(missing_ok=True)

    def remove_converted(self) -> None:
        """Remove the converted file and its receipt."""
        self.receipt.unlink(missing_ok=True)
        self.converted.unlink(missing_ok=True)

    def remove_all(self) -> int:
        """Remove all files but the lock.

        Returns:
            Number of bytes freed.
        """
        paths = (self.receipt, self.converted, self.source, self.partial)
        freed = sum(size_of(path) for path in paths)
        for path in paths:
            path.unlink(missing_ok=True)
        return freed

    @contextmanager
    def locked(self, on_event: FetchListener) -> Iterator[None]:
        """Hold the lock on these files, waiting while another process holds it.

        Args:
            on_event: callback that receives a note if another process holds the lock.

        Raises:
            EncoderError: the folder cannot be created or written to.
        """
        from filelock import FileLock, Timeout

        with _clear_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.lock)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                on_event(Note(f"Another process is fetching or changing {self.known.name}: waiting for it to finish."))
                lock.acquire(poll_interval=0.1)
            try:
                yield
            finally:
                lock.release()


def size_of(path: Path) -> int:
    """Return the size of a file in bytes, 0 if it does not exist."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def _clear_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the file system into a sentence."""
    try:
        yield
    except OSError as error:
        raise EncoderError(
            f"The cache folder {shown(folder)} cannot be used ({reason(error)}): free some space or give yourself "
            f"permission, or name another folder in the environment variable {CACHE_VARIABLE}."
        ) from None
