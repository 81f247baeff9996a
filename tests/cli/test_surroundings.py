"""Surroundings that refuse a place for checkpoints: no home folder, and state folders of the wrong kind."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from impasto.runs.checkpoints.slot import Slot
from impasto.runs.repeating import stored_record
from tests.cli.conftest import SOURCE

pwd = pytest.importorskip("pwd", reason="homes of another kind")

STRANGER = 12345
"""User id without an account, as ``docker run --user`` gives one."""

BECOME_STRANGER = ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups")

AT_ONCE = ("--checkpoint-every", "0")
NO_FOLDER = "There is no folder for checkpoints, because this user has no home folder"
NO_CACHE = "There is no cache folder, because this user has no home folder"
PAINTED = ("paint", "photo.png", "style.png")

FOLDER_VARIABLES = (
    "HOME",
    "IMPASTO_STATE",
    "IMPASTO_CACHE",
    "IMPASTO_STYLES",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
)
"""Environment variables that say where the user's folders are."""


@pytest.fixture
def homeless(monkeypatch):
    """Take the home folder from this process."""

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in FOLDER_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_no_home_is_noted_and_painting_continues(homeless, folder, small, impasto_command):
    result = impasto_command(*PAINTED, *small, *AT_ONCE)
    assert result.code == 0
    notes = [line for line in result.err.splitlines() if line.startswith("note:")]
    assert notes == [
        f"note: {NO_FOLDER}: name a file with --checkpoint FILE, or a folder in the environment variable "
        f"IMPASTO_STATE. Painting continues without checkpoints."
    ]
    assert stored_record("photo-as-style.png").complete
    assert not (folder / "~").exists()


def test_named_checkpoint_needs_no_home(homeless, folder, small, impasto_command):
    result = impasto_command(*PAINTED, *small, *AT_ONCE, "--checkpoint", "run.checkpoint")
    assert (result.code, "note:" in result.err) == (0, False)
    assert not list(folder.glob("run.checkpoint*"))


def test_info_says_that_there_are_no_folders(homeless, impasto_command):
    result = impasto_command("info")
    assert (result.code, result.err) == (0, "")
    out = " ".join(result.out.split())
    assert f"cache folder {NO_CACHE}: set HOME, or" in out
    assert f"checkpoints {NO_FOLDER}: name a file with --checkpoint FILE" in out


