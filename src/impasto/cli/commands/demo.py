"""The demonstration: photographs of scikit-image's in styles that impasto draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from impasto.cli.interrupts import Interrupts
from impasto.demo import STYLE_NAMES, gallery
from impasto.errors import PictureError, SettingsError
from impasto.files import reason, shown
from impasto.runs.job import Job, run_job
from impasto.runs.listener import Reporter
from impasto.runs.outputs import Outputs
from impasto.settings.model import Settings


def run_demo(
    style: str, folder: Path, settings: Settings, make_reporter: Callable[[], Reporter], interrupts: Interrupts
) -> int:
    """Paint one pair of photograph and style, or all; the files of an earlier demonstration are replaced.

    Args:
        style: its name, or ``all``.
        folder: for everything that is written.
        settings: how to paint.
        make_reporter: gives the reporter for one painting.
        interrupts: the signals' handlers.

    Returns:
        The exit code of the first painting that did not come to its end; 0 where all did.

    Raises:
        ImpastoError: an unknown style, a folder that cannot be made, scikit-image is missing, or settings that fit
            nothing.
    """
    if style != "all" and style not in STYLE_NAMES:
        raise SettingsError(f"There is no style {style!r}: choose one of {', '.join(STYLE_NAMES)}, or all.")
    gallery.check_photos()
    _make_folder(folder)
    for name in STYLE_NAMES if style == "all" else (style,):
        code = run_job(_job(name, folder, settings), make_reporter(), interrupts)
        if code:
            return code
    return 0


def _job(style: str, folder: Path, settings: Settings) -> Job:
    photo = gallery.PAIRS[style]
    name = f"{photo}-as-{style}"
    outputs = Outputs(folder / f"{name}.png", sheet=folder / f"{name}-sheet.png", force=True)
    for path in (*outputs.named.values(), folder / f"{photo}.png", folder / f"{style}.png"):
        gallery.check_place(path)
    content, painting = gallery.photo_file(photo, folder), gallery.style_file(style, folder)
    return Job(content, (painting,), settings, outputs)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(
            f"The folder {shown(folder)} cannot be made ({reason(error)}): name another with --out."
        ) from None
