"""``impasto batch``."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time

import psutil
import pytest

from impasto.pictures import write_picture
from impasto.runs.repeating import stored_record
from tests.helpers import smooth_picture, write_album

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")


@pytest.fixture
def album(tmp_path, tiny_encoder, monkeypatch):
    """Return the current folder, with three photographs in ``photos`` and two styles."""
    monkeypatch.chdir(tmp_path)
    return write_album(tmp_path, "s", "t")


@pytest.fixture
def tiny(tiny_encoder):
    return ["--encoder", str(tiny_encoder), "--size", "40", "--iterations", "2"]


def pictures(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_every_pair_is_painted_once(album, tiny, impasto_command):
    command = ["batch", "photos", "--style", "s.png", "--style", "t.png", "--out", "out", *tiny, "--jobs", 2]
    result = impasto_command(*command)
    assert (result.code, result.out.splitlines()[-1]) == (0, "6 painted")
    assert pictures(album / "out") == [f"{number}-as-{style}.png" for number in range(3) for style in "st"]
    assert stored_record("out/1-as-t.png").styles[0].path == "../t.png"
    before = {path: path.stat().st_mtime_ns for path in (album / "out").iterdir()}
    again = impasto_command(*command)
    assert (again.code, again.out.splitlines()[-1]) == (0, "6 done before")
    assert {path: path.stat().st_mtime_ns for path in (album / "out").iterdir()} == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows undecodable names")
def test_undecodable_names_are_painted_once(album, tiny, impasto_command):
    odd = os.fsdecode(b"odd\xff.png")
    os.rename("photos/0.png", f"photos/{odd}")  # noqa: PTH104
    command = ["batch", "photos", "-s", "s.png", "-o", "out", *tiny, "--json"]
    for painted, done in ((3, 0), (0, 3)):
        last = json.loads(impasto_command(*command).out.splitlines()[-1])
        assert (last["painted"], last["done"]) == (painted, done)
    assert stored_record(f"out/{odd.removesuffix('.png')}-as-s.png").content.path == f"../photos/{odd}"


def test_only_own_too_long_names_are_refused(album, tiny, impasto_command):
    styles = []
    for number in range(4):
        write_picture(album / f"{number}{'x' * 80}.png", smooth_picture(32, 32, seed=number))
        styles += ["-s", f"{number}{'x' * 80}.png"]
    blended = ("batch", "photos", *styles, "--blend", "-o", "out", *tiny)
    result = impasto_command(*blended, "--name", "{content}-in-{style}.png")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "longer than file systems take" in result.err
    assert not (album / "out").exists()
    planned = impasto_command(*blended, "--dry-run")  # the default names are shortened
    assert (planned.code, planned.out.count("to be painted")) == (0, 3)
    assert impasto_command("batch", "p" * 300, "-s", "s.png", "-o", "out", *tiny).err.startswith("error: ")


def test_batch_and_show_refuse_grids(album, tiny, impasto_command):
    assert impasto_command("paint", "photos/0.png", "s.png", *tiny, "-o", "photos/painted.png").code == 0
    assert impasto_command("vary", "photos/painted.png", "--set", "seed=1,2").code == 0
    assert (album / "photos" / "painted-vary.png").exists()
    result = impasto_command("batch", "photos", "-s", "s.png", "-o", "out", *tiny, "--dry-run")
    assert result.out.count("to be painted") == 3
    shown = impasto_command("show", "photos/painted-vary.png")
    assert (shown.code, shown.err) == (2, "error: photos/painted-vary.png is a grid of paintings: name one of them.\n")


@pytest.mark.parametrize(
    ("option", "words"), [(["--style-weights", "2,1"], "style_weights are 2"), (["--mask", "2=s.png"], "no style 2")]
)
def test_settings_for_several_styles_need_blending(album, tiny, impasto_command, option, words):
    result = impasto_command("batch", "photos", "-s", "s.png", "-s", "t.png", "-o", "out", *tiny, *option)
    assert result.code == 2
    assert "Without blending each painting has one style" in result.err
    assert words in result.err


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("photos", [("photos",), [f"photos/{number}.png" for number in range(3)]])
def test_damaged_photo_does_not_stop_the_rest(album, tiny, impasto_command, empty, photos):
    (album / "photos" / "0.png").write_bytes(b"" if empty else (album / "photos" / "0.png").read_bytes()[:300])
    result = impasto_command("batch", *photos, "-s", "s.png", "-o", "out", *tiny, "--quiet")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: 0-as-s.png: ")
    assert result.err.count("\n") == 1
    assert pictures(album / "out") == ["1-as-s.png", "2-as-s.png"]
    write_picture(album / "photos" / "0.png", smooth_picture(32, 40, seed=5))
    assert impasto_command("batch", "photos", "-s", "s.png", "-o", "out", *tiny).out.endswith(
        "1 painted, 2 done before\n"
    )


def test_changed_inputs_need_force_and_others_stay(album, tiny, impasto_command):
    command = ["batch", "photos", "-s", "s.png", "-o", "out", *tiny]
    assert impasto_command(*command).code == 0
    write_picture(album / "photos" / "1.png", smooth_picture(32, 40, seed=7))
    result = impasto_command(*command)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "1-as-s.png exists and was made from other pictures or settings" in result.err
    assert impasto_command(*command, "--force").out.endswith("1 painted, 2 done before\n")
    assert impasto_command(*command, "--strength", 0.9).code == 2
    assert impasto_command(*command, "--strength", 0.9, "--force").out.endswith("3 painted\n")


def test_json_events_name_photo_and_style(album, tiny, impasto_command):
    (album / "photos" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = impasto_command("batch", "photos", "-s", "s.png", "-o", "out", *tiny, "--json")
    assert result.code == 1
    events = [json.loads(line) for line in result.out.splitlines()]
    assert events[0] == {"event": "batch", "works": 3, "done": 0, "jobs": 1}
    assert events[-1] == {"event": "finished", "painted": 2, "done": 0, "failed": 1, "stopped": 0}
    kinds = [event["event"] for event in events if event.get("number") == 0]
    assert (kinds[0], kinds[-1]) == ("started", "painted")
    assert "iteration" in kinds
    failed = next(event for event in events if event["event"] == "failed")
    assert (failed["content"], failed["styles"]) == (os.path.join("photos", "2.png"), ["s.png"])  # noqa: PTH118
    assert failed["output"] == str(album / "out" / "2-as-s.png")


def test_planning_does_not_import_pytorch(album, tiny, impasto_command, process):
    command = ["batch", "photos", "-s", "s.png", "-o", "out", *tiny]
    assert impasto_command(*command).code == 0  # so that hashes are compared
    script = f"import sys; from impasto.cli import main; main({command!r}); assert 'torch' not in sys.modules"
    child = process("-c", script)
    out, _ = child.communicate(timeout=30)
    assert (child.returncode, out.splitlines()[-1]) == (0, "3 done before")


def test_dry_run_writes_nothing(album, tiny, impasto_command):
    result = impasto_command("batch", "photos", "-s", "s.png", "-o", "out", *tiny, "--dry-run")
    assert result.code == 0
    assert result.out.count("to be painted") == 3
    planned = impasto_command("batch", "photos", "-s", "s.png", "-o", "out", *tiny, "--dry-run", "--json").out
    events = [json.loads(line) for line in planned.splitlines()]
    assert [(e["event"], e["number"], e["state"]) for e in events] == [
        ("planned", n, "to be painted") for n in range(3)
    ]
    assert events[0]["styles"] == ["s.png"]
    assert not (album / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("photos", "-s", "s.png", "-s", "t.png", "-o", "out", "--zip"), "3 photographs and 2 styles"),
        (("photos", "-s", "s.png", "-o", "out", "--name", "{style}.png"), "would both be"),
        (("photos", "-s", "s.png", "-o", "out", "--name", "{photo}.png"), "asks for {photo}"),
        (("photos", "-s", "s.png", "-o", "photos", "--name", "{content}.png"), "is one of the pictures"),
        (("nothing.png", "-s", "s.png", "-o", "out"), "There is no picture"),
        (("photos", "-s", "s.png", "-o", "s.png"), "cannot be made"),
        (("photos", "-o", "out"), "--style"),
        (("photos", "-s", "s.png", "-o", "out", "--jobs", "0"), "--jobs"),
        (("photos", "-s", "s.png", "-o", "out", "--set", "speed=1"), "speed"),
        (("photos", "-s", "s.png", "-o", "out", "--device", "cuda:99"), "cuda:99"),
        (("photos", "-s", "s.png", "-o", "out", "--style-weights", "1,2"), "style_weights"),
    ],
)
def test_batch_refuses_invalid_arguments(arguments, words, album, impasto_command):
    result = impasto_command("batch", *arguments, "--quiet")
    assert (result.code, result.err.count("\n"), result.out) == (2, 1, "")
    assert words in result.err
    assert not list((album / "photos").glob(".*"))
    assert not (album / "out").exists() or not pictures(album / "out")


@posix
def test_ctrl_c_stops_every_job(album, tiny, process):
    more = ["--iterations", 100_000, "--set", "optimization.coarse_factor=1", "--jobs", 2, "--json"]
    child = process(
        "-m", "impasto", "batch", "photos", "-s", "s.png", "-o", "out", *tiny, *more, start_new_session=True
    )
    for line in child.stdout:
        if json.loads(line)["event"] == "iteration":
            os.killpg(child.pid, signal.SIGINT)  # as a terminal does
            break
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert json.loads(out.splitlines()[-1]) == {"event": "finished", "painted": 0, "done": 0, "failed": 0, "stopped": 3}
    assert [line[:6] for line in err.splitlines()] == ["note: "]
    assert pictures(album / "out") == []


def finished(folder):
    """Return inode and time of every finished picture; pictures are written atomically."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.png")}


