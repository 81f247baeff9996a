"""Mistakes: each gives one sentence on stderr and exit code 2, and changes no file."""

from __future__ import annotations

from pathlib import Path

import pytest

PAIR = ("photo.png", "style.png")

REFUSALS = {
    "no arguments": (),
    "unknown option": (*PAIR, "--sise", "5"),
    "missing content": ("nothing.png", "style.png"),
    "missing style": ("photo.png", "nothing.png"),
    "content is a folder": (".", "style.png"),
    "content is empty": ("empty.png", "style.png"),
    "style is text": ("photo.png", "text.png"),
    "content is cut short": ("short.png", "style.png"),
    "size 0": (*PAIR, "--size", "0"),
    "size -1": (*PAIR, "--size", "-1"),
    "size is no number": (*PAIR, "--size", "big"),
    "size is not finite": (*PAIR, "--size", "inf"),
    "iterations 0": (*PAIR, "--iterations", "0"),
    "iterations are no number": (*PAIR, "--iterations", "many"),
    "seed is negative": (*PAIR, "--seed", "-1"),
    "threads 0": (*PAIR, "--threads", "0"),
    "unknown preset": (*PAIR, "--preset", "best"),
    "unknown device": (*PAIR, "--device", "abacus"),
    "a device that is not there": (*PAIR, "--device", "cuda:99"),
    "depth 12": (*PAIR, "--depth", "12"),
    "depth is no number": (*PAIR, "--depth", "deep"),
    "unknown layer": (*PAIR, "--set", "losses.style.relu9_1=1"),
    "a layer that the encoder lacks": (*PAIR, "--set", "losses.style.relu5_4=1"),
    "unknown encoder": (*PAIR, "--encoder", "nothing.safetensors"),
    "encoder is text": (*PAIR, "--encoder", "text.png"),
    "unknown init": (*PAIR, "--init", "nothing.png"),
    "a mask of no style": (*PAIR, "--mask", "2=style.png"),
    "a mask of the only style": (*PAIR, "--mask", "1=photo.png"),
    "a mask without a number": (*PAIR, "--mask", "photo.png"),
    "two masks of a style": (*PAIR, "style.png", "--mask", "2=photo.png", "--mask", "2=old.png"),
    "a mask that is missing": (*PAIR, "style.png", "--mask", "2=nothing.png"),
    "a mask that is text": (*PAIR, "--style-mask", "1=text.png"),
    "a mask of other proportions": (*PAIR, "--protect", "style.png"),
    "output is a mask": (*PAIR, "--protect", "old.png", "-o", "old.png", "--force"),
    "unknown suffix": (*PAIR, "-o", "out.xyz"),
    "no suffix": (*PAIR, "-o", "out"),
    "bmp": (*PAIR, "-o", "out.bmp"),
    "gif": (*PAIR, "-o", "out.gif"),
    "16 bits in a JPEG": (*PAIR, "-o", "out.jpg", "--depth", "16"),
    "too many style weights": (*PAIR, "--style-weights", "1,2"),
    "style weights are no numbers": (*PAIR, "--style-weights", "a"),
    "style weights with a hole": (*PAIR, "--style-weights", "1,"),
    "style weights are nan": (*PAIR, "--style-weights", "nan"),
    "style weights are all 0": (*PAIR, "--style-weights", "0"),
    "strength is nan": (*PAIR, "--strength", "nan"),
    "strength is inf": (*PAIR, "--strength", "inf"),
    "strength beyond 1": (*PAIR, "--strength", "1.1"),
    "raw weight is nan": (*PAIR, "--set", "style_weight=nan"),
    "raw weight is NaN in JSON": (*PAIR, "--set", "style_weight=NaN"),
    "strength and raw weight": (*PAIR, "--strength", "0.5", "--set", "style_weight=2"),
    "a weight beyond every precision": (*PAIR, "--set", "content_weight=1e45"),
    "a rate beyond every precision": (*PAIR, "--set", "optimization.rate=1e300"),
    "a number of thousands of digits": (*PAIR, "--set", "seed=" + "9" * 6000),
    "a seed of thousands of digits": (*PAIR, "--seed", "9" * 6000),
    "settings of thousands of digits": (*PAIR, "--config", "digits.toml"),
    "a photo without a name": ("paint", "", "style.png"),
    "an output without a name": (*PAIR, "-o", ""),
    "an output without a name, in one": (*PAIR, "--output="),
    "a folder without a name": ("batch", "", "--style", "style.png", "--out", "painted"),
    "output exists": (*PAIR, "-o", "old.png"),
    "output is the content": (*PAIR, "-o", "photo.png"),
    "output is the style, forced": (*PAIR, "-o", "style.png", "--force"),
    "output is the style by another way": (*PAIR, "-o", "../here/style.png", "--force"),
    "output is the first picture": (*PAIR, "--init", "old.png", "-o", "old.png", "--force"),
    "output is a folder": (*PAIR, "-o", "folder.png", "--force"),
    "output's folder is missing": (*PAIR, "-o", "nowhere/out.png"),
    "output's folder is a file": (*PAIR, "-o", "text.png/out.png"),
    "sheet exists": (*PAIR, "--sheet", "old.png"),
    "sheet is no picture": (*PAIR, "--sheet", "sheet.csv"),
    "stages' folder is missing": (*PAIR, "--stages", "nowhere/stages.png"),
    "stages are an input": (*PAIR, "--stages", "photo.png", "--force"),
    "sheet is the output": (*PAIR, "-o", "out.png", "--sheet", "./out.png"),
    "stages are the sheet": (*PAIR, "--stages", "out.png", "--sheet", "out.png"),
    "history is a JPEG": (*PAIR, "--history", "history.jpg"),
    "history exists": (*PAIR, "--history", "old.csv"),
    "history is an input": (*PAIR, "--history", "photo.png", "--force"),
    "history's folder is missing": (*PAIR, "--history", "nowhere/history.csv"),
    "history is a folder": (*PAIR, "--history", "folder.csv", "--force"),
    "history is the output": (*PAIR, "-o", "out.png", "--history", "out.png"),
    "unknown setting": (*PAIR, "--set", "speed=3"),
    "unknown nested setting": (*PAIR, "--set", "losses.speed=3"),
    "no assignment": (*PAIR, "--set", "seed"),
    "memory is no size": (*PAIR, "--memory", "much"),
    "memory is too little": (*PAIR, "--memory", "100M"),
    "tile is too small": (*PAIR, "--tile", "63"),
    "tile is no number": (*PAIR, "--tile", "large"),
    "colour is none of four": (*PAIR, "--colour", "blue"),
    "strokes are too large": (*PAIR, "--stroke-size", "5"),
    "strokes are no number": (*PAIR, "--stroke-size", "broad"),
    "detail is too much": (*PAIR, "--detail", "1.5"),
    "config is missing": (*PAIR, "--config", "nothing.toml"),
    "config is no TOML": (*PAIR, "--config", "text.png"),
    "config is no JSON": (*PAIR, "--config", "bad.json"),
    "config has an unknown setting": (*PAIR, "--config", "unknown.toml"),
}


