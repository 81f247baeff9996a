import pytest
import torch

from impasto.encoders.layers import parse_layer
from impasto.engine.style_terms import layer_masks, mask_owner, shares, style_pulls


def test_layer_masks_reduce_like_poolings():
    mask = torch.rand(37, 50, generator=torch.Generator().manual_seed(0))
    masks = layer_masks(mask, {name: parse_layer(name) for name in ("rgb", "strokes", "relu1_1", "relu3_1", "relu4_1")})
    assert masks["rgb"] is masks["relu1_1"] is mask
    assert masks["relu4_1"].shape == (4, 6)
    assert masks["strokes"] is masks["relu4_1"]  # both at an eighth of the size
    assert masks["strokes"][1, 2].item() == pytest.approx(mask[8:16, 16:24].mean().item(), rel=1e-5)
    assert masks["relu3_1"][1, 2].item() == pytest.approx(mask[4:8, 8:12].mean().item(), rel=1e-5)


def test_mask_of_strokes_alone_is_reduced_to_an_eighth():
    mask = torch.rand(48, 41, generator=torch.Generator().manual_seed(0))
    (reduced,) = layer_masks(mask, {"strokes": parse_layer("strokes")}).values()
    assert reduced.shape == (6, 5)
    assert reduced[5, 4].item() == pytest.approx(mask[40:48, 32:40].mean().item(), rel=1e-5)


def test_shares_sum_to_one_without_zeros():
    assert shares({"a": 1.0, "b": 0.0, "c": 3.0}) == {"a": 0.25, "c": 0.75}


def test_mask_owner_is_first_style_with_mask():
    mask, other = {"rgb": torch.ones(2, 2)}, {"rgb": torch.ones(2, 2)}
    masks = [None, mask, other, mask]
    assert [mask_owner(masks, number) for number in range(4)] == [None, 1, 2, 1]


def test_style_pulls_are_weighted_areas():
    assert style_pulls([1, 3], [1.0, 1.0]) == pytest.approx([0.25, 0.75])
    assert style_pulls([1, 1], [0.3, 0.1]) == pytest.approx([0.3, 0.1])
    assert style_pulls([0, 0], [0.3, 0.1]) == [0.0, 0.0]
