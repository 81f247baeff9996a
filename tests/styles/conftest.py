"""Fixture: an empty folder for the user's own styles."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def styles_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the user's styles, which does not exist yet, and change to another folder."""
    monkeypatch.setenv("IMPASTO_STYLES", str(tmp_path / "styles"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "styles"
