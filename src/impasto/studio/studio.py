"""The studio: all parts of the server behind the API."""

from __future__ import annotations

import time
from pathlib import Path
from threading import BoundedSemaphore, Thread

from filelock import FileLock, Timeout

from impasto.errors import PictureError
from impasto.files import reason, shown
from impasto.studio import limits
from impasto.studio.api_errors import ApiError, wrong_state
from impasto.studio.database import Database
from impasto.studio.event_log import EventLog
from impasto.studio.job_queue import JobQueue
from impasto.studio.job_settings import SettingsReader, preview_settings
from impasto.studio.job_store import JobStore
from impasto.studio.library import Library, has_face_detector, new_id
from impasto.studio.models import Batch, BatchRequest, Features, JobRequest, Limits, PreviewRequest, State
from impasto.studio.previewer import Previewer
from impasto.studio.tokens import stored_token
from impasto.version import __version__

_SHOWN_PICTURES = 200
_SHOWN_JOBS = 50
_SHOWN_BATCHES = 100


class Studio:
    """Everything that the API works on, stored in one folder.

    Args:
        folder: state folder; made if missing.

    Attributes:
        token: secret of this folder.
        library: uploaded pictures and styles.
        events: log of events.
        store: jobs and batches on disk.
        queue: jobs and the process that paints.
        previews: instant previews.
        reader: reads settings of the API.
        uploads: bounds the uploads at a time.

    Raises:
        PictureError: the folder cannot be used, or another studio uses it.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = FileLock(folder / "lock")
            self._lock.acquire(timeout=1)  # the lock of a killed server is free at once
            self.token = stored_token(folder / "token")
        except Timeout:
            raise PictureError(
                f"Another studio uses the folder {shown(folder)}: end it, or give another state=."
            ) from None
        except OSError as error:
            raise PictureError(
                f"The folder {shown(folder)} cannot be used ({reason(error)}): give another state=."
            ) from None
        self._database = Database(folder / "studio.db")
        self.events = EventLog()
        self.library = Library(folder, self._database)
        self.store = JobStore(folder, self._database)
        self.queue = JobQueue(self.store, self.library, self.events)
        self.previews = Previewer()
        self.reader = SettingsReader(self.library)
        self.uploads = BoundedSemaphore(limits.UPLOADS)

    def open(self) -> None:
        """Take up the jobs of the last server. Painting begins on another thread, once PyTorch is loaded there."""
        self.queue.recover()
        Thread(target=self._begin, name="begin", daemon=True).start()

    def _begin(self) -> None:
        try:
            self.previews.warm_up()  # starts the process that all others are forked from
        finally:
            self.queue.open()

    def begin_to_close(self) -> None:
        """End the answers that would last; may be called on any thread."""
        self.events.close()
        self.previews.cancel()

    def close(self) -> None:
        """End all processes, and release the folder; jobs go on with the next server."""
        self.begin_to_close()
        self.queue.close()
        self.previews.close()
        self._database.close()
        self._lock.release()

    def state(self) -> State:
        """Return the whole state."""
        event = self.events.last  # first, so that an event in between is replayed rather than lost
        return State(
            event=event,
            version=__version__,
            jobs=[*self.queue.active(), *self.queue.ended(_SHOWN_JOBS)],
            batches=self.store.batches(_SHOWN_BATCHES),
            pictures=self.library.newest(most=_SHOWN_PICTURES),
            styles=self.library.styles(),
            limits=Limits(
                upload_bytes=limits.UPLOAD_BYTES,
                pixels=limits.PIXELS,
                side=limits.SIDE,
                jobs=limits.JOBS,
                batch=limits.BATCH,
                disk_bytes=limits.DISK_BYTES,
                disk_used=self.library.used_bytes,
            ),
            features=Features(
                faces=has_face_detector(),
                preview_preset=limits.PREVIEW_PRESET,
                preview_side=limits.PREVIEW_SIDE,
            ),
        )

    def preview(self, request: PreviewRequest) -> bytes:
        """Paint an instant preview and return it as a JPEG file.

        Raises:
            ApiError: a picture does not exist, or a newer preview was asked for.
            ImpastoError: the settings are not valid.
        """
        has_photo = request.photo is not None
        given = preview_settings(request.settings, has_photo=has_photo)
        settings = self.reader.read(given, len(request.styles), has_photo=has_photo, small=True)
        content = self.library.small_path(request.photo) if request.photo else None
        styles = tuple(self.library.style_path(style, small=True) for style in request.styles)
        try:
            return self.previews.paint(content, styles, settings)
        except ApiError as problem:
            raise ApiError(problem.status, problem.code, self.library.without_paths(problem.message)) from None

    def delete_picture(self, identifier: str) -> None:
        """Delete an upload for good.

        Raises:
            ApiError: there is none, or a job needs it.
        """
        self.library.get(identifier)
        if identifier in self.queue.pictures_in_use():
            raise ApiError(409, "in_use", "A job that has not ended needs this picture: delete or stop the job first.")
        self.library.delete(identifier)
        self.events.publish("removed", {"kind": "picture", "id": identifier})

    def create_batch(self, request: BatchRequest) -> Batch:
        """Queue all jobs of a batch, or none.

        Raises:
            ApiError: there are too many, or a picture does not exist.
            ImpastoError: the settings are not valid.
        """
        count = len(request.photos) * len(request.styles) * len(request.variants)
        if count > limits.BATCH:
            raise ApiError(
                429, "too_many", f"A batch has at most {limits.BATCH} jobs, and this one would have {count}."
            )
        self.queue.check_room(count)
        jobs = [
            JobRequest(photo=photo, styles=styles, settings=request.settings | variant, title=request.title)
            for photo in request.photos
            for styles in request.styles
            for variant in request.variants
        ]
        for job in jobs:
            self.queue.check(job)
        batch = Batch(id=new_id(), kind=request.kind, title=request.title, created=time.time(), jobs=[])
        self.store.save_batch(batch)
        for job in jobs:
            self.queue.create(job, batch.id)
        self.queue.start_next()
        batch = self.store.batch(batch.id)
        self.events.publish("batch", batch.model_dump(mode="json"))
        return batch

    def stop_batch(self, identifier: str) -> Batch:
        """Stop all jobs of a batch that have not ended."""
        self.store.batch(identifier)
        for job in reversed(self.store.of_batch(identifier)):  # so that none of them starts in between
            if self.queue.get(job.id).state in ("queued", "painting"):
                self.queue.stop(job.id)
        return self.store.batch(identifier)

    def delete_batch(self, identifier: str) -> None:
        """Delete a batch and all its jobs for good."""
        self.store.batch(identifier)
        for job in reversed(self.store.of_batch(identifier)):
            self.queue.delete(job.id)
        self.store.delete_batch(identifier)
        self.events.publish("removed", {"kind": "batch", "id": identifier})

    def delete_history(self) -> int:
        """Delete all jobs that ended, for good, and return their number."""
        count = 0
        while jobs := self.store.ended("", None, 100):
            for job in jobs:
                self.queue.delete(job.id)
                count += 1
        return count

    def painting_of(self, identifier: str) -> Path:
        """Return the path of a job's painting.

        Raises:
            ApiError: there is no such job, or no painting of it yet.
        """
        if self.queue.get(identifier).painting is None:
            raise wrong_state("This job has no painting yet.")
        return self.store.painting_path(identifier)
