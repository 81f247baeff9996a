"""Optimisers of an image: each is told value and gradient at the image and moves it in place, one evaluation a step.

None knows what the loss is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

EpsilonForm = Literal["pytorch", "tensorflow"]


@dataclass(frozen=True)
class OptimizerState:
    """All that an optimiser has learned between two steps; another one that loads it takes the same steps.

    Attributes:
        numbers: what JSON holds, floats to the last bit.
        tensors: the optimiser's own, not copies: valid until its next step.
    """

    numbers: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


class Optimizer(Protocol):
    """What the painter asks of an optimiser."""

    def step(self, image: Tensor, value: float, gradient: Tensor) -> None:
        """Move ``image`` in place, knowing the loss and its gradient there."""
        ...

    def state(self) -> OptimizerState:
        """What it has learned so far."""
        ...

    def load_state(self, state: OptimizerState, image: Tensor) -> None:
        """Go on from a state in place of one's own.

        Args:
            state: of an optimiser made with the same arguments; each tensor is read once, and copied.
            image: that the next step will move; it gives shape and device.
        """
        ...


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1).

    Args:
        rate: step size in the image's units.
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        epsilon: keeps the quotient finite.
        epsilon_form: ``pytorch`` adds epsilon to the corrected root, as the paper's algorithm 1 does; ``tensorflow``
            to the uncorrected one (the paper's "epsilon hat", end of section 2). They differ where epsilon is large.
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
        """One step, whatever the value."""
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
        """Number of steps and both moments."""
        if self.m is None or self.v is None:
            return OptimizerState()
        return OptimizerState({"t": self.t}, {"m": self.m, "v": self.v})

    def load_state(self, state: OptimizerState, image: Tensor) -> None:
        """Go on from a state."""
        self.t, self.m, self.v = state.numbers.get("t", 0), None, None
        if "m" in state.tensors:
            self.m = torch.empty_like(image).copy_(state.tensors["m"])
            self.v = torch.empty_like(image).copy_(state.tensors["v"])


class LBFGS:
    """Limited-memory BFGS in its compact form (Byrd, Nocedal and Schnabel 1994, theorem 2.2).

    With the pairs s = Δx and y = Δg as rows of S and Y, R the upper triangle of S Yᵀ, D its diagonal and
    γ = s·y / y·y of the last pair, the direction is −H g with

        H g = γ g + Sᵀ R⁻ᵀ [(D + γ Y Yᵀ) R⁻¹ S g − γ Y g] − γ Yᵀ R⁻¹ S g

    so that an iteration reads the history twice, as two matrix products, and not four times a pair.

    Steps have length 1; one that raises the loss above all of the last ``patience`` values is taken back and shortened.

    Between bounds, pixels that lie at one and would leave it take no part in a step, and the others stop at theirs
    (two-metric projection, Bertsekas 1982, Projected Newton methods, section 2). The pairs are of the moves as made.

    Args:
        history: number of pairs kept; memory is 2 × history images.
        first_change: largest change of any pixel in the first step, which has no curvature to go by.
        patience: how many past values a step is compared with (Grippo, Lampariello and Lucidi 1986).
        bounds: least and largest value of a pixel, which the image must keep to at the start; None for no bounds.
    """

    def __init__(
        self,
        history: int = 20,
        first_change: float = 0.01,
        patience: int = 5,
        bounds: tuple[float, float] | None = None,
    ) -> None:
        self.history, self.first_change, self.patience, self.bounds = history, first_change, patience, bounds
        self.values: list[float] = []
        self.order: list[int] = []  # rows in use, oldest first
        self.pairs: Tensor | None = None  # rows 0…history−1: s, then as many: y
        self.inner: Tensor  # products of all rows with all y, in float64
        self.x: Tensor
        self.g: Tensor
        self.move: Tensor | None = None

    def step(self, image: Tensor, value: float, gradient: Tensor) -> None:
        """One quasi-Newton step, or a part of the last one where that led uphill."""
        x, g = image.view(-1), gradient.reshape(-1)
        if self.move is not None and value > max(self.values[-self.patience :]):
            self.move.mul_(self._shortening(value))
            torch.add(self.x, self.move, out=x)
            if self.bounds is not None:
                x.clamp_(*self.bounds)
            if self.move.abs().max() < self.first_change * 1e-6:
                self._forget()
            return
        self.values = [*self.values[-self.patience :], value]
        if self.pairs is None:
            self.pairs = x.new_zeros(2 * self.history, x.numel())
            self.inner = torch.zeros(2 * self.history, self.history, dtype=torch.float64)
        if self.move is not None:
            self._remember(g)
        self.x, self.g = x.clone(), g.clone()
        if self.bounds is None:
            self.move = self._free_move(g)
            x.add_(self.move)
        else:
            # Where it ends is not rounded once more: a pixel that lies at a bound lies there exactly.
            x.copy_(self._within(x, g, *self.bounds))
            self.move = x - self.x

    def state(self) -> OptimizerState:
        """The pairs in use with their inner products, the last values, and the last move with where it began."""
        numbers = {"values": self.values, "order": self.order, "first_change": self.first_change}
        if self.pairs is None:
            return OptimizerState(numbers)
        tensors = {"inner": self.inner}
        for row in self.order:
            tensors |= {f"s{row}": self.pairs[row], f"y{row}": self.pairs[self.history + row]}
        if self.move is not None:
            tensors |= {"x": self.x, "g": self.g, "move": self.move}
        return OptimizerState(numbers, tensors)

    def load_state(self, state: OptimizerState, image: Tensor) -> None:
        """Go on from a state. Rows out of use come back as zeros, which no step depends on."""
        numbers, tensors = state.numbers, state.tensors
        self.values, self.order = list(numbers["values"]), list(numbers["order"])
        self.first_change, self.pairs, self.move = numbers["first_change"], None, None
        if "inner" not in tensors:
            return
        x = image.view(-1)
        self.pairs = x.new_zeros(2 * self.history, x.numel())
        self.inner = torch.empty(2 * self.history, self.history, dtype=torch.float64).copy_(tensors["inner"])
        for row in self.order:
            self.pairs[row] = tensors[f"s{row}"]
            self.pairs[self.history + row] = tensors[f"y{row}"]
        if "move" in tensors:
            self.x, self.g, self.move = (torch.empty_like(x).copy_(tensors[name]) for name in ("x", "g", "move"))

    def _shortening(self, value: float) -> float:
        """Share of a failed step to try next: the least of the parabola through both values and the slope at x."""
        assert self.move is not None
        slope = torch.dot(self.g, self.move).item()
        excess = value - self.values[-1] - slope
        return min(0.5, max(0.02, -slope / (2 * excess))) if math.isfinite(excess) and excess > 0 else 0.1

    def _forget(self) -> None:
        """Start again with the steepest descent, more carefully: no step along this direction helps."""
        self.order, self.move, self.values = [], None, []
        self.first_change *= 0.1

    def _free_move(self, g: Tensor) -> Tensor:
        """The quasi-Newton step from a gradient."""
        assert self.pairs is not None
        return self._direction(g, (self.pairs @ g).double().cpu())

    def _within(self, x: Tensor, g: Tensor, least: float, most: float) -> Tensor:
        """Where the step leads of those pixels that do not lie at a bound which going down would take them across."""
        held = (x <= least) & (g > 0) | (x >= most) & (g < 0)
        return self._free_move(g.masked_fill(held, 0)).masked_fill_(held, 0).add_(x).clamp_(least, most)

    def _remember(self, g: Tensor) -> None:
        """Take in the pair of the last step where its curvature is positive."""
        assert self.pairs is not None
        assert self.move is not None
        y = g - self.g
        if torch.dot(self.move, y) <= 1e-8 * self.move.norm() * y.norm():
            return
        row = self.order.pop(0) if len(self.order) == self.history else len(self.order)
        self.order.append(row)
        self.pairs[row] = self.move
        self.pairs[self.history + row] = y
        with_y = (self.pairs @ y).double().cpu()
        self.inner[:, row] = with_y
        self.inner[self.history + row] = with_y[self.history :]

    def _direction(self, g: Tensor, products: Tensor) -> Tensor:
        """−H g."""
        assert self.pairs is not None
        if not self.order:
            return g * (-self.first_change / g.abs().max().clamp_min(torch.finfo(g.dtype).tiny))
        rows = torch.tensor(self.order)
        sy, yy = self.inner[rows][:, rows], self.inner[self.history + rows][:, rows]
        gamma = sy[-1, -1] / yy[-1, -1]
        R = sy.triu()
        p = torch.linalg.solve_triangular(R, products[rows, None], upper=True)
        middle = sy.diagonal()[:, None] * p + gamma * (yy @ p - products[self.history + rows, None])
        coefficients = torch.zeros(2 * self.history, dtype=torch.float64)
        coefficients[rows] = torch.linalg.solve_triangular(R.mT, middle, upper=False)[:, 0]
        coefficients[self.history + rows] = -gamma * p[:, 0]
        return (coefficients.to(g) @ self.pairs).add_(g, alpha=gamma.item()).neg_()
