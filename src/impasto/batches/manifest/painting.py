"""Painting of one entry in a worker: its pictures come from paths or URLs, and the painting goes to either."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.batches.fingerprints import FileHashes, work_fingerprint
from impasto.batches.manifest.addresses import is_url, local_path, split_address
from impasto.batches.manifest.entries import Entry, entry_key
from impasto.batches.manifest.outcomes import record_done
from impasto.batches.manifest.storage import read_url, write_url
from impasto.batches.works import Work
from impasto.errors import PictureError, SettingsError
from impasto.files import shown
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.painting.record import Source
    from impasto.painting.result import Painting

MOST_STYLES = 16
"""Number of styles from URLs that a worker keeps on its disk."""


@dataclass(frozen=True)
class StagedEntry:
    """An entry whose pictures are files of this machine.

    Attributes:
        entry: the painting.
        work: the same painting from local files to a local file.
        addresses: addresses of the inputs that the record names, by path.
    """

    entry: Entry
    work: Work
    addresses: Mapping[Path, str]

    def save(self, painting: Painting) -> None:
        """Write the painting to the entry's output, then its record if that is a URL.

        The record in the picture holds no seconds, so that a second execution writes the same bytes.

        Raises:
            PictureError: the picture cannot be written.
        """
        entry, output = self.entry, self.work.output
        stored = replace(
            painting,
            settings=entry.settings,
            seconds=0.0,
            content=self._addressed(painting.content) if painting.content else None,
            styles=[self._addressed(style) for style in painting.styles],
            named={name: self._addressed(source) for name, source in painting.named.items()},
        )
        stored.save(output, force=True)
        if is_url(entry.output):
            data = output.read_bytes()
            write_url(entry.output, data)
            facts = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            record_done(entry, facts | {"seconds": round(painting.seconds, 2)})

    def _addressed(self, source: Source) -> Source:
        """Return a source with the address that the record should name in place of a path, if there is one."""
        address = None if source.path is None or source.name else self.addresses.get(source.path)
        if address is None and is_url(self.entry.output) and source.path and not source.name:
            address = str(source.path)
        return source if address is None else replace(source, address=address)


@contextmanager
def staged(entry: Entry) -> Iterator[StagedEntry]:
    """Bring the pictures of an entry to this machine for the duration of this context.

    Raises:
        PictureError: a picture cannot be read, or has changed since the plan.
        SettingsError: another version of impasto made the plan.
    """
    if entry.version != __version__:
        raise SettingsError(f"The plan is of impasto {entry.version}, and this worker has {__version__}: install that.")
    with tempfile.TemporaryDirectory(prefix="impasto-") as name:
        folder = Path(name).resolve()
        content = _fetched(entry.content, folder) if is_url(entry.content) else local_path(entry.content)
        styles = tuple(_fetch_style(style) if is_url(style) else local_path(style) for style in entry.styles)
        output = folder / "output" / split_address(entry.output)[1] if is_url(entry.output) else Path(entry.output)
        if is_url(entry.output):
            output.parent.mkdir()
        work = Work(content, styles, entry.settings, output)
        if entry_key(work_fingerprint(work, FileHashes().sha256)) != entry.key:
            raise PictureError(
                f"A picture or the encoder of {shown(entry.output)} has changed since the plan: plan it anew."
            )
        pairs = ((content, entry.content), *zip(styles, entry.styles, strict=True))
        yield StagedEntry(entry, work, {path: address for path, address in pairs if is_url(address)})


def _fetched(url: str, folder: Path) -> Path:
    """Return the path of a copy of a picture in a folder."""
    path = folder / (split_address(url)[1] or "picture")
    path.write_bytes(read_url(url))
    return path


class _StyleCache:
    """Copies of styles from URLs, which many paintings share; they are removed when the process ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="impasto-styles-")
        self._paths: dict[str, Path] = {}

    def path(self, url: str) -> Path:
        """Return the path of a copy of a style."""
        if url not in self._paths:
            while len(self._paths) >= MOST_STYLES:
                self._paths.pop(next(iter(self._paths))).unlink()
            folder = Path(self._folder.name).resolve() / hashlib.sha256(url.encode()).hexdigest()[:16]
            folder.mkdir(exist_ok=True)
            self._paths[url] = _fetched(url, folder)
        return self._paths[url]


@cache
def _style_cache() -> _StyleCache:
    return _StyleCache()


def _fetch_style(url: str) -> Path:
    return _style_cache().path(url)
