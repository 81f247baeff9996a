"""Closed terminals: SIGHUP saves the picture, and displays that cannot be written do not end a painting."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from impasto.runs.checkpoints.slot import Slot
from impasto.runs.repeating import stored_record
from tests.cli.conftest import SOURCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a Linux pseudo-terminal")

LONG = ("--iterations", 100_000)
PROGRESS = re.compile(rb"\d:\d\d left")

LEAD = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # as a terminal emulator prepares it
if sys.argv[1] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Terminal:
    """A pseudo-terminal with one command that leads its session."""

    def __init__(self, *command, mode="", kind="xterm"):
        self.ours, theirs = os.openpty()
        environment = os.environ | {"PYTHONPATH": str(SOURCE), "TERM": kind}
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            environment.pop(name, None)
        self.child = subprocess.Popen(
            [sys.executable, "-c", LEAD, mode, *map(str, command)],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.shown = b""

    def wait_for(self, pattern):
        """Read until a pattern is shown."""
        while not re.search(pattern, self.shown):
            self.shown += os.read(self.ours, 4096)

    def close(self):
        """Close the terminal, and return the command's exit code and the processes that outlive it."""
        family = psutil.Process(self.child.pid).children(recursive=True)
        os.close(self.ours)
        code = self.child.wait(timeout=60)
        return code, psutil.wait_procs(family, timeout=30)[1]


@pytest.fixture
def terminal():
    """Return a function that starts a command on a terminal; those that still run at the end are killed."""
    started = []

    def start(*command, **options):
        started.append(Terminal(*command, **options))
        return started[-1]

    yield start
    for one in started:
        if one.child.poll() is None:
            os.killpg(one.child.pid, signal.SIGKILL)
            one.child.wait()


@pytest.fixture
def state(folder, monkeypatch):
    monkeypatch.setenv("IMPASTO_STATE", str(folder / "state"))
    return folder / "state" / "runs"


def impasto(*arguments):
    return (sys.executable, "-m", "impasto", *arguments)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        pytest.param("paint", "xterm", marks=pytest.mark.slow),
        ("paint", "dumb"),
        pytest.param("texture", "xterm", marks=pytest.mark.slow),
        pytest.param("again", "xterm", marks=pytest.mark.slow),
        ("resume", "xterm"),
    ],
)
def test_closed_terminal_saves_incomplete_picture(command, kind, state, folder, small, terminal, impasto_command):
    arguments = {
        "paint": ("paint", "photo.png", "style.png", *small, *LONG),
        "texture": ("texture", "style.png", *small, *LONG, "-o", "out.png"),
        "again": ("again", "photo-as-style.png", *LONG),
        "resume": ("resume", "run.checkpoint"),
    }[command]
    if command == "again":
        assert impasto_command("paint", "photo.png", "style.png", *small).code == 0
    if command == "resume":
        keep = ("--checkpoint", "run.checkpoint", "--checkpoint-every", "0")
        first = terminal(*impasto("paint", "photo.png", "style.png", *small, *LONG, *keep))
        first.wait_for(PROGRESS)
        assert first.close() == (129, [])
    one = terminal(*impasto(*arguments), kind=kind)
    one.wait_for(PROGRESS)
    assert one.close() == (129, [])
    picture = {"texture": "out.png", "again": "photo-as-style-again.png"}.get(command, "photo-as-style.png")
    assert not stored_record(picture).complete
    kept = folder / "run.checkpoint" if command == "resume" else state / f"{picture.removesuffix('.png')}.checkpoint"
    assert Slot(kept).exists
    assert not Slot(kept).in_use


@pytest.mark.parametrize("command", ["batch", "vary"])
def test_closed_terminal_stops_batch_without_orphans(command, state, folder, small, terminal, impasto_command):
    arguments = ("batch", "photo.png", "-s", "style.png", *small, *LONG, "--out", "out")
    if command == "vary":
        assert impasto_command("paint", "photo.png", "style.png", *small).code == 0
        arguments = ("vary", "photo-as-style.png", "--set", "strength=0.3,0.6", *LONG, "--keep", "out")
    one = terminal(*impasto(*arguments))
    one.wait_for(PROGRESS)
    assert one.close() == (129, [])
    assert not list((folder / "out").glob("*.png"))


def test_hangup_of_group_prints_no_traceback(folder, small, process):
    """The helper processes of multiprocessing receive the signal as well."""
    options = (*small, *LONG, "--out", "out", "--json")
    child = process("-m", "impasto", "batch", "photo.png", "-s", "style.png", *options, start_new_session=True)
    while '"iteration"' not in child.stdout.readline():
        pass
    os.killpg(child.pid, signal.SIGHUP)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 129
    assert '"finished"' in out
    assert err.count("\n") == err.count("note:") == 1


