"""Tests that need a process of their own: signals, closed pipes, and imported modules."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from impasto.cli.reporting import reporters
from impasto.painting.events import Iteration
from impasto.pictures import read_picture
from impasto.runs.repeating import stored_record

posix = pytest.mark.skipif(os.name == "nt", reason="signals of another kind")


@posix
def test_ctrl_c_saves_picture_that_later_run_replaces(folder, small, process, impasto_command):
    options = ["--sheet", "sheet.png", "--json"]
    child = process("-m", "impasto", "paint", "photo.png", "style.png", *small, "--iterations", 100_000, *options)
    for line in child.stdout:
        if json.loads(line)["event"] == "iteration":
            child.send_signal(signal.SIGINT)
            break
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["complete"]) == ("finished", False)
    assert all(line.startswith("note: ") for line in err.splitlines())
    assert "marked incomplete" in err
    assert read_picture("photo-as-style.png").size == (72, 96)
    assert not stored_record("photo-as-style.png").complete

    again = impasto_command("paint", "photo.png", "style.png", *small, "--sheet", "sheet.png")
    assert again.code == 0
    assert stored_record("photo-as-style.png").complete
    assert impasto_command("paint", "photo.png", "style.png", *small).code == 2


@posix
@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals need the main thread")
def test_sigterm_saves_incomplete_picture(folder, small, impasto_command, monkeypatch):
    def on_event(self, event):
        if isinstance(event, Iteration) and (event.octave, event.iteration) == (2, 1):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(reporters.JsonReporter, "on_event", on_event)
    more = ["--iterations", 300, "--set", "optimization.coarse_factor=1", "--json"]
    assert impasto_command("paint", "photo.png", "style.png", *small, *more).code == 143
    assert not stored_record("photo-as-style.png").complete
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


BEFORE = """
import os, signal, time
from impasto.cli.interrupts import Interrupts
with Interrupts():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(20)
"""

TWICE = """
import os, signal, time
from impasto.cli.interrupts import Interrupts
with Interrupts() as interrupts, interrupts.painting(lambda: print("stop", flush=True)):
    os.kill(os.getpid(), signal.SIGINT)
    while interrupts.received is None:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(20)
"""

SAVING = """
import os, signal, sys, time
from impasto.cli.interrupts import Interrupts
with Interrupts() as interrupts, interrupts.painting(lambda: print("stop", flush=True)):
    interrupts.saving()
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
sys.exit(interrupts.received)
"""


@posix
@pytest.mark.parametrize(
    ("script", "code", "out", "err"),
    [
        (BEFORE, 130, "", "error: Stopped before there was anything to save.\n"),
        (TWICE, 143, "stop\n", "error: Stopped at once: nothing was saved.\n"),
        (
            TWICE.replace("flush=True))", 'flush=True), lambda: "all is there")'),
            143,
            "stop\n",
            "error: Stopped at once: all is there.\n",
        ),
        (SAVING, signal.SIGINT, "", ""),
    ],
    ids=["before painting", "twice", "with something left", "while saving"],
)
def test_signals_are_handled_by_phase(process, script, code, out, err):
    child = process("-c", script)
    assert child.communicate(timeout=30) == (out, err)
    assert child.returncode == code


def test_light_commands_do_not_import_pytorch(folder, small, process, impasto_command):
    assert impasto_command("paint", "photo.png", "style.png", *small).code == 0
    script = """
import sys
from impasto.cli import main
for command in (["--help"], ["paint", "--help"], ["settings"], ["show", "photo-as-style.png"], ["runs"], ["styles"], ["paint", "a", "swirls"], []):
    main(command)
    heavy = {"torch", "matplotlib", "skimage", "scipy"} & set(sys.modules)
    assert not heavy, (command, heavy)
"""
    child = process("-c", script)
    _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (0, "error: There is no picture at a; check the name and the folder.\n")


@posix
def test_closed_pipe_is_not_an_error(process):
    reader, writer = os.pipe()
    os.close(reader)
    child = process("-m", "impasto", "settings", stdout=writer)
    os.close(writer)
    _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (0, "")


@posix
def test_painting_survives_full_disk_for_log(folder, small, process):
    with open("/dev/full", "w") as full:  # noqa: PTH123 (a device)
        child = process("-m", "impasto", "paint", "photo.png", "style.png", *small, "--json", stdout=full, stderr=full)
        assert child.wait(timeout=60) == 0
    assert stored_record("photo-as-style.png").complete


@posix
@pytest.mark.parametrize("command", [["settings"], ["info"], ["--help"]])
def test_full_disk_or_closed_stream_prints_no_traceback(process, command):
    with open("/dev/full", "w") as full:  # noqa: PTH123 (a device)
        child = process("-m", "impasto", *command, stdout=full)
        err = child.communicate(timeout=60)[1]
    by_code = {
        1: "error: The output could not be written (No space left on device): free some space or choose another place.",
        2: "error: A file or the output cannot be used (No space left on device): choose another.",
    }
    assert err.rstrip("\n") == by_code[child.returncode]
    script = f"import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'impasto', *{command!r}])"
    child = process("-c", script, stdout=None)
    assert child.communicate(timeout=60)[1] == ""
    assert child.returncode == 0


@posix
def test_stdout_escapes_characters_missing_in_encoding(process, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    child = process("-m", "impasto", "settings")
    out, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (0, "")
    assert "\\u2265" in out


@posix
@pytest.mark.parametrize(("ends", "code"), [(True, 130), (False, -signal.SIGINT)])
def test_second_signal_keeps_exit_code(process, ends, code):
    script = f"""if True:
        import os, signal, sys, time
        from impasto.cli.interrupts import Interrupts
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        with Interrupts(ends_process={ends}) as interrupts, interrupts.painting(lambda: None):
            os.kill(os.getpid(), signal.SIGINT)
            while interrupts.received is None:
                time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)
        sys.exit(128 + interrupts.received)
    """
    child = process("-c", script)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (code, "")
