"""The display of a painting's progress in Python."""

from __future__ import annotations

import asyncio
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

import impasto
from impasto.painting import progress
from impasto.painting.events import Finished, Iteration
from impasto.painting.progress import NotebookDisplay, in_notebook


@pytest.fixture
def small(tiny_encoder):
    """Return settings of a painting of a moment."""
    return {"encoder": str(tiny_encoder), "size": 64, "threads": 1, "device": "cpu", "iterations": 2}


def test_paint_shows_bar_only_if_asked(photo, style, small, capfd):
    silent = impasto.paint(photo, style, **small)
    assert capfd.readouterr() == ("", "")
    shown = impasto.paint(photo, style, **small, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "painting 100%" in err
    np.testing.assert_array_equal(silent.array, shown.array)


def test_notebook_shows_growing_picture_then_one_line(photo, style, small, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_PICTURES", 0.0)
    pages = []
    display = NotebookDisplay(pages.append)
    for event in impasto.make_painter(photo, style, **small):
        display.see(event)
    first, *during, last = pages
    assert first == "<p>painting …</p>"
    assert len(during) == 2
    assert all('<img src="data:image/jpeg;base64,' in page for page in during)
    assert 'value="1.000"' in during[-1]
    assert re.fullmatch(r"<p>painted 64×48 px in \d+ s\.</p>", last)


def test_notebook_shows_at_most_a_picture_a_second(photo, style, small):
    pages = []
    display = NotebookDisplay(pages.append)
    for event in impasto.make_painter(photo, style, **{**small, "iterations": 3}):
        display.see(event)
    assert len([page for page in pages if "<img" in page]) < 3


def test_notebook_is_recognised_by_its_kernel(monkeypatch):
    assert not in_notebook()
    for shell, expected in ((SimpleNamespace(kernel=1), True), (SimpleNamespace(), False), (None, False)):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert in_notebook() == expected


def test_events_can_be_awaited_with_same_picture(photo, style, small):
    async def paint():
        events = iter(impasto.make_painter(photo, style, **small))
        with ThreadPoolExecutor(max_workers=1) as thread:
            count = 0
            while True:
                event = await asyncio.get_running_loop().run_in_executor(thread, next, events)
                count += isinstance(event, Iteration)
                if isinstance(event, Finished):
                    return event.painting, count

    painting, count = asyncio.run(paint())
    assert count == 2
    np.testing.assert_array_equal(painting.array, impasto.paint(photo, style, **small).array)