@pytest.mark.parametrize(("options", "out"), [((), "There is nothing to resume.\n"), (("--json",), "")])
def test_runs_without_home_says_why_none(homeless, options, out, impasto_command):
    result = impasto_command("runs", *options)
    assert (result.code, result.out) == (0, out)
    assert result.err.startswith(f"note: {NO_FOLDER}")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("resume",), f"There is nothing to resume unless you name the checkpoint's file. {NO_FOLDER}"),
        (("resume", "photo"), "There is no checkpoint at "),
        (("runs", "--remove", "photo"), "There is no run 'photo'"),
        (("styles", "add", "style.png"), "There is no folder for styles, because this user has no home folder"),
        (("weights", "path"), NO_CACHE),
        (("weights", "verify"), NO_CACHE),
        ((*PAINTED, "--encoder", "vgg19"), NO_CACHE),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_without_home_refusals_are_one_sentence(homeless, folder, arguments, sentence, impasto_command):
    result = impasto_command(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {sentence}")
    assert result.err.count("\n") == 1


def test_styles_without_home_lists_samples(homeless, impasto_command):
    result = impasto_command("styles")
    assert (result.code, len(result.out.splitlines())) == (0, 4)
    assert result.err.startswith("note: There is no folder for styles, because this user has no home folder: ")


def test_weights_list_without_home_lists_builtin(homeless, impasto_command):
    result = impasto_command("weights", "list")
    assert result.code == 0
    assert result.out.startswith("builtin: part of impasto")
    assert "\nvgg19: no cache folder; " in result.out
    assert result.err.startswith(f"note: {NO_CACHE}: set HOME, or name a folder in the environment variable IMPASTO_")


def test_state_variable_serves_without_home(homeless, folder, monkeypatch, small, impasto_command):
    monkeypatch.setenv("IMPASTO_STATE", "state")
    assert "note:" not in impasto_command(*PAINTED, *small, *AT_ONCE).err
    assert (folder / "state" / "runs").is_dir()
    monkeypatch.setenv("IMPASTO_STATE", "~/state")
    assert NO_FOLDER in impasto_command("runs").err


@pytest.fixture
def stranger(photo, style, tiny_encoder):
    """Return a function that runs a command as a user without account or home, in a folder with two pictures."""
    from impasto.pictures import write_picture

    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root may become another user")
    place = Path(tempfile.mkdtemp())
    place.chmod(0o777)
    write_picture(place / "photo.png", photo)
    write_picture(place / "style.png", style)
    shutil.copyfile(tiny_encoder, place / "tiny.safetensors")
    for file in place.iterdir():
        file.chmod(0o644)
    environment = {name: value for name, value in os.environ.items() if name not in FOLDER_VARIABLES}

    def run(*arguments, before=BECOME_STRANGER, **variables):
        return subprocess.run(
            [*before, sys.executable, *map(str, arguments)],
            check=False, capture_output=True, text=True, timeout=120, cwd=place,
            env=environment | {"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"} | variables,
        )  # fmt: skip

    try:
        if run("-c", "import impasto.cli.app").returncode:
            pytest.skip("another user cannot run this Python")
        run.place = place
        yield run
    finally:
        shutil.rmtree(place)


BRIEF = ("--encoder", "tiny.safetensors", "--size", "64", "--iterations", "2", "--threads", "1", *AT_ONCE)


def test_user_without_account_paints_and_lists(stranger):
    painted = stranger("-m", "impasto", *PAINTED, *BRIEF)
    assert painted.returncode == 0, painted.stderr
    assert painted.stderr.count("note:") == 1
    assert f"note: {NO_FOLDER}" in painted.stderr
    assert stored_record(stranger.place / "photo-as-style.png").complete
    for command, words in (("info", NO_CACHE), ("runs", "nothing to resume"), ("weights list", "builtin")):
        result = stranger("-m", "impasto", *command.split())
        assert result.returncode == 0, result.stderr
        assert words in " ".join(result.stdout.split())
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["state", "state/runs"])
def test_state_folder_that_is_file_is_noted(name, folder, monkeypatch, small, impasto_command):
    monkeypatch.setenv("IMPASTO_STATE", "state")
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).touch()
    result = impasto_command(*PAINTED, *small, *AT_ONCE)
    assert result.code == 0
    assert result.err.count("note:") == 1
    advice = "name a file with --checkpoint FILE, or a folder in the environment variable IMPASTO_STATE"
    assert f"): {advice}. Painting continues without checkpoints.\n" in result.err
    assert stored_record("photo-as-style.png").complete
    listed = impasto_command("runs")
    assert (listed.code, listed.out) == (0, "There is nothing to resume.\n")
    assert listed.err == f"note: The folder {folder / 'state' / 'runs'} cannot be read (Not a directory): {advice}.\n"
    assert impasto_command("resume").code == 2


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EDQUOT], ids=errno.errorcode.get)
@pytest.mark.parametrize("what", ["folder", "lock", "write"])
def test_refusing_state_folder_is_noted_once(what, number, folder, monkeypatch, small, impasto_command):
    def refuse(self, *_, **__):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setenv("IMPASTO_STATE", "state")
    owner, name = {"folder": (Path, "mkdir"), "lock": (FileLock, "acquire"), "write": (Slot, "write")}[what]
    monkeypatch.setattr(owner, name, refuse)
    result = impasto_command(*PAINTED, *small, *AT_ONCE)
    assert result.code == 0
    assert result.err.count("note:") == 1
    assert f"({os.strerror(number)})" in result.err
    assert "Painting continues with" in result.err
    assert stored_record("photo-as-style.png").complete


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["read-only", "unreadable"])
def test_stranger_in_forbidden_state_folder_is_noted(mode, stranger):
    state = stranger.place / "state"
    (state / "runs").mkdir(parents=True)
    (state / "runs").chmod(mode)
    state.chmod(mode)
    painted = stranger("-m", "impasto", *PAINTED, *BRIEF, IMPASTO_STATE=str(state))
    assert painted.returncode == 0, painted.stderr
    assert painted.stderr.count("note:") == 1
    assert "Painting continues without checkpoints." in painted.stderr
    assert "(Permission denied)" in painted.stderr
    assert stored_record(stranger.place / "photo-as-style.png").complete
    listed = stranger("-m", "impasto", "runs", IMPASTO_STATE=str(state))
    assert (listed.returncode, listed.stdout) == (0, "There is nothing to resume.\n")
    assert ("(Permission denied)" in listed.stderr) == (mode == 0o000)
    weights = stranger("-m", "impasto", "weights", "list", IMPASTO_CACHE=str(state))
    assert (weights.returncode, weights.stdout.startswith("builtin: ")) == (0, True)
    assert weights.stderr == ("" if mode == 0o555 else "note: The cache cannot be read (Permission denied).\n")


@pytest.mark.parametrize("then", ["head -c 1000000 /dev/zero > fill 2>/dev/null", "mount -o remount,ro state"])
def test_full_or_read_only_disk_is_noted(then, stranger):
    (stranger.place / "state").mkdir()
    script = f'mount -t tmpfs -o size=64k tmpfs state && {{ {then.replace("fill", "state/fill")}; "$0" "$@"; }}'
    own_mounts = ("unshare", "-m", "sh", "-c", script)
    if stranger("-c", "", before=own_mounts).returncode:
        pytest.skip("this system allows no mounts")
    painted = stranger("-m", "impasto", *PAINTED, *BRIEF, before=own_mounts, IMPASTO_STATE="state")
    assert painted.returncode == 0, painted.stderr
    assert painted.stderr.count("note:") == 1
    assert "(No space left on device)" in painted.stderr or "(Read-only file system)" in painted.stderr
    assert stored_record(stranger.place / "photo-as-style.png").complete
