"""Pictures to try impasto with: styles drawn by programs, and photographs that scikit-image brings along."""

from __future__ import annotations

STYLE_NAMES = ("swirls", "woodcut", "mosaic", "pointillism")
"""The styles, each drawn by the module of its name; the first is the demonstration's own."""
