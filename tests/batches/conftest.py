"""Works that are painted in a moment."""

from __future__ import annotations

import pytest

from impasto import make_settings
from impasto.batches.works import Work
from impasto.pictures import write_picture
from tests.helpers import smooth_picture


@pytest.fixture
def works(tmp_path, tiny_encoder) -> list[Work]:
    """Four works with the same style and settings."""
    settings = make_settings(encoder=str(tiny_encoder), size=40, optimization={"iterations": 2})
    write_picture(tmp_path / "style.png", smooth_picture(32, 32, seed=9))
    for number in range(4):
        write_picture(tmp_path / f"{number}.png", smooth_picture(32, 40, seed=number))
    return [
        Work(tmp_path / f"{number}.png", (tmp_path / "style.png",), settings, tmp_path / f"{number}-out.png")
        for number in range(4)
    ]
