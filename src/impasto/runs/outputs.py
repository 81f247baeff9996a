"""The files that a run writes, checked before it begins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from impasto.errors import PictureError
from impasto.pictures import check_output
from impasto.pictures.checking import is_interrupted
from impasto.runs.plots import check_history_output


@dataclass(frozen=True)
class Outputs:
    """Where everything goes.

    Attributes:
        picture: the painting.
        sheet: photo, styles and painting side by side.
        stages: how the painting came about.
        history: the losses, as a table or a plot.
        force: whether files that exist are replaced.
        own_history: whether the history, where there is one, may be that of this same run, interrupted.
    """

    picture: Path
    sheet: Path | None = None
    stages: Path | None = None
    history: Path | None = None
    force: bool = False
    own_history: bool = False

    @property
    def named(self) -> dict[str, Path]:
        """Those that are asked for, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: path for name, path in values.items() if isinstance(path, Path)}

    def check(self, inputs: Sequence[Path], depth: int, long_side: int | None = None) -> None:
        """Refuse what could not be written in the end.

        Args:
            inputs: files that are read.
            depth: bits per channel of the picture.
            long_side: of the picture, in pixels; None where it is not known yet.

        Raises:
            PictureError: a suffix that is not written, a format that does not hold that depth or size, a folder that
                is missing or not writable, a file that exists or is read, or one name for two files.
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
        """Refuse what besides the picture could not be written.

        Args:
            name: ``sheet``, ``stages`` or ``history``, which is asked for.
            inputs: files that are read.

        Raises:
            PictureError: as :meth:`check`.
        """
        if name == "history":
            check_history_output(self.named[name], force=self.force, own=self.own_history, inputs=inputs)
        else:
            check_output(self.named[name], force=self.force, inputs=inputs)

    def knowing_its_own(self) -> Outputs:
        """The same, whose history may be replaced where the picture is that of an interrupted run."""
        own = self.own_history or (self.picture.is_file() and is_interrupted(self.picture))
        return replace(self, own_history=own)


def default_texture(styles: Sequence[Path]) -> Path:
    """``STYLE1+STYLE2-texture.png`` beside the first style."""
    return styles[0].parent / f"{'+'.join(style.stem for style in styles)}-texture.png"


def default_output(content: Path, styles: Sequence[Path]) -> Path:
    """``CONTENT-as-STYLE1+STYLE2.png`` beside the content."""
    return content.parent / f"{content.stem}-as-{'+'.join(style.stem for style in styles)}.png"