def test_shell_that_passes_hangup_on_loses_nothing(state, folder, small, terminal):
    """A job of an interactive shell gets SIGHUP from the shell, and again from the kernel when the shell exits."""
    one = terminal("bash", "--norc", "-i", kind="dumb")
    command = " ".join(map(str, impasto("paint", "photo.png", "style.png", *small, *LONG)))
    os.write(one.ours, f"{command}\n".encode())
    one.wait_for(PROGRESS)
    _, alive = one.close()
    assert alive == []
    assert not stored_record("photo-as-style.png").complete
    assert Slot(state / "photo-as-style.checkpoint").exists


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("xterm", "paint"),
        pytest.param("dumb", "paint", marks=pytest.mark.slow),
        pytest.param("xterm", "batch", marks=pytest.mark.slow),
        ("dumb", "batch"),
    ],
)
def test_after_nohup_painting_outlives_terminal(command, kind, folder, small, terminal):
    arguments = {"paint": ("photo.png", "style.png"), "batch": ("photo.png", "-s", "style.png", "--out", ".")}[command]
    # Long enough to be closed in the middle.
    options = ("--iterations", 60, "--set", "optimization.coarse_factor=1", "--set", "optimization.tolerance=0")
    one = terminal(*impasto(command, *arguments, *small, *options), mode="nohup", kind=kind)
    one.wait_for(rb"octave 1/2" if command == "paint" else rb"/1 pictures|painting one at a time")
    assert one.child.poll() is None
    assert one.close() == (0, [])
    assert stored_record("photo-as-style.png").complete


SENT = """
import os, signal, sys, time
from impasto.cli import interrupts as module
module.HANGUP_SECONDS = float(sys.argv[1])
with module.Interrupts(ends_process=True) as interrupts, interrupts.painting(lambda: print("stop", flush=True)):
    for name in sys.argv[2:]:
        os.kill(os.getpid(), signal.Signals[name])
        while interrupts.received is None:
            time.sleep(0.01)
        time.sleep(0.1)
sys.exit(128 + interrupts.received)
"""


@pytest.mark.parametrize(
    ("seconds", "signals", "code", "at_once"),
    [
        (5, ["SIGHUP"], 129, False),
        (5, ["SIGHUP", "SIGHUP", "SIGHUP"], 129, False),
        (5, ["SIGTERM", "SIGHUP"], 143, False),
        (0, ["SIGHUP", "SIGHUP"], 129, True),
        (5, ["SIGHUP", "SIGTERM"], 143, True),
        (5, ["SIGHUP", "SIGINT"], 130, True),
    ],
)
def test_hangup_counts_once_per_closed_terminal(seconds, signals, code, at_once, process):
    child = process("-c", SENT, seconds, *signals)
    err = "error: Stopped at once: nothing was saved.\n" if at_once else ""
    assert child.communicate(timeout=30) == ("stop\n", err)
    assert child.returncode == code


def test_late_hangup_does_not_interrupt_cleaning_up(process):
    """A shell's exit sends another SIGHUP, perhaps when the picture is already saved."""
    script = SENT.replace(
        "sys.exit", "  os.kill(os.getpid(), signal.SIGHUP)\n  time.sleep(0.5)\nprint('end')\nsys.exit"
    )
    script = script.replace(" as interrupts, interrupts", " as interrupts:\n  with interrupts")
    child = process("-c", script, 5, "SIGHUP")
    assert child.communicate(timeout=30) == ("stop\nend\n", "")
    assert child.returncode == 129


@pytest.mark.parametrize(("ignored", "code"), [(False, 129), (True, 0)])
def test_hangup_before_painting_ends_unless_ignored(ignored, code, process):
    script = f"""if True:
        import os, signal, sys, time
        from impasto.cli.interrupts import Interrupts
        before = signal.SIG_IGN if {ignored} else signal.SIG_DFL
        signal.signal(signal.SIGHUP, before)
        with Interrupts():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.5)
        sys.exit(signal.getsignal(signal.SIGHUP) != before)
    """
    child = process("-c", script)
    err = "" if ignored else "error: Stopped before there was anything to save.\n"
    assert child.communicate(timeout=30) == ("", err)
    assert child.returncode == code


def test_second_signal_ends_at_once_without_terminal(terminal):
    script = SENT.replace("    for name", "    print('ready', flush=True)\n    time.sleep(60)\n    for name")
    script = script.replace('print("stop", flush=True)', "None")
    one = terminal(sys.executable, "-c", script, 0)
    one.wait_for(rb"ready\r\n")
    os.close(one.ours)
    time.sleep(0.3)
    one.child.send_signal(signal.SIGTERM)
    assert one.child.wait(timeout=10) == 143
