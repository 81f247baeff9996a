"""Checks of planned works: names that collide, unreadable pictures, and outputs that exist already."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from impasto.batches.executor import Paintable
from impasto.batches.fingerprints import FileHashes, record_fingerprint, work_fingerprint
from impasto.batches.manifest.addresses import is_url
from impasto.batches.works import Work
from impasto.encoders.names import find_encoder_file
from impasto.errors import PictureError
from impasto.files import LONGEST_NAME, reason, shown, try_folder
from impasto.pictures import open_picture
from impasto.pictures.codecs.formats import check_sides, writable_format
from impasto.runs.repeating import stored_record

_OutputState = Literal["free", "interrupted", "done", "different", "foreign"]
"""State of an output: no file; a painting stopped early; this painting; another painting; another file."""


def check_works(works: Sequence[Work], *, force: bool = False) -> list[Work]:
    """Refuse works that cannot be painted or written, and mark those that are done.

    A work is done if the record in its output is complete and has the same fingerprint: the same settings (except
    threads, device, memory, tile and max_pixels) and the same contents of photograph, styles, named pictures and
    encoder. Incomplete outputs are painted again.

    Args:
        works: planned paintings.
        force: replace existing outputs with another content.

    Returns:
        The works with ``done`` and ``replaces`` set.

    Raises:
        PictureError: two outputs with one name, an output that is an input, an existing output with another content,
            or a picture that cannot be opened; for photographs only if none of them can.
        EncoderError: the file of the encoder is missing.
    """
    check_outputs(works)
    _refuse_unreadable(works)
    hashes = FileHashes()
    for name in dict.fromkeys(work.settings.encoder for work in works):
        find_encoder_file(name)  # raises an error if the file is missing
    states = [_output_state(work, hashes) for work in works]
    if not force:
        _refuse_existing([(w, s) for w, s in zip(works, states, strict=True) if s in ("different", "foreign")])
    return [
        replace(work, done=state == "done", replaces=state not in ("free", "done"))
        for work, state in zip(works, states, strict=True)
    ]


def make_folders(works: Iterable[Paintable]) -> None:
    """Create the folders of the outputs, and check that files can be written to them; URLs need no folders.

    Raises:
        PictureError: a folder cannot be created or written to.
    """
    for folder in dict.fromkeys(Path(work.output).parent for work in works if not is_url(work.output)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try_folder(folder)
        except OSError as error:
            raise PictureError(
                f"The folder {shown(folder)} cannot be made or takes no files ({reason(error)}): name another."
            ) from None


def check_outputs(works: Sequence[Paintable]) -> None:
    """Refuse outputs that no painting could be written to, without looking at the disk.

    Raises:
        PictureError: two outputs with one name, an output that is an input, a name that is too long, or a format that
            is unknown or cannot hold the depth or size.
    """
    inputs = {_normalize(address) for work in works for address in work.inputs}
    outputs: dict[str, Paintable] = {}
    for work in works:
        kind = writable_format(Path(work.output), work.settings.depth)
        if work.settings.long_side is not None:
            check_sides(kind, 1, work.settings.long_side, shown(work.output))
        name = Path(work.output).name
        if len(os.fsencode(name)) > LONGEST_NAME:
            raise PictureError(
                f"The name {shown(name)[:60]}… is longer than file systems take: give a shorter template "
                f"of names, as with {{number}}."
            )
        output = _normalize(work.output)
        if output in inputs:
            raise PictureError(
                f"{shown(work.output)} is one of the pictures that are read: choose another folder or name."
            )
        other = outputs.setdefault(output, work)
        if other is not work:
            raise PictureError(
                f"{_title(other)} and {_title(work)} would both be {shown(work.output)}: choose a template of names "
                f"that tells them apart, as with {{number}}."
            )


def _normalize(address: str | Path) -> str:
    """Return an address in a form that is equal for equal files, also on file systems that ignore case."""
    if is_url(address):
        return str(address)
    real = os.path.realpath(address)
    return real if sys.platform == "linux" else real.casefold()


def _refuse_unreadable(works: Sequence[Work]) -> None:
    """Refuse pictures that every painting needs; one unreadable photograph of several only fails its own work."""
    for path in dict.fromkeys(path for work in works for path in (*work.styles, *work.settings.named_files.values())):
        with open_picture(path):
            pass
    photos = dict.fromkeys(work.content for work in works if work.content)
    errors = [error for error in map(_open_error, photos) if error]
    if errors and len(errors) == len(photos):
        raise errors[0]


def _open_error(path: Path) -> PictureError | None:
    try:
        with open_picture(path):
            return None
    except PictureError as error:
        return error


def _title(work: Paintable) -> str:
    styles = " + ".join(map(shown, work.styles))
    return f"{shown(work.content)} as {styles}" if work.content else f"The texture of {styles}"


def _output_state(work: Work, hashes: FileHashes) -> _OutputState:
    if work.output.is_dir():
        raise PictureError(f"{shown(work.output)} is a folder: choose another name for the pictures.")
    if not os.path.lexists(work.output):
        return "free"
    try:
        record = stored_record(work.output)
    except PictureError:
        return "foreign"
    if not record.complete:
        return "interrupted"
    try:
        return "done" if record_fingerprint(record) == work_fingerprint(work, hashes.sha256) else "different"
    except PictureError:  # the photograph is no longer readable
        return "different"


def _refuse_existing(existing: Sequence[tuple[Work, _OutputState]]) -> None:
    if not existing:
        return
    work, state = existing[0]
    why = "from other pictures or settings" if state == "different" else "not by impasto, or not with a record"
    more = f", and so were {len(existing) - 1} more files" if len(existing) > 1 else ""
    raise PictureError(
        f"{shown(work.output)} exists and was made {why}{more}: use force=True to replace existing files, or choose "
        f"another folder or name."
    )
