"""Jobs and batches in the database, and their files."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import Field

from impasto.errors import ImpastoError
from impasto.files import replace_file
from impasto.runs.checkpoints.slot import Slot
from impasto.studio.api_errors import not_found
from impasto.studio.database import Database
from impasto.studio.job_files import CHECKPOINT, PREVIEW, stage_file
from impasto.studio.models import Batch, Job

MOST_LOSSES = 1000
"""Rows of losses in one answer."""

_PRIVATE = {"position", "pending_stage", "applied", "begins_anew"}


class StoredJob(Job):
    """A job with the fields that the API does not show.

    Attributes:
        position: place in the queue; None if it is not queued.
        pending_stage: number of the stage to go back to at the next start.
        applied: settings that the last process painted with.
        begins_anew: whether the next start ignores the checkpoint.
    """

    position: float | None = None
    pending_stage: int | None = None
    applied: dict[str, Any] = Field(default_factory=dict)
    begins_anew: bool = False

    def public(self) -> dict[str, Any]:
        """Return the job as JSON values of the API."""
        return self.model_dump(mode="json", exclude=_PRIVATE)


class JobStore:
    """Keeps jobs and batches.

    Args:
        folder: state folder of the studio.
        database: its database.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        self._jobs, self._paintings, self._database = folder / "jobs", folder / "paintings", database
        for place in (self._jobs, self._paintings):
            place.mkdir(exist_ok=True)

    def save(self, job: StoredJob, search: str | None = None) -> None:
        """Write a job.

        Args:
            job: the job.
            search: words to find a new job by; None leaves those of an existing one.
        """
        body = job.model_dump_json()
        if search is None:
            self._database.write(
                "UPDATE jobs SET position = ?, ended = ?, body = ? WHERE id = ?",
                (job.position, job.ended, body, job.id),
            )
        else:
            values = (job.id, job.position, job.ended, job.batch, search.casefold(), body)
            self._database.write("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?)", values)

    def get(self, identifier: str) -> StoredJob:
        """Return a job.

        Raises:
            ApiError: there is none.
        """
        rows = self._database.read("SELECT body FROM jobs WHERE id = ?", (identifier,))
        if not rows:
            raise not_found("job")
        return StoredJob.model_validate_json(rows[0][0])

    def active(self) -> list[StoredJob]:
        """Return the jobs that have not ended, those that paint first, then the queue in its order."""
        return self._select("WHERE ended IS NULL ORDER BY position IS NOT NULL, position", ())

    def ended(self, query: str, before: str | None, most: int) -> list[StoredJob]:
        """Return jobs that ended, newest first.

        Args:
            query: words that title, names or preset contain.
            before: id of the job after which to go on; None for the newest.
            most: number of jobs.

        Raises:
            ApiError: the job ``before`` does not exist.
        """
        last = (self.get(before).ended or 0.0, before) if before else (1e300, "")
        words = query.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return self._select(
            "WHERE ended IS NOT NULL AND search LIKE ? ESCAPE '\\' AND (ended < ? OR (ended = ? AND id > ?)) "
            "ORDER BY ended DESC, id LIMIT ?",
            (f"%{words}%", last[0], last[0], last[1], most),
        )

    def of_batch(self, identifier: str) -> list[StoredJob]:
        """Return the jobs of a batch in the order in which they were queued."""
        return self._select("WHERE batch = ? ORDER BY rowid", (identifier,))

    def ends_of_queue(self) -> tuple[float, float]:
        """Return the least and the greatest position in the queue."""
        least, greatest = self._database.read("SELECT MIN(position), MAX(position) FROM jobs")[0]
        return least or 0.0, greatest or 0.0

    def delete(self, identifier: str) -> None:
        """Delete a job with all its files for good."""
        self._database.write("DELETE FROM jobs WHERE id = ?", (identifier,))
        shutil.rmtree(self._jobs / identifier, ignore_errors=True)
        self.painting_path(identifier).unlink(missing_ok=True)

    def save_batch(self, batch: Batch) -> None:
        """Write a new batch."""
        values = (batch.id, batch.created, batch.model_dump_json())
        self._database.write("INSERT INTO batches VALUES (?, ?, ?)", values)

    def batch(self, identifier: str) -> Batch:
        """Return a batch with its present jobs.

        Raises:
            ApiError: there is none.
        """
        rows = self._database.read("SELECT body FROM batches WHERE id = ?", (identifier,))
        if not rows:
            raise not_found("batch")
        return self._with_jobs(Batch.model_validate_json(rows[0][0]))

    def batches(self, most: int) -> list[Batch]:
        """Return the newest batches."""
        rows = self._database.read("SELECT body FROM batches ORDER BY created DESC LIMIT ?", (most,))
        return [self._with_jobs(Batch.model_validate_json(body)) for (body,) in rows]

    def delete_batch(self, identifier: str) -> None:
        """Delete a batch, without its jobs."""
        self._database.write("DELETE FROM batches WHERE id = ?", (identifier,))

    def folder(self, identifier: str) -> Path:
        """Return the folder of a job's checkpoint, previews and stages."""
        return self._jobs / identifier

    def painting_path(self, identifier: str) -> Path:
        """Return the path of a job's painting."""
        return self._paintings / f"{identifier}.tif"

    def preview_path(self, identifier: str) -> Path:
        """Return the path of a job's newest preview."""
        return self.folder(identifier) / PREVIEW

    def is_resumable(self, identifier: str) -> bool:
        """Return whether a job has a checkpoint."""
        return Slot(self.folder(identifier) / CHECKPOINT).exists

    def clear(self, identifier: str) -> None:
        """Delete checkpoint, previews and stages of a job that begins anew."""
        shutil.rmtree(self.folder(identifier), ignore_errors=True)

    def delete_stage(self, identifier: str, number: int) -> None:
        """Delete the files of a stage."""
        path = stage_file(self.folder(identifier), number)
        for file in (path, path.with_suffix(".jpg")):
            file.unlink(missing_ok=True)

    def write_losses(self, identifier: str, rows: list[tuple[float, ...]]) -> None:
        """Write the losses of a job; a full disk loses only them."""
        with suppress(ImpastoError):
            replace_file(self.folder(identifier) / "losses.json", json.dumps(rows).encode())

    def read_losses(self, identifier: str) -> list[tuple[float, ...]]:
        """Return the losses of a job that is not painting."""
        try:
            return [tuple(row) for row in json.loads((self.folder(identifier) / "losses.json").read_bytes())]
        except (OSError, ValueError):
            return []

    def _with_jobs(self, batch: Batch) -> Batch:
        rows = self._database.read(
            "SELECT id, ended, json_extract(body, '$.state') FROM jobs WHERE batch = ? ORDER BY rowid", (batch.id,)
        )
        finished = sum(state == "finished" for _, _, state in rows)
        ended = sum(time is not None for _, time, _ in rows)
        return batch.model_copy(update={"jobs": [row[0] for row in rows], "finished": finished, "ended": ended})

    def _select(self, condition: str, values: tuple[Any, ...]) -> list[StoredJob]:
        rows = self._database.read(f"SELECT body FROM jobs {condition}", values)
        return [StoredJob.model_validate_json(body) for (body,) in rows]


def thinned(rows: list[tuple[float, ...]], most: int = MOST_LOSSES) -> list[tuple[float, ...]]:
    """Return at most a number of rows, evenly spread, with the last one."""
    if len(rows) <= most:
        return rows
    return [rows[round(place * (len(rows) - 1) / (most - 1))] for place in range(most)]
