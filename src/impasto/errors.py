"""What goes wrong for a reason that the user can mend."""

from __future__ import annotations


class ImpastoError(Exception):
    """A mistake in the input or in the surroundings: one sentence that says what, where, and how to mend it.

    Every face of impasto shows the sentence and nothing else; anything that is not an ``ImpastoError`` is a bug.
    """


class SettingsError(ImpastoError):
    """A setting that is unknown, out of range, or at odds with another."""


class PictureError(ImpastoError):
    """A picture that cannot be read or written."""


class EncoderError(ImpastoError):
    """An encoder, or a layer of one, that does not exist or does not fit."""


class PaintingError(ImpastoError):
    """A painting that cannot be started or finished: too large for the memory, or a loss that is not finite."""


class CheckpointError(ImpastoError):
    """A checkpoint that is missing, damaged or in use, or that does not fit what it is to go on with."""
