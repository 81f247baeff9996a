"""``impasto resume`` and ``impasto runs``, and the checkpoints of ``impasto paint``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from impasto.cli.reporting import reporters
from impasto.painting.events import Iteration
from impasto.pictures import read_picture, read_record, write_picture
from impasto.runs.checkpoints.folder import runs_folder
from impasto.runs.checkpoints.slot import Slot
from impasto.runs.plots import write_history
from impasto.runs.repeating import stored_record

posix = pytest.mark.skipif(os.name == "nt", reason="signals of another kind")

PAIR = ("photo.png", "style.png")
MANY = ("--set", "optimization.coarse_factor=1", "--iterations", 50)
FEW = ("--set", "optimization.coarse_factor=1", "--iterations", 10)
KEEP = ("--checkpoint", "run.checkpoint", "--checkpoint-every", "0")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Set and return a state folder for this test."""
    monkeypatch.setenv("IMPASTO_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def pixels(path):
    return read_picture(path).pixels


def interrupted(process, *arguments, number, iterations=3):
    """Send a command a signal after some iterations, and return its exit code, last event and stderr."""
    child = process("-m", "impasto", *arguments, "--json")
    for line in child.stdout:
        if json.loads(line)["event"] == "iteration":
            iterations -= 1
            if not iterations:
                child.send_signal(number)
                break
    out, err = child.communicate(timeout=60)
    last = json.loads(out.splitlines()[-1]) if out.endswith("\n") and out.strip() else None
    return child.returncode, last, err


@pytest.fixture
def kept(folder, small, impasto_command, monkeypatch):
    """Stop a run by Ctrl-C, and return its checkpoint, run.checkpoint."""

    def on_event(self, event):
        if isinstance(event, Iteration) and event.iteration == 3:
            os.kill(os.getpid(), signal.SIGINT)
            deadline = time.monotonic() + 30
            while not stopped and time.monotonic() < deadline:
                time.sleep(0.001)

    stopped = []
    with monkeypatch.context() as patch:
        patch.setattr(reporters.JsonReporter, "on_event", on_event)
        patch.setattr(reporters.JsonReporter, "on_stop", lambda self: stopped.append(1))
        code = impasto_command("paint", *PAIR, *small, *FEW, *KEEP, "--history", "history.csv", "--json").code
    assert code == 130
    return folder / "run.checkpoint"


@posix
def test_resumed_picture_equals_uninterrupted_one(folder, small, process, impasto_command):
    kept = folder / "run.checkpoint"
    options = (*small, *MANY, *KEEP, "--history", "history.csv")
    code, last, err = interrupted(process, "paint", *PAIR, *options, number=signal.SIGINT)
    assert code == 130
    assert last["checkpoint"] == str(kept)
    assert f"It is marked incomplete, and `impasto resume {kept}` finishes it.\n" in err
    assert not stored_record("photo-as-style.png").complete
    result = impasto_command("resume", kept)
    assert (result.code, result.out) == (0, f"{folder / 'photo-as-style.png'}\n")
    assert "note: Going on in octave 1 of 2 after iteration" in result.err
    assert not kept.exists()
    assert not list(folder.glob("run.checkpoint*"))
    record = stored_record("photo-as-style.png")
    assert record.complete
    assert impasto_command("paint", *PAIR, *small, *MANY, "-o", "whole.png", "--history", "whole.csv").code == 0
    np.testing.assert_array_equal(pixels("photo-as-style.png"), pixels("whole.png"))
    tables = [
        [line.rsplit(",", 1)[0] for line in Path(n).read_text().splitlines()] for n in ("history.csv", "whole.csv")
    ]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 101
    again = impasto_command("again", "photo-as-style.png", "-o", "again.png")
    assert again.code == 0
    np.testing.assert_array_equal(pixels("again.png"), pixels("whole.png"))


@posix
def test_resume_after_kill_writes_all_extras(folder, small, process, impasto_command):
    extras = ("--sheet", "sheet.png", "--stages", "stages.png", "--history", "history.csv")
    code, _, _ = interrupted(
        process, "paint", *PAIR, *small, *MANY, *KEEP, *extras, number=signal.SIGKILL, iterations=9
    )
    assert code == -signal.SIGKILL
    code, _, _ = interrupted(process, "resume", "run.checkpoint", number=signal.SIGKILL, iterations=20)
    assert code == -signal.SIGKILL
    assert not Path("photo-as-style.png").exists()
    result = impasto_command("resume")
    assert result.code == 0
    wholes = ("--sheet", "sheet2.png", "--stages", "stages2.png", "-o", "whole.png")
    assert impasto_command("paint", *PAIR, *small, *MANY, *wholes).code == 0
    for one, other in (("photo-as-style", "whole"), ("sheet", "sheet2"), ("stages", "stages2")):
        np.testing.assert_array_equal(pixels(f"{one}.png"), pixels(f"{other}.png"))
    assert len(Path("history.csv").read_text().splitlines()) == 101


@posix
def test_long_run_writes_checkpoints_by_default(folder, state, small, process, impasto_command):
    long = ("--iterations", 100_000)
    code, last, err = interrupted(process, "paint", *PAIR, *small, *long, number=signal.SIGTERM)
    assert code == 143
    assert last["checkpoint"] == str(state / "runs" / "photo-as-style.checkpoint")
    assert "impasto resume" in err
    assert impasto_command("resume", "--quiet", "photo-as-style", "-o", "photo.png").code == 2
    code, last, _ = interrupted(process, "resume", "-o", "other.png", number=signal.SIGTERM)
    assert code == 143
    assert last["output"] == str(folder / "other.png")
    result = impasto_command("runs")
    assert result.code == 0
    head, line = result.out.splitlines()
    assert head.split() == ["name", "written", "picture", "size", "at", "done", "state"]
    for part in ("photo-as-style ", "other.png", "96×72", "octave 1/2", "0%", "can be resumed"):
        assert part in line
    assert impasto_command("runs", "--remove", "photo-as-style").out.startswith("photo-as-style: removed, ")
    assert impasto_command("runs").out == "There is nothing to resume.\n"
    assert not list((state / "runs").iterdir())


@posix
def test_no_checkpoint_leaves_state_folder_untouched(folder, state, small, process):
    options = ("--iterations", 100_000, "--no-checkpoint")
    code, last, err = interrupted(process, "paint", *PAIR, *small, *options, number=signal.SIGINT)
    assert code == 130
    assert "checkpoint" not in last
    assert "a later run may replace it" in err
    assert not state.exists()


def test_short_run_leaves_no_checkpoint(folder, state, small, impasto_command):
    assert impasto_command("paint", *PAIR, *small).code == 0
    assert not state.exists()
    assert impasto_command("paint", *PAIR, *small, *KEEP, "-o", "b.png").code == 0
    assert not list(folder.glob("run.checkpoint*"))
    assert not list(runs_folder().iterdir())


@posix
def test_runs_prints_json(kept, folder, impasto_command):
    (run,) = map(json.loads, impasto_command("runs", "--json").out.splitlines())
    assert run["file"] == run["name"] == str(kept)
    assert run["content"] == str(folder / "photo.png")
    assert run["styles"] == [str(folder / "style.png")]
    assert run["output"] == str(folder / "photo-as-style.png")
    assert run["octaves"][-1]["width"] == 96
    assert 0 < run["share"] < 1
    assert run["state"] == "can be resumed"


@posix
def test_runs_lists_obstacles_to_resuming(kept, folder, impasto_command):
    def state():
        return impasto_command("runs").out

    slot = Slot(kept)
    slot.acquire()
    assert "being painted" in state()
    refused = impasto_command("resume", kept)
    assert refused.code == 2
    assert "in use by another process" in refused.err
    assert impasto_command("resume").code == 2
    assert impasto_command("runs", "--remove", kept).code == 2
    slot.release()
    (folder / "style.png").rename("elsewhere.png")
    assert "style is missing" in state()
    (folder / "elsewhere.png").rename("style.png")
    assert "can be resumed" in state()
    kept.write_bytes(b"nothing")
    slot.previous.write_bytes(b"nothing")
    assert "damaged" in state()


@posix
def test_resume_refuses_with_one_sentence_and_writes_nothing(kept, folder, photo, impasto_command):
    def refusal(*arguments):
        before = {
            path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".impasto-lock"
        }
        result = impasto_command("resume", *arguments)
        assert result.code == 2
        assert result.out == ""
        assert result.err.splitlines()[-1].startswith("error: ")
        assert sum(line.startswith("error: ") for line in result.err.splitlines()) == 1
        assert before == {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".impasto-lock"}
        return result.err

    write_picture("photo.png", photo[::-1])
    assert "The photograph" in (text := refusal(kept))
    assert "differs from the one that the run began with" in text
    Path("photo.png").unlink()
    assert "is no longer at" in refusal(kept)
    write_picture("photo.png", photo)
    assert "There is no checkpoint at" in refusal("nothing")
    assert "no intact checkpoint" in refusal("style.png")
    shutil.copy("style.png", "taken.png")
    assert "exists" in refusal(kept, "-o", "taken.png")
    assert "is one of the pictures that are read" in refusal(kept, "-o", "style.png", "--force")
    shutil.copy("style.png", "photo-as-style.png")  # in place of the interrupted picture
    assert "exists" in refusal(kept)
    assert impasto_command("resume", kept, "--force").code == 0


@posix
def test_resume_falls_back_to_previous_checkpoint(kept, folder, small, impasto_command):
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 8
    kept.write_bytes(data)
    result = impasto_command("resume", kept)
    assert result.code == 0
    assert "note: The newest checkpoint is damaged" in result.err
    assert impasto_command("paint", *PAIR, *small, *FEW, "-o", "whole.png").code == 0
    np.testing.assert_array_equal(pixels("photo-as-style.png"), pixels("whole.png"))


@posix
def test_resume_without_name_skips_damaged_run(kept, folder, impasto_command):
    damaged = bytearray(kept.read_bytes())
    damaged[len(damaged) // 2] ^= 8
    (runs_folder() / "damaged.checkpoint").write_bytes(damaged)
    for path in (kept, Slot(kept).previous):
        os.utime(path, (1e9, 1e9))
    result = impasto_command("resume")
    assert result.code == 0
    assert "damaged.checkpoint: " in result.err
    assert "The run before it is tried instead." in result.err
    assert not Slot(kept).exists
    assert (runs_folder() / "damaged.checkpoint").exists()
    assert "damaged" in impasto_command("runs").out
    last = impasto_command("resume")
    assert last.code == 2
    assert "There is nothing to resume" in last.err
    assert impasto_command("runs", "--remove", "damaged").code == 0
    assert list(runs_folder().iterdir()) == []


@posix
def test_history_of_interrupted_picture_is_replaced(kept, folder, small, impasto_command):
    again = ("paint", *PAIR, *small, "--history", "losses.csv", "--no-checkpoint")
    Path("losses.csv").write_text("somebody else's")
    assert impasto_command(*again).code == 2
    assert Path("losses.csv").read_text() == "somebody else's"
    write_history(Path("losses.csv"), [])  # of the run that was interrupted
    assert impasto_command(*again).code == 0
    assert impasto_command(*again).code == 2  # it is complete now
    Path("other.csv").write_text("somebody else's")
    assert impasto_command("paint", *PAIR, *small, "-o", "new.png", "--history", "other.csv").code == 2
    assert Path("other.csv").read_text() == "somebody else's"


def test_force_spares_file_that_is_no_checkpoint(folder, small, impasto_command):
    before = Path("style.png").read_bytes()
    Path("mine.png").write_bytes(before)
    result = impasto_command("paint", *PAIR, *small, "--force", "--checkpoint", "mine.png")
    assert result.code == 2
    assert "mine.png is not a checkpoint" in result.err
    assert Path("mine.png").read_bytes() == before


def test_foreign_previous_file_is_not_replaced(folder, small, impasto_command):
    Path("run.checkpoint.previous").write_text("mine")
    result = impasto_command("paint", *PAIR, *small, "--checkpoint", "run.checkpoint")
    assert result.code == 2
    assert "is not a checkpoint, and the older generation" in result.err
    assert Path("run.checkpoint.previous").read_text() == "mine"


@posix
def test_paint_replaces_checkpoint_only_if_forced(kept, folder, small, impasto_command):
    other = ("-o", "b.png", "--checkpoint", "run.checkpoint")
    refused = impasto_command("paint", *PAIR, *small, *other)
    assert refused.code == 2
    assert f"`impasto resume {kept}`" in refused.err
    assert impasto_command("paint", *PAIR, *small, *other, "--force").code == 0
    assert not kept.exists()


@posix
def test_resume_works_from_another_folder(kept, folder, impasto_command, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    result = impasto_command("resume", kept, "-o", "here.png", "--json")
    assert result.code == 0
    assert json.loads(result.out.splitlines()[-1])["output"] == str(Path("here.png").absolute())
    assert stored_record("here.png").complete


def test_unsaved_picture_is_kept_in_checkpoint(folder, small, impasto_command, monkeypatch):
    def fail(*_, **__):
        from impasto.errors import PictureError

        raise PictureError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr("impasto.painting.result.write_picture", fail)
        result = impasto_command("paint", *PAIR, *small, *KEEP)
    assert result.code == 1
    assert "error: The disk is full.\nnote: Nothing is lost: `impasto resume" in result.err
    assert impasto_command("resume", "run.checkpoint", "--quiet").code == 0
    assert impasto_command("paint", *PAIR, *small, "-o", "whole.png").code == 0
    np.testing.assert_array_equal(pixels("photo-as-style.png"), pixels("whole.png"))


def test_exhausted_memory_leaves_checkpoint(folder, small, impasto_command, monkeypatch):
    from impasto.engine.objective import Objective

    original, calls = Objective.value_and_gradient, []

    def run_out(self, image):
        calls.append(1)
        if len(calls) == 4:
            raise MemoryError
        return original(self, image)

    with monkeypatch.context() as patch:
        patch.setattr(Objective, "value_and_gradient", run_out)
        result = impasto_command("paint", *PAIR, *small, *KEEP)
    assert result.code == 1
    assert "note: The picture is marked incomplete, and `impasto resume" in result.err
    assert impasto_command("resume", "run.checkpoint", "--quiet").code == 0
    assert stored_record("photo-as-style.png").complete


def test_diverging_loss_leaves_no_checkpoint(folder, small, impasto_command):
    wild = ("optimization.method=adam", "optimization.rate=1e30", "optimization.clamp=octave")
    result = impasto_command("paint", *PAIR, *small, *(f"--set={setting}" for setting in wild), *KEEP)
    assert result.code == 1
    assert "resume" not in result.err
    assert not list(folder.glob("run.checkpoint*"))


@pytest.mark.parametrize(
    "options",
    [
        ("--no-checkpoint", "--checkpoint", "a"),
        ("--no-checkpoint", "--checkpoint-every", "5"),
        ("--checkpoint-every", "-1"),
        ("--checkpoint-every", "often"),
        ("--checkpoint-every", "nan"),
        ("--checkpoint-every", "inf"),
        ("--checkpoint", "photo.png", "--force"),
        ("--checkpoint", "photo-as-style.png"),
        ("--checkpoint", "."),
        ("--checkpoint", "nowhere/a"),
        ("--checkpoint", "style.png/a"),
    ],
)
def test_checkpoint_options_refuse_mistakes(folder, small, options, impasto_command):
    before = sorted(folder.rglob("*"))
    result = impasto_command("paint", *PAIR, *small, *options)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("arguments", [("resume",), ("resume", ""), ("resume", "."), ("runs", "--remove", "nobody")])
def test_resume_refuses_if_there_is_nothing(folder, arguments, impasto_command):
    result = impasto_command(*arguments)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


def test_runs_remove_spares_other_files(folder, impasto_command):
    assert impasto_command("runs", "--remove", "photo.png").code == 2
    assert (folder / "photo.png").exists()


def test_resume_of_python_run_needs_output(folder, small, tiny_encoder, impasto_command):
    import impasto

    settings = {"encoder": str(tiny_encoder), "size": 48, "threads": 1, "optimization": {"iterations": 3}}
    painter = impasto.make_painter("photo.png", "style.png", **settings)
    with impasto.CheckpointWriter("python.checkpoint", least_seconds=0) as writer:
        for event in painter:
            writer.see(event)
            if isinstance(event, impasto.painting.events.Iteration):
                painter.stop()
    result = impasto_command("resume", "python.checkpoint")
    assert result.code == 2
    assert "names no output: name one with --output" in result.err
    assert impasto_command("resume", "python.checkpoint", "-o", "out.png").code == 0
    assert stored_record("out.png").complete


@posix
def test_resume_handles_undecodable_name(folder, small, process, impasto_command):
    name = os.fsdecode(b"odd\xff.png")
    try:
        Path("photo.png").rename(name)
    except OSError:
        pytest.skip("this file system wants text")
    code, _, _ = interrupted(process, "paint", name, "style.png", *small, *MANY, *KEEP, number=signal.SIGINT)
    assert code == 130
    assert impasto_command("runs").code == 0
    assert impasto_command("resume", "--quiet").code == 0
    assert json.loads(read_record(os.fsdecode(b"odd\xff-as-style.png")))["complete"] is True