@posix
@pytest.mark.parametrize(("photos", "before_kill"), [(20, (1, 4)), pytest.param(50, (3, 15), marks=pytest.mark.slow)])
def test_batch_killed_twice_at_random_completes_later(photos, before_kill, album, tiny, process):
    rng = random.Random(0)
    for number in range(photos):
        write_picture(album / "photos" / f"{number}.png", smooth_picture(32, 40, seed=number))
    out = album / "out"
    command = ["-m", "impasto", "batch", "photos", "-s", "s.png", "-o", out, *tiny, "--jobs", 2, "--quiet"]
    before: dict[str, tuple[int, int]] = {}
    for whole_group in (True, False):
        child = process(*command, start_new_session=True)
        enough = len(before) + rng.randint(*before_kill)
        deadline = time.monotonic() + 60
        while len(finished(out) if out.exists() else ()) < enough and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.1))
        family = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
        if whole_group:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        _, alive = psutil.wait_procs(family, timeout=30)  # no process goes on painting
        assert alive == []
        now = finished(out)
        assert enough <= len(now) < photos
        assert before.items() <= now.items()
        assert all(stored_record(out / name).complete for name in now)
        before = now
    child = process(*command)
    assert child.communicate(timeout=120) == ("", "")
    assert child.returncode == 0
    assert len(finished(out)) == photos
    assert before.items() <= finished(out).items()


@posix
@pytest.mark.skipif(sys.platform != "linux", reason="needs a Linux pseudo-terminal")
def test_terminal_shows_one_display(album, tiny, process, monkeypatch):
    import pty

    ours, theirs = pty.openpty()
    command = ["-m", "impasto", "batch", "photos", "-s", "s.png", "-o", "out", *tiny, "--jobs", 2]
    monkeypatch.setenv("TERM", "xterm")
    child = process(*command, stderr=theirs, stdout=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # Linux raises this once the other end is closed
        pass
    os.close(ours)
    assert child.wait(timeout=30) == 0
    text = shown.decode()
    assert "/3 pictures" in text
    assert "3 painted" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back
