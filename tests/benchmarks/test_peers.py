"""The peers: their losses, gradients, plans and budgets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.arithmetic import CountedEncoder, forward_operations, painting_operations
from benchmarks.peers import crowson, galerne, gatys
from benchmarks.peers.crowson import Crowson, scaled_square, squared_variation
from benchmarks.peers.galerne import Galerne
from benchmarks.peers.gatys import Gatys
from benchmarks.peers.scheme import Stage, shortened, sides
from benchmarks.quality.methods import DEFAULT, Canvas, Peer
from tests.helpers import smooth_picture

PEERS = [
    Gatys(iterations=8),
    Gatys("noise", 8, "gatys-noise"),
    Gatys(iterations=8, name="gatys-bounded", bounded=True),
    Crowson(32, 8, 6),
    Galerne(2, 8),
    Galerne(2, 8, name="galerne-bounded", bounded=True),
]


def tensor(height, width, seed):
    return torch.from_numpy(smooth_picture(height, width, seed).transpose(2, 0, 1).copy())[None]


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_peer_lowers_its_loss_at_every_size(peer, narrow_encoder):
    content, style = tensor(48, 64, 1), tensor(64, 56, 2)
    encoder = CountedEncoder(narrow_encoder)
    stages = peer.plan(48, 64)
    outcome = peer.paint(content, style, encoder, stages, 1.0)
    assert [len(losses) for losses in outcome.losses] == [stage.iterations for stage in stages]
    for losses in outcome.losses:
        assert min(losses[1:]) < losses[0]
    assert min(outcome.losses[0]) < 0.9 * outcome.losses[0][0]
    assert outcome.image.shape == content.shape
    assert 0 <= outcome.image.min() <= outcome.image.max() <= 1
    expected = painting_operations(narrow_encoder, peer.layers, stages, (64, 56))
    assert encoder.operations == pytest.approx(expected, rel=0.01)  # the pass of the content stops at its layer


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_larger_factor_moves_picture_further(peer, narrow_encoder):
    content, style = tensor(48, 64, 1), tensor(48, 64, 2)
    stages = peer.plan(48, 64)
    weak, strong = (
        peer.paint(content, style, CountedEncoder(narrow_encoder), stages, factor).image for factor in (1e-3, 10.0)
    )
    assert (weak - strong).abs().mean() > 1e-3


def test_bounded_lbfgs_returns_image_of_lowest_loss(narrow_encoder):
    content, style = tensor(48, 64, 1), tensor(48, 64, 2)
    encoder = CountedEncoder(narrow_encoder)
    loss = gatys.objective(content, style, encoder, 1.0)
    shown = {}
    for bounded in (False, True):
        peer = Gatys(iterations=40, bounded=bounded)
        outcome = peer.paint(content, style, encoder, peer.plan(48, 64), 1.0)
        shown[bounded] = float(loss(outcome.image))
        if bounded:
            assert shown[True] == pytest.approx(min(outcome.losses[0]), rel=1e-4)
    assert shown[True] < shown[False]


@pytest.mark.parametrize("module", [gatys, crowson, galerne])
def test_gradient_matches_loss_of_peer(module, narrow_encoder):
    encoder = CountedEncoder(narrow_encoder.double())
    content, style, image = (tensor(32, 40, seed).double() for seed in (1, 2, 3))
    loss = module.objective(content, style, encoder, 1.0)
    leaf = image.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(leaf), leaf)
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    h = 1e-6
    slope = (loss(image + h * direction) - loss(image - h * direction)) / (2 * h)
    assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-4)
    narrow_encoder.float()


def test_plans_match_descriptions():
    assert Gatys().plan(341, 512) == (Stage(341, 512, 500),)
    assert [(max(s[:2]), s.iterations) for s in Crowson().plan(341, 512)] == [
        (128, 1000), (181, 500), (256, 500), (362, 500), (512, 500),
    ]  # fmt: skip
    assert [(s.width, s.iterations) for s in Galerne().plan(341, 512)] == [(128, 600), (256, 300), (512, 150)]
    assert sides(48, 64, 2, 0) == [(48, 64)]  # half the size would be below the minimum
    assert shortened([Stage(8, 8, 100), Stage(8, 8, 1)], 0.25) == (Stage(8, 8, 25), Stage(8, 8, 1))


def test_short_budget_equals_arithmetic_of_default(pairs, encoder_file):
    canvas, peer = Canvas(96, str(encoder_file)), Peer(Crowson(48, 60, 40))
    painted = peer.paint(pairs[0], canvas, 1.0)
    assert painted.operations == pytest.approx(DEFAULT.operations(pairs[0], canvas), rel=0.03)
    assert painted.array.shape == (72, 96, 3)


def test_scaled_square_gradient_sums_to_about_one():
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    (gradient,) = torch.autograd.grad(scaled_square(x, torch.zeros(1000)), x)
    assert 0.5 < float(gradient.abs().sum()) < 2
    (larger,) = torch.autograd.grad(scaled_square(50 * x, torch.zeros(1000)), x)
    assert float(larger.abs().sum()) == pytest.approx(50 * float(gradient.abs().sum()), rel=1e-4)


def test_squared_variation_of_ramp():
    ramp = torch.arange(100.0).expand(1, 3, 80, 100) / 100  # horizontal, so diagonal neighbours differ as much
    inner = 0.01**2 * (1 + (1 + 1) / 2) / 3
    assert float(squared_variation(ramp)) == pytest.approx(inner, rel=0.03)
    assert float(squared_variation(torch.full((1, 3, 8, 8), 0.5))) == 0


def test_forward_operations_count_convolutions(narrow_encoder):
    expected = 9 * 64 * 48 * (3 * 4 + 4 * 4) + 9 * 32 * 24 * (4 * 6)
    assert forward_operations(narrow_encoder, ["rgb", "relu1_2", "relu2_1"], 48, 64) == expected
    assert forward_operations(narrow_encoder, ["rgb"], 48, 64) == 0
    encoder = CountedEncoder(narrow_encoder)
    encoder(torch.zeros(1, 3, 48, 64), ["relu2_1"])
    assert encoder.operations == expected
    encoder(torch.zeros(1, 3, 48, 64, requires_grad=True), ["relu2_1"])
    assert encoder.operations == 3 * expected
    assert np.isfinite(encoder.operations)
