"""Adam (Kingma and Ba 2015), in the forms of PyTorch and of TensorFlow."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from impasto.engine.optimizers import OptimizerState

EpsilonForm = Literal["pytorch", "tensorflow"]


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1).

    Args:
        rate: step size in the image's units.
        beta1: decay rate of the first moment.
        beta2: decay rate of the second moment.
        epsilon: term that keeps the quotient finite.
        epsilon_form: ``pytorch`` adds epsilon to the corrected root, as the paper's algorithm 1 does; ``tensorflow``
            to the uncorrected one (the paper's "epsilon hat", end of section 2). The two differ if epsilon is large.
    """

    def __init__(
        self,
        rate: float = 0.02,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        epsilon_form: EpsilonForm = "pytorch",
    ) -> None:
        self.rate, self.beta1, self.beta2, self.epsilon, self.epsilon_form = rate, beta1, beta2, epsilon, epsilon_form
        self.t = 0
        self.m: Tensor | None = None
        self.v: Tensor | None = None

    def step(self, image: Tensor, value: float, gradient: Tensor) -> None:
        """Move the image by one step; the value is not used."""
        if self.m is None or self.v is None:
            self.m, self.v = torch.zeros_like(image), torch.zeros_like(image)
        self.t += 1
        self.m.lerp_(gradient, 1 - self.beta1)
        self.v.mul_(self.beta2).addcmul_(gradient, gradient, value=1 - self.beta2)
        root_correction = (1 - self.beta2**self.t) ** 0.5
        rate = self.rate * root_correction / (1 - self.beta1**self.t)
        epsilon = self.epsilon * (root_correction if self.epsilon_form == "pytorch" else 1.0)
        image.addcdiv_(self.m, self.v.sqrt().add_(epsilon), value=-rate)

    def state(self) -> OptimizerState:
        """Return the number of steps and both moments."""
        if self.m is None or self.v is None:
            return OptimizerState()
        return OptimizerState({"t": self.t}, {"m": self.m, "v": self.v})

    def load_state(self, state: OptimizerState, image: Tensor) -> None:
        """Continue from a state."""
        self.t, self.m, self.v = state.numbers.get("t", 0), None, None
        if "m" in state.tensors:
            self.m = torch.empty_like(image).copy_(state.tensors["m"])
            self.v = torch.empty_like(image).copy_(state.tensors["v"])
