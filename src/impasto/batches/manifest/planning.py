"""Planning of a manifest from photographs and styles."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from impasto.batches.checking import check_outputs
from impasto.batches.collecting import Collected, collect, collect_styles
from impasto.batches.fingerprints import FileHashes, settings_fingerprint
from impasto.batches.manifest.addresses import (
    absolute_address,
    is_url,
    join_address,
    local_path,
    refuse_credentials,
    split_address,
)
from impasto.batches.manifest.entries import Entry, entry_key
from impasto.batches.manifest.storage import is_url_folder, list_url, match_url, read_url
from impasto.batches.naming import DEFAULT_TEMPLATE, check_template, output_name
from impasto.batches.works import pair_pictures
from impasto.encoders.names import find_encoder_file
from impasto.errors import PictureError
from impasto.files import shown
from impasto.settings.making import change_settings
from impasto.settings.model import Settings
from impasto.settings.references import nest_names
from impasto.styles.lookup import SUFFIXES

READERS = 16
"""Number of pictures that are read at the same time."""


@dataclass(frozen=True)
class Plan:
    """The entries of a new manifest.

    Attributes:
        entries: one for each painting.
        remarks: sentences on the files left out.
    """

    entries: tuple[Entry, ...]
    remarks: tuple[str, ...] = ()


def plan_entries(
    photos: Sequence[str],
    styles: Sequence[str],
    settings: Settings,
    out: str,
    *,
    template: str = DEFAULT_TEMPLATE,
    zipped: bool = False,
    blend: bool = False,
) -> Plan:
    """Plan the paintings of photographs in styles, and hash all pictures. Unreadable photographs are left out.

    Args:
        photos: files, folders and patterns, as paths or URLs.
        styles: likewise; also names of styles.
        settings: settings of all paintings.
        out: path or URL of the folder of all outputs.
        template: template of the outputs' names, see :func:`impasto.batches.naming.check_template`.
        zipped: pair the first photograph with the first style and so on.
        blend: paint each photograph in all styles together.

    Raises:
        ImpastoError: pictures, settings or names are refused as for a batch, or a URL holds credentials.
    """
    check_template(template)
    remarks: list[str] = []
    photos, styles = _collect(photos, collect, remarks), _collect(styles, collect_styles, remarks)
    settings = _with_absolute_paths(settings)
    pairs = pair_pictures(photos, styles, settings, zipped, blend)
    hashes, errors = _hash_all(dict.fromkeys((*photos, *styles)))
    needed = styles if hashes.keys() & set(photos) else (*styles, *photos)
    for address in needed:
        if address in errors:
            raise errors[address]
    remarks += [f"A photograph was left out: {error}" for error in errors.values()]
    if is_url(out):
        refuse_credentials(out)
    else:
        out = os.path.abspath(out)  # noqa: PTH100 (removes .. as well)
    files = FileHashes()
    entries = []
    for number, (photo, each) in enumerate(pairs, 1):
        if photo in errors:
            continue
        name = output_name(template, _file_name(photo), [_file_name(style) for style in each], number)
        fingerprint = settings_fingerprint(settings, [hashes[photo]], [hashes[style] for style in each], files.sha256)
        entries.append(Entry(photo, each, settings, join_address(out, name), entry_key(fingerprint)))
    check_outputs(entries)
    return Plan(tuple(entries), tuple(remarks))


def _collect(names: Sequence[str], local: Callable[[list[str]], Collected], remarks: list[str]) -> list[str]:
    """Return the addresses of the pictures that paths and URLs name, in their order.

    Args:
        names: paths and URLs.
        local: collects the pictures of a path.
        remarks: receives sentences on the files left out.
    """
    addresses: list[str] = []
    for name in names:
        if is_url(name):
            refuse_credentials(name)
            addresses += _collect_urls(name)
        else:
            found = local([name])
            addresses += map(absolute_address, found.paths)
            remarks += found.remarks
    return addresses


def _collect_urls(url: str) -> list[str]:
    """Return the URLs of the pictures in a folder or of a pattern; any other URL alone."""
    if glob.has_magic(url):
        found = match_url(url)
    elif url.endswith("/") or is_url_folder(url):
        found = list_url(url)
    else:
        return [url]
    pictures = [each for each in found if PurePosixPath(each).suffix.lower() in SUFFIXES]
    if not pictures:
        raise PictureError(f"There are no pictures at {shown(url)}: check the folder and the pattern.")
    return pictures


def _with_absolute_paths(settings: Settings) -> Settings:
    """Return settings whose pictures and encoder are found from any folder."""
    changes = nest_names({name: absolute_address(path) for name, path in settings.named_files.items()})
    encoder = find_encoder_file(settings.encoder)
    if encoder is not None:
        changes["encoder"] = encoder._replace(path=encoder.path.absolute()).name
    return change_settings(settings, **changes) if changes else settings


def _hash_all(addresses: Iterable[str]) -> tuple[dict[str, str], dict[str, PictureError]]:
    """Return the SHA-256 of each readable picture by address, and the errors of the others."""
    files, hashes, errors = FileHashes(), {}, {}

    def sha256(address: str) -> str | PictureError:
        try:
            if is_url(address):
                return hashlib.sha256(read_url(address)).hexdigest()
            return files.sha256(local_path(address))
        except PictureError as error:
            return error

    addresses = list(addresses)
    with ThreadPoolExecutor(READERS) as pool:
        for address, result in zip(addresses, pool.map(sha256, addresses), strict=True):
            if isinstance(result, PictureError):
                errors[address] = result
            else:
                hashes[address] = result
    return hashes, errors


def _file_name(address: str) -> Path:
    """Return the file name of a picture, from which that of the painting is made."""
    return Path(split_address(address)[1] if is_url(address) else local_path(address).name)
