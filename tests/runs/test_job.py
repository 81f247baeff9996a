"""A run without a command line: its outcome, and what its listener receives."""

from __future__ import annotations

import errno
import os

import pytest

from impasto.errors import PictureError
from impasto.painting.events import Iteration
from impasto.pictures import read_picture, write_picture
from impasto.runs import job as job_module
from impasto.runs.checkpointing import CheckpointPolicy
from impasto.runs.job import Job, run_job
from impasto.runs.listener import StopSwitch
from impasto.runs.outputs import Outputs
from impasto.runs.repeating import stored_record
from impasto.settings.making import make_settings


class Recorder:
    """A listener that records its calls, and may act upon each event."""

    def __init__(self, act=lambda event: None) -> None:
        self.calls = []
        self.notes = []
        self.act = act

    def __enter__(self):
        self.calls.append("enter")

    def __exit__(self, *_: object) -> None:
        self.calls.append("exit")

    def on_event(self, event) -> None:
        self.calls.append(type(event).__name__)
        self.act(event)

    def note(self, text) -> None:
        self.notes.append(text)

    def on_stop(self) -> None:
        self.calls.append("stop")

    def on_finished(self, outcome) -> None:
        self.calls.append("finished")
        self.outcome = outcome


@pytest.fixture
def make_job(tmp_path, photo, style, tiny_encoder, monkeypatch):
    """Return a function that makes a job of one octave with two iterations."""
    monkeypatch.setenv("IMPASTO_STATE", str(tmp_path / "state"))
    write_picture(tmp_path / "photo.png", photo)
    write_picture(tmp_path / "style.png", style)

    def make(outputs=None, **more):
        optimization = {"iterations": 2, "max_octaves": 1}
        settings = make_settings(encoder=str(tiny_encoder), size=48, threads=1, optimization=optimization)
        outputs = {"picture": tmp_path / "out.png"} | (outputs or {})
        return Job(tmp_path / "photo.png", (tmp_path / "style.png",), settings, Outputs(**outputs), **more)

    return make


def test_run_job_returns_complete_outcome(make_job, tmp_path):
    recorder = Recorder()
    outcome = run_job(make_job({"sheet": tmp_path / "sheet.png"}), recorder)
    assert outcome is recorder.outcome
    assert (outcome.state, outcome.message, outcome.failures) == ("complete", "", ())
    assert outcome.files == {"picture": tmp_path / "out.png", "sheet": tmp_path / "sheet.png"}
    assert all(path.is_file() for path in outcome.files.values())
    names = ["enter", "Started", "OctaveStarted", "Iteration", "Iteration", "exit", "finished"]
    assert [call for call in recorder.calls if call in names] == names


def test_run_job_stops_upon_request(make_job, tmp_path):
    switch = StopSwitch()
    recorder = Recorder(lambda event: switch.request() if isinstance(event, Iteration) else None)
    job = make_job(checkpoints=CheckpointPolicy(file=tmp_path / "run.checkpoint", interval=0))
    outcome = run_job(job, recorder, switch)
    assert recorder.calls.count("stop") == 1
    assert (outcome.state, outcome.stop_requested) == ("incomplete", True)
    assert outcome.message.startswith("Painting was stopped")
    assert outcome.checkpoint == tmp_path / "run.checkpoint"
    assert not stored_record(tmp_path / "out.png").complete


def test_run_job_reports_failed_extras(make_job, tmp_path, monkeypatch):
    def fail(_):
        raise MemoryError

    monkeypatch.setattr(job_module, "side_by_side", fail)
    outcome = run_job(make_job({"sheet": tmp_path / "sheet.png", "history": tmp_path / "history.csv"}), Recorder())
    assert outcome.state == "with failures"
    assert outcome.failures == ("The memory ran out while the sheet was made.",)
    assert sorted(outcome.files) == ["history", "picture"]


def test_run_job_rescues_picture_beside_foreign_file(make_job, tmp_path):
    def appear(event):
        if isinstance(event, Iteration):
            (tmp_path / "out.png").write_text("mine")

    recorder = Recorder(appear)
    outcome = run_job(make_job(), recorder)
    assert not outcome.is_saved
    assert outcome.state == "with failures"
    assert outcome.rescued == tmp_path / "out-again.png"
    assert read_picture(outcome.rescued).size == (36, 48)
    assert (tmp_path / "out.png").read_text() == "mine"


def test_run_job_reports_full_disk(make_job, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    outcome = run_job(make_job(), Recorder())
    assert not outcome.is_saved
    assert (outcome.rescued, outcome.checkpoint) == (None, None)
    assert not (tmp_path / "out.png").exists()


def test_run_job_refuses_existing_picture(make_job, tmp_path):
    (tmp_path / "out.png").write_text("mine")
    recorder = Recorder()
    with pytest.raises(PictureError, match="exists"):
        run_job(make_job(), recorder)
    assert recorder.calls == []


def test_run_job_notes_warnings_about_pictures(make_job, tmp_path):
    photo = read_picture(tmp_path / "photo.png").pixels
    write_picture(tmp_path / "photo.png", photo, alpha=photo[..., 0])
    recorder = Recorder()
    run_job(make_job({"picture": tmp_path / "out.jpg"}), recorder)
    assert [note for note in recorder.notes if "transparency" in note]
