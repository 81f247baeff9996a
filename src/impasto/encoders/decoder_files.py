"""The file of the instant preset's decoder, which states the encoder that it belongs to."""

from __future__ import annotations

import json
from importlib.resources import as_file, files
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from impasto.encoders.decoder import LEVELS, Decoder
from impasto.encoders.loading import LoadedEncoder
from impasto.errors import EncoderError

DECODER_FILE = "instant.safetensors"
"""File of the package with the decoder."""

DECODER_ENCODER = "builtin-slim"
"""Name of the encoder that the decoder was trained for."""

METADATA_KEY = "impasto-decoder"
"""Key of the file's description, JSON with the name and SHA-256 of its encoder."""


def load_decoder(encoder: LoadedEncoder, path: Path | None = None) -> Decoder:
    """Load the decoder for an encoder, in float32 on the CPU.

    Args:
        encoder: encoder whose features it decodes.
        path: file of a decoder; that of the package by default.

    Raises:
        EncoderError: the decoder was trained for another encoder.
    """
    if path is None:
        with as_file(files("impasto.encoders") / DECODER_FILE) as packaged:
            return load_decoder(encoder, packaged)
    with safe_open(path, "pt") as file:
        described = json.loads(file.metadata()[METADATA_KEY])
        weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - it is not a mapping
    if described["sha256"] != encoder.sha256:
        raise EncoderError(
            f"The feed-forward method paints with the encoder {described['encoder']} alone, whose features its decoder "
            f"was trained on, and not with {encoder.name}: leave out encoder=, or choose another method."
        )
    decoder = Decoder([encoder.encoder.channels(name) for name in LEVELS])
    decoder.load_state_dict(weights)
    return decoder.eval().requires_grad_(requires_grad=False)


def save_decoder(decoder: Decoder, encoder: LoadedEncoder, path: Path) -> None:
    """Write a decoder in float16 with the description of its encoder."""
    weights = {name: tensor.detach().half().contiguous() for name, tensor in decoder.state_dict().items()}
    save_file(weights, path, {METADATA_KEY: json.dumps({"encoder": encoder.name, "sha256": encoder.sha256})})
