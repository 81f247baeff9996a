"""Bringing one published file from the network: mirrors, proxies, resuming, checking.

A file that breaks off is kept as a part and continued, by this process or a later one. Only a file of the right size
and hash is given its name; any other is removed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import requests
import urllib3

from impasto.encoders.published.cache import CACHE_VARIABLE, Slot, size_of
from impasto.encoders.published.catalogue import KnownWeights
from impasto.encoders.published.progress import Fetching, Note, Watcher
from impasto.errors import EncoderError
from impasto.files import digest_of, shown
from impasto.version import __version__

MIRROR_VARIABLE = "IMPASTO_MIRROR"
"""Environment variable with addresses that are tried first; the file's name is put behind each."""

SECONDS_TO_CONNECT = 10.0
SECONDS_OF_SILENCE = 30.0
LEAST_PACE = 1024.0
"""Bytes a second; a server that stays below it for the seconds of silence counts as stuck."""

ATTEMPTS = 3
"""Failures in a row, with next to nothing gained between them, that end the attempts at one address."""

PAUSE = 2.0
"""Seconds before a second attempt; twice as long before a third."""

_PIECE: Final = 1 << 17
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": f"impasto/{__version__}"}


class DownloadError(EncoderError):
    """Weights that cannot be fetched."""


class _AddressError(Exception):
    """This address will not give the file; its text is a clause without a full stop."""


class _BrokenError(_AddressError):
    """The same address may give the file, or the rest of it, if it is asked again."""


def download(slot: Slot, watch: Watcher, failures: Sequence[str] = ()) -> None:
    """Bring the published file to its place in the cache, whose lock the caller holds.

    Args:
        slot: the file and its place.
        watch: is told of every piece.
        failures: clauses on what has been tried before, for the sentence of the error.

    Raises:
        DownloadError: no address gave the file, or there is no room for it.
        OSError: the disk refused.
    """
    _check_room(slot)
    clauses = list(failures)
    with requests.Session() as session:  # which reads the proxies from the environment
        for url in addresses(slot.known):
            try:
                _bring(session, url, slot, watch)
            except _AddressError as error:
                clauses.append(f"{urlsplit(_public(url)).netloc}: {error}")
            else:
                slot.partial.replace(slot.source)
                slot.discard_partial()
                return
    raise DownloadError(_sentence(slot, clauses))


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # brackets that are no address's, or a port that is no number
        return False


def addresses(known: KnownWeights) -> list[str]:
    """Where a file may be had: at the mirrors that the environment names, then where it is published.

    Raises:
        DownloadError: a mirror is no web address.
    """
    mirrors = re.split(r"[\s,]+", os.environ.get(MIRROR_VARIABLE, "").strip())
    for mirror in filter(None, mirrors):
        if not _is_web_address(mirror):
            raise DownloadError(
                f"The environment variable {MIRROR_VARIABLE} names {mirror!r}, which is no address: "
                f"write it as in https://mirror.example/weights."
            )
    return [*(f"{mirror.rstrip('/')}/{known.file}" for mirror in mirrors if mirror), known.url]


