"""Devices, precision, and the temporary state for small matrices."""

import pytest
import torch

from impasto.engine.devices import (
    choose_device,
    choose_precision,
    cpu_threads,
    flushes_denormals,
    small_matrices,
    synchronize,
)
from impasto.errors import SettingsError

DENORMAL = torch.finfo(torch.float32).tiny / 4
LOW, FULL = torch.bfloat16, torch.float32


@pytest.fixture
def two_threads():
    with cpu_threads(2):
        yield


def can_flush():
    """Tell whether the processor can flush denormals."""
    can = torch.set_flush_denormal(True)
    torch.set_flush_denormal(False)
    return can


def test_small_matrices_use_one_thread_without_denormals(two_threads):
    can, numbers = can_flush(), torch.full((4,), DENORMAL)
    assert (2 * numbers > 0).all()
    with small_matrices():
        assert torch.get_num_threads() == 1
        assert flushes_denormals() == can
        assert bool((2 * numbers == 0).all()) == can
    assert torch.get_num_threads() == 2
    assert not flushes_denormals()
    assert (2 * numbers > 0).all()


def test_small_matrices_restore_state_after_error(two_threads):
    def fail():
        with small_matrices():
            with small_matrices():
                pass
            assert torch.get_num_threads() == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert torch.get_num_threads() == 2
    assert not flushes_denormals()


def test_small_matrices_keep_program_flushing():
    if not can_flush():
        pytest.skip("this processor cannot flush denormals")
    torch.set_flush_denormal(True)
    try:
        with small_matrices():
            pass
        assert flushes_denormals()
    finally:
        torch.set_flush_denormal(False)


def test_choose_device_takes_mps_by_name_only(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    assert choose_device("mps").type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="no device mps"):
        choose_device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("auto").type == "cuda"


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [({"avx512_bf16": True}, LOW), ({"amx_bf16": True}, LOW), ({"avx512_bf16": False}, FULL), ({}, FULL)],
)
@pytest.mark.usefixtures("_machine_as_it_is")
def test_auto_precision_follows_processor_capabilities(monkeypatch, capabilities, chosen):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_precision("auto", torch.device("cpu")) == chosen
    assert choose_precision("bfloat16", torch.device("cpu")) == LOW
    assert choose_precision("float32", torch.device("cpu")) == FULL


@pytest.mark.usefixtures("_machine_as_it_is")
def test_auto_precision_without_capabilities_is_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision("auto", torch.device("cpu")) == FULL
    assert choose_precision("auto", torch.device("mps")) == FULL


def test_synchronize_waits_for_gpus_only(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    synchronize(torch.device("cpu"))
    assert waited == []
    synchronize(torch.device("cuda:1"))
    assert waited == [torch.device("cuda:1")]
