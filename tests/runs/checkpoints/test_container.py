"""The container: what goes in comes out, and no damage goes unseen."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from safetensors import safe_open

from impasto.runs.checkpoints.container import SEAL, DamagedError, StoredTensors, open_container, write_container

TENSORS = {
    "image": torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(0)),
    "turned": torch.arange(12, dtype=torch.float64).reshape(3, 4).mT,
    "row": torch.rand(4, 9, generator=torch.Generator().manual_seed(1))[2],
    "array": np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1],
    "nothing": torch.empty(0, 7, dtype=torch.float64),
    "bytes": np.array([3, 255], np.uint8),
}
DESCRIPTION = {"format": 1, "name": "odd\udcff \u2013", "third": 1 / 3}


def written(tensors=TENSORS):
    file = io.BytesIO()
    write_container(file, DESCRIPTION, tensors)
    return file.getvalue()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "a.checkpoint"
    path.write_bytes(written())
    return path


def test_container_round_trips(path):
    file, header = open_container(path)
    with file:
        assert header.description == DESCRIPTION
        stored = StoredTensors(file, header)
        assert list(stored) == list(TENSORS)
        assert "image" in stored
        assert SEAL not in stored
        for name, tensor in TENSORS.items():
            expected = torch.from_numpy(np.ascontiguousarray(tensor)) if isinstance(tensor, np.ndarray) else tensor
            assert stored[name].dtype == expected.dtype
            assert torch.equal(stored[name], expected)


def test_safetensors_opens_the_container(path):
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["impasto"]) == DESCRIPTION
        assert set(file.keys()) == {*TENSORS, SEAL}
        assert torch.equal(file.get_tensor("turned"), TENSORS["turned"])


def test_writing_copies_no_tensor():
    """The blocks that reach the file are the tensor's own memory."""
    tensor = torch.zeros(1 << 20)
    seen = []

    class File(io.RawIOBase):
        def write(self, block):
            if isinstance(block, memoryview):
                seen.append(np.frombuffer(block, np.uint8).ctypes.data)
            return len(block)

    write_container(File(), {}, {"a": tensor})
    assert seen == [tensor.data_ptr()]


@given(st.data())
def test_any_damage_is_detected(tmp_path_factory, data):
    good = written()
    at = data.draw(st.integers(0, len(good) - 1))
    how = data.draw(st.sampled_from(["flip", "cut", "longer"]))
    if how == "flip":
        bad = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    else:
        bad = good[:at] if how == "cut" else good + bytes(at + 1)
    path = tmp_path_factory.getbasetemp() / "damaged.checkpoint"
    path.write_bytes(bad)
    with pytest.raises(DamagedError):
        open_container(path)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"{}",
        b'{"__metadata__": {}}',
        b'{"__metadata__": {"impasto": "3"}, "seal": {"dtype": "U8", "shape": [32], "data_offsets": [0, 32]}}',
        b'{"__metadata__": {"impasto": "{}"}, "a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}}',
        b'{"__metadata__": {"impasto": "{}"}, "a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"__metadata__": {"impasto": "{}"}, "a": 3}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_other_content_is_refused(tmp_path, header):
    path = tmp_path / "a"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(32))
    with pytest.raises(DamagedError, match="not a checkpoint"):
        open_container(path)


def test_folder_and_missing_file_are_refused(tmp_path):
    with pytest.raises(DamagedError, match="cannot be read"):
        open_container(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_container(tmp_path / "nothing")
