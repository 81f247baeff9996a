"""Painting around what stays: the loss of the picture that shows the photograph where it is protected."""

from __future__ import annotations

from torch import Tensor

from impasto.engine.borders import Mirrored
from impasto.engine.loss import Loss
from impasto.engine.objective import Objective


class Protected:
    """An objective as a function of the painted layer that lies under the protected part of the photograph.

    What is measured is always the whole: held · photo + (1 - held) · layer, with its gradient by the layer. So the
    strokes are laid knowing what they meet, and where the photograph is held nothing moves.

    Args:
        objective: of the whole picture.
        photo: 1×3×H×W in [0, 1], as the objective's content.
        held: H×W in [0, 1], how much the layer is held to the photograph.
    """

    def __init__(self, objective: Objective | Mirrored, photo: Tensor, held: Tensor) -> None:
        self.objective, self._photo, self._held = objective, photo, held

    def shown(self, layer: Tensor) -> Tensor:
        """The photograph over the painted layer, 1×3×H×W."""
        # In this form, and not by torch.lerp, it is the photograph to the last bit where it is wholly held.
        return (self._photo * self._held).add_(layer * (1 - self._held))

    def value_and_gradient(self, layer: Tensor) -> tuple[Loss, Tensor]:
        """The whole's loss, and its gradient with respect to the layer, both without a graph.

        Args:
            layer: 1×3×H×W.
        """
        loss, gradient = self.objective.value_and_gradient(self.shown(layer))
        return loss, gradient.mul_(1 - self._held)
