"""Reading of an encoder's convolutions from weight files: safetensors, Keras's HDF5 and PyTorch state dicts."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from impasto.encoders.architectures import CAFFE, METADATA_KEY, TORCHVISION, architecture_from_json
from impasto.encoders.layers import LARGEST_STACK, Layer, all_convolutions, parse_layer
from impasto.encoders.network import Architecture, Encoder
from impasto.encoders.published.catalogue import Origin
from impasto.errors import EncoderError
from impasto.files import reason, shown

if TYPE_CHECKING:
    import h5py

Weights = dict[str, Tensor]

_ARCHITECTURES: dict[Origin, Architecture] = {"caffe": CAFFE, "torchvision": TORCHVISION}
_FEATURES = {2 * k + layer.block - 1: layer for k, layer in enumerate(all_convolutions())}
"""VGG-19's convolutions by their index in torchvision's ``features``.

There a ReLU follows each convolution, and a pooling each block.
"""

_CAFFE_CLASSIFIER = {"classifier.1.weight", "classifier.4.weight"}
_CAFFE_FILE = re.compile(r"caffe|d01eb7cb", re.IGNORECASE)


@dataclass(frozen=True)
class ParsedEncoder:
    """An encoder read from a file.

    Attributes:
        encoder: the encoder.
        origin_assumed: whether the file does not reveal the preprocessing that it expects, so torchvision's is assumed.
    """

    encoder: Encoder
    origin_assumed: bool = False


def read_encoder(path: Path, origin: Origin | None = None) -> ParsedEncoder:
    """Read an encoder from a file; the content determines the format.

    Args:
        path: safetensors, Keras's HDF5, or a PyTorch state dict, with the names of torchvision (``features.0.weight``)
            or of the layers (``conv1_1.weight``).
        origin: framework whose preprocessing the weights expect; None to infer it from the file.

    Raises:
        EncoderError: the file cannot be read, has another format, or holds no such stack.
    """
    try:
        return _reader(path)(path, origin)
    except EncoderError as error:
        raise EncoderError(f"The encoder's file {shown(path)} cannot be used. {error}") from None
    except OSError as error:
        raise EncoderError(f"The encoder's file {shown(path)} cannot be read ({reason(error)}).") from None


def require_h5py() -> None:
    """Check that Keras's files can be read.

    Raises:
        EncoderError: the package h5py is missing or does not work.
    """
    try:
        import h5py  # noqa: F401
    except (ImportError, OSError) as error:
        raise EncoderError(
            f"Keras's weights need the package h5py, which does not work here ({reason(error)}): install it with "
            f'pip install h5py, or paint with encoder="builtin", which works now.'
        ) from None


def _reader(path: Path) -> Callable[[Path, Origin | None], ParsedEncoder]:
    with path.open("rb") as file:
        head = file.read(9)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return _read_keras
    if head[8:] == b"{":  # after eight arbitrary bytes, the length of the header
        return _read_safetensors
    if head.startswith((b"PK\x03\x04", b"\x80")):
        return _read_state_dict
    raise EncoderError("It is neither safetensors nor Keras's HDF5 nor a PyTorch state dict.")


def _read_safetensors(path: Path, origin: Origin | None) -> ParsedEncoder:
    try:
        with safe_open(path, framework="pt") as file:
            keys, metadata = list(file.keys()), file.metadata() or {}
            weights, numbered = _convolutions(keys, file.get_tensor)
    except SafetensorError as error:
        raise EncoderError(f"It is not a complete safetensors file ({reason(error)}).") from None
    if origin is None and METADATA_KEY in metadata:
        return ParsedEncoder(Encoder(weights, architecture_from_json(metadata[METADATA_KEY])))
    if origin is None and not numbered:
        return ParsedEncoder(Encoder(weights))
    return _with_origin(weights, origin or _infer_origin(path, keys, numbered))


def _read_state_dict(path: Path, origin: Origin | None) -> ParsedEncoder:
    state = _load_tensors(path)
    # Cloning the convolutions frees the rest: torchvision's file is seven times their size.
    weights, numbered = _convolutions(state, lambda key: state[key].clone())
    return _with_origin(weights, origin or _infer_origin(path, state, numbered))


def _load_tensors(path: Path) -> Weights:
    try:
        # Files from before PyTorch 1.6 are not zip archives and cannot be memory-mapped.
        state: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except OSError:
        raise
    except Exception as error:  # a damaged pickle can raise almost any exception
        raise EncoderError(
            f"It is not a plain state dict of tensors ({reason(error)[:80]}); anything else in such a file could run a "
            f"program, so it is not read."
        ) from None
    if not isinstance(state, dict):
        raise EncoderError("It holds a whole model or another object instead of a state dict.")
    return {key: value for key, value in state.items() if isinstance(key, str) and isinstance(value, Tensor)}


def _read_keras(path: Path, origin: Origin | None) -> ParsedEncoder:
    require_h5py()
    import h5py

    try:
        with h5py.File(path, "r") as file:
            root = file["model_weights"] if "layer_names" not in file.attrs and "model_weights" in file else file
            weights = _keras_convolutions(root)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise EncoderError(f"It is not a complete HDF5 file of Keras weights ({reason(error)}).") from None
    return _with_origin(weights, origin or "caffe")


def _keras_convolutions(root: h5py.Group) -> Weights:
    """Read the convolutions that the attributes list, converting kernels from height × width × in × out."""
    weights: Weights = {}
    for name in map(_text, root.attrs["layer_names"]):
        layer = _keras_layer(name)
        if layer is None:
            continue
        arrays = [root[name][_text(part)][()] for part in root[name].attrs["weight_names"]]
        for array in arrays:
            kernel = array.ndim == 4
            tensor = torch.from_numpy(array.transpose(3, 2, 0, 1) if kernel else array).float().contiguous()
            weights[f"{layer}.{'weight' if kernel else 'bias'}"] = tensor
    return weights


def _keras_layer(name: str) -> Layer | None:
    """Return the convolution with Keras's name, or None for other layers of Keras."""
    try:
        return parse_layer(name)._replace(after_relu=False) if name.startswith("block") else None
    except EncoderError:
        return None


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _convolutions(keys: Iterable[str], get: Callable[[str], Tensor]) -> tuple[Weights, bool]:
    """Read the convolutions of a file with names of layers or of torchvision.

    Args:
        keys: names of the file's tensors.
        get: function that reads a tensor by name.

    Returns:
        The convolutions by the names of their layers, and whether the file numbers them as torchvision does.

    Raises:
        EncoderError: the file holds no convolutions, or numbers them like another network.
    """
    keys = set(keys)
    names = [f"{layer}.{part}" for layer in all_convolutions(LARGEST_STACK) for part in ("weight", "bias")]
    if named := [name for name in names if name in keys]:
        return {name: get(name) for name in named}, False
    places = {int(match[1]) for key in keys if (match := re.fullmatch(r"features\.(\d+)\.weight", key))}
    kernels = {place: weight for place in places if (weight := get(f"features.{place}.weight")).ndim == 4}
    if not kernels:
        raise EncoderError("It holds neither conv1_1.weight nor features.0.weight, so it is not a VGG-19.")
    if not kernels.keys() <= _FEATURES.keys():
        raise EncoderError(
            "Its convolutions are not numbered like VGG-19's: it is another VGG, or one with batch norm."
        )
    biases = {place: get(f"features.{place}.bias") for place in kernels if f"features.{place}.bias" in keys}
    weights = {f"{_FEATURES[place]}.weight": weight for place, weight in kernels.items()}
    return weights | {f"{_FEATURES[place]}.bias": bias for place, bias in biases.items()}, True


def _infer_origin(path: Path, keys: Iterable[str], numbered: bool) -> Origin | None:
    """Infer the origin of weights from the names in a file and its path; None if they do not reveal it.

    The values do not reveal it. Gatys's conversion from Caffe has the layers' own names, and in Johnson's the
    classifier begins with a dropout.
    """
    caffe = not numbered or _CAFFE_FILE.search(path.name) or not _CAFFE_CLASSIFIER.isdisjoint(keys)
    return "caffe" if caffe else None


def _with_origin(weights: Weights, origin: Origin | None) -> ParsedEncoder:
    return ParsedEncoder(Encoder(weights, _ARCHITECTURES[origin or "torchvision"]), origin_assumed=origin is None)
