"""What is to be painted, under which names, and what of it is done already."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import get_args

from impasto.batches.naming import DEFAULT_TEMPLATE, check_template, name_of
from impasto.encoders.published.catalogue import BUILTIN, BUILTIN_FILE, KNOWN, Origin
from impasto.errors import EncoderError, PictureError, SettingsError
from impasto.files import LONGEST_NAME, expanded, is_file, opened, reason, shown, try_folder
from impasto.painting.octaves import Octave
from impasto.painting.record import Record
from impasto.painting.regions import check_numbers
from impasto.pictures.codecs.formats import check_sides, writable_format
from impasto.runs.repeating import stored_record
from impasto.settings.making import make_settings
from impasto.settings.model import Settings
from impasto.settings.references import split_name

_MACHINERY = {"threads", "device", "memory", "tile", "max_pixels"}
"""Settings that say how to come to a picture, not to which."""

_OTHERWISE = {"preset", "encoder", "strength", "content_weight", "style_weight"}
"""Settings that are compared by what they stand for, as those are that name pictures."""


@dataclass(frozen=True)
class Work:
    """One painting of many.

    Attributes:
        content: path of the photograph; None for a texture.
        styles: paths of the paintings.
        settings: how to paint.
        output: the picture to write.
        plan: octaves of an earlier painting, whose tiles and methods are taken where they fit.
        replaces: whether a file at the output's place is replaced.
        done: whether the output is there already, painted from the same pictures with the same settings.
    """

    content: Path | None
    styles: tuple[Path, ...]
    settings: Settings
    output: Path
    plan: tuple[Octave, ...] = ()
    replaces: bool = False
    done: bool = False

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All pictures that are read."""
        return (*([self.content] if self.content else []), *self.styles, *self.settings.named_files.values())


