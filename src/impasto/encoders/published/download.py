"""Download of one published file: from mirrors or the publisher, resumed after interruptions, verified by its hash.

An interrupted download leaves a partial file, which this process or a later one resumes. Only a file with the published
size and hash gets its final name; any other is removed.
"""

from __future__ import annotations

import os
import time
from urllib.parse import urlsplit

import requests

from impasto.encoders.published.cache import CachedWeights, size_of
from impasto.encoders.published.catalogue import KnownWeights
from impasto.encoders.published.events import DownloadProgress, FetchListener, Note
from impasto.errors import EncoderError
from impasto.files import digest_of, reason, shown

MIRROR_VARIABLE = "IMPASTO_MIRROR"
"""Environment variable with addresses to try before the publisher's; the file's name is appended to each."""

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection."""

READ_TIMEOUT = 30.0
"""Seconds without data after which a connection counts as broken."""

ATTEMPTS = 3
"""Consecutive attempts without new data after which an address is given up."""

RETRY_DELAY = 2.0
"""Seconds before the first retry; later ones wait a multiple of it."""

CHUNK_SIZE = 1 << 16
"""Bytes per read; an interruption loses at most the chunk in progress."""


class DownloadError(EncoderError):
    """Published weights that cannot be downloaded."""


class _AddressError(Exception):
    """A failure of one address; its text is a clause without a full stop."""


class _InterruptionError(_AddressError):
    """A failure that a retry at the same address may overcome."""


def download(cached: CachedWeights, on_event: FetchListener) -> None:
    """Download a published file into the cache; the caller holds the lock.

    Args:
        cached: the weights, whose ``source`` file is created.
        on_event: callback that receives the progress.

    Raises:
        DownloadError: every address failed.
        OSError: the file cannot be written.
    """
    failures = []
    for url in addresses(cached.known):
        try:
            _download_from(url, cached, on_event)
        except _AddressError as error:
            failures.append(f"{_host(url)}: {error}")
        else:
            cached.partial.replace(cached.source)
            return
    known = cached.known
    raise DownloadError(
        f"The weights {known.name} could not be fetched ({'; '.join(failures)}): put {known.file} ({known.size:,} "
        f"bytes, {known.hash}, from {known.url}) into {shown(cached.folder)} yourself, or paint with "
        f'encoder="builtin", which works now.'
    )


def addresses(known: KnownWeights) -> list[str]:
    """List the addresses of a published file: the environment's mirrors, then the publisher's.

    Raises:
        DownloadError: a mirror is not a web address.
    """
    mirrors = os.environ.get(MIRROR_VARIABLE, "").replace(",", " ").split()
    for mirror in mirrors:
        if not _host(mirror):
            raise DownloadError(
                f"The environment variable {MIRROR_VARIABLE} names {mirror!r}, which is not a web address: "
                f"write it as in https://mirror.example/weights."
            )
    return [*(f"{mirror.rstrip('/')}/{known.file}" for mirror in mirrors), known.url]


def _host(url: str) -> str:
    """Return the host of an address, without port, user name or password; empty if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # for example unbalanced brackets
        return ""


def _download_from(url: str, cached: CachedWeights, on_event: FetchListener) -> None:
    """Download the partial file completely from one address, and verify its hash.

    Raises:
        _AddressError: the address failed.
    """
    known, resumed = cached.known, cached.partial.exists()
    _complete(url, cached, on_event)
    found = digest_of(cached.partial, known.algorithm)
    if found == known.digest:
        return
    cached.partial.unlink()
    if not resumed:
        raise _AddressError(f"its file has the {known.algorithm} {found}, which is wrong")
    on_event(Note("The resumed download has a wrong hash: downloading the file again from the start."))
    _download_from(url, cached, on_event)


def _complete(url: str, cached: CachedWeights, on_event: FetchListener) -> None:
    """Download the missing part of the partial file, retrying after interruptions.

    Raises:
        _AddressError: the address failed.
    """
    failures = 0
    while (before := size_of(cached.partial)) < cached.known.size:
        try:
            _append_rest(url, cached, on_event)
        except _InterruptionError as error:
            failures = 1 if size_of(cached.partial) > before else failures + 1
            if failures >= ATTEMPTS:
                raise
            on_event(Note(f"The download was interrupted ({error}): trying again."))
            time.sleep(RETRY_DELAY * failures)


def _append_rest(url: str, cached: CachedWeights, on_event: FetchListener) -> None:
    """Request the missing part of the partial file once, and append it.

    Raises:
        _AddressError: the address failed.
    """
    known, done = cached.known, size_of(cached.partial)
    # Compression would make the byte positions of a range meaningless.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    worth_retrying = done > 0
    try:
        with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)) as response:
            worth_retrying = True
            _check_status(response)
            if response.status_code != requests.codes.partial_content:
                done = 0  # the server ignores ranges and sends the whole file
            with cached.partial.open("ab" if done else "wb") as file:
                on_event(DownloadProgress(known.file, _host(url), done, known.size))
                for chunk in response.iter_content(CHUNK_SIZE):
                    file.write(chunk)
                    done += len(chunk)
                    if done > known.size:
                        break
                    on_event(DownloadProgress(known.file, _host(url), done, known.size))
    except requests.RequestException as error:
        raise (_InterruptionError if worth_retrying else _AddressError)(_cause(error)) from None
    if done != known.size:
        cached.partial.unlink()
        raise _AddressError(f"it sends another file, with {'more' if done > known.size else 'fewer'} bytes")


def _check_status(response: requests.Response) -> None:
    """Raise an error unless the response carries the file or a part of it."""
    status = response.status_code
    if status in (requests.codes.ok, requests.codes.partial_content):
        return
    temporary = status >= 500 or status in (408, 425, 429)
    raise (_InterruptionError if temporary else _AddressError)(f"HTTP {status} {response.reason}".strip())


def _cause(error: requests.RequestException) -> str:
    """Return the innermost cause of a network error, which requests and urllib3 wrap several times."""
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy cannot be used"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut"
    cause: BaseException = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    return reason(cause)
