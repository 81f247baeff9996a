"""Fingerprints: hashes of everything that a painting depends on, to recognise finished paintings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from impasto.batches.works import Work
from impasto.encoders.names import builtin_file, find_encoder_file, parse_encoder_name
from impasto.encoders.published.catalogue import KNOWN
from impasto.errors import PictureError, SettingsError
from impasto.files import reason, shown
from impasto.painting.record import Record
from impasto.pictures import open_picture
from impasto.settings.making import make_settings
from impasto.settings.model import Settings
from impasto.settings.references import split_name

_MACHINE_SETTINGS = {"threads", "device", "memory", "tile", "max_pixels"}
"""Settings that describe the machine rather than the picture."""

_RESOLVED_SETTINGS = {"preset", "encoder", "strength", "content_weight", "style_weight"}
"""Settings that are compared by what they resolve to, such as weights and hashes, not by their values."""


@dataclass
class FileHashes:
    """SHA-256 hashes of files, each computed once."""

    _hashes: dict[Path, str] = field(default_factory=dict)

    def sha256(self, path: Path) -> str:
        """Return the hash of a file in hexadecimal.

        Raises:
            PictureError: the file cannot be read.
        """
        if path not in self._hashes:
            with open_picture(path) as file:
                try:
                    self._hashes[path] = hashlib.file_digest(file, "sha256").hexdigest()
                except OSError as error:
                    raise PictureError(f"{shown(path)} cannot be read ({reason(error)}).") from None
        return self._hashes[path]


def work_fingerprint(work: Work, sha256: Callable[[Path], str]) -> str:
    """Return a hash of a work's settings and of the contents of its pictures and encoder.

    Args:
        work: planned painting.
        sha256: function that returns the hash of a file, such as :meth:`FileHashes.sha256`.

    Raises:
        PictureError: a picture cannot be read.
        EncoderError: there is no such encoder.
    """
    content = [sha256(work.content)] if work.content else []
    return settings_fingerprint(work.settings, content, [sha256(style) for style in work.styles], sha256)


def settings_fingerprint(
    settings: Settings, content: Sequence[str], styles: Sequence[str], sha256: Callable[[Path], str]
) -> str:
    """Return the fingerprint of a painting from its settings and the hashes of its pictures.

    Args:
        settings: settings of the painting.
        content: SHA-256 of the photograph; empty for a texture.
        styles: SHA-256 of each style picture.
        sha256: function that returns the hash of a file that the settings name, and of the encoder.

    Raises:
        PictureError: a picture that the settings name cannot be read.
        EncoderError: there is no such encoder.
    """
    named = {name: sha256(path) for name, path in settings.named_files.items()}
    return _fingerprint(settings, content, styles, named, _encoder_key(settings.encoder, None, sha256))


def record_fingerprint(record: Record) -> str | None:
    """Return the fingerprint of a painted picture from its record; None if this version rejects its settings."""
    try:
        settings = _stored_settings(json.dumps(record.settings))
    except SettingsError:
        return None
    return _fingerprint(
        settings,
        [record.content.sha256] if record.content else [],
        [style.sha256 for style in record.styles],
        {name: source.sha256 for name, source in record.named.items()},
        _encoder_key(record.encoder.name, record.encoder.sha256, lambda path: ""),
    )


@lru_cache(maxsize=256)
def _stored_settings(text: str) -> Settings:
    """Return settings from their JSON; thousands of pictures may have the same."""
    return make_settings(**json.loads(text))


def _fingerprint(
    settings: Settings,
    content: Sequence[str | None],
    styles: Sequence[str | None],
    named: Mapping[str, str | None],
    encoder: str,
) -> str:
    picture_settings = {split_name(name)[0] for name in named}
    values = settings.model_dump(mode="json", exclude=_MACHINE_SETTINGS | _RESOLVED_SETTINGS | picture_settings)
    values |= {"weights": settings.weights, "sources": [content, styles], "named": dict(named), "encoding": encoder}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _encoder_key(name: str, sha256: str | None, sha256_of: Callable[[Path], str]) -> str:
    """Return the identity of an encoder: the name of published weights, or origin and hash of a file."""
    if name in KNOWN:
        return name
    file = parse_encoder_name(name) if sha256 else find_encoder_file(name)
    if file is None:
        if sha256 is not None:
            return sha256
        with builtin_file(name) as path:
            return sha256_of(path)
    return f"{file.origin or ''}:{sha256 or sha256_of(file.path)}"
