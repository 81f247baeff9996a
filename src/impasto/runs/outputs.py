"""The files that a run writes, checked before it begins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from impasto.errors import PictureError
from impasto.files import fitting_name
from impasto.pictures import check_output
from impasto.pictures.checking import is_interrupted
from impasto.runs.plots import check_history_output
from impasto.styles.lookup import style_name


@dataclass(frozen=True)
class Outputs:
    """Paths of the files that a run writes.

    Attributes:
        picture: the painting.
        sheet: photograph, styles and painting side by side.
        stages: a grid of intermediate pictures.
        history: the losses, as a table or a plot.
        force: whether existing files are replaced.
        is_temporary: whether the picture is passed on from a temporary file. Its record then names the sources by
            absolute paths.
        replace_history: whether an existing history of losses is replaced, as one of this same, interrupted run.
    """

    picture: Path
    sheet: Path | None = None
    stages: Path | None = None
    history: Path | None = None
    force: bool = False
    is_temporary: bool = False
    replace_history: bool = False

    @property
    def named(self) -> dict[str, Path]:
        """The paths that are set, by field name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: path for name, path in values.items() if isinstance(path, Path)}

    def check(self, inputs: Sequence[Path], depth: int, long_side: int | None = None) -> None:
        """Refuse outputs that could not be written in the end.

        Args:
            inputs: files that the run reads.
            depth: bits per channel of the picture.
            long_side: of the picture, in pixels; None if it is not known yet.

        Raises:
            PictureError: unsupported suffix, a format without that depth or size, a folder that is missing or not
                writable, a file that exists or is an input, or one path for two files.
        """
        seen: dict[str, str] = {}
        for name, path in self.named.items():
            if name == "picture":
                size = (1, long_side) if long_side else None
                check_output(path, force=self.force, depth=depth, inputs=inputs, size=size)
            else:
                self.check_extra(name, inputs)
            other = seen.setdefault(os.path.normcase(os.path.realpath(path)), name)
            if other != name:
                raise PictureError(f"The {other} and the {name} would both be {str(path)!r}: give them two names.")

    def check_extra(self, name: str, inputs: Sequence[Path]) -> None:
        """Refuse one of the other files if it could not be written.

        Args:
            name: ``sheet``, ``stages`` or ``history``; its path must be set.
            inputs: files that the run reads.

        Raises:
            PictureError: as :meth:`check`.
        """
        if name == "history":
            path = self.named[name]
            check_history_output(path, force=self.force, replace_own=self.replace_history, inputs=inputs)
        else:
            check_output(self.named[name], force=self.force, inputs=inputs)

    def allow_own_history(self) -> Outputs:
        """Return a copy that may replace the history if the existing picture is that of an interrupted run."""
        own = self.replace_history or (self.picture.is_file() and is_interrupted(self.picture))
        return replace(self, replace_history=own)


def default_texture_output(styles: Sequence[Path]) -> Path:
    """Return ``STYLE1+STYLE2-texture.png`` beside the first style; in the current folder if that has a name."""
    folder = styles[0].parent if style_name(styles[0]) is None else Path()
    return folder / fitting_name(f"{'+'.join(style.stem for style in styles)}-texture.png")


def default_output(content: Path, styles: Sequence[Path]) -> Path:
    """Return ``CONTENT-as-STYLE1+STYLE2.png`` beside the content, shortened if it is too long."""
    return content.parent / fitting_name(f"{content.stem}-as-{'+'.join(style.stem for style in styles)}.png")
