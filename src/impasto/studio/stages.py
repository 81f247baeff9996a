"""Files of the stages of a job, from which painting can go on."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from impasto.errors import CheckpointError
from impasto.files import replace_file
from impasto.painting.steering import Stage
from impasto.settings.model import Settings


def write_stage(path: Path, stage: Stage) -> None:
    """Write a stage atomically; its pixels are rounded to float16, by at most an eighth of a step of 8 bits.

    Raises:
        PictureError: the file cannot be written.
    """
    values = {"octave": stage.octave, "iteration": stage.iteration, "share": stage.share}
    metadata = {"stage": json.dumps(values)}
    replace_file(path, save({"image": stage.image.detach().cpu().half().contiguous()}, metadata))


def read_stage(path: Path, settings: Settings) -> Stage:
    """Read a stage.

    Args:
        path: file from :func:`write_stage`.
        settings: settings that it was painted with.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            image = file.get_tensor("image").to(torch.float32)
            return Stage(image=image, settings=settings, **json.loads(file.metadata()["stage"]))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        raise CheckpointError("This stage cannot be read any more: choose another one.") from None