@dataclass
class Digests:
    """SHA-256 of files, each computed once."""

    _known: dict[Path, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Hash of a file, in hexadecimal.

        Raises:
            PictureError: it cannot be read.
        """
        if path not in self._known:
            with opened(path) as file:
                try:
                    self._known[path] = hashlib.file_digest(file, "sha256").hexdigest()
                except OSError as error:
                    raise PictureError(f"{shown(path)} cannot be read ({reason(error)}).") from None
        return self._known[path]


def combine(
    photos: Sequence[Path],
    styles: Sequence[Path],
    settings: Settings,
    folder: Path,
    *,
    template: str = DEFAULT_TEMPLATE,
    zipped: bool = False,
    blend: bool = False,
) -> list[Work]:
    """Every photograph with every style, the first with the first and so on, or each with all styles at once.

    Args:
        photos: at least one.
        styles: at least one.
        settings: of all paintings.
        folder: for all outputs.
        template: of their names, see :func:`impasto.batches.naming.check_template`.
        zipped: pair them one by one; otherwise a photograph or style named twice counts once.
        blend: paint each photograph in all styles together.

    Raises:
        SettingsError: a template, or numbers of pictures, that do not fit.
    """
    check_template(template)
    if zipped and blend:
        raise SettingsError("Pairs one by one and blends exclude each other: choose one.")
    if zipped and len(photos) != len(styles):
        raise SettingsError(
            f"There are {len(photos)} photographs and {len(styles)} styles: to pair them one by one their numbers must "
            f"be the same."
        )
    pairs: list[tuple[Path, tuple[Path, ...]]]
    if zipped:
        pairs = [(photo, (style,)) for photo, style in zip(photos, styles, strict=True)]
    else:
        sets = [tuple(_unique(styles))] if blend else [(style,) for style in _unique(styles)]
        pairs = [(photo, each) for photo in _unique(photos) for each in sets]
    try:
        check_fit(settings, len(pairs[0][1]))
    except SettingsError as error:
        if blend or zipped or len(_unique(styles)) == 1:
            raise
        raise SettingsError(f"Each painting has one style where the styles are not blended, and so: {error}") from None
    return [
        Work(photo, each, settings, folder / name_of(template, photo, each, number))
        for number, (photo, each) in enumerate(pairs, 1)
    ]


def check_fit(settings: Settings, styles: int, *, photo: bool = True) -> None:
    """Refuse settings that no painting of so many styles can have.

    Args:
        settings: of a painting.
        styles: number of its style pictures.
        photo: whether it has a photograph; a texture has none.

    Raises:
        SettingsError: what does not fit.
    """
    settings.check_photo(photo)
    settings.check_style_weights(styles)
    check_numbers(settings.named_files, styles)


def settle(works: Sequence[Work], *, force: bool = False) -> list[Work]:
    """Refuse what could not be written, and find what is done already.

    A picture counts as done where the record in it is complete and tells of the same photograph, styles, pictures that
    the settings name and encoder, by their hashes, and of the same settings (but for threads, device, memory and tile).
    What is incomplete is painted anew.

    Args:
        works: as they were planned.
        force: replace what stands in an output's place and is something else.

    Raises:
        PictureError: two outputs of one name, an output that is an input or that exists and is something else, or a
            picture that cannot be opened; photographs only where none of them can.
        EncoderError: the encoder's file is missing.
    """
    _refuse_collisions(works)
    _refuse_unreadable(works)
    digests = Digests()
    for name in dict.fromkeys(work.settings.encoder for work in works):
        _encoder_file(name)
    settled, foreign = [], []
    for work in works:
        state = _state(work, digests)
        if state in ("painted otherwise", "foreign") and not force:
            foreign.append((work, state))
        settled.append(replace(work, done=state == "done", replaces=state not in ("free", "done")))
    if foreign:
        _refuse_foreign(foreign)
    return settled


def make_folders(works: Iterable[Work]) -> None:
    """Make the folders of the outputs, and make sure that they take files.

    Raises:
        PictureError: one cannot be made or written to.
    """
    for folder in dict.fromkeys(work.output.parent for work in works):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try_folder(folder)
        except OSError as error:
            raise PictureError(
                f"The folder {shown(folder)} cannot be made or takes no files ({reason(error)}): name another."
            ) from None


def fingerprint(work: Work, digest: Callable[[Path], str]) -> str:
    """A hash of all that a picture depends on: the pictures and the encoder by their hashes, and the settings.

    Args:
        work: what is to be painted.
        digest: gives the SHA-256 of a file.
    """
    return _hash(
        work.settings,
        [digest(work.content)] if work.content else [],
        [digest(style) for style in work.styles],
        {name: digest(path) for name, path in work.settings.named_files.items()},
        _encoder_key(work.settings.encoder, None, digest),
    )


def stored_fingerprint(record: Record) -> str | None:
    """The same of a painted picture, from its record; None where its settings do not fit this version."""
    try:
        settings = make_settings(**record.settings)
    except SettingsError:
        return None
    return _hash(
        settings,
        [record.content.sha256] if record.content else [],
        [style.sha256 for style in record.styles],
        {name: source.sha256 for name, source in record.named.items()},
        _encoder_key(record.encoder.name, record.encoder.sha256, lambda path: ""),
    )


def _hash(
    settings: Settings,
    content: Sequence[str | None],
    styles: Sequence[str | None],
    named: Mapping[str, str | None],
    encoder: str,
) -> str:
    stand_for = {split_name(name)[0] for name in named}
    values = settings.model_dump(mode="json", exclude=_MACHINERY | _OTHERWISE | stand_for)
    values |= {"weights": settings.weights, "sources": [content, styles], "named": dict(named), "encoding": encoder}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _encoder_key(name: str, sha256: str | None, digest: Callable[[Path], str]) -> str:
    """What an encoder is known by: published weights by name, others by hash and whose they are said to be."""
    if name in KNOWN:
        return name
    if name == BUILTIN:
        with as_file(files("impasto") / "encoders" / BUILTIN_FILE) as path:
            return sha256 or digest(path)
    origin = _split(name)[0]
    return f"{origin}:{sha256}" if sha256 else f"{origin}:{digest(_encoder_file(name) or Path())}"


def _encoder_file(name: str) -> Path | None:
    """The file of an encoder of the user's own; None of others.

    Raises:
        EncoderError: there is none.
    """
    if name == BUILTIN or name in KNOWN:
        return None
    path = _split(name)[1]
    if not is_file(path):
        raise EncoderError(
            f"There is no encoder {name!r}: give {', '.join((BUILTIN, *KNOWN))}, or the path of a file of weights."
        )
    return path


def _split(name: str) -> tuple[str, Path]:
    """Whose weights the name of a file says that they are, if it does, and the path."""
    origin, colon, rest = name.partition(":")
    is_marked = bool(colon) and origin in get_args(Origin)
    return (origin, expanded(rest)) if is_marked else ("", expanded(name))


def _unique(paths: Iterable[Path]) -> list[Path]:
    found: dict[str, Path] = {}
    for path in paths:
        found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _place(path: Path) -> str:
    """A path in one spelling; where the system tells no capitals apart, neither does this."""
    real = os.path.realpath(path)
    return real if sys.platform == "linux" else real.casefold()


def _refuse_collisions(works: Sequence[Work]) -> None:
    inputs = {_place(path) for work in works for path in work.inputs}
    taken: dict[str, Work] = {}
    for work in works:
        kind = writable_format(work.output, work.settings.depth)
        if work.settings.long_side is not None:
            check_sides(kind, 1, work.settings.long_side, shown(work.output))
        if len(os.fsencode(work.output.name)) > LONGEST_NAME:
            raise PictureError(
                f"The name {shown(work.output.name)[:60]}… is longer than file systems take: give a shorter template "
                f"of names, as with {{number}}."
            )
        place = _place(work.output)
        if place in inputs:
            raise PictureError(
                f"{shown(work.output)} is one of the pictures that are read: choose another folder or name."
            )
        other = taken.setdefault(place, work)
        if other is not work:
            raise PictureError(
                f"{_pair(other)} and {_pair(work)} would both be {shown(work.output)}: choose a template of names that "
                f"tells them apart, as with {{number}}."
            )


def _refuse_unreadable(works: Sequence[Work]) -> None:
    """Refuse pictures without which nothing can be painted; one photograph of several fails when its turn comes."""
    for path in dict.fromkeys(path for work in works for path in (*work.styles, *work.settings.named_files.values())):
        with opened(path):
            pass
    photos = dict.fromkeys(work.content for work in works if work.content)
    complaints = [complaint for complaint in map(_complaint, photos) if complaint]
    if complaints and len(complaints) == len(photos):
        raise complaints[0]


def _complaint(path: Path) -> PictureError | None:
    try:
        with opened(path):
            return None
    except PictureError as error:
        return error


def _pair(work: Work) -> str:
    styles = " + ".join(map(shown, work.styles))
    return f"{shown(work.content)} as {styles}" if work.content else f"The texture of {styles}"


def _state(work: Work, digests: Digests) -> str:
    """``free``, ``interrupted``, ``done``, ``painted otherwise`` or ``foreign``."""
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
        return "done" if stored_fingerprint(record) == fingerprint(work, digests.of) else "painted otherwise"
    except PictureError:  # the photograph cannot be read any more
        return "painted otherwise"


def _refuse_foreign(foreign: Sequence[tuple[Work, str]]) -> None:
    work, state = foreign[0]
    why = "from other pictures or settings" if state == "painted otherwise" else "not by impasto, or not with a record"
    many = f", and so were {len(foreign) - 1} more that are there" if len(foreign) > 1 else ""
    raise PictureError(
        f"{shown(work.output)} exists and was made {why}{many}: use --force to replace what is there, or choose "
        f"another folder or name."
    )
