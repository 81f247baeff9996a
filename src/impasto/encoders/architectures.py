"""What published weights expect, and the description that our own files carry."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any, get_args

from impasto.encoders.network import Architecture, Channels, Padding, PaddingScope, Pooling, Preprocessing
from impasto.errors import EncoderError

METADATA_KEY = "impasto-encoder"
"""Name of the description among a safetensors file's metadata."""

CAFFE = Architecture("max", "zeros", "all", Preprocessing("bgr", 255.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)))
"""Simonyan and Zisserman's own network, which Keras and Gatys et al. took over from Caffe."""

TORCHVISION = Architecture("max", "zeros", "all", Preprocessing())
"""The network that torchvision trained anew."""


def architecture_to_json(architecture: Architecture) -> str:
    """The architecture as the file's metadata hold it."""
    return json.dumps(asdict(architecture))


def architecture_from_json(text: str) -> Architecture:
    """The inverse of :func:`architecture_to_json`.

    Raises:
        EncoderError: the text is no such architecture.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        before = values.pop("preprocessing")
        before |= {name: tuple(float(v) for v in before[name]) for name in ("mean", "std")}
        before["scale"] = float(before["scale"])
        architecture = Architecture(**values, preprocessing=Preprocessing(**before))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EncoderError(f"Its description is damaged ({error!r}).") from None
    _check(architecture, text)
    return architecture


def _check(architecture: Architecture, text: str) -> None:
    how = architecture.preprocessing
    chosen = ((architecture.pooling, Pooling), (architecture.padding, Padding), (how.channels, Channels),
              (architecture.padding_scope, PaddingScope))  # fmt: skip
    if any(value not in get_args(kind) for value, kind in chosen):
        raise EncoderError(f"Its description names an unknown pooling, padding or order of channels ({text}).")
    numbers = (how.scale, *how.mean, *how.std)
    if not (len(how.mean) == len(how.std) == 3 and all(map(math.isfinite, numbers)) and all((how.scale, *how.std))):
        raise EncoderError(f"Its description needs a scale, three means and three deviations, none of them 0 ({text}).")
