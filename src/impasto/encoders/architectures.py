"""Architectures of published weights, and the description of an architecture in a file's metadata."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any, get_args

from impasto.encoders.layers import LARGEST_STACK, VGG19
from impasto.encoders.network import Architecture, ChannelOrder, PaddingMode, PaddingScope, Preprocessing
from impasto.encoders.operators import Pooling
from impasto.errors import EncoderError

METADATA_KEY = "impasto-encoder"
"""Key of the description in the metadata of a safetensors file."""

CAFFE = Architecture("max", "zeros", "all", Preprocessing("bgr", 255.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)))
"""Architecture of Simonyan and Zisserman's network, which Keras and Gatys et al. converted from Caffe."""

TORCHVISION = Architecture("max", "zeros", "all", Preprocessing())
"""Architecture of the network that torchvision trained."""


def architecture_to_json(architecture: Architecture) -> str:
    """Serialise an architecture for a file's metadata."""
    return json.dumps(asdict(architecture))


def architecture_from_json(text: str) -> Architecture:
    """Parse the result of :func:`architecture_to_json`.

    Raises:
        EncoderError: the text does not describe a valid architecture.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        fields = values.pop("preprocessing")
        fields |= {name: tuple(float(v) for v in fields[name]) for name in ("mean", "std")}
        fields["scale"] = float(fields["scale"])
        stack = tuple(values.pop("convolutions", VGG19))  # older files lack it
        architecture = Architecture(**values, preprocessing=Preprocessing(**fields), convolutions=stack)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EncoderError(f"Its description is damaged ({error!r}).") from None
    _check(architecture, text)
    return architecture


def _check(architecture: Architecture, text: str) -> None:
    preprocessing = architecture.preprocessing
    choices = ((architecture.pooling, Pooling), (architecture.padding, PaddingMode),
               (architecture.padding_scope, PaddingScope), (preprocessing.channels, ChannelOrder))  # fmt: skip
    if any(value not in get_args(kind) for value, kind in choices):
        raise EncoderError(f"Its description names an unknown pooling, padding or channel order ({text}).")
    stack = architecture.convolutions
    if not 1 <= len(stack) <= len(LARGEST_STACK) or not all(type(n) is int and 1 <= n <= 4 for n in stack):
        raise EncoderError(f"Its description needs 1 to 5 blocks of 1 to 4 convolutions each ({text}).")
    mean, std, scale = preprocessing.mean, preprocessing.std, preprocessing.scale
    if not (len(mean) == len(std) == 3 and all(map(math.isfinite, (scale, *mean, *std))) and all((scale, *std))):
        raise EncoderError(
            f"Its description needs a scale, three means and three standard deviations, all finite, and a scale and "
            f"deviations other than 0 ({text})."
        )
