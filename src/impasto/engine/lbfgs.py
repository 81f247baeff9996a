"""L-BFGS for images: one evaluation a step, pairs by colour channel, bounds on the pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from impasto.engine.optimizers import OptimizerState

CHUNK = 2**18
"""Pixels that are processed at a time, so that no further image is allocated."""

COLOUR_PAIRS = 5
"""Number of recent pairs that determine how the curvature differs by colour; 3 to 10 do equally well."""


class LBFGS:
    """Limited-memory BFGS in its compact form (Byrd, Nocedal and Schnabel 1994, theorem 2.2).

    With the pairs s = Δx and y = Δg as rows of S and Y, R the upper triangle of S Yᵀ, D its diagonal and H₀ the inverse
    Hessian to begin with, the direction is −H g with

        p = R⁻¹ S g,    v = H₀ (g − Yᵀ p),    H g = v + Sᵀ R⁻ᵀ (D p − Y v)

    so an iteration reads the history twice, in four matrix products, instead of four times per pair.

    H₀ is γ = s·y / y·y of the last pair. For an image with channels it is a matrix of colours instead, because
    lightness and hues differ widely in curvature: H₀ (Σ y yᵀ) H₀ = Σ s sᵀ, with sums over the pixels of the last pairs.

    Steps have length 1, but none is longer than ``growth`` times the last accepted one: the curvature along a short
    step does not predict that of a long one. A step that raises the loss above all of the last ``patience`` values is
    undone and shortened.

    With bounds, pixels at a bound that would cross it take no part in a step, and the others stop at theirs
    (two-metric projection, Bertsekas 1982, Projected Newton methods, section 2). The pairs hold the moves as made.

    Args:
        history: number of pairs kept; memory is 2 × history images.
        first_change: largest change of any pixel in the first step, which has no curvature information.
        patience: number of past values that a step is compared with (Grippo, Lampariello and Lucidi 1986).
        bounds: smallest and largest value of a pixel, which the image must respect at the start; None for no bounds.
        growth: largest ratio of a step's length to that of the last.
        channels: C of an image 1×C×H×W, for a matrix H₀; None for γ.
    """

    def __init__(
        self,
        history: int = 20,
        first_change: float = 0.03,
        patience: int = 5,
        bounds: tuple[float, float] | None = None,
        growth: float = 10.0,
        channels: int | None = None,
    ) -> None:
        self.history, self.first_change, self.patience, self.bounds = history, first_change, patience, bounds
        self.growth, self.channels = growth, channels
        self.values: list[float] = []
        self.order: list[int] = []  # rows in use, oldest first
        self.length = 0.0  # of the last accepted move
        self.pairs: Tensor | None = None  # rows 0…history−1: s, then as many: y
        self.inner: Tensor  # products of all s with all y, in float64
        self.colours: Tensor  # of each pair s sᵀ and y yᵀ over the pixels, divided by |s|²; in float64
        self.x: Tensor
        self.g: Tensor
        self.move: Tensor | None = None

    def step(self, image: Tensor, value: float, gradient: Tensor) -> None:
        """Take a quasi-Newton step, or shorten the last one if it led uphill."""
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
            self._make_room(x)
        if self.move is not None:
            self.length = self.move.norm().item()
            self._remember(g)
        self.x, self.g = x.clone(), g.clone()
        if self.bounds is None:
            self.move = self._free_move(g)
            x.add_(self.move)
        else:
            # The target is not rounded once more: a pixel at a bound is there exactly.
            x.copy_(self._within(x, g, *self.bounds))
            self.move = x - self.x

    def state(self) -> OptimizerState:
        """Return the pairs in use with their products, the last values, and the last move with its origin."""
        numbers = {
            "values": self.values,
            "order": self.order,
            "first_change": self.first_change,
            "length": self.length,
        }
        if self.pairs is None:
            return OptimizerState(numbers)
        tensors = {"inner": self.inner}
        if self.channels is not None:
            tensors["colours"] = self.colours
        for row in self.order:
            tensors |= {f"s{row}": self.pairs[row], f"y{row}": self.pairs[self.history + row]}
        if self.move is not None:
            tensors |= {"x": self.x, "g": self.g, "move": self.move}
        return OptimizerState(numbers, tensors)

    def load_state(self, state: OptimizerState, image: Tensor) -> None:
        """Continue from a state. Unused rows are restored as zeros, which no step depends on.

        States of older versions lack the colours, which are then recomputed from the pairs.
        """
        numbers, tensors = state.numbers, state.tensors
        self.values, self.order = list(numbers["values"]), list(numbers["order"])
        self.first_change, self.length = numbers["first_change"], numbers.get("length", 0.0)
        self.pairs, self.move = None, None
        if "inner" not in tensors:
            return
        x = image.view(-1)
        self._make_room(x)
        assert self.pairs is not None
        self.inner.copy_(tensors["inner"][: self.history])
        for row in self.order:
            self.pairs[row] = tensors[f"s{row}"]
            self.pairs[self.history + row] = tensors[f"y{row}"]
        if self.channels is not None and "colours" in tensors:
            self.colours.copy_(tensors["colours"])
        elif self.channels is not None:
            for row in self.order:
                self._add_colours(row)
        if "move" in tensors:
            self.x, self.g, self.move = (torch.empty_like(x).copy_(tensors[name]) for name in ("x", "g", "move"))

    def _make_room(self, x: Tensor) -> None:
        """Allocate the pairs of an image and their products."""
        self.pairs = x.new_zeros(2 * self.history, x.numel())
        self.inner = torch.zeros(self.history, self.history, dtype=torch.float64, device="cpu")
        if self.channels is not None:
            size = (self.history, 2, self.channels, self.channels)
            self.colours = torch.zeros(size, dtype=torch.float64, device="cpu")

    def _shortening(self, value: float) -> float:
        """Return the fraction of a failed step to try next: the minimum of the parabola of both values and slope."""
        assert self.move is not None
        slope = torch.dot(self.g, self.move).item()
        excess = value - self.values[-1] - slope
        return min(0.5, max(0.02, -slope / (2 * excess))) if math.isfinite(excess) and excess > 0 else 0.1

    def _forget(self) -> None:
        """Restart with a smaller steepest-descent step, because no step along this direction helps."""
        self.order, self.move, self.values, self.length = [], None, [], 0.0
        self.first_change *= 0.1

    def _free_move(self, g: Tensor) -> Tensor:
        """Compute the unbounded step from a gradient: quasi-Newton, or steepest descent without pairs."""
        move = self._direction(g) if self.order else -g
        length = move.norm()
        if length < _tiny(g) ** 0.5:  # no move, and the next lines divide by its length
            return move
        if self.length:
            scale = self.growth * self.length / length
            return move.mul_(scale.clamp_max(1) if self.order else scale)
        return move if self.order else move.mul_(self.first_change / g.abs().max())

    def _within(self, x: Tensor, g: Tensor, least: float, most: float) -> Tensor:
        """Compute the target of a step in which pixels at a bound do not cross it."""
        held = (x <= least) & (g > 0) | (x >= most) & (g < 0)
        return self._free_move(g.masked_fill(held, 0)).masked_fill_(held, 0).add_(x).clamp_(least, most)

    def _remember(self, g: Tensor) -> None:
        """Store the pair of the last step if its curvature is positive."""
        assert self.pairs is not None
        assert self.move is not None
        y = g - self.g
        if torch.dot(self.move, y) <= 1e-8 * self.length * y.norm():
            return
        row = self.order.pop(0) if len(self.order) == self.history else len(self.order)
        self.order.append(row)
        self.pairs[row] = self.move
        self.pairs[self.history + row] = y
        used = len(self.order)
        self.inner[:used, row] = (self.pairs[:used] @ y).cpu().double()
        if self.channels is not None:
            self._add_colours(row)

    def _add_colours(self, row: int) -> None:
        """Sum the products of a pair's channels."""
        assert self.pairs is not None
        assert self.channels is not None
        s, y = (self.pairs[i].view(self.channels, -1) for i in (row, self.history + row))
        square = torch.dot(self.pairs[row], self.pairs[row]).item()
        self.colours[row, 0] = (s @ s.mT).cpu().double() / square
        self.colours[row, 1] = (y @ y.mT).cpu().double() / square

    def _direction(self, g: Tensor) -> Tensor:
        """Compute −H g from at least one pair."""
        assert self.pairs is not None
        used = len(self.order)  # rows are taken in order, so unused ones come last
        S, Y = self.pairs[:used], self.pairs[self.history : self.history + used]
        rows = torch.tensor(self.order, device="cpu")
        sy = self.inner[rows][:, rows]
        R = sy.triu()

        def spread(coefficients: Tensor) -> Tensor:
            """Scatter coefficients in the pairs' order to their rows."""
            return coefficients.new_zeros(used).index_copy(0, rows, coefficients).to(g)

        p = torch.linalg.solve_triangular(R, (S @ g).cpu().double()[rows, None], upper=True)[:, 0]
        v = self._apply_h0(torch.addmv(g, Y.mT, spread(p), alpha=-1))
        middle = sy.diagonal() * p - (Y @ v).cpu().double()[rows]
        q = torch.linalg.solve_triangular(R.mT, middle[:, None], upper=False)[:, 0]
        return v.addmv_(S.mT, spread(q)).neg_()

    def _apply_h0(self, u: Tensor) -> Tensor:
        """Compute H₀ u in place."""
        assert self.pairs is not None
        if self.channels is None:
            row = self.order[-1]
            y = self.pairs[self.history + row]
            return u.mul_(self.inner[row, row].item() / torch.dot(y, y).item())
        moves, changes = self.colours[self.order[-COLOUR_PAIRS:]].sum(0)
        H = geometric_mean(changes, moves).to(u)
        for chunk in u.view(self.channels, -1).split(CHUNK, dim=1):
            chunk.copy_(H @ chunk)
        return u


def geometric_mean(changes: Tensor, moves: Tensor) -> Tensor:
    """Solve H · changes · H = moves for a positive definite H; both are positive semi-definite, n×n.

    H is the geometric mean of the moves and the inverse of the changes (Bhatia 2007, Positive Definite Matrices,
    section 4.1). Along colours that neither contains, as in a grey picture, H takes its mean value.
    """
    n = len(moves)
    changes, moves = (x + 1e-4 / n * x.trace() * torch.eye(n, dtype=x.dtype, device=x.device) for x in (changes, moves))
    root = _power(changes, 0.5)
    inverse = _power(changes, -0.5)
    return inverse @ _power(root @ moves @ root, 0.5) @ inverse


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Raise a symmetric positive definite matrix to a power."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp_min(_tiny(values)) ** exponent @ vectors.mT


def _tiny(x: Tensor) -> float:
    return torch.finfo(x.dtype).tiny
