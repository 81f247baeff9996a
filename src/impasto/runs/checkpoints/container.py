"""The file format of checkpoints: tensors and a description, streamed to disk and sealed by a hash.

A checkpoint is a safetensors file, which any reader of that format opens. Its metadata has one entry, ``impasto``: a
JSON object. Its last tensor, ``seal``, is the SHA-256 of all bytes before it, header included, which reveals truncation
and damage. The writer of safetensors has no such seal and, in the oldest supported version, copies all tensors before
it writes the first.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from impasto.files import reason

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

METADATA_KEY: Final = "impasto"
SEAL: Final = "seal"

_LONGEST_HEADER: Final = 100_000_000  # safetensors' own limit
_CHUNK: Final = 1 << 24
_CODES: Final = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "uint8": "U8"}
_NAMES: Final = {code: name for name, code in _CODES.items()}
_BYTES: Final = {"F64": 8, "F32": 4, "F16": 2, "I64": 8, "U8": 1}


class DamagedError(Exception):
    """A file is not a checkpoint, or an incomplete one; the text says why."""


@dataclass(frozen=True)
class _Entry:
    """The header's entry of a tensor.

    Attributes:
        code: dtype as safetensors names it.
        shape: sizes of the dimensions.
        offset: offset from the start of the file, in bytes.
    """

    code: str
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * _BYTES[self.code]


@dataclass(frozen=True)
class Header:
    """The header of a checkpoint.

    Attributes:
        description: the JSON object.
        entries: entries of the tensors, including the seal.
        size: size of the whole file in bytes.
    """

    description: dict[str, Any]
    entries: dict[str, _Entry]
    size: int


def write_container(file: BinaryIO, description: Mapping[str, Any], tensors: Mapping[str, Tensor | np.ndarray]) -> None:
    """Write a container, one tensor after another, without copying tensors in the CPU's memory.

    Args:
        file: file open for writing, at its start.
        description: JSON values.
        tensors: tensors by name, of 16, 32 or 64-bit floats, 64-bit integers or bytes.

    Raises:
        OSError: the disk is full, or fails.
    """
    header = _header_bytes(description, tensors)
    digest = hashlib.sha256()
    for block in _blocks(header, tensors):
        digest.update(block)
        file.write(block)
    file.write(digest.digest())


def _header_bytes(description: Mapping[str, Any], tensors: Mapping[str, Tensor | np.ndarray]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {METADATA_KEY: json.dumps(description)}}
    offset = 0
    for name, tensor in tensors.items():
        entry = _Entry(_CODES[str(tensor.dtype).removeprefix("torch.")], tuple(tensor.shape), offset)
        entries[name] = {"dtype": entry.code, "shape": entry.shape, "data_offsets": [offset, offset + entry.size]}
        offset += entry.size
    entries[SEAL] = {"dtype": "U8", "shape": [32], "data_offsets": [offset, offset + 32]}
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _blocks(header: bytes, tensors: Mapping[str, Tensor | np.ndarray]) -> Iterator[bytes | memoryview]:
    yield header
    for tensor in tensors.values():
        view = _bytes_of(tensor)
        for start in range(0, len(view), _CHUNK):
            yield view[start : start + _CHUNK]


def _bytes_of(tensor: Tensor | np.ndarray) -> memoryview:
    """Return the memory of a tensor, or of a copy if it is on another device or not contiguous."""
    import numpy as np

    array = tensor if isinstance(tensor, np.ndarray) else tensor.detach().cpu().numpy()
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def read_header(file: BinaryIO) -> Header:
    """Read the header without reading the tensors.

    Args:
        file: file open for reading, at its start.

    Raises:
        DamagedError: the file is not a checkpoint, or its length is wrong.
        OSError: the disk fails.
    """
    actual = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= min(_LONGEST_HEADER, actual):
        raise DamagedError("it is not a checkpoint")
    try:
        stored = json.loads(file.read(length))
        description = json.loads(stored.pop("__metadata__")[METADATA_KEY])
        entries = {name: _read_entry(entry, 8 + length) for name, entry in stored.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedError("it is not a checkpoint") from None
    if not isinstance(description, dict) or SEAL not in entries or entries[SEAL].size != 32:
        raise DamagedError("it is not a checkpoint")
    size = entries[SEAL].offset + 32
    if actual != size:
        raise DamagedError(f"it has {actual} bytes and should have {size}")
    return Header(description, entries, size)


def _read_entry(stored: Mapping[str, Any], start: int) -> _Entry:
    first, last = stored["data_offsets"]
    entry = _Entry(_NAMES[stored["dtype"]] and stored["dtype"], tuple(stored["shape"]), start + first)
    if not all(isinstance(side, int) and side >= 0 for side in (*entry.shape, first)) or entry.size != last - first:
        raise ValueError(stored)
    return entry


def check_seal(file: BinaryIO, header: Header) -> None:
    """Read the whole file, and compare its hash with the seal at its end.

    Raises:
        DamagedError: they differ.
        OSError: the disk fails.
    """
    file.seek(0)
    digest = hashlib.sha256()
    left = header.size - 32
    while left and (block := file.read(min(_CHUNK, left))):
        digest.update(block)
        left -= len(block)
    if left or file.read(33) != digest.digest():
        raise DamagedError("its content does not match its hash")


class StoredTensors(Mapping[str, "Tensor"]):
    """The tensors of a container, each read from the file on access, into memory that PyTorch allocates.

    Args:
        file: file that stays open for reading as long as tensors are accessed.
        header: header of that file.
    """

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self._file, self._entries = file, {n: entry for n, entry in header.entries.items() if n != SEAL}

    def __getitem__(self, name: str) -> Tensor:
        import torch

        entry = self._entries[name]
        tensor = torch.empty(entry.shape, dtype=getattr(torch, _NAMES[entry.code]), device="cpu")
        view = _bytes_of(tensor)
        self._file.seek(entry.offset)
        with self._read_errors(name):
            for start in range(0, len(view), _CHUNK):
                block = view[start : start + _CHUNK]
                if self._file.readinto(block) != len(block):  # type: ignore[attr-defined]
                    raise OSError("it ends too soon")
        return tensor

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @contextmanager
    def _read_errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DamagedError(f"{name} cannot be read from it ({reason(error)})") from None


def open_container(path: Path) -> tuple[BinaryIO, Header]:
    """Open a checkpoint after checking its seal; the caller closes the file.

    Raises:
        DamagedError: the file is not a checkpoint, is damaged, or cannot be read.
        FileNotFoundError: the file does not exist.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedError(f"it cannot be read ({reason(error)})") from None
    try:
        header = read_header(file)
        check_seal(file, header)
    except OSError as error:
        file.close()
        raise DamagedError(f"it cannot be read ({reason(error)})") from None
    except DamagedError:
        file.close()
        raise
    return file, header
