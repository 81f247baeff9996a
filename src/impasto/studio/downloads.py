"""Paintings as files to take home: converted from the stored ones, with their record inside."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from impasto.pictures import off_white, read_picture, read_record, write_picture
from impasto.studio.api_errors import wrong_state
from impasto.studio.limits import SIDE
from impasto.studio.models import Batch, DownloadFormat, Job
from impasto.studio.records import portable_record

if TYPE_CHECKING:
    from impasto.studio.studio import Studio

SUFFIXES: dict[DownloadFormat, str] = {
    "png": ".png",
    "png16": ".png",
    "jpeg": ".jpg",
    "webp": ".webp",
    "tiff16": ".tif",
}

MEDIA_TYPES: dict[DownloadFormat, str] = {
    "png": "image/png",
    "png16": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "tiff16": "image/tiff",
}


class TemporaryFileResponse(FileResponse):
    """Answer with a file that is removed afterwards, also if the client has gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file and remove it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)


def painting_file(studio: Studio, job: Job, kind: DownloadFormat) -> tuple[Path, str]:
    """Write a painting to a temporary file, which the caller removes.

    Args:
        studio: the studio.
        job: job with a painting.
        kind: format of the file.

    Returns:
        The path, and the name to save it under.

    Raises:
        ApiError: there is no painting, or the disk is full.
        PictureError: the format does not support its size.
    """
    source = studio.painting_of(job.id)
    path = studio.library.temporary_path(SUFFIXES[kind])
    studio.library.check_room(source.stat().st_size)
    try:
        _convert(studio, source, path, 16 if kind.endswith("16") else 8)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, f"{_stem(studio, job)}{SUFFIXES[kind]}"


def zip_file(studio: Studio, batch: Batch, kind: DownloadFormat) -> tuple[Path, str]:
    """Write the finished paintings of a batch to a temporary zip file, which the caller removes.

    Args:
        studio: the studio.
        batch: the batch.
        kind: format of the paintings.

    Returns:
        The path, and the name to save it under.

    Raises:
        ApiError: none is finished, or the disk is full.
    """
    jobs = [job for job in studio.store.of_batch(batch.id) if job.state == "finished"]
    if not jobs:
        raise wrong_state("No painting of this batch is finished yet.")
    path, seen = studio.library.temporary_path(".zip"), set[str]()
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for number, job in enumerate(jobs, 1):
                painting, name = painting_file(studio, job, kind)
                try:
                    unique = name if name not in seen else f"{number}-{name}"
                    seen.add(unique)
                    archive.write(painting, unique)
                finally:
                    painting.unlink(missing_ok=True)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, f"{_safe(batch.title) or 'paintings'}.zip"


def _convert(studio: Studio, source: Path, target: Path, depth: int) -> None:
    picture = read_picture(source, max_pixels=SIDE * SIDE)
    colours = picture.pixels if picture.alpha is None else off_white(picture.pixels, picture.alpha)
    text = read_record(source)
    record = None if text is None else portable_record(text, depth, studio.library.name_of_hash)
    write_picture(
        target,
        colours,
        alpha=picture.alpha,
        depth=16 if depth == 16 else 8,
        provenance=picture.provenance,
        record=record,
    )


def _stem(studio: Studio, job: Job) -> str:
    """Return a name like those of the command line: ``PHOTO-as-STYLE1+STYLE2``."""
    styles = "+".join(Path(studio.library.style_label(style)).stem for style in job.styles)
    photo = Path(studio.library.name_or_empty(job.photo)).stem if job.photo else ""
    return _safe(job.title) or _safe(f"{photo}-as-{styles}" if photo else f"{styles}-texture") or "painting"


def _safe(name: str) -> str:
    """Return a name that every file system accepts."""
    return re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "-", name).strip(" .-")[:120]
