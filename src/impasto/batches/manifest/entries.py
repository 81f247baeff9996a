"""Entries of a manifest: one painting each, with its key, as lines of JSON."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from impasto.batches.manifest.addresses import is_url, refuse_credentials
from impasto.batches.manifest.storage import read_url, url_exists, write_url
from impasto.errors import PictureError, SettingsError
from impasto.files import reason, replace_file, shown
from impasto.settings.making import make_settings
from impasto.settings.model import Settings
from impasto.version import __version__

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """One painting of a manifest. Its addresses are absolute paths, URLs, or names of styles.

    Attributes:
        content: address of the photograph.
        styles: addresses of the style pictures.
        settings: settings of the painting.
        output: address of the picture to write.
        key: hash of the inputs, the settings and the version, see :func:`entry_key`.
        version: version of impasto that paints it.
        done: whether ``output`` already holds this painting.
        replaces: whether to replace another picture at ``output``.
    """

    content: str
    styles: tuple[str, ...]
    settings: Settings
    output: str
    key: str
    version: str = __version__
    done: bool = False
    replaces: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """Addresses of all pictures that the painting reads."""
        return (self.content, *self.styles, *map(str, self.settings.named_files.values()))


@dataclass(frozen=True)
class Shard:
    """A part of a manifest: every ``count``-th entry, from the entry ``number``.

    Attributes:
        number: number of the shard, from 1.
        count: number of shards.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a shard such as ``2/8``.

        Raises:
            SettingsError: the text is not such a shard.
        """
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise SettingsError(f"{text!r} is not a shard: write I/N with I from 1 to N, as in 2/8.")
        return cls(int(match[1]), int(match[2]))

    def select(self, entries: Sequence[T]) -> Sequence[T]:
        """Return the entries of this shard."""
        return entries[self.number - 1 :: self.count]


class _Line(BaseModel):
    """A line of a manifest."""

    model_config = ConfigDict(extra="forbid", strict=True)

    content: str = Field(min_length=1)
    styles: list[str] = Field(min_length=1)
    output: str = Field(min_length=1)
    settings: dict[str, Any]
    key: str = Field(pattern=r"^[0-9a-f]{32}$")
    impasto: str


def entry_key(fingerprint: str | None, version: str = __version__) -> str:
    """Return the key of a painting from its fingerprint and the version of impasto that paints it.

    Args:
        fingerprint: as in :mod:`impasto.batches.fingerprints`.
        version: version of impasto.
    """
    return hashlib.sha256(f"{version} {fingerprint}".encode()).hexdigest()[:32]


def write_manifest(address: str | os.PathLike[str], entries: Iterable[Entry], *, force: bool = False) -> None:
    """Write a manifest: a line of JSON for each entry.

    Args:
        address: path or URL of the file to write.
        entries: the paintings.
        force: replace an existing file.

    Raises:
        SettingsError: the file exists, or its URL holds credentials.
        PictureError: the file cannot be written.
    """
    text = os.fspath(address)
    if is_url(text):
        refuse_credentials(text)
    if not force and (url_exists(text) if is_url(text) else Path(text).exists()):
        raise SettingsError(f"{shown(text)} exists: choose another name, or force=True to replace it.")
    data = "".join(f"{json.dumps(_values(entry))}\n" for entry in entries).encode()
    if is_url(text):
        write_url(text, data)
    else:
        replace_file(Path(text), data)


def read_manifest(address: str | os.PathLike[str]) -> list[Entry]:
    """Read a manifest.

    Args:
        address: path or URL of the file.

    Raises:
        SettingsError: the file cannot be read, holds no entries or a line that is not valid, or is from another
            version of impasto, which would paint other pictures.
    """
    path = os.fspath(address)
    if is_url(path):
        refuse_credentials(path)
    try:
        lines = (read_url(path) if is_url(path) else Path(path).read_bytes()).decode().splitlines()
    except (OSError, ValueError, PictureError) as error:
        raise SettingsError(f"The plan {shown(path)} cannot be read ({reason(error)}): check its name.") from None
    entries = [_parse(line, f"Line {number} of {shown(path)}") for number, line in enumerate(lines, 1) if line.strip()]
    if not entries:
        raise SettingsError(f"The plan {shown(path)} holds no paintings: make it anew with `impasto batch plan`.")
    other = next((entry.version for entry in entries if entry.version != __version__), None)
    if other is not None:
        raise SettingsError(
            f"The plan {shown(path)} is of impasto {other}, and this is {__version__}, whose pictures may differ: plan "
            f"anew, or install that version."
        )
    return entries


def _parse(text: str, place: str) -> Entry:
    try:
        line = _Line.model_validate(json.loads(text))  # pydantic's own reader refuses names that are not valid text
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "JSON"
        raise SettingsError(f"{place} is not a painting (see {field}): make the plan anew.") from None
    except (ValueError, RecursionError):
        raise SettingsError(f"{place} is not JSON: make the plan anew.") from None
    for address in (line.content, *line.styles, line.output):
        if is_url(address):
            refuse_credentials(address)
    try:
        settings = _settings(json.dumps(line.settings))
    except SettingsError as error:
        raise SettingsError(f"{place} holds settings that are not valid. {error}") from None
    return Entry(line.content, tuple(line.styles), settings, line.output, line.key, line.impasto)


@lru_cache(maxsize=256)
def _settings(text: str) -> Settings:
    """Return settings from their JSON; most entries of a manifest have the same."""
    return make_settings(**json.loads(text))


def _values(entry: Entry) -> dict[str, Any]:
    return {
        "content": entry.content,
        "styles": entry.styles,
        "output": entry.output,
        "settings": json.loads(_short_settings(entry.settings.model_dump_json())),
        "key": entry.key,
        "impasto": entry.version,
    }


@lru_cache(maxsize=256)
def _short_settings(text: str) -> str:
    """Return the JSON of settings without those that the preset gives; of all if that would change anything.

    Args:
        text: JSON of all settings.
    """
    values = json.loads(text)
    preset = json.loads(make_settings(preset=values["preset"]).model_dump_json())
    short = {"preset": values["preset"], **_differences(values, preset)}
    try:
        is_same = make_settings(**short).model_dump_json() == text
    except SettingsError:
        is_same = False
    full = {name: value for name, value in values.items() if value is not None}
    return json.dumps(short if is_same else full)


def _differences(values: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a nested mapping that another one lacks or has otherwise."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        before = other.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping) and value != before:
            found[name] = _differences(value, before)
        elif value != before:
            found[name] = value
    return found
