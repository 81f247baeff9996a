"""Grey pictures: the loss of an image whose colours are averaged."""

from __future__ import annotations

from torch import Tensor

from impasto.engine.loss import ImageLoss, Loss


class Grey:
    """A loss as a function of an image that is shown in grey.

    Features see differences between colours that no painter of a grey picture wants. With this loss, an image that
    begins grey stays grey at every step.

    Args:
        objective: loss of the grey picture.
    """

    def __init__(self, objective: ImageLoss) -> None:
        self.objective = objective

    def value_and_gradient(self, image: Tensor) -> tuple[Loss, Tensor]:
        """Compute the loss of the averaged colours and its gradient, both without a graph.

        Args:
            image: 1×3×H×W.
        """
        loss, gradient = self.objective.value_and_gradient(averaged(image))
        return loss, averaged(gradient)


def averaged(image: Tensor) -> Tensor:
    """Replace the colours of an image, 1×3×H×W, by their mean."""
    return image.mean(1, keepdim=True).expand_as(image).contiguous()
