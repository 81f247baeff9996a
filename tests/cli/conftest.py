"""Fixtures: a folder with two pictures, and functions that run commands there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import impasto
from impasto.cli import main
from impasto.pictures import write_picture

SOURCE = Path(impasto.__file__).parents[1]


@dataclass(frozen=True)
class Result:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray, style: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with photo.png (72×96) and style.png (80×80), and return it."""
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", photo)
    write_picture(tmp_path / "style.png", style)
    return tmp_path


@pytest.fixture
def impasto_command(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Return a function that runs a command in this process, through the installed entry point."""

    def run(*arguments: object) -> Result:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    return run


@pytest.fixture
def small(tiny_encoder: Path) -> list[str]:
    """Return options for a run of a second: two octaves, 48 and 96 px."""
    return [
        *("--encoder", str(tiny_encoder), "--threads", "1", "--size", "96", "--iterations", "2"),
        # A process of its own would choose the precision by the machine, while this one does not.
        *("--set", "optimization.smallest_octave=48", "--set", "optimization.coarse_factor=1"),
        *("--precision", "float32"),
    ]


@pytest.fixture
def process() -> Callable[..., subprocess.Popen[str]]:
    """Return a function that starts Python in a process of its own."""

    def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": str(SOURCE)}
        command = [sys.executable, *(str(argument) for argument in arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(command, text=True, env=environment, **pipes)  # type: ignore[call-overload]

    return start
