"""What happens to jobs: messages of their processes, their ends, and the events about them."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import Literal

from impasto.studio import limits
from impasto.studio.api_errors import ApiError
from impasto.studio.event_log import EventLog
from impasto.studio.job_store import JobStore, StoredJob
from impasto.studio.library import Library
from impasto.studio.messages import (
    JobEnded,
    JobMessage,
    Noted,
    Previewed,
    Progressed,
    StageKept,
    SteeringApplied,
    SteeringRefused,
)
from impasto.studio.models import Change, Preview, Progress, Result, Stage

MOST_NOTES = 50
"""Remarks that are kept of a job."""


class JobReports:
    """Writes changes of jobs to the store, and tells of them; used under the lock of the queue.

    Args:
        store: keeps the jobs.
        library: names their pictures.
        events: log of events.

    Attributes:
        losses: rows of losses of the job that paints.
        unsaved: jobs whose last change is not written yet, because the disk is full.
    """

    def __init__(self, store: JobStore, library: Library, events: EventLog) -> None:
        self._store, self._library, self._events = store, library, events
        self.losses: list[tuple[float, ...]] = []
        self.unsaved: dict[str, StoredJob] = {}

    def process(self, job: StoredJob, message: JobMessage) -> None:
        """Process a message of the process that paints a job."""
        if isinstance(message, Progressed):
            if not message.progress:  # losses from before an interruption, with all since
                self.losses = []
            self.losses += message.losses
            if message.progress:
                job.progress = Progress(**message.progress)
                self._events.publish("progress", {"job": job.id, "progress": message.progress})
        elif isinstance(message, Previewed):
            version = job.preview.version + 1 if job.preview else 1
            job.preview = Preview(version=version, width=message.width, height=message.height)
            self._events.publish("preview", {"job": job.id, "preview": job.preview.model_dump()})
        elif isinstance(message, StageKept):
            self._add_stage(job, message)
        elif isinstance(message, SteeringApplied):
            self._add_change(job, message)
        elif isinstance(message, SteeringRefused):
            job.settings = dict(job.applied)
            self._note(job, message.reason)
        elif isinstance(message, Noted):
            self._note(job, message.text)

    def finish(self, job: StoredJob, ended: JobEnded) -> None:
        """Note the end of a job that its process reports."""
        if ended.width:
            version = job.painting.version + 1 if job.painting else 1
            is_complete = ended.state == "finished"
            job.painting = Result(
                width=ended.width, height=ended.height, complete=is_complete, seconds=ended.seconds, version=version
            )
        self.end(job, ended.state, self._library.without_paths(ended.message))

    def end(
        self, job: StoredJob, state: Literal["stopped", "interrupted", "finished", "failed"], message: str
    ) -> StoredJob:
        """Note that a job neither waits nor paints any more."""
        job.state, job.message, job.ended, job.position = state, message, time.time(), None
        self.changed(job)
        if job.batch:
            with suppress(ApiError):
                batch = self._store.batch(job.batch)
                self._events.publish("batch", batch.model_dump(mode="json"))
        return job

    def changed(self, job: StoredJob) -> StoredJob:
        """Write a job, and tell of it. On a full disk it stays in memory, and is written with a later change."""
        job.resumable = job.state not in ("finished", "painting", "stopping") and self._store.is_resumable(job.id)
        self.unsaved[job.id] = job
        with suppress(sqlite3.OperationalError):
            for unsaved in list(self.unsaved.values()):
                self._store.save(unsaved)
                del self.unsaved[unsaved.id]
        self.publish(job)
        return job

    def publish(self, job: StoredJob) -> None:
        """Tell of a job as it is now."""
        self._events.publish("job", job.public())

    def _add_stage(self, job: StoredJob, message: StageKept) -> None:
        # A stage before a change belongs to the settings before it, which were applied last.
        job.stages.append(Stage(**vars(message), time=time.time(), settings=dict(job.applied)))
        for stage in job.stages[: -limits.STAGES]:
            self._store.delete_stage(job.id, stage.number)
        job.stages = job.stages[-limits.STAGES :]
        self.changed(job)

    def _add_change(self, job: StoredJob, message: SteeringApplied) -> None:
        values = {name: job.settings.get(name) for name in message.names}
        change = Change(
            octave=message.octave, iteration=message.iteration, settings=values, stage=message.stage, time=time.time()
        )
        job.changes.append(change)
        job.applied = dict(job.settings)
        self._events.publish("steered", {"job": job.id, "change": change.model_dump(mode="json")})
        self.changed(job)

    def _note(self, job: StoredJob, text: str) -> None:
        sentence = self._library.without_paths(text)
        job.notes = [*job.notes, sentence][-MOST_NOTES:]
        self._events.publish("note", {"job": job.id, "text": sentence})
        self.changed(job)
