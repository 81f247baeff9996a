"""Outcomes of entries: done if the output is there and its record has the key, failed if a failure is recorded.

A local picture holds its own record. Beside the pictures, the folder ``.impasto`` holds a small file for each failure
and, at URLs, one for each finished picture, which is written after the picture.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from impasto.batches.fingerprints import record_fingerprint
from impasto.batches.manifest.addresses import is_url, split_address
from impasto.batches.manifest.entries import Entry, entry_key
from impasto.batches.manifest.storage import list_url, read_url, url_exists, write_url
from impasto.errors import PictureError
from impasto.files import reason, replace_file, shown
from impasto.runs.repeating import stored_record

RECORDS = ".impasto"
"""Name of the folder of records, beside the outputs."""

State = Literal["done", "failed", "left", "taken"]
"""State of an entry: finished, failed, to be painted, or with another file in its place."""

Kind = Literal["done", "failed", "checkpoint"]
"""Kind of a record."""


@dataclass
class Outcomes:
    """Reads the states of entries; each folder is listed once."""

    _names: dict[str, frozenset[str]] = field(default_factory=dict)

    def state(self, entry: Entry) -> State:
        """Return the state of an entry.

        Raises:
            PictureError: a folder cannot be listed.
        """
        folder, name = split_address(entry.output)
        records = self._list(_records_folder(folder))
        if is_url(entry.output):
            if _record_name(entry, "done") in records and name in self._list(folder):
                return "done"
            return "failed" if _record_name(entry, "failed") in records else "left"
        found = _local_state(entry)
        return "failed" if found == "left" and _record_name(entry, "failed") in records else found

    def _list(self, folder: str) -> frozenset[str]:
        if folder not in self._names:
            self._names[folder] = frozenset(_list_names(folder))
        return self._names[folder]


@dataclass(frozen=True)
class Failure:
    """A recorded failure.

    Attributes:
        output: address of the picture that is missing.
        message: reason, in one sentence.
    """

    output: str
    message: str


@dataclass(frozen=True)
class Summary:
    """The states of a manifest.

    Attributes:
        counts: numbers of entries that are done, that failed and that are left; those whose place is taken are left.
        failures: the recorded failures.
    """

    counts: dict[str, int]
    failures: tuple[Failure, ...]


def summarize(entries: Iterable[Entry]) -> Summary:
    """Return the states of entries.

    Raises:
        PictureError: a folder cannot be listed.
    """
    outcomes = Outcomes()
    states = [(entry, outcomes.state(entry)) for entry in entries]
    counts = Counter(state for _, state in states)
    failures = tuple(read_failure(entry) for entry, state in states if state == "failed")
    return Summary(
        {"done": counts["done"], "failed": counts["failed"], "left": counts["left"] + counts["taken"]}, failures
    )


def is_done(entry: Entry) -> bool:
    """Return whether an entry is finished, perhaps since the batch began.

    Raises:
        PictureError: the store cannot be read.
    """
    if is_url(entry.output):
        return url_exists(record_address(entry, "done")) and url_exists(entry.output)
    return _local_state(entry) == "done"


def select_pending(entries: Iterable[Entry], *, retry_failed: bool = False, force: bool = False) -> list[Entry]:
    """Mark the entries that are done, and leave out those that failed before.

    Args:
        entries: entries of a manifest.
        retry_failed: keep the entries that failed before.
        force: replace other pictures in the places of the outputs.

    Raises:
        PictureError: another picture is in the place of an output, or a folder cannot be listed.
    """
    outcomes = Outcomes()
    states = [(entry, outcomes.state(entry)) for entry in entries]
    taken = [entry for entry, state in states if state == "taken"]
    if taken and not force:
        more = f", and so were {len(taken) - 1} more files" if len(taken) > 1 else ""
        raise PictureError(
            f"{shown(taken[0].output)} exists and was made otherwise than planned{more}: use force=True to replace "
            f"existing files, or plan with another folder."
        )
    return [
        replace(entry, done=state == "done", replaces=state == "taken")
        for entry, state in states
        if state != "failed" or retry_failed
    ]


def record_address(entry: Entry, kind: Kind) -> str:
    """Return the address of a record of an entry.

    Args:
        entry: the painting.
        kind: kind of the record.
    """
    folder = _records_folder(split_address(entry.output)[0])
    return f"{folder}/{_record_name(entry, kind)}" if is_url(folder) else str(Path(folder, _record_name(entry, kind)))


def record_done(entry: Entry, values: dict[str, Any]) -> None:
    """Write the record of a finished picture at a URL; the picture itself must be there.

    Args:
        entry: the painting.
        values: facts to store as JSON.

    Raises:
        PictureError: the record cannot be written.
    """
    write_url(record_address(entry, "done"), _dump(entry, values))


def record_failure(entry: Entry, message: str) -> None:
    """Record that an entry failed.

    Args:
        entry: the painting.
        message: reason, in one sentence.

    Raises:
        PictureError: the record cannot be written.
    """
    address, data = record_address(entry, "failed"), _dump(entry, {"message": message})
    if is_url(address):
        write_url(address, data)
        return
    try:
        Path(address).parent.mkdir(exist_ok=True)
    except OSError as error:
        raise PictureError(f"{shown(address)} cannot be written ({reason(error)}).") from None
    replace_file(Path(address), data)


def read_failure(entry: Entry) -> Failure:
    """Return the recorded failure of an entry; without a readable record, a failure of unknown reason."""
    address = record_address(entry, "failed")
    message = "The reason is not recorded."
    with suppress(PictureError, OSError, ValueError, KeyError, TypeError):
        data = read_url(address) if is_url(address) else Path(address).read_bytes()
        message = str(json.loads(data)["message"])
    return Failure(entry.output, message)


def _local_state(entry: Entry) -> State:
    output = Path(entry.output)
    if not os.path.lexists(output):
        return "left"
    try:
        record = stored_record(output)
    except PictureError:
        return "taken"
    if not record.complete:
        return "left"
    return "done" if entry_key(record_fingerprint(record), record.impasto) == entry.key else "taken"


def _list_names(folder: str) -> list[str]:
    if is_url(folder):
        return [split_address(url)[1] for url in list_url(folder)]
    try:
        return [path.name for path in Path(folder).iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PictureError(f"The folder {shown(folder)} cannot be read ({reason(error)}).") from None


def _record_name(entry: Entry, kind: Kind) -> str:
    """Return the name of a record, which differs for copies of one photograph, whose keys are equal."""
    name = hashlib.sha256(os.fsencode(split_address(entry.output)[1])).hexdigest()[:8]
    return f"{entry.key}-{name}.{kind}{'' if kind == 'checkpoint' else '.json'}"


def _records_folder(folder: str) -> str:
    return f"{folder}/{RECORDS}" if is_url(folder) else str(Path(folder, RECORDS))


def _dump(entry: Entry, values: dict[str, Any]) -> bytes:
    return json.dumps({"output": entry.output, "key": entry.key, "impasto": entry.version, **values}).encode()