@pytest.fixture
def crowded(folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, named ``here``, with all files that the refusals need."""
    here = tmp_path_factory.mktemp("above") / "here"
    folder.rename(here)
    monkeypatch.chdir(here)
    (here / "empty.png").write_bytes(b"")
    (here / "text.png").write_text("this is no picture\n" * 3)
    (here / "short.png").write_bytes((here / "photo.png").read_bytes()[:900])
    (here / "old.png").write_bytes((here / "photo.png").read_bytes())
    (here / "old.csv").write_text("my own numbers")
    (here / "bad.json").write_text("{")
    (here / "unknown.toml").write_text("speed = 3")
    (here / "digits.toml").write_text(f"seed = {'9' * 6000}")
    (here / "folder.png").mkdir()
    (here / "folder.csv").mkdir()
    return here


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Return names and contents of all files."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("case", REFUSALS)
def test_paint_refuses_mistake_with_one_sentence(case, crowded, small, impasto_command):
    before = snapshot(crowded.parent)
    # The case's own options come last, and so win.
    arguments = REFUSALS[case]
    result = impasto_command("paint", *arguments[:2], *(small if arguments else ()), *arguments[2:])
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert result.err.endswith("\n")
    assert snapshot(crowded.parent) == before


def test_error_with_line_break_stays_on_one_line(folder, impasto_command):
    result = impasto_command("paint", "two\nlines.png", "style.png")
    assert result.code == 2
    assert result.err.count("\n") == 1


def test_plot_without_matplotlib_names_package(folder, small, impasto_command, monkeypatch):
    monkeypatch.setattr("impasto.runs.plots.find_spec", lambda name: None)
    result = impasto_command("paint", *PAIR, *small, "--history", "history.svg")
    assert result.code == 2
    assert 'pip install "impasto[plot]"' in result.err


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("show", "nothing.png"), ("show", "photo.png"), ("again", "photo.png"), ("again", "."), ("dance",)],
)
def test_other_commands_refuse_mistake_with_one_sentence(arguments, folder, impasto_command):
    result = impasto_command(*arguments)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


def test_inaccessible_path_is_one_sentence(folder, small, impasto_command, monkeypatch):
    def stat(self, **_):
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "is_dir", stat)  # as of a folder that is closed to us
        result = impasto_command("batch", "photo.png", "--style", "style.png", "--out", "out", *small)
    assert result.code == 2
    assert (
        result.err
        == "error: photo.png cannot be used (Permission denied): choose another, or change its permissions.\n"
    )
