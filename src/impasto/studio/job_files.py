"""Names of the files in a job's folder."""

from __future__ import annotations

from pathlib import Path

PREVIEW = "preview.jpg"
"""Name of the newest preview."""

CHECKPOINT = "checkpoint"
"""Name of the checkpoint."""


def stage_file(folder: Path, number: int) -> Path:
    """Return the path of a stage; its picture for the page has the suffix ``.jpg``."""
    return folder / f"stage-{number}.safetensors"
