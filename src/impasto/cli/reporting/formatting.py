"""Format events, losses and durations as text or JSON."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from impasto.cli.reporting.streams import one_line
from impasto.engine.loss import Loss
from impasto.painting.events import Announced, Preparing, Reading, Started, Writing

if TYPE_CHECKING:
    from impasto.painting.timing import TimeEstimate

_STEPS = {"loading": "loading PyTorch", "reading": "reading the pictures", "timing": "timing a few iterations"}


def announcement_line(event: Announced) -> str:
    """Return a line with photograph, styles, size and destination of a run."""
    in_pixels = str(event.size).replace("x", "").isdecimal()
    size = f"{event.size} px" if in_pixels else "original size" if event.size == "original" else event.size
    photo = "texture" if event.photo is None else event.photo
    return one_line(f"{photo} in the style of {' and '.join(event.styles)}, {size}, to {event.destination}")


def preparing_line(event: Preparing) -> str:
    """Return a line on a step before the first iteration."""
    return _STEPS[event.step]


def plan_line(event: Started) -> str:
    """Return a line on the plan of a run."""
    last = event.octaves[-1]
    return (
        f"painting {last.width}×{last.height} px in {counted(len(event.octaves), 'octave')} "
        f"on {event.device} with {counted(event.threads, 'thread')} in {event.precision}, "
        f"encoder {one_line(event.encoder)}"
    )


def file_line(event: Reading | Writing) -> str:
    """Return a line on the file that is being read or written."""
    return f"{'reading' if isinstance(event, Reading) else 'writing'} {one_line(str(event.path))}"


def loss_line(loss: Loss) -> str:
    """Return a line on the losses."""
    return f"loss {loss.total:.3g} (content {loss.content:.3g}, style {loss.style:.3g})"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in ``1 octave`` or ``2 octaves``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def clock(seconds: float | None) -> str:
    """Return a duration as ``0:07`` or ``1:02:03``, and ``–`` for an unknown one."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def time_range(least: float, most: float) -> str:
    """Return a range of durations in one unit, as in ``5 to 9 s`` or ``1.5 to 2.5 h``; rounded outwards."""
    unit, length = next((u, n) for u, n in (("h", 3600), ("min", 60), ("s", 1)) if most >= 1.5 * n or n == 1)
    step = 0.1 if unit != "s" and most < 10 * length else 1
    first, last = (step * rounded(value / length / step) for rounded, value in ((math.floor, least), (math.ceil, most)))
    return f"{first:.3g} to {last:.3g} {unit}" if last < 1000 else f"{first:.0f} to {last:.0f} {unit}"


def estimate_line(time: TimeEstimate) -> str:
    """Return the range of an estimate, and whether the machine is busy if that is known."""
    state = "" if time.is_busy is None else f"; the machine is {'busy' if time.is_busy else 'otherwise idle'}"
    return time_range(time.least, time.most) + state


def to_json(value: Any) -> str:
    """Return JSON on one line, with null for infinite numbers and NaN, which JSON lacks."""
    return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
