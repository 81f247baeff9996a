"""Names of a batch's outputs, from a template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from string import Formatter

from impasto.errors import SettingsError
from impasto.files import fitting_name
from impasto.pictures import SUFFIXES

DEFAULT_TEMPLATE = "{content}-as-{style}.png"
FIELDS = ("content", "style", "ext", "number")
"""Fields of a template.

``content`` is the stem of the photograph, and ``style`` that of the style, or several joined by ``+``. ``ext`` is the
photograph's suffix if impasto can write that format, and png otherwise. ``number`` counts the paintings from 1.
"""


def check_template(template: str) -> None:
    """Refuse a template that does not give file names.

    Args:
        template: relative path with :data:`FIELDS` in braces, such as ``{style}/{content}.png`` or ``{number:03}.jpg``.

    Raises:
        SettingsError: an unknown field, unmatched braces, or a path that leads out of the folder.
    """
    output_name(template, Path("photo.jpg"), [Path("painting.jpg")], 1)


def output_name(template: str, content: Path, styles: Sequence[Path], number: int) -> Path:
    """Return the path of a painting, relative to the output folder.

    Args:
        template: template as for :func:`check_template`.
        content: path of the photograph.
        styles: paths of the style pictures.
        number: number of the painting, from 1.

    Raises:
        SettingsError: the template is not valid, as for :func:`check_template`.
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
                f"The template {template!r} asks for {{{unknown[0]}}}, which is not a field: use "
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
    return Path(path.with_name(fitting_name(path.name)) if template == DEFAULT_TEMPLATE else path)