def _public(url: str) -> str:
    """An address without the name and password that a mirror's may hold."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _sentence(slot: Slot, clauses: list[str]) -> str:
    known = slot.known
    return (
        f"The weights {known.name} could not be fetched ({'; '.join(clauses)}): put {known.file} ({known.size:,} "
        f"bytes, {known.hash}, from {known.url}) into {shown(slot.folder)} yourself, or paint with --encoder builtin, "
        f"which works now."
    )


def _check_room(slot: Slot) -> None:
    needed = slot.known.size - size_of(slot.partial)
    free = shutil.disk_usage(slot.folder).free
    if free < needed:
        raise DownloadError(
            f"Fetching {slot.known.file} takes {needed:,} bytes, and {shown(slot.folder)} has room for {free:,}: free "
            f"some space, or name another folder in the environment variable {CACHE_VARIABLE}."
        )


def _bring(session: requests.Session, url: str, slot: Slot, watch: Watcher) -> None:
    """Bring the whole file to ``slot.partial``, right in size and hash, in as many attempts as it takes.

    Raises:
        _AddressError: it cannot be had from here.
    """
    failed, anew = 0, False
    while True:
        before = size_of(slot.partial)
        try:
            if before != slot.known.size:
                _transfer(session, url, slot, watch)
            found = digest_of(slot.partial, slot.known.algorithm)
            if found == slot.known.digest:
                return
            slot.discard_partial()
            if not before or anew:
                raise _AddressError(f"what it sent has the {slot.known.algorithm} {found}, which is wrong")
            # The first part may have been of another file, so the whole is worth another attempt; but only one.
            anew = True
            watch(Note("The continued file is not the right one; fetching it again from its beginning."))
        except _BrokenError as error:
            gained = size_of(slot.partial) - before
            failed = 1 if gained > slot.known.size / 20 else failed + 1
            if failed >= ATTEMPTS:
                raise
            watch(Note(f"The download broke off ({error}); trying again."))
            time.sleep(PAUSE * failed)


def _transfer(session: requests.Session, url: str, slot: Slot, watch: Watcher) -> None:
    """Ask once for what is missing, and append it.

    Raises:
        _AddressError: the answer cannot be used, or breaks off.
    """
    total = slot.known.size
    if size_of(slot.partial) > total:
        slot.discard_partial()
    with _answer(session, url, _headers(slot, url)) as response:
        done = _first_byte(response, slot)
        _remember(slot, url, response)
        watch(Fetching(slot.known.file, _public(url), done, total))
        with slot.partial.open("r+b" if slot.partial.exists() else "wb") as file:
            file.seek(done)
            file.truncate()
            for piece in _pieces(response):
                done += len(piece)
                if done > total:
                    raise _too_long(slot, file)
                file.write(piece)
                watch(Fetching(slot.known.file, _public(url), done, total))
            file.flush()
            os.fsync(file.fileno())
    if done < total:
        raise _BrokenError(f"the connection was cut after {done:,} of {total:,} bytes")


def _too_long(slot: Slot, file: BinaryIO) -> _AddressError:
    file.close()
    slot.discard_partial()
    return _AddressError(f"it sent more than {slot.known.size:,} bytes, so it is another file")


def _headers(slot: Slot, url: str) -> dict[str, str]:
    """What to send: a range where there is a part, on the condition that the file is still the same there."""
    have = size_of(slot.partial)
    if not have:
        return dict(_HEADERS)
    headers = {**_HEADERS, "Range": f"bytes={have}-"}
    try:
        noted = json.loads(slot.validator.read_text(encoding="utf-8"))
        if noted["url"] == _public(url):
            headers["If-Range"] = noted["validator"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # of another address, or of none that is known; the hash tells in the end whether the halves fit
    return headers


def _remember(slot: Slot, url: str, response: requests.Response) -> None:
    """Note which version of the file is arriving."""
    etag = response.headers.get("ETag", "")
    # A weak tag may stay the same when bytes change, and If-Range must not carry one (RFC 9110, 13.1.5).
    validator = response.headers.get("Last-Modified") if not etag or etag.startswith("W/") else etag
    if validator:
        slot.validator.write_text(json.dumps({"url": _public(url), "validator": validator}), encoding="utf-8")
    else:
        slot.validator.unlink(missing_ok=True)


def _first_byte(response: requests.Response, slot: Slot) -> int:
    """Where in the file the answer's body begins.

    Raises:
        _AddressError: it is no part of the file.
    """
    have, total = size_of(slot.partial), slot.known.size
    if response.status_code == requests.codes.partial_content:
        place = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        if place and int(place[1]) == have and place[2] in (str(total), "*"):
            return have
        slot.discard_partial()
        raise _BrokenError("it sent another part than the one asked for")
    if response.status_code == requests.codes.requested_range_not_satisfiable:
        slot.discard_partial()
        raise _BrokenError("it does not have the rest of the file")
    if response.status_code != requests.codes.ok:
        passing = response.status_code >= 500 or response.status_code in (408, 425, 429)
        raise (_BrokenError if passing else _AddressError)(f"HTTP {response.status_code} {response.reason}".strip())
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) != total:
        raise _AddressError(f"its file has {int(length):,} bytes in place of {total:,}")
    return 0


@contextmanager
def _answer(session: requests.Session, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
    """The server's answer, whose body is still to be read."""
    try:
        response = session.get(url, headers=headers, stream=True, timeout=(SECONDS_TO_CONNECT, SECONDS_OF_SILENCE))
    except requests.ConnectTimeout:
        raise _AddressError(f"no connection within {SECONDS_TO_CONNECT:g} s") from None
    except requests.ReadTimeout:
        raise _BrokenError(f"no answer for {SECONDS_OF_SILENCE:g} s") from None
    except requests.RequestException as error:
        cut = any(isinstance(link, urllib3.exceptions.ProtocolError) for link in _chain(error))
        raise (_BrokenError if cut else _AddressError)(_why(error)) from None
    with response:
        yield response


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it arrives.

    Raises:
        _BrokenError: it breaks off, or hardly moves.
    """
    since, arrived = time.monotonic(), 0
    while True:
        try:
            # Not more than the network has ready: filling a buffer would hide a server that sends a byte a minute.
            piece: bytes = response.raw.read1(_PIECE, decode_content=False)
        except (urllib3.exceptions.ReadTimeoutError, TimeoutError):
            raise _BrokenError(f"nothing came for {SECONDS_OF_SILENCE:g} s") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _BrokenError(f"the connection was cut: {_why(error)}") from None
        if not piece:
            return
        arrived += len(piece)
        elapsed = time.monotonic() - since
        if elapsed > SECONDS_OF_SILENCE:
            if arrived < LEAST_PACE * elapsed:
                raise _BrokenError(f"only {arrived:,} bytes came in {elapsed:.3g} s")
            since, arrived = time.monotonic(), 0
        yield piece


def _why(error: BaseException) -> str:
    """The innermost reason of a network error, which its wrappers bury."""
    chain = list(_chain(error))
    if any(isinstance(link, requests.exceptions.ProxyError) for link in chain):
        return "the proxy cannot be used"
    system = [link.strerror for link in chain if isinstance(link, OSError) and link.strerror]
    line = " ".join((system or [str(chain[-1])])[-1].split()) or type(chain[-1]).__name__
    return line if len(line) <= 120 else line[:117] + "..."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and the ones inside it, outermost first."""
    link: BaseException | None = error
    for _ in range(16):  # enough for any real one, should two name each other
        if link is None:
            return
        yield link
        inside = (*link.args, getattr(link, "reason", None), link.__cause__, link.__context__)
        link = next((one for one in inside if isinstance(one, BaseException)), None)
