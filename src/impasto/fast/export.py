"""The ONNX models of the instant preset as files in a folder, with a description that states their hashes."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from impasto.encoders.names import builtin_file
from impasto.encoders.published.cache import cache_folder
from impasto.errors import EncoderError, ImpastoError, SettingsError
from impasto.fast import histograms
from impasto.fast.graphs import LEVELS, PHOTO_LEVEL, decoder_models, encoder_model
from impasto.fast.maps import FULL_STRENGTH, LEAST_CONTRAST, LEAST_EIGENVALUE, NETWORK_SHARE, RIDGE
from impasto.files import replace_file, sha256_of, shown
from impasto.painting.colour.transfer import TRANSPORT_RIDGE
from impasto.version import __version__

ENCODER = "builtin-slim"
"""Name of the encoder that the decoder was trained for."""

DECODER_FILE = "instant.safetensors"
"""File with the decoder, beside that of the encoder."""

DESCRIPTION = "instant.json"
"""File that describes the models."""

FORMAT = 5
"""Version of the models and their description, by which older ones in the cache are not used."""


@dataclass(frozen=True)
class Sources:
    """The files of weights that the models are made from.

    Attributes:
        encoder: path of the encoder's file.
        decoder: path of the decoder's file.
        encoder_sha256: SHA-256 of the encoder's file.
        decoder_sha256: SHA-256 of the decoder's file.
    """

    encoder: Path
    decoder: Path
    encoder_sha256: str
    decoder_sha256: str

    @classmethod
    def packaged(cls) -> Sources:
        """Return the files of the package.

        Raises:
            OSError: a file cannot be read.
        """
        with builtin_file(ENCODER) as encoder:  # the package is a folder, so the path stays valid
            decoder = encoder.with_name(DECODER_FILE)
            return cls(encoder, decoder, sha256_of(encoder), sha256_of(decoder))

    @property
    def key(self) -> str:
        """Name that changes with the weights and the format of the models."""
        text = f"{FORMAT} {self.encoder_sha256} {self.decoder_sha256}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def export_models(folder: Path, *, force: bool = False) -> list[Path]:
    """Write the models and their description into a folder.

    Args:
        folder: made if it is missing.
        force: whether to replace existing files.

    Returns:
        Paths of the files, the description last.

    Raises:
        SettingsError: the package onnx is missing, or a file exists.
        PictureError: a file cannot be written.
        OSError: the folder cannot be made.
    """
    if find_spec("onnx") is None:
        raise SettingsError('The export needs the package onnx: run pip install "impasto[onnx]".')
    files = _built(Sources.packaged())
    existing = next((folder / name for name in files if (folder / name).exists()), None)
    if existing is not None and not force:
        raise SettingsError(f"{shown(existing)} exists: choose another folder, or force=True to replace its files.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        replace_file(folder / name, data)
    return [(folder / name).absolute() for name in files]


def cached_models(sources: Sources) -> Mapping[str, bytes] | None:
    """Return the models by file name, from the cache folder or built and stored there.

    Returns:
        None if the cache has none and the package onnx is missing.
    """
    try:
        folder: Path | None = cache_folder() / "onnx" / sources.key
    except ImpastoError:  # the user has no home folder
        folder = None
    found = None if folder is None else _read(folder)
    if found is not None:
        return found
    if find_spec("onnx") is None:
        return None
    files = _built(sources)
    if folder is not None:
        _store(folder, files)
    return {name: data for name, data in files.items() if name != DESCRIPTION}


def _read(folder: Path) -> dict[str, bytes] | None:
    """Return the files of a folder by name; None if one is missing or differs from the description."""
    try:
        described = json.loads((folder / DESCRIPTION).read_bytes())["files"]
        files = {name: (folder / name).read_bytes() for name in described}
        intact = all(hashlib.sha256(data).hexdigest() == described[name]["sha256"] for name, data in files.items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return files if intact else None


def _store(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put files into the cache, as a whole folder; a cache that cannot be written is left alone."""
    temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(8)}.tmp")
    try:
        temporary.mkdir(parents=True)
        for name, data in files.items():
            (temporary / name).write_bytes(data)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.replace(folder)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)


