"""Worker processes: shares of the machine, references to painters, and checks of settings."""

from __future__ import annotations

import sys
import weakref

import pytest

from impasto import SettingsError, make_settings
from impasto.batches.worker import check_settings, share_machine
from impasto.cli.interrupts import Interrupts
from impasto.engine.devices import physical_cores
from impasto.runs.listener import StopSwitch
from impasto.settings.fields import memory_bytes


def test_workers_share_cores_and_memory():
    one, two = (share_machine(make_settings(), jobs) for jobs in (1, 2))
    assert (one.threads, two.threads) == (physical_cores(), max(1, physical_cores() // 2))
    assert one.memory is None  # chosen when the painting begins
    assert memory_bytes(two.memory) > 0
    assert share_machine(make_settings(memory="3G"), 2).memory == "1500000000"
    assert share_machine(make_settings(threads=3), 2).threads == 3
    assert share_machine(make_settings(), 10_000).threads == 1


@pytest.mark.parametrize("context", [StopSwitch().painting, Interrupts().painting], ids=["switch", "interrupts"])
def test_painter_is_released_after_painting(context):
    class Painter:
        def stop(self):
            pass

    painter = Painter()
    alive = weakref.ref(painter)
    with context(painter.stop):
        del painter
        assert alive()
    assert alive() is None


def test_faces_without_detector_are_refused_before_painting(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SettingsError, match=r"impasto\[faces\]"):
        check_settings(make_settings(protect="faces"))
    check_settings(make_settings())
