"""A photograph from standard input, a picture to standard output, and tables in a pipe."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from impasto.cli import main
from impasto.pictures import read_picture
from impasto.runs.repeating import stored_record


class Keyboard(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def piped(folder, monkeypatch, capfdbinary):
    """Return a function that runs a command with bytes as standard input, and returns code, output and errors."""
    temporary = folder / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def run(*arguments, given=b""):
        capfdbinary.readouterr()
        monkeypatch.setattr(sys, "stdin", Keyboard() if given is None else io.TextIOWrapper(io.BytesIO(given)))
        code = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return SimpleNamespace(code=code, out=out, err=err.decode())

    return run


def test_paint_reads_and_writes_pipes(folder, small, piped):
    photo = (folder / "photo.png").read_bytes()
    result = piped("paint", "-", "style.png", "-o", "-", *small, given=photo)
    assert result.code == 0
    assert result.err.startswith("standard input in the style of style.png, 96 px, to standard output\n")
    (folder / "piped.png").write_bytes(result.out)  # nothing but the picture
    assert piped("paint", "photo.png", "style.png", *small).code == 0
    ordinary = read_picture("photo-as-style.png").pixels
    np.testing.assert_array_equal(read_picture("piped.png").pixels, ordinary)
    record, same = stored_record("piped.png"), stored_record("photo-as-style.png")
    assert (record.content.path, record.content.sha256) == (None, same.content.sha256)
    assert record.styles[0].path == str(folder / "style.png")  # the folder of the picture is not known
    assert not list((folder / "temporary").iterdir())


@pytest.mark.parametrize(("name", "kind"), [("jpg", "JPEG"), ("TIF", "TIFF"), ("webp", "WEBP")])
def test_format_names_kind_of_piped_picture(folder, small, piped, name, kind):
    result = piped("texture", "style.png", "-o", "-", "--format", name, *small)
    assert result.code == 0
    with Image.open(io.BytesIO(result.out)) as image:
        assert (image.format, image.size) == (kind, (96, 96))


def test_format_names_kind_of_default_output(folder, small, piped):
    result = piped("paint", "-", "style.png", *small, "--format", "jpg", given=(folder / "photo.png").read_bytes())
    assert (result.code, Path(os.fsdecode(result.out.strip())).name) == (0, "standard-input-as-style.jpg")
    again = piped("again", "standard-input-as-style.jpg", "--content", "photo.png", "-o", "-", "--quiet")
    assert (again.code, again.err) == (0, "")
    with Image.open(io.BytesIO(again.out)) as image:
        assert image.format == "PNG"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "out.png", "--format", "jpg"), "--format jpg is not the format of out.png"),
        (("--format", "gif"), "--format gif is not written: choose one of png, jpg"),
        (("-o", "-", "--json"), "--json and -o - would both write to standard output"),
        (("-o", "-", "--checkpoint", "run"), "cannot be resumed: leave --checkpoint out"),
        (("--preview", "--sheet", "sheet.png"), "--preview writes only the preview"),
    ],
)
def test_pipes_refuse_what_does_not_combine(folder, small, piped, arguments, words):
    result = piped("paint", "photo.png", "style.png", *small, *arguments)
    assert result.code == 2
    assert result.out == b""
    assert words in result.err
    assert result.err.count("\n") == 1


def test_pipes_refuse_terminals(folder, small, piped, monkeypatch):
    out_of = piped("paint", "-", "style.png", *small, "-o", "out.png", given=None)
    assert (out_of.code, "no photograph comes from it" in out_of.err) == (2, True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    into = piped("paint", "photo.png", "style.png", *small, "-o", "-")
    assert (into.code, "written to the terminal" in into.err) == (2, True)


def test_empty_standard_input_is_refused(folder, small, piped):
    result = piped("paint", "-", "style.png", *small, "-o", "-")
    assert (result.code, result.out) == (2, b"")
    assert "standard-input is empty" in result.err
    assert not list((folder / "temporary").iterdir())


def test_closed_pipe_keeps_picture(folder, small, piped, monkeypatch):
    def fail(data):
        return BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("impasto.cli.pipes.print_bytes", fail)
    result = piped("paint", "photo.png", "style.png", *small, "-o", "-")
    assert result.code == 1
    (kept,) = (folder / "temporary").glob("*/standard-output.png")
    assert f"Nothing is lost: the picture is {kept}." in result.err
    assert read_picture(kept).size == (72, 96)


def test_print_bytes_survives_closed_pipe(process):
    code = "from impasto.cli.reporting.streams import print_bytes; print(type(print_bytes(b'x' * 10**6)).__name__, "
    code += "file=__import__('sys').stderr)"
    child = process("-c", code)
    child.stdout.close()
    with child.stderr as errors:
        assert errors.read() == "BrokenPipeError\n"
    assert child.wait(timeout=60) == 0


def test_tables_in_pipe_break_no_path(folder, small, piped):
    long = folder / ("a" * 120) / ("b" * 120)
    result = piped("batch", "photo.png", "-s", "style.png", *small, "--out", long, "--dry-run")
    assert result.code == 0
    assert str(long / "photo-as-style.png") in result.out.decode()
    assert result.out.count(b"\n") == 2  # heading and picture


def test_preview_is_small_and_tells_full_painting(folder, small, piped):
    options = [*small, "--size", 300, "--set", "losses.style.relu1_1=2", "--iterations", 30]
    result = piped("paint", "photo.png", "style.png", *options, "--preview")
    assert result.code == 0
    assert result.out == os.fsencode(f"{folder / 'photo-as-style-preview.png'}\n")
    record = stored_record("photo-as-style-preview.png")
    assert read_picture("photo-as-style-preview.png").size == (192, 256)
    assert (record.settings["optimization"]["iterations"], record.settings["preset"]) == (13, "quick")
    assert record.settings["losses"]["style"]["relu1_1"] == 2
    assert "note: The full painting of 300×225 px, preset default, would take " in result.err
    assert not (folder / "photo-as-style.png").exists()
    Image.new("RGB", (9, 9)).save(folder / "out-preview.png")
    foreign = piped("paint", "photo.png", "style.png", *options, "--preview", "-o", "out.png")
    assert (foreign.code, "exists already" in foreign.err) == (2, True)


def test_preview_is_instant_if_nothing_needs_another_preset(folder, piped):
    options = ["--threads", 1, "--iterations", 2, "--strength", 0.3, "-o", "out.png"]  # the preview replaces iterations
    assert piped("paint", "photo.png", "style.png", *options, "--size", 300, "--preview").code == 0
    assert piped("paint", "photo.png", "style.png", *options, "--size", 64).code == 0
    for arguments in (("--preview",), ("--colour", "keep", "--preview", "--force")):
        result = piped("again", "out.png", "--size", 300, *arguments, "-o", "out.png")
        assert result.code == 0
        assert "note: The full painting of 300×225 px, preset default, would take " in result.err
        settings = stored_record("out-preview.png").settings
        assert (settings["preset"], settings["strength"]) == ("instant", 0.3)
        assert (settings["size"], settings["optimization"]["method"]) == (256, "feed-forward")
    assert settings["colour"] == "keep"
    assert piped("texture", "style.png", "--threads", 1, "--size", 40, "--preview").code == 0
    assert stored_record("style-texture-preview.png").settings["preset"] == "quick"


def test_previews_of_other_commands_replace_earlier_ones(folder, tiny_encoder, piped):
    options = ("--encoder", tiny_encoder, "--size", 64, "--iterations", 1, "--threads", 1)
    assert piped("paint", "photo.png", "style.png", *options, "-o", "out.png").code == 0
    for _ in range(2):
        again = piped("again", "out.png", "--strength", 0.2, "--preview", "-o", "new.png")
        assert again.code == 0
        assert stored_record("new-preview.png").settings["strength"] == 0.2
    assert stored_record("new-preview.png").settings["size"] == 64
    texture = piped("texture", "style.png", "--encoder", tiny_encoder, "--size", "512x64", "--threads", 1, "--preview")
    assert texture.code == 0
    assert read_picture("style-texture-preview.png").size == (32, 256)
