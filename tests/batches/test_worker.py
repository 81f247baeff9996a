"""What one process takes of the machine."""

from __future__ import annotations

import sys
import weakref

import pytest

from impasto import SettingsError, make_settings
from impasto.batches.worker import _check, _Desk, _shared_out
from impasto.cli.interrupts import Interrupts
from impasto.engine.devices import physical_cores
from impasto.settings.fields import memory_bytes


def test_processes_share_cores_and_memory():
    one, two = (_shared_out(make_settings(), jobs) for jobs in (1, 2))
    assert (one.threads, two.threads) == (physical_cores(), max(1, physical_cores() // 2))
    assert one.memory is None  # chosen when the picture's turn comes
    assert memory_bytes(two.memory) > 0
    assert _shared_out(make_settings(memory="3G"), 2).memory == "1500000000"
    assert _shared_out(make_settings(threads=3), 2).threads == 3
    assert _shared_out(make_settings(), 10_000).threads == 1


@pytest.mark.parametrize("where", [_Desk(None).stopping, Interrupts().painting], ids=["desk", "interrupts"])
def test_a_painter_is_not_held_on_to(where):
    class Painter:
        def stop(self):
            pass

    painter = Painter()
    alive = weakref.ref(painter)
    with where(painter.stop):
        del painter
        assert alive()
    assert alive() is None


def test_faces_that_nothing_can_find_are_refused_before_any_picture(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SettingsError, match=r"impasto\[faces\]"):
        _check(make_settings(protect="faces"))
    _check(make_settings())
