"""A full disk: jobs go on in memory, and are written once there is room."""

from __future__ import annotations

import sqlite3

import pytest

from impasto.studio.database import Database
from impasto.studio.event_log import EventLog
from impasto.studio.job_queue import JobQueue
from impasto.studio.job_store import JobStore
from impasto.studio.library import Library
from impasto.studio.messages import JobEnded
from impasto.studio.models import JobRequest, NamedStyle


@pytest.fixture
def queue(tmp_path):
    """Return a queue that does not paint."""
    database = Database(tmp_path / "studio.db")
    library = Library(tmp_path, database)
    yield JobQueue(JobStore(tmp_path, database), library, EventLog())
    database.close()


def test_ended_job_is_written_once_there_is_room(queue, monkeypatch):
    job, other = (queue.create(JobRequest(photo=None, styles=[NamedStyle(style="swirls")])) for _ in range(2))
    with monkeypatch.context() as patch:

        def full(*_):
            raise sqlite3.OperationalError("database or disk is full")

        patch.setattr(queue._store._database, "write", full)
        queue._reports.finish(job, JobEnded("finished", width=64, height=64, seconds=1.0))
        assert queue.get(job.id).state == "finished"
        assert [each.id for each in queue.active()] == [other.id]
        assert [each.id for each in queue.ended(10)] == [job.id]
        assert queue._store.get(job.id).state == "queued"
    queue.stop(other.id)
    assert queue._store.get(job.id).state == "finished"
    assert queue._store.get(job.id).painting.width == 64
    assert {each.id for each in queue.ended(10)} == {job.id, other.id}
