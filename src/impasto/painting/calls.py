"""The library's functions, which turn pictures and settings into a painting or a painter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from impasto.errors import SettingsError
from impasto.painting.events import Finished
from impasto.painting.inputs import PictureLike
from impasto.painting.keywords import PaintingKeywords
from impasto.painting.painter import Painter
from impasto.painting.progress import show_progress
from impasto.painting.regions import separate_masks
from impasto.painting.result import Painting
from impasto.settings.making import change_settings, expand_shorthands, make_settings, make_texture_settings
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings
from impasto.settings.presets import texture_values


def paint(
    content: PictureLike,
    style: PictureLike | Sequence[PictureLike],
    settings: Settings | None = None,
    *,
    progress: bool | None = None,
    **changes: Unpack[PaintingKeywords],
) -> Painting:
    """Paint a photograph in the manner of one painting or several.

    Args:
        content: the photograph: path, PIL image, or array H×W×3 (uint8, uint16, or float in [0, 1]).
        style: the painting, or a list of paintings, in the same forms; also a name of ``impasto styles``, as in
            ``"swirls"``.
        settings: settings of the run; the defaults if omitted.
        progress: whether a bar shows the progress; in a notebook also the picture as it grows. None for notebooks only.
        changes: settings by name, as in ``size=1024, strength=0.7``. The masks, as in ``masks={1: sky, 2: ground}``,
            ``style_masks={2: corner}`` and ``protect=face``, may be paths, PIL images or arrays, including bool.

    Raises:
        ImpastoError: pictures or settings are invalid, or painting fails; the message is one sentence.
    """
    return _paint_to_end(make_painter(content, style, settings, **changes), progress)


def texture(
    style: PictureLike | Sequence[PictureLike],
    settings: Settings | None = None,
    *,
    progress: bool | None = None,
    **changes: Unpack[PaintingKeywords],
) -> Painting:
    """Paint a texture after one painting or several, without a photograph.

    Args:
        style: the painting, or a list of paintings: path, PIL image, or array H×W×3 (uint8, uint16, or float in
            [0, 1]), or name of ``impasto styles``.
        settings: settings from :func:`~impasto.make_texture_settings`; the defaults of a texture if omitted.
        progress: as in :func:`paint`.
        changes: settings by name, as in ``size=(640, 480), seamless=True, seed=3``; the size is width and height.
            The masks ``masks`` and ``style_masks`` may be pictures, as in :func:`paint`.

    Raises:
        ImpastoError: pictures or settings are invalid, or painting fails; the message is one sentence.
    """
    return _paint_to_end(make_texture_painter(style, settings, **changes), progress)


def make_texture_painter(
    style: PictureLike | Sequence[PictureLike],
    settings: Settings | None = None,
    **changes: Unpack[PaintingKeywords],
) -> Painter:
    """Make a painter from the arguments of :func:`texture`; iterating over it paints step by step."""
    _check_settings(settings)
    given, masks = separate_masks(expand_shorthands(changes))
    if settings is None:
        settings = make_texture_settings(**given)
    elif given:
        if "preset" in given:
            given = deep_merge(texture_values(given["preset"]), given)
        settings = change_settings(settings, **given)
    return Painter(None, _as_list(style), settings, named=masks)


def make_painter(
    content: PictureLike,
    style: PictureLike | Sequence[PictureLike],
    settings: Settings | None = None,
    **changes: Unpack[PaintingKeywords],
) -> Painter:
    """Make a painter from the arguments of :func:`paint`; iterating over it paints step by step."""
    _check_settings(settings)
    given, masks = separate_masks(changes)
    if settings is None:
        settings = make_settings(**given)
    elif given:
        settings = change_settings(settings, **given)
    return Painter(content, _as_list(style), settings, named=masks)


def _check_settings(settings: object) -> None:
    if not (settings is None or isinstance(settings, Settings)):
        raise SettingsError(
            f"The settings are a {type(settings).__name__}: give the result of impasto.make_settings, or each setting "
            f"by its name, as in size=768."
        )


def _as_list(style: PictureLike | Sequence[PictureLike]) -> list[PictureLike]:
    return list(style) if isinstance(style, list | tuple) else [style]  # type: ignore[list-item]


def _paint_to_end(painter: Painter, progress: bool | None) -> Painting:
    with show_progress(progress) as display:
        for event in painter:
            display.see(event)
            if isinstance(event, Finished):
                return event.painting
    raise AssertionError("a painter's last event is Finished")
