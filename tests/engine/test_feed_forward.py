import pytest
import torch

from impasto.encoders.decoder import LEVELS, Decoder
from impasto.encoders.network import Encoder
from impasto.engine import feed_forward
from impasto.engine.feed_forward import (
    FeedForward,
    blend_at,
    matching_at,
    network_strength,
    passes,
    tukey_window,
)
from impasto.engine.statistics import covariance, exact_statistics, mean
from impasto.engine.style_terms import layer_masks
from tests.helpers import random_weights


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    encoder = Encoder(random_weights("conv4_1"))
    decoder = Decoder([encoder.channels(name) for name in LEVELS])
    return FeedForward(encoder, decoder)


def picture(seed, height=64, width=64):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_tiles_give_the_whole_picture(network):
    photo = picture(0, 400, 264)
    transfer, whole = network.measure(photo, [[(network.measure_style(picture(1)), 1.0)]], [None], 0.5)
    tiled = network.paint(photo, transfer, [None], 0.5, tile=64)
    assert (tiled - whole).abs().max() < 1e-3 * whole.abs().max()


def test_smaller_halo_would_leave_seams(network, monkeypatch):
    monkeypatch.setattr(feed_forward, "HALO", 16)
    monkeypatch.setattr(feed_forward, "MARGIN", 16)
    photo = picture(0, 400, 264)
    transfer, whole = network.measure(photo, [[(network.measure_style(picture(1)), 1.0)]], [None], 0.5)
    tiled = network.paint(photo, transfer, [None], 0.5, tile=64)
    assert (tiled - whole).abs().max() > 1e-2 * whole.abs().max()


def test_smaller_margin_of_histograms_would_leave_seams(network, monkeypatch):
    monkeypatch.setattr(feed_forward, "MARGIN", 0)
    photo = picture(0, 400, 264)
    transfer, whole = network.measure(photo, [[(network.measure_style(picture(1)), 1.0)]], [None], 0.5)
    tiled = network.paint(photo, transfer, [None], 0.5, tile=64)
    assert (tiled - whole).abs().max() > 1e-2 * whole.abs().max()


def test_strength_zero_leaves_features_unmapped(network):
    photo = picture(0)
    (maps, _), _ = network.measure(photo, [[(network.measure_style(picture(1)), 1.0)]], [None], 0.0)
    for name in LEVELS:
        torch.testing.assert_close(maps[name][0].matrix, torch.eye(len(maps[name][0].bias)).double(), atol=1e-4, rtol=0)
    assert [blend_at(s) for s in (0, 0.25, 0.5, 1)] == [0, 0.5, 1, 1]


def test_high_strength_paints_twice():
    assert [passes(s) for s in (0, 0.5, 0.75, 1)] == [(0.0,), (0.0,), (0.0, 0.5), (0.0, 1.0)]


def test_default_strength_matches_histograms_in_full():
    assert [network_strength(s) for s in (0, 0.25, 0.5, 0.75, 1)] == pytest.approx([0, 0.21, 0.42, 0.5, 0.5])
    assert [matching_at(network_strength(s)) for s in (0, 0.25, 0.5, 1)] == [0, 0.5, 1, 1]


def test_regions_get_their_own_styles(network):
    photo, styles = picture(0, 96, 96), [picture(1) * 0.2, 0.5 + 0.5 * picture(2)]
    left = torch.zeros(96, 96)
    left[:, :48] = 1
    masks = [layer_masks(mask, network.layers) for mask in (left, 1 - left)]
    targets = [network.measure_style(style) for style in styles]
    seen = {}
    original = network._decoder.block

    def spy(number, x, strength):
        seen.setdefault(number, x)
        return original(number, x, strength)

    network._decoder.block = spy
    try:
        network.measure(photo, [[(target, 1.0)] for target in targets], masks, 0.5)
    finally:
        del network._decoder.block
    window = torch.outer(*map(tukey_window, seen[0].shape[-2:]))
    for target, columns in zip(targets, (slice(6), slice(6, None)), strict=True):
        found = exact_statistics(seen[0][..., columns], mask=window[:, columns])
        torch.testing.assert_close(
            mean(found).float(), target.distributions[LEVELS[0]].mean.float(), rtol=1e-3, atol=1e-3
        )
        assert covariance(found).isfinite().all()


def test_weights_average_the_maps(network):
    photo, styles = picture(0), [network.measure_style(picture(seed)) for seed in (1, 2)]
    one, two, both = (
        network.measure(photo, [target], [None], 0.5)[0].maps[LEVELS[0]][0]
        for target in ([(styles[0], 1.0)], [(styles[1], 1.0)], [(styles[0], 3.0), (styles[1], 1.0)])
    )
    torch.testing.assert_close(both.matrix, 0.75 * one.matrix + 0.25 * two.matrix)
    torch.testing.assert_close(both.bias, 0.75 * one.bias + 0.25 * two.bias)


def test_positions_near_the_border_count_little(network):
    photo, style = picture(0, 96, 96), network.measure_style(picture(1))
    at_border, in_middle = photo.clone(), photo.clone()
    at_border[..., :8], in_middle[..., 40:48] = 0, 0
    maps, *changed = (network.measure(x, [[(style, 1.0)]], [None], 0.5)[0].maps for x in (photo, at_border, in_middle))
    border, middle = ((other[LEVELS[0]][0].matrix - maps[LEVELS[0]][0].matrix).norm() for other in changed)
    assert 0 < border < 0.6 * middle  # without windows it is larger