def _built(sources: Sources) -> dict[str, bytes]:
    """Build the models and their description, by file name."""
    from safetensors import safe_open

    with safe_open(sources.encoder, "np") as file:
        architecture = json.loads(file.metadata()["impasto-encoder"])
        encoder = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is not a mapping
    with safe_open(sources.decoder, "np") as file:
        trained_for = json.loads(file.metadata()["impasto-decoder"])
        decoder = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if trained_for["sha256"] != sources.encoder_sha256:
        raise EncoderError(f"The decoder of the instant preset was not trained for the encoder {ENCODER}: reinstall.")
    models = {"encoder": encoder_model(encoder, architecture)}
    models |= {f"decoder_{level}": model for level, model in decoder_models(decoder).items()}
    files = {f"{name}.onnx": model.SerializeToString() for name, model in models.items()}
    described = {
        "encoder.onnx": {"inputs": {"image": "1×3×H×W, sRGB in [0, 1]"}, "outputs": dict.fromkeys(LEVELS, "1×C×h×w")},
        **{f"decoder_{level}.onnx": _block_description(level) for level in LEVELS},
    }
    for name, data in files.items():
        described[name]["sha256"] = hashlib.sha256(data).hexdigest()
    return files | {DESCRIPTION: json.dumps(_description(sources, described), ensure_ascii=False, indent=2).encode()}


def _block_description(level: str) -> dict[str, Any]:
    inputs = {"features": f"1×C×h×w, {level}", "matrix": "C×C", "bias": "C", "strength": "1, in [0, 1]"}
    following = LEVELS[LEVELS.index(level) + 1 :]
    found = f"1×D×2h×2w, {following[0]}" if following else "1×3×h×w, sRGB"
    if following and following[0] == PHOTO_LEVEL:
        found += "; multiply by min(1, strength / full_strength), add the photograph's, set negative sums to 0"
    return {"inputs": inputs, "outputs": {"next": found}}


def _description(sources: Sources, files: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "impasto": __version__,
        "encoder": {"name": ENCODER, "sha256": sources.encoder_sha256},
        "decoder": {"sha256": sources.decoder_sha256},
        "levels": LEVELS,
        "sides_are_multiples_of": 8,
        "maps": {
            "of": (*LEVELS, "rgb, the picture that the last model returns"),
            "ridge": RIDGE,
            "least_contrast": LEAST_CONTRAST,
            "least_eigenvalue": LEAST_EIGENVALUE,
            "full_strength": FULL_STRENGTH,
        },
        "colours": "the picture is first moved to the painting's mean and covariance of colours by the transport map, "
        f"by min(1, (2 × the setting's strength)²) of the way, with {TRANSPORT_RIDGE:.5f} added to both diagonals",
        "strength": f"min(full_strength, {NETWORK_SHARE} × the setting's strength)",
        "histograms": {
            "of": "the bands of a Laplacian pyramid, and the picture's colours, after the map of rgb",
            "bands": histograms.BANDS,
            "last_band": "the remaining picture minus itself, averaged twice over 3×3 positions",
            "rounds": histograms.ROUNDS,
            "axes": histograms.OPPONENT,
            "least_slope": histograms.LEAST_SLOPE,
            "greatest_slope": histograms.GREATEST_SLOPE,
            "differences": {
                "of": "lightness in each band, before the band itself: a quarter of upper minus lower, left minus "
                "right, and one diagonal minus the other of four positions",
                "distances": histograms.DISTANCES,
                "least_slope": histograms.LEAST_CHANGE,
                "greatest_slope": histograms.GREATEST_CHANGE,
            },
        },
        "files": files,
    }
