"""Names of many outputs, by a template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from string import Formatter

from impasto.errors import SettingsError
from impasto.pictures import SUFFIXES

DEFAULT_TEMPLATE = "{content}-as-{style}.png"
FIELDS = ("content", "style", "ext", "number")
"""Stem of the photograph; stem of the style, or of several with ``+`` between; the photograph's suffix where impasto
writes such files, otherwise png; number of the painting, from 1."""


def check_template(template: str) -> None:
    """Refuse a template that names no files.

    Args:
        template: a relative path with :data:`FIELDS` in braces, as in ``{style}/{content}.png`` or ``{number:03}.jpg``.

    Raises:
        SettingsError: unknown fields, braces that do not match, or a path that leads out of the folder.
    """
    name_of(template, Path("photo.jpg"), [Path("painting.jpg")], 1)


def name_of(template: str, content: Path, styles: Sequence[Path], number: int) -> Path:
    """The name that a template gives a painting.

    Args:
        template: see :func:`check_template`.
        content: the photograph.
        styles: the paintings.
        number: of the painting, from 1.

    Returns:
        A path relative to the folder for all.

    Raises:
        SettingsError: as :func:`check_template`.
    """
    suffix = content.suffix.lower()
    values: dict[str, str | int] = {
        "content": content.stem,
        "style": "+".join(style.stem for style in styles),
        "ext": suffix[1:] if suffix in SUFFIXES else "png",
        "number": number,
    }
    try:
        unknown = [field for _, field, _, _ in Formatter().parse(template) if field is not None and field not in values]
        if unknown:
            raise SettingsError(
                f"The template {template!r} asks for {{{unknown[0]}}}, which there is not: use "
                f"{', '.join(f'{{{field}}}' for field in FIELDS)}."
            )
        name = template.format_map(values)
    except (ValueError, LookupError) as error:
        raise SettingsError(
            f"The template {template!r} is not valid ({error}): write it as {DEFAULT_TEMPLATE}."
        ) from None
    path = PurePath(name)
    if not path.name or path.is_absolute() or path.drive or ".." in path.parts:
        raise SettingsError(f"The template {template!r} leads out of the folder: write it as {DEFAULT_TEMPLATE}.")
    return Path(path)
