"""``impasto batch plan``, ``batch run`` and ``batch status``."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest

from impasto.runs.repeating import stored_record
from tests.helpers import write_album


@pytest.fixture
def album(tmp_path, monkeypatch):
    """Change to a folder with three photographs in ``photos`` and a style, and return it."""
    monkeypatch.chdir(tmp_path)
    return write_album(tmp_path, "s")


@pytest.fixture
def plan(album, tiny_encoder, impasto_command):
    """Return the command line of a plan, which has been run."""
    tiny = ["--encoder", str(tiny_encoder), "--size", "40", "--iterations", "1", "--precision", "float32"]
    command = ["batch", "plan", "photos", "-s", "s.png", "--out", "out", *tiny, "-o", "plan.jsonl"]
    result = impasto_command(*command)
    assert (result.code, result.out, result.err) == (0, "3 paintings planned in plan.jsonl\n", "")
    return command


def pictures(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def test_plan_run_and_status_share_a_file(plan, album, impasto_command):
    assert not (album / "out").exists()
    assert impasto_command("batch", "status", "plan.jsonl").out == "0 done, 0 failed, 3 left\n"
    result = impasto_command("batch", "run", "plan.jsonl", "--json")
    events = [json.loads(line) for line in result.out.splitlines()]
    assert (result.code, events[-1]) == (0, {"event": "finished", "painted": 3, "done": 0, "failed": 0, "stopped": 0})
    assert events[0] == {"event": "batch", "works": 3, "done": 0, "jobs": 1}
    painted = next(event for event in events if event["event"] == "painted")
    assert painted["output"] == str(album / "out" / "0-as-s.png")
    assert stored_record("out/0-as-s.png").content.path == "../photos/0.png"
    status = impasto_command("batch", "status", "plan.jsonl", "--json")
    assert json.loads(status.out) == {"done": 3, "failed": 0, "left": 0, "failures": []}
    assert impasto_command(*plan).code == 2
    assert impasto_command(*plan, "--force").code == 0


def test_shards_give_the_bytes_of_one_run(plan, album, impasto_command):
    assert impasto_command("batch", "run", "plan.jsonl", "--quiet").code == 0
    whole = pictures(album / "out")
    assert len(whole) == 3
    (album / "out").rename(album / "whole")
    for number, count in ((2, 1), (1, 2), (3, 3)):
        assert impasto_command("batch", "run", "plan.jsonl", "--shard", f"{number}/3", "--quiet").code == 0
        assert len(pictures(album / "out")) == count
    assert pictures(album / "out") == whole


def test_earlier_failures_count_until_retried(plan, album, impasto_command):
    good = (album / "photos" / "1.png").read_bytes()
    (album / "photos" / "1.png").write_bytes(b"changed")
    assert impasto_command("batch", "run", "plan.jsonl", "--quiet").code == 1
    status = impasto_command("batch", "status", "plan.jsonl")
    assert (status.code, status.out.splitlines()[-1]) == (1, "2 done, 1 failed, 0 left")
    assert status.out.startswith(f"{album / 'out' / '1-as-s.png'}: A picture or the encoder")
    again = impasto_command("batch", "run", "plan.jsonl")
    assert (again.code, again.out.splitlines()[-1]) == (1, "2 done before")
    assert "--retry-failed" in again.err
    (album / "photos" / "1.png").write_bytes(good)
    assert impasto_command("batch", "run", "plan.jsonl", "--retry-failed", "--quiet").code == 0
    assert impasto_command("batch", "status", "plan.jsonl").out == "3 done, 0 failed, 0 left\n"


@pytest.mark.parametrize("name", ["plan", "run", "status"])
def test_batch_paints_folders_named_like_subcommands(name, album, tiny_encoder, impasto_command):
    (album / "photos").rename(album / name)
    tiny = ["-s", "s.png", "--encoder", str(tiny_encoder), "--size", "40", "--dry-run"]
    assert impasto_command("batch", f"./{name}", "-o", "out", *tiny).out.count("to be painted") == 3
    assert impasto_command("batch", *tiny, name, "-o", "out").out.count("to be painted") == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "photos", "-s", "s.png", "--out", "s3://key:hunter2@b", "-o", "p.jsonl"), "holds credentials"),
        (("plan", "photos", "-s", "s.png", "--out", "out", "-o", "s.png"), "--force"),
        (("plan", "nothing.png", "-s", "s.png", "--out", "out", "-o", "p.jsonl"), "There is no picture"),
        (("plan",), "See `impasto batch plan --help`"),
        (("run", "missing.jsonl"), "cannot be read"),
        (("run", "s.png"), "cannot be read"),
        (("status", "missing.jsonl", "--shard", "4/3"), "is not a shard"),
    ],
)
def test_manifest_commands_refuse_invalid_arguments(arguments, words, album, impasto_command):
    result = impasto_command("batch", *arguments)
    assert (result.code, result.err.count("\n"), result.out) == (2, 1, "")
    assert words in result.err
    assert "hunter2" not in result.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_terminated_run_leaves_the_rest(plan, album, impasto_command, process):
    assert impasto_command(*plan, "--force", "--iterations", 100_000).code == 0
    child = process("-m", "impasto", "batch", "run", "plan.jsonl", "--json")
    for line in child.stdout:
        if json.loads(line)["event"] == "iteration":
            child.send_signal(signal.SIGTERM)
            break
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 143
    assert json.loads(out.splitlines()[-1])["stopped"] == 3
    assert impasto_command("batch", "status", "plan.jsonl").out == "0 done, 0 failed, 3 left\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cluster", "ray://me:hunter2@head:10001"), "holds credentials"),
        (("--cluster", "head"), "write auto"),
        (("--cluster", "auto", "--jobs", "2"), "exclude each other"),
    ],
)
def test_run_refuses_invalid_clusters(options, words, plan, impasto_command):
    pytest.importorskip("ray")
    result = impasto_command("batch", "run", "plan.jsonl", *options)
    assert (result.code, result.err.count("\n"), result.out) == (2, 1, "")
    assert words in result.err
    assert "hunter2" not in result.err


def test_run_without_ray_names_the_extra(plan, impasto_command, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("impasto.cluster")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    result = impasto_command("batch", "run", "plan.jsonl", "--cluster", "auto")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "impasto[cluster]" in result.err
