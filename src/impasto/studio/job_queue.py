"""The queue of jobs: their order, the commands on them, and the process that paints the first one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from threading import RLock, Thread
from typing import Any

from impasto.batches.messages import STOP
from impasto.batches.processes import Worker, start_process
from impasto.errors import ImpastoError
from impasto.settings.making import change_settings
from impasto.settings.model import Settings
from impasto.studio import limits
from impasto.studio.api_errors import ApiError, invalid, not_found, wrong_state
from impasto.studio.event_log import EventLog
from impasto.studio.job_files import stage_file
from impasto.studio.job_reports import JobReports
from impasto.studio.job_settings import SettingsReader, uploads_in
from impasto.studio.job_store import JobStore, StoredJob
from impasto.studio.library import Library, new_id, printable
from impasto.studio.messages import JobEnded, JobMessage, PaintOrder, Steering
from impasto.studio.models import JobRequest
from impasto.studio.process_targets import paint_job

CLOSING_SECONDS = 20.0
"""Seconds that a job may take to write its checkpoint when the server ends."""

_RAW_WEIGHTS = ("content_weight", "style_weight")


class JobQueue:
    """Paints jobs one after the other, each in a process of its own.

    Jobs in the database are up to date but for the progress of the one that paints, which is in memory.

    Args:
        store: keeps the jobs.
        library: finds their pictures.
        events: learns of all changes.
    """

    def __init__(self, store: JobStore, library: Library, events: EventLog) -> None:
        self._store, self._library, self._events = store, library, events
        self._reports = JobReports(store, library, events)
        self._reader = SettingsReader(library)
        self._lock = RLock()
        self._worker: Worker | None = None
        self._live: StoredJob | None = None
        self._is_open = self._is_closed = False

    def recover(self) -> None:
        """Queue the job that painted when the last server ended."""
        with self._lock:
            for job in self._store.active():
                if job.state == "painting":
                    self._enqueue(job, at_front=True)
                elif job.state == "stopping":
                    self._reports.end(job, "stopped", job.message)

    def open(self) -> None:
        """Begin to paint."""
        with self._lock:
            self._is_open = True
            self._start_next()

    def close(self) -> None:
        """Stop the process that paints; the next server goes on from its checkpoint."""
        with self._lock:
            self._is_closed, worker, live = True, self._worker, self._live
            if live:
                self._store.save(live)
                self._store.write_losses(live.id, self._reports.losses)
        if worker:
            worker.send(STOP)
            worker.process.join(CLOSING_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def get(self, identifier: str) -> StoredJob:
        """Return a job.

        Raises:
            ApiError: there is none.
        """
        with self._lock:
            if self._live and self._live.id == identifier:
                return self._live
            return self._reports.unsaved.get(identifier) or self._store.get(identifier)

    def active(self) -> list[StoredJob]:
        """Return the jobs that have not ended, in the order of the queue."""
        with self._lock:
            jobs = [self.get(job.id) for job in self._store.active()]
            return [job for job in jobs if job.ended is None]

    def ended(self, most: int) -> list[StoredJob]:
        """Return the jobs that ended last, newest first."""
        with self._lock:
            unsaved = [job for job in self._reports.unsaved.values() if job.ended is not None]
            return [
                *unsaved,
                *(job for job in self._store.ended("", None, most) if job.id not in self._reports.unsaved),
            ]

    def losses(self, identifier: str) -> list[tuple[float, ...]]:
        """Return the losses of a job."""
        with self._lock:
            is_live = self.get(identifier) is self._live
            return list(self._reports.losses) if is_live else self._store.read_losses(identifier)

    def check_room(self, count: int) -> None:
        """Refuse more jobs than the queue and the disk can hold.

        Raises:
            ApiError: there are too many.
        """
        self._library.check_room(0)
        if len(self._store.active()) + count > limits.JOBS:
            raise ApiError(429, "too_many", f"The queue holds {limits.JOBS} jobs at most: wait, or delete some.")

    def check(self, request: JobRequest) -> None:
        """Refuse a job that could not be painted.

        Raises:
            ApiError: a picture, style or job does not exist.
            ImpastoError: the settings are not valid.
        """
        self._settings(request.settings, request, request.grow_from)

    def create(self, request: JobRequest, batch: str | None = None) -> StoredJob:
        """Queue a job that was checked."""
        job = StoredJob(
            id=new_id(),
            state="queued",
            title=printable(request.title),
            batch=batch,
            photo=request.photo,
            styles=request.styles,
            settings={name: value for name, value in request.settings.items() if value is not None},
            created=time.time(),
            grow_from=request.grow_from,
        )
        photo = self._library.get(request.photo).name if request.photo else ""
        labels = [self._library.style_label(style) for style in request.styles]
        preset = str(request.settings.get("preset", "default"))
        with self._lock:
            job.position = self._store.ends_of_queue()[1] + 1
            self._store.save(job, " ".join((job.title, photo, *labels, preset)))
            self._library.mark_used(self.pictures_of(job))
            self._reports.publish(job)
        return job

    def start_next(self) -> None:
        """Begin to paint the first job of the queue unless one is painting."""
        with self._lock:
            self._start_next()

    def pictures_of(self, job: StoredJob) -> list[str]:
        """Return the ids of all uploads that a job reads."""
        photo = [job.photo] if job.photo else []
        stages = [picture for stage in job.stages for picture in self._reader.pictures_in(stage.settings)]
        return [*photo, *uploads_in(job.styles), *self._reader.pictures_in(job.settings), *stages]

    def pictures_in_use(self) -> set[str]:
        """Return the ids of the uploads of all jobs that have not ended."""
        return {picture for job in self.active() for picture in self.pictures_of(job)}

    def steer(self, identifier: str, changes: Mapping[str, Any]) -> StoredJob:
        """Change settings of a job, at once if it paints.

        Args:
            identifier: id of the job.
            changes: steerable settings by name; None sets one back to its default.

        Raises:
            ApiError: the job has ended or ends now, or a mask does not exist.
            ImpastoError: the settings are not valid.
        """
        with self._lock:
            job = self.get(identifier)
            if job.state in ("stopping", "finished"):
                raise wrong_state("This painting has ended: paint it again with other settings.")
            settings = job.settings | dict(changes)
            if changes.get("strength") is not None:
                settings |= dict.fromkeys(_RAW_WEIGHTS)
            elif any(changes.get(name) is not None for name in _RAW_WEIGHTS):
                settings["strength"] = None
            settings = {name: value for name, value in settings.items() if value is not None}
            full = self._settings(settings, job, job.grow_from)
            job.settings = settings
            if job is self._live and self._worker:
                self._worker.send(Steering(full))
            self._library.mark_used(self._reader.pictures_in(changes))
            return self._reports.changed(job)

    def stop(self, identifier: str) -> StoredJob:
        """Stop a job: after its current iteration if it paints, at once if it waits.

        Raises:
            ApiError: it has ended.
        """
        with self._lock:
            job = self.get(identifier)
            if job is self._live and self._worker:
                job.state = "stopping"
                self._worker.send(STOP)
                return self._reports.changed(job)
            if job.state != "queued":
                raise wrong_state("This job neither waits nor paints.")
            return self._reports.end(job, "stopped", "")

    def resume(self, identifier: str) -> StoredJob:
        """Queue a job that was stopped, interrupted or failed before all others.

        Raises:
            ApiError: it is in another state.
        """
        with self._lock:
            job = self.get(identifier)
            if job.state not in ("stopped", "interrupted", "failed"):
                raise wrong_state("Only a job that was stopped, interrupted or failed can go on.")
            return self._enqueue(job, at_front=True)

    def retry(self, identifier: str) -> StoredJob:
        """Queue an ended job last, to be painted from the beginning.

        Raises:
            ApiError: it has not ended.
        """
        with self._lock:
            job = self.get(identifier)
            if job.ended is None:
                raise wrong_state("This job has not ended yet.")
            self._store.clear(job.id)
            job.begins_anew, job.pending_stage, job.started = True, None, None
            job.stages, job.changes, job.notes, job.progress, job.preview = [], [], [], None, None
            return self._enqueue(job, at_front=False)

    def undo(self, identifier: str, number: int) -> StoredJob:
        """Go back to a stage and its settings, and paint on from there.

        Raises:
            ApiError: there is no such stage, or the job is stopping.
        """
        with self._lock:
            job = self.get(identifier)
            stage = next((stage for stage in job.stages if stage.number == number), None)
            if stage is None:
                raise not_found("stage")
            if job.state in ("stopping", "queued"):
                raise wrong_state("This job cannot go back now: wait until it has stopped, or paints.")
            full = self._settings(stage.settings, job, job.grow_from)
            job.settings = dict(stage.settings)
            job.stages = [kept for kept in job.stages if kept.number <= number]
            if job is self._live and self._worker:
                self._worker.send(Steering(full, stage_file(self._store.folder(job.id), number), number))
                return self._reports.changed(job)
            job.pending_stage = number
            return self._enqueue(job, at_front=True)

    def move(self, identifier: str, before: str | None) -> StoredJob:
        """Move a queued job before another, or to the end of the queue.

        Raises:
            ApiError: one of them is not queued.
        """
        with self._lock:
            job = self.get(identifier)
            queued = [other for other in self._store.active() if other.state == "queued" and other.id != identifier]
            if job.state != "queued" or (before is not None and before not in [other.id for other in queued]):
                raise wrong_state("Only jobs that wait in the queue can be ordered.")
            place = next((i for i, other in enumerate(queued) if other.id == before), len(queued))
            after = queued[place].position if place < len(queued) else None
            ahead = queued[place - 1].position if place else None
            low = ahead if ahead is not None else (after or 1.0) - 2
            job.position = (low + (after if after is not None else low + 2)) / 2
            return self._reports.changed(job)

    def delete(self, identifier: str) -> None:
        """Delete a job with its painting for good; its process is ended.

        Raises:
            ApiError: there is none.
        """
        with self._lock:
            job = self.get(identifier)
            worker = self._worker if job is self._live else None
            if worker:
                self._worker = self._live = None
                worker.process.kill()
                worker.process.join()
            self._reports.unsaved.pop(identifier, None)
            self._store.delete(identifier)
            self._events.publish("removed", {"kind": "job", "id": identifier})
            self._start_next()

    def _settings(self, values: Mapping[str, Any], job: JobRequest | StoredJob, grow_from: str | None) -> Settings:
        """Return the full settings of a job."""
        self._paths(job)
        settings = self._reader.read(values, len(job.styles), has_photo=job.photo is not None)
        if grow_from is None:
            return settings
        smaller = self.get(grow_from)
        if smaller.painting is None or not smaller.painting.complete or smaller.photo != job.photo:
            raise invalid("grow_from should be a finished job with the same pictures.")
        return change_settings(settings, grow_from=str(self._store.painting_path(grow_from)))

    def _paths(self, job: JobRequest | StoredJob) -> tuple[Any, ...]:
        """Return the paths of photograph and styles."""
        photo = self._library.path(job.photo) if job.photo else None
        return photo, tuple(map(self._library.style_path, job.styles))

    def _start_next(self) -> None:
        while self._worker is None and self._is_open and not self._is_closed:
            job = next((job for job in self.active() if job.state == "queued"), None)
            if job is None:
                return
            try:
                self._start(job)
            except (ImpastoError, ApiError, OSError) as error:
                self._live = None
                job.position = None
                self._reports.end(job, "failed", self._library.without_paths(str(error)))

    def _start(self, job: StoredJob) -> None:
        """Start the process of a job."""
        settings = self._settings(job.settings, job, job.grow_from)
        content, styles = self._paths(job)
        folder = self._store.folder(job.id)
        folder.mkdir(exist_ok=True)
        resumes = not job.begins_anew and self._store.is_resumable(job.id)
        number = job.pending_stage
        steering = None
        if resumes or number is not None:
            steering = Steering(settings, None if number is None else stage_file(folder, number), number)
        order = PaintOrder(
            content=content,
            styles=styles,
            settings=change_settings(settings, depth=16),
            output=self._store.painting_path(job.id),
            folder=folder,
            resumes=resumes,
            steering=steering,
            first_stage=max((stage.number for stage in job.stages), default=0) + 1,
        )
        self._worker = start_process(paint_job, order)
        job.state, job.position, job.started = "painting", None, job.started or time.time()
        job.pending_stage, job.begins_anew = None, False
        if not resumes:  # otherwise the checkpoint has the former ones until the change takes effect
            job.applied = dict(job.settings)
        self._live, self._reports.losses = job, []
        self._reports.changed(job)
        Thread(target=self._follow, args=(job, self._worker), name=f"job {job.id}", daemon=True).start()

    def _follow(self, job: StoredJob, worker: Worker) -> None:
        """Process the messages of a process until it ends."""
        ended: JobEnded | None = None
        with suppress(EOFError, OSError):
            while ended is None:
                message: JobMessage = worker.connection.recv()
                with self._lock:
                    if self._is_closed or worker is not self._worker:
                        continue
                    if isinstance(message, JobEnded):
                        ended = message
                    else:
                        self._reports.process(job, message)
        worker.process.join()
        worker.connection.close()
        with self._lock:
            if self._is_closed or worker is not self._worker:
                return
            self._store.write_losses(job.id, self._reports.losses)
            self._worker = self._live = None
            if ended:
                self._reports.finish(job, ended)
            else:
                code = worker.process.exitcode
                text = f"The process that painted died (exit code {code}), perhaps because memory ran out."
                self._reports.end(job, "interrupted", text)
            self._start_next()

    def _enqueue(self, job: StoredJob, *, at_front: bool) -> StoredJob:
        """Queue a job and start the next one."""
        least, greatest = self._store.ends_of_queue()
        job.state, job.ended, job.message = "queued", None, ""
        job.position = least - 1 if at_front else greatest + 1
        self._reports.changed(job)
        self._start_next()
        return self.get(job.id)
