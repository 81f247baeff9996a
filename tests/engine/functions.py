"""Functions to minimise, and a run of an optimiser."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from impasto.engine.optimizers import Optimizer

Function = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Returns value and gradient at a point."""


def quadratic(size: int = 30, condition: float = 100.0, seed: int = 0) -> tuple[Function, Tensor]:
    """Return ½ xᵀ A x − bᵀ x with eigenvalues from 1 to the condition, and its minimum."""
    generator = torch.Generator().manual_seed(seed)
    q, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    A = q @ torch.diag(torch.logspace(0, np.log10(condition), size, dtype=torch.float64)) @ q.mT
    b = torch.randn(size, generator=generator, dtype=torch.float64)
    return (lambda x: (0.5 * x @ A @ x - b @ x, A @ x - b)), torch.linalg.solve(A, b)


def wavy(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return value and gradient of a sum of hills."""
    x = x.detach().requires_grad_(True)
    value = (x**4 - 3 * x**2 + 0.5 * x).sum() + (8 * x).cos().sum()
    return value.detach(), torch.autograd.grad(value, x)[0]


def minimise(optimizer: Optimizer, function: Function, x: Tensor, steps: int) -> list[float]:
    """Move x in place, and return the values before each step."""
    values = []
    for _ in range(steps):
        value, gradient = function(x)
        values.append(value.item())
        optimizer.step(x, value.item(), gradient)
    return values
