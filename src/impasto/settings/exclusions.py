"""The settings that exclude each other, a photograph, or a texture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from impasto.settings.fields import COLOUR_SOURCES, ColourSource

if TYPE_CHECKING:
    from impasto.settings.model import Settings

NO_STRENGTH = "A texture has no photograph, so there is no strength, and the content_weight is 0: leave them out."


NO_PROTECTION = "A texture has no photograph that could stay: leave out --protect."
"""Of a mask from memory as well, of which settings do not know."""


class Exclusion(NamedTuple):
    """Settings that do not combine.

    Attributes:
        names: the settings and, where it depends on them, their values.
        sentence: says so, and how to mend it; ``{0}`` stands for the settings, as in ``{0.colour}``.
        met: whether it is so in some settings.
    """

    names: str
    sentence: str
    met: Callable[[Settings], bool]

    def complaint(self, settings: Settings) -> str:
        """The sentence on some settings."""
        return self.sentence.format(settings)


def _colours(chosen: Callable[[ColourSource], bool]) -> str:
    return "colour = " + " or ".join(colour for colour, source in COLOUR_SOURCES.items() if chosen(source))


EXCLUSIONS: dict[Literal["each other", "a photograph", "a texture"], tuple[Exclusion, ...]] = {
    "each other": (
        Exclusion(
            f"colours_from, {_colours(lambda source: not source.takes_other)}",
            "The settings colours_from and colour = {0.colour}, which takes the photo's colours, exclude each other: "
            "choose one of them.",
            lambda s: s.colours_from is not None and not COLOUR_SOURCES[s.colour].takes_other,
        ),
        Exclusion(
            "strength, content_weight or style_weight",
            "The strength and raw weights exclude each other (the tutorial presets give raw weights): give strength, "
            "or content_weight and style_weight.",
            lambda s: s.strength is not None and (s.content_weight is not None or s.style_weight is not None),
        ),
        Exclusion(
            "content_weight = 0, style_weight = 0",
            "The content_weight and the style_weight are both 0, so there is nothing to paint: give one of them more.",
            lambda s: s.content_weight == 0 and s.style_weight == 0,
        ),
    ),
    "a photograph": (
        Exclusion(
            "size = WxH",
            "The size {0.size} is a texture's: a painting has the shape of its photograph, so give its long side "
            "alone.",
            lambda s: s.sides is not None,
        ),
        Exclusion(
            "seamless",
            "Only a texture can be seamless: a photograph does not go on at its other side.",
            lambda s: s.seamless,
        ),
    ),
    "a texture": (
        Exclusion(
            "size = original",
            "A texture has no photograph to take its size from: give a size such as 512 or 640x480.",
            lambda s: s.size == "original",
        ),
        Exclusion(
            "init = content",
            "A texture has no photograph to begin from: choose init noise or the path of a picture.",
            lambda s: s.init == "content",
        ),
        Exclusion(
            "strength, content_weight above 0", NO_STRENGTH, lambda s: s.strength is not None or s.weights[0] != 0
        ),
        Exclusion("protect", NO_PROTECTION, lambda s: s.protect is not None),
        Exclusion(
            _colours(lambda source: source.needs_photo),
            "The colour {0.colour} takes the colours of the photograph, and a texture has none: choose style or "
            "palette, or name a picture with colours_from.",
            lambda s: COLOUR_SOURCES[s.colour].needs_photo,
        ),
    ),
}
"""What does not combine: settings with each other, and with what is painted. Settings are refused by this table, and
``impasto settings`` shows it; what the pictures decide, such as their number, is refused where they are read."""
