"""Small weight files in the layouts of the published ones, and helpers that serve and compare them."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

import h5py
import pytest
import torch

from impasto.encoders.layers import all_convolutions
from impasto.encoders.published.catalogue import KNOWN, KnownWeights
from tests.encoders.published.server import FileServer
from tests.helpers import random_weights

PLACES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
"""Indices of the convolutions in torchvision's ``vgg19().features``."""

WEIGHTS = random_weights("conv5_4", seed=5)
LAYERS = ["rgb", "relu1_1", "relu2_1", "relu3_4", "relu4_1", "relu5_4"]


def keras_file(weights: dict[str, torch.Tensor], *, group: str = "", text: type = bytes, top: bool = False) -> bytes:
    """Return an HDF5 file as Keras's ``save_weights`` writes it: a group per layer, lists of names as attributes."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        root = file.create_group(group) if group else file
        names = ["input_1"]
        for block in range(1, 6):
            names += [f"block{block}_conv{layer.number}" for layer in all_convolutions() if layer.block == block]
            names.append(f"block{block}_pool")
        names += ["flatten", "fc1"] if top else []
        root.attrs["layer_names"] = [_spelled(name, text) for name in names]
        root.attrs["backend"] = b"tensorflow"
        for name in names:
            _fill(root.create_group(name), name, weights, text)
    return stream.getvalue()


def _fill(group: h5py.Group, name: str, weights: dict[str, torch.Tensor], text: type) -> None:
    arrays = {}
    if match := re.fullmatch(r"block(\d)_conv(\d)", name):
        convolution = f"conv{match[1]}_{match[2]}"
        arrays[f"{name}_W_1:0"] = weights[f"{convolution}.weight"].permute(2, 3, 1, 0).numpy()
        arrays[f"{name}_b_1:0"] = weights[f"{convolution}.bias"].numpy()
    if name == "fc1":
        arrays = {"fc1_W_1:0": torch.zeros(6, 5).numpy(), "fc1_b_1:0": torch.zeros(5).numpy()}
    group.attrs["weight_names"] = [_spelled(part, text) for part in arrays]
    for part, array in arrays.items():
        group.create_dataset(part, data=array)


def _spelled(name: str, text: type) -> object:
    return name.encode() if text is bytes else name


def torchvision_state(weights: dict[str, torch.Tensor], classifier: tuple[int, ...] = (0, 3, 6)) -> dict:
    """Return a state dict like that of ``torchvision.models.vgg19``, with a small classifier."""
    state = {}
    for place, layer in zip(PLACES, all_convolutions(), strict=True):
        for part in ("weight", "bias"):
            state[f"features.{place}.{part}"] = weights[f"{layer}.{part}"]
    for place in classifier:
        state |= {f"classifier.{place}.weight": torch.zeros(5, 6), f"classifier.{place}.bias": torch.zeros(5)}
    return state


def torch_saved(content: object, *, archive: bool = True) -> bytes:
    """Return what ``torch.save`` writes: an archive, or the plain pickles from before PyTorch 1.6."""
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=archive)
    return stream.getvalue()


def publish(server: FileServer, monkeypatch: pytest.MonkeyPatch, data: bytes, **changes: object) -> KnownWeights:
    """Put a file on the server, and add it to the catalogue as ``tiny``."""
    values = {
        "name": "tiny",
        "about": "invented",
        "url": f"{server.url}/files/tiny.h5",
        "size": len(data),
        "algorithm": "md5",
        "digest": hashlib.md5(data).hexdigest(),
        "origin": "caffe",
    }
    known = KnownWeights(**{**values, **changes})
    server.files[f"/files/{known.file}"] = data
    monkeypatch.setitem(KNOWN, known.name, known)
    return known


def isolate_downloads(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Set an empty cache folder, no proxy and no mirror, no delay between attempts, and small chunks."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("IMPASTO_MIRROR", raising=False)
    monkeypatch.setenv("IMPASTO_CACHE", str(folder))
    monkeypatch.setattr("impasto.encoders.published.download.RETRY_DELAY", 0.0)
    monkeypatch.setattr("impasto.encoders.published.download.CHUNK_SIZE", 1000)


def same_features(one, other) -> bool:
    """Return whether two encoders compute the same features of a picture."""
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    found, expected = one(image, LAYERS), other(image, LAYERS)
    return all(torch.equal(found[name], expected[name]) for name in LAYERS)
