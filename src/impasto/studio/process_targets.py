"""The functions that the studio's processes begin with; the server imports them without PyTorch."""

from __future__ import annotations

from multiprocessing.connection import Connection

from impasto.studio.messages import PaintOrder


def paint_job(connection: Connection, order: PaintOrder) -> None:
    """Paint a job: see :func:`impasto.studio.job_process.paint_job`."""
    from impasto.studio import job_process

    job_process.paint_job(connection, order)


def paint_previews(connection: Connection) -> None:
    """Paint previews: see :func:`impasto.studio.preview_process.paint_previews`."""
    from impasto.studio import preview_process

    preview_process.paint_previews(connection)
