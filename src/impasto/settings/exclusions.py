"""Combinations of settings that are refused: with each other, with a photograph, and with a texture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from impasto.settings.fields import COLOUR_SOURCES, ColourSource

if TYPE_CHECKING:
    from impasto.settings.model import Settings

TEXTURE_STRENGTH_MESSAGE = (
    "A texture has no photograph, so there is no strength, and the content_weight is 0: leave them out."
)

TEXTURE_PROTECT_MESSAGE = "A texture has no photograph that could stay: leave out protect=."
"""Message for masks from memory too, which are not settings."""

ExclusionKind = Literal["each other", "a photograph", "a texture"]
"""What the settings cannot be combined with."""


class Exclusion(NamedTuple):
    """Combination of settings that is refused.

    Attributes:
        names: names of the settings, with their values if only some are refused.
        message: error message with its advice; ``{0}`` stands for the settings, as in ``{0.colour}``.
        applies: predicate that returns whether given settings have the combination.
    """

    names: str
    message: str
    applies: Callable[[Settings], bool]


def _list_colours(is_listed: Callable[[ColourSource], bool]) -> str:
    return "colour = " + " or ".join(colour for colour, source in COLOUR_SOURCES.items() if is_listed(source))


def _is_fed_forward(*names: str) -> Callable[[Settings], bool]:
    """Make the predicate that a trained network paints although one of some settings has not its default."""

    def applies(s: Settings) -> bool:
        defaults = type(s).model_fields
        return s.optimization.method == "feed-forward" and any(
            _fixed_part(getattr(s, name)) != _fixed_part(defaults[name].default) for name in names
        )

    return applies


_FORMER_DEFAULTS: dict[str, tuple[float, ...]] = {
    "coarse_content": (1, 2.8),
    "form_content": (0, 3),
    "tone": (0.2,),
}
"""Values of losses that older records of trained networks have, which do not use them."""


def _fixed_part(value: Any) -> object:
    """Drop from losses all that may differ before a trained network; return other values unchanged.

    These are the changes of the photograph, and settings without effect that another preset or an older record left:
    layers of weight 0, and :data:`_FORMER_DEFAULTS`.
    """
    if not hasattr(value, "style_distance"):
        return value
    layers = {name: {k: w for k, w in getattr(value, name).items() if w} for name in ("content", "style")}
    fields = type(value).model_fields
    unused = {name: fields[name].default for name, former in _FORMER_DEFAULTS.items() if getattr(value, name) in former}
    return {**dict(value), **layers, **unused, "recolour": None, "local_contrast": None}


def _has_iterations(s: Settings) -> bool:
    defaults = type(s.optimization)(method="feed-forward")
    return s.optimization.method == "feed-forward" and s.optimization != defaults


_FIXED_BY_TRAINING: dict[str, Callable[[Settings], bool]] = {
    "encoder": _is_fed_forward("encoder"),
    "content_weight or style_weight": _is_fed_forward("content_weight", "style_weight"),
    "losses": _is_fed_forward("losses"),
    "optimization.iterations or other settings of the optimiser": _has_iterations,
    "detail": _is_fed_forward("detail"),
    "init or grow_from": _is_fed_forward("init", "grow_from"),
    "pooling, padding or padding_scope": _is_fed_forward("pooling", "padding", "padding_scope"),
}
"""Settings that the training of the feed-forward network has fixed."""

EXCLUSIONS: dict[ExclusionKind, tuple[Exclusion, ...]] = {
    "each other": (
        Exclusion(
            f"colours_from, {_list_colours(lambda source: not source.takes_other)}",
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
            "The content_weight and the style_weight are both 0, so there is nothing to paint: raise one of them.",
            lambda s: s.content_weight == 0 and s.style_weight == 0,
        ),
        *(
            Exclusion(
                f"optimization.method = feed-forward, {names}",
                f"The feed-forward method, which the preset instant chooses, paints with a trained network, so {names} "
                f"cannot be set: leave it out, or choose another preset.",
                applies,
            )
            for names, applies in _FIXED_BY_TRAINING.items()
        ),
    ),
    "a photograph": (
        Exclusion(
            "size = WxH",
            "The size {0.size} is for textures: a painting has the shape of its photograph, so give its long side "
            "alone.",
            lambda s: s.sides is not None and s.print_size is None,
        ),
        Exclusion(
            "seamless",
            "Only a texture can be seamless: the opposite sides of a photograph do not join.",
            lambda s: s.seamless,
        ),
    ),
    "a texture": (
        Exclusion(
            "optimization.method = feed-forward",
            "The feed-forward method, which the preset instant chooses, paints over a photograph, and a texture has "
            "none: choose the preset quick.",
            lambda s: s.optimization.method == "feed-forward",
        ),
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
            "init = instant",
            "A texture has no photograph to begin from: choose init noise or the path of a picture.",
            lambda s: s.init == "instant",
        ),
        Exclusion(
            "strength, content_weight above 0",
            TEXTURE_STRENGTH_MESSAGE,
            lambda s: s.strength is not None or s.weights[0] != 0,
        ),
        Exclusion("protect", TEXTURE_PROTECT_MESSAGE, lambda s: s.protect is not None),
        Exclusion(
            _list_colours(lambda source: source.needs_photo),
            "The colour {0.colour} takes the colours of the photograph, and a texture has none: choose style or "
            "palette, or name a picture with colours_from=.",
            lambda s: COLOUR_SOURCES[s.colour].needs_photo,
        ),
    ),
}
"""Excluded combinations that depend on settings alone.

Settings are checked against this table, and ``impasto settings`` prints it. Combinations that depend on the pictures,
such as their number, are checked after the pictures are read.
"""


def find_exclusion(settings: Settings, kind: ExclusionKind) -> str | None:
    """Return the error message of the first exclusion of a kind that applies to the settings, or None."""
    return next((row.message.format(settings) for row in EXCLUSIONS[kind] if row.applies(settings)), None)
