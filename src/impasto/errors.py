"""Errors with a cause that the user can remedy."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ImpastoError(Exception):
    """An error in the input or the environment, in one sentence: the problem, its place and its remedy.

    Every interface of impasto shows this sentence alone. Any other exception is a bug.
    """


class SettingsError(ImpastoError):
    """A setting that is unknown, out of range, or in conflict with another."""


class PictureError(ImpastoError):
    """A picture that cannot be read or written."""


class EncoderError(ImpastoError):
    """An encoder, or a layer of one, that is missing or unusable."""


class PaintingError(ImpastoError):
    """A painting that cannot be started or finished, for lack of memory or because its loss is not finite."""


class CheckpointError(ImpastoError):
    """A checkpoint that is missing, damaged, in use, or from a different painting."""


def closest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of several names that a misspelt name is most similar to, whatever the case; None without any.

    Args:
        name: the misspelt name.
        names: names that exist.
    """
    by_case = {known.casefold(): known for known in names}
    similar = get_close_matches(name.casefold(), by_case, cutoff=0.65)
    similar.sort(key=lambda known: known[:1] != name[:1].casefold())  # few people mistype the first letter
    return by_case[similar[0]] if similar else None
