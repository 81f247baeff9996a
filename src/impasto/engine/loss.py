"""The value of the loss, by its terms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Loss:
    """The terms of the loss, unweighted, and their weighted sum. A term whose weight is 0 is not taken, and is 0.

    Attributes:
        total: what the optimiser lowers; it also counts the pixels that overshoot [0, 1].
        content: content distance.
        style: style distance, over all layers and styles.
        total_variation: mean absolute difference of neighbouring pixels, or their sum where the settings say so.
    """

    total: float
    content: float
    style: float
    total_variation: float
