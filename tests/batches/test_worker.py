"""Worker processes: shares of the machine, references to painters, and checks of settings."""

from __future__ import annotations

import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest

from impasto import SettingsError, make_settings
from impasto.batches import worker
from impasto.batches.executor import Task
from impasto.batches.worker import check_settings, share_machine
from impasto.cli.interrupts import Interrupts
from impasto.encoders.loading import load_encoder
from impasto.engine.cores import physical_cores
from impasto.painting.painter import Painter
from impasto.pictures import read_picture
from impasto.runs.listener import StopSwitch
from impasto.settings.fields import memory_bytes
from impasto.settings.making import change_settings


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


def test_workers_load_an_encoder_once(monkeypatch, works):
    loaded, states = [], []
    worker._load_cached.cache_clear()  # earlier tests may have painted in this process
    monkeypatch.setattr(worker, "load_encoder", lambda name: loaded.append(name) or load_encoder(name))

    class Recorder:
        stop_switch = StopSwitch()

        def send(self, event):
            pass

    first = change_settings(works[0].settings, precision="bfloat16")
    for work, settings in ((works[0], first), (works[1], works[1].settings), (works[2], works[2].settings)):
        states.append(worker.paint_task(Task(0, replace(work, settings=settings)), Recorder(), 1).state)
    assert (states, loaded) == (["painted"] * 3, [works[0].settings.encoder])
    painter = Painter(works[1].content, works[1].styles, works[1].settings)
    *_, finished = painter  # with an encoder that was never in bfloat16
    finished.painting.save(works[3].output)
    np.testing.assert_array_equal(read_picture(works[1].output).pixels, read_picture(works[3].output).pixels)
