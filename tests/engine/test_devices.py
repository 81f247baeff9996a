"""Devices, and what is set for small matrices and put back."""

import pytest
import torch

from impasto.engine.devices import choose_device, cpu_threads, flushes_denormals, small_matrices
from impasto.errors import SettingsError

DENORMAL = torch.finfo(torch.float32).tiny / 4


@pytest.fixture
def two_threads():
    with cpu_threads(2):
        yield


def can_flush():
    """Not every processor can."""
    can = torch.set_flush_denormal(True)
    torch.set_flush_denormal(False)
    return can


def test_small_matrices_take_one_thread_and_no_denormals(two_threads):
    can, numbers = can_flush(), torch.full((4,), DENORMAL)
    assert (2 * numbers > 0).all()
    with small_matrices():
        assert torch.get_num_threads() == 1
        assert flushes_denormals() == can
        assert bool((2 * numbers == 0).all()) == can
    assert torch.get_num_threads() == 2
    assert not flushes_denormals()
    assert (2 * numbers > 0).all()


def test_they_are_put_back_after_an_error_and_from_within_one_another(two_threads):
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


def test_what_a_program_has_chosen_stays():
    if not can_flush():
        pytest.skip("this processor knows no flushing")
    torch.set_flush_denormal(True)
    try:
        with small_matrices():
            pass
        assert flushes_denormals()
    finally:
        torch.set_flush_denormal(False)


def test_an_untried_device_is_taken_by_name_alone(monkeypatch):
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
