import pytest
import torch

from impasto.engine.penalties import (
    Overshoot,
    TotalVariation,
    add_overshoot,
    add_total_variation,
    overshoot,
    pixel_penalties,
    total_variation,
)
from impasto.settings.model import Losses
from tests.engine.samples import random_features


@pytest.mark.parametrize("penalty", [total_variation, overshoot])
def test_penalty_gradients_match_finite_differences(penalty):
    image = random_features(2).requires_grad_(True)
    assert torch.autograd.gradcheck(penalty, (image,), eps=1e-6, atol=1e-7, rtol=1e-5)


def test_total_variation_equals_loops():
    image = random_features(0, 3, 4, 5)
    x = image[0].numpy()
    naive = sum(abs(x[c, i + 1, j] - x[c, i, j]) for c in range(3) for i in range(3) for j in range(5))
    naive += sum(abs(x[c, i, j + 1] - x[c, i, j]) for c in range(3) for i in range(4) for j in range(4))
    assert total_variation(image).item() == pytest.approx(naive / x.size, rel=1e-12)


def test_total_variation_of_one_pixel_is_zero():
    assert total_variation(torch.rand(1, 3, 1, 1)).item() == 0


def test_add_total_variation_equals_autograd(monkeypatch):
    monkeypatch.setattr("impasto.engine.penalties.CHUNK", 100)
    image = random_features(5, 3, 23, 11).requires_grad_(True)
    with torch.no_grad():
        image[..., 5:8, 2:6] = 0.5  # the slope of a flat area is 0
    value = total_variation(image, "sum")
    (expected,) = torch.autograd.grad(0.3 * value, image)
    gradient = torch.ones_like(image)
    assert add_total_variation(image.detach(), 0.3, gradient) == pytest.approx(value.item(), rel=1e-13)
    torch.testing.assert_close(gradient - 1, expected, rtol=1e-12, atol=1e-12)
    assert add_total_variation(torch.rand(1, 3, 1, 1), 1.0, torch.zeros(1, 3, 1, 1)) == 0


def test_overshoot_ignores_values_in_range():
    image = torch.tensor([-0.5, 0.0, 0.25, 1.0, 1.25]).view(1, 1, 1, 5)
    assert overshoot(image).item() == pytest.approx((0.25 + 0.0625) / 5)


@pytest.mark.parametrize("chunk", [16, 1 << 20])
def test_add_overshoot_equals_autograd(chunk, monkeypatch):
    monkeypatch.setattr("impasto.engine.penalties.CHUNK", chunk)
    image = (random_features(3, 3, 11, 5) + 0.5).requires_grad_(True)
    (goal,) = torch.autograd.grad(3 * overshoot(image), image)
    gradient = torch.ones_like(image)
    assert add_overshoot(image.detach(), 3.0, gradient) == pytest.approx(overshoot(image).item(), rel=1e-12)
    assert (gradient - 1 - goal).abs().max().item() < 1e-14


@pytest.mark.parametrize("over", ["mean", "sum"])
def test_total_variation_penalty_adds_weighted_gradient(over):
    image, gradient = random_features(5, 3, 7, 9).requires_grad_(True), torch.ones(1, 3, 7, 9, dtype=torch.float64)
    value = total_variation(image, over)
    (expected,) = torch.autograd.grad(0.3 * value, image)
    assert TotalVariation(0.3, over).add_gradient(image.detach(), gradient) == pytest.approx(value.item(), rel=1e-12)
    torch.testing.assert_close(gradient - 1, expected, rtol=1e-12, atol=1e-12)


def test_periodic_total_variation_penalty_counts_seam():
    image, gradient = random_features(5, 3, 7, 9).requires_grad_(True), torch.zeros(1, 3, 7, 9, dtype=torch.float64)
    value = sum((image - image.roll(1, axis)).abs().sum() for axis in (-2, -1)) / image.numel()
    (expected,) = torch.autograd.grad(0.3 * value, image)
    assert value > total_variation(image)
    added = TotalVariation(0.3, wrap=True).add_gradient(image.detach(), gradient)
    assert added == pytest.approx(value.item(), rel=1e-12)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)


def test_overshoot_penalty_adds_weighted_gradient():
    image, gradient = random_features(3, 3, 7, 9).requires_grad_(True), torch.ones(1, 3, 7, 9, dtype=torch.float64)
    value = overshoot(image)
    (expected,) = torch.autograd.grad(3 * value, image)
    assert Overshoot(3.0).add_gradient(image.detach(), gradient) == pytest.approx(value.item(), rel=1e-12)
    torch.testing.assert_close(gradient - 1, expected, rtol=1e-12, atol=1e-12)


def test_pixel_penalties_have_weights_of_settings():
    losses = Losses(total_variation=0.2, total_variation_over="sum", overshoot=1.5)
    assert pixel_penalties(losses, 4.0, wrap=True) == {
        "total_variation": TotalVariation(0.2, "sum", wrap=True),
        "overshoot": Overshoot(6.0),
    }


def test_pixel_penalties_omit_weights_of_zero():
    assert pixel_penalties(Losses(total_variation=0, overshoot=0), 4.0) == {}
    assert pixel_penalties(Losses(total_variation=0, overshoot=1), 0.0) == {}
