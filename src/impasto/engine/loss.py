"""The value of the loss by its terms, and the protocol of whatever computes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """The terms of the loss, unweighted, and their weighted sum. A term of weight 0 is not computed, and is 0.

    Attributes:
        total: weighted sum, which the optimiser lowers; it includes the overshoot beyond [0, 1].
        content: content distance.
        style: style distance, over all layers and styles.
        total_variation: mean absolute difference of neighbouring pixels, or their sum if the settings say so.
    """

    total: float
    content: float
    style: float
    total_variation: float


class ImageLoss(Protocol):
    """A loss as a function of an image."""

    def value_and_gradient(self, image: Tensor) -> tuple[Loss, Tensor]:
        """Compute the loss and its gradient with respect to the image, both without a graph.

        Args:
            image: 1×3×H×W.
        """
        ...
