"""Protection: the loss of a picture that shows the photograph in its protected part."""

from __future__ import annotations

from torch import Tensor

from impasto.engine.loss import ImageLoss, Loss


class Protected:
    """A loss as a function of the painted layer below the protected part of the photograph.

    The loss is always that of the whole, held · photo + (1 - held) · layer, with its gradient by the layer. Strokes
    therefore fit what they border on, and nothing moves where the photograph is held.

    Args:
        objective: loss of the whole picture.
        photo: 1×3×H×W in [0, 1], as the objective's content.
        held: H×W in [0, 1], the opacity of the photograph over the layer.
    """

    def __init__(self, objective: ImageLoss, photo: Tensor, held: Tensor) -> None:
        self.objective, self._photo, self._held = objective, photo, held

    def shown(self, layer: Tensor) -> Tensor:
        """Composite the photograph over the painted layer, 1×3×H×W."""
        # Unlike torch.lerp, this form returns the photograph to the last bit where it is fully held.
        return (self._photo * self._held).add_(layer * (1 - self._held))

    def value_and_gradient(self, layer: Tensor) -> tuple[Loss, Tensor]:
        """Compute the loss and its gradient with respect to the layer, both without a graph.

        Args:
            layer: 1×3×H×W.
        """
        loss, gradient = self.objective.value_and_gradient(self.shown(layer))
        return loss, gradient.mul_(1 - self._held)
