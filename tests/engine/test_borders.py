"""Pictures continued to whole cells of all poolings: nothing of them is left out, and gradients come back to them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from skimage import data

import impasto
from impasto.encoders.layers import parse_layer
from impasto.encoders.network import Encoder
from impasto.engine.borders import BLEED, Mirrored, bled, bled_size, folded, middle, mirrored, mirrored_size, trimmed
from impasto.engine.objective import Objective, make_objective
from impasto.engine.penalties import total_variation
from impasto.engine.protection import Protected
from impasto.engine.tiles import Box
from impasto.painting.painter import Painter
from impasto.settings.making import make_settings, make_texture_settings
from impasto.settings.model import Losses
from tests.helpers import random_weights, smooth_picture

DEEP = Losses(content={}, style={"relu5_1": 1.0}, total_variation=0, overshoot=0)


def tensor(height, width, seed):
    return torch.from_numpy(smooth_picture(height, width, seed).transpose(2, 0, 1))[None].double()


def objective(picture, losses=DEEP, style_weight=1.0, **more):
    encoder = Encoder(random_weights()).double()
    return make_objective(encoder, picture, [tensor(64, 64, 2)], (1.0,), losses, 1.0, style_weight, **more)


def measured_mirrored(photo, losses=DEEP, style_weight=1.0):
    size = (photo.shape[-2], photo.shape[-1])
    whole = mirrored_size(*size, [parse_layer("relu5_1")])
    return Mirrored(objective(mirrored(photo, whole), losses, style_weight, counted=Box(0, 0, *size)), whole)


@pytest.mark.parametrize(
    ("size", "layer", "found"),
    [((213, 320), "relu5_1", (224, 320)), ((213, 320), "relu3_1", (216, 320)), ((213, 321), "rgb", (213, 321)),
     ((32, 33), "conv5_2", (32, 48))],
)  # fmt: skip
def test_the_size_is_whole_cells_of_the_deepest_layer(size, layer, found):
    assert mirrored_size(*size, [parse_layer("relu1_1"), parse_layer(layer)][layer == "rgb" :]) == found


@given(height=st.integers(32, 70), width=st.integers(32, 70))
def test_what_bleeds_is_whole_cells_around_the_picture_and_is_trimmed(height, width):
    picture = torch.arange(height * width).reshape(1, 1, height, width).float()
    whole = bled_size(height, width, [parse_layer("relu5_1")])
    image = bled(picture, whole)
    assert image.shape[-2:] == whole
    assert not any(side % 16 for side in whole)
    assert torch.equal(trimmed(image, (height, width)), picture)
    at = middle(whole, (height, width))
    margins = at.top, at.left, whole[0] - at.bottom, whole[1] - at.right
    assert BLEED <= min(margins) <= max(margins) <= BLEED + 8
    assert image[0, 0, at.top - 1, at.left] == picture[0, 0, 1, 0]  # the mirror image, without the border twice
    assert image[0, 0, at.top, at.right] == picture[0, 0, 0, -2]
    assert bled(picture, (height, width)) is picture


@given(height=st.integers(17, 40), width=st.integers(17, 40), down=st.integers(0, 15), across=st.integers(0, 15))
def test_folding_is_the_adjoint_of_mirroring(height, width, down, across):
    generator = torch.Generator().manual_seed(height * width)
    x = torch.randn(1, 3, height, width, generator=generator, dtype=torch.float64)
    larger = height + down, width + across
    g = torch.randn(1, 3, *larger, generator=generator, dtype=torch.float64)
    forth = (mirrored(x, larger) * g).sum()
    back = (x * folded(g.clone(), (height, width))).sum()
    torch.testing.assert_close(forth, back)


@pytest.mark.parametrize("height", [41, 45, 55, 61])
def test_the_last_rows_count_like_the_others(height):
    """What poolings leave out, the deep layers hardly see; mirrored, they see it as they see the inside."""

    def share_of_the_last_rows(gradient):
        return (gradient[..., -4:, :].abs().mean() / gradient[..., 8:-16, :].abs().mean()).item()

    image, photo = tensor(height, 64, 1), tensor(height, 64, 3)
    _, cut = objective(photo).value_and_gradient(image)
    _, gradient = measured_mirrored(photo).value_and_gradient(image)
    assert gradient.shape == image.shape
    assert share_of_the_last_rows(cut) < 0.55
    assert share_of_the_last_rows(gradient) > max(0.7, 1.5 * share_of_the_last_rows(cut))


def test_what_lies_beyond_the_border_is_not_measured():
    image, photo = tensor(41, 37, 1), tensor(41, 37, 3)
    losses = Losses(content={"rgb": 1.0}, style={"relu5_1": 1.0}, total_variation=0, overshoot=0)
    loss, gradient = measured_mirrored(photo, losses, style_weight=0.0).value_and_gradient(image)
    assert loss.total == pytest.approx(((image - photo).square().sum() / photo.square().sum()).item())
    torch.testing.assert_close(gradient, 2 * (image - photo) / photo.square().sum())
    loss, _ = measured_mirrored(photo, Losses(total_variation=1.0)).value_and_gradient(image)
    assert loss.total_variation == pytest.approx(total_variation(image).item())


def test_the_gradient_is_that_of_finite_differences():
    photo, image, step = tensor(37, 35, 3), tensor(37, 35, 1), 1e-5
    measured = measured_mirrored(photo, Losses(overshoot=0, total_variation=0))
    loss, gradient = measured.value_and_gradient(image)
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    ends = [measured.value_and_gradient(image + sign * step * direction)[0].total for sign in (1, -1)]
    slope = (gradient * direction).sum().item()
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=1e-4)
    assert loss.total > 0


def bleeding(photo, losses=DEEP, style_weight=1.0, **more):
    size = (photo.shape[-2], photo.shape[-1])
    whole = bled_size(*size, [parse_layer("relu5_1")])
    return objective(bled(photo, whole), losses, style_weight, counted=middle(whole, size), **more), whole, size


def test_what_bleeds_moves_with_the_features_at_the_border_and_is_not_measured_itself():
    photo, image = tensor(41, 37, 3), tensor(41, 37, 1)
    pixels = Losses(content={"rgb": 1.0, "relu3_1": 0}, style={"relu5_1": 1.0}, total_variation=0, overshoot=0)
    measured, whole, size = bleeding(photo, pixels, style_weight=0.0)
    loss, gradient = measured.value_and_gradient(bled(image, whole))
    assert loss.total == pytest.approx(((image - photo).square().sum() / photo.square().sum()).item())
    torch.testing.assert_close(trimmed(gradient, size), 2 * (image - photo) / photo.square().sum())
    trimmed(gradient, size).zero_()
    assert not gradient.any()
    _, gradient = bleeding(photo)[0].value_and_gradient(bled(image, whole))
    assert gradient[..., :4, :].any()
    assert gradient[..., -4:].any()
    variation, _ = bleeding(photo, Losses(total_variation=1.0))[0].value_and_gradient(bled(image, whole))
    assert variation.total_variation == pytest.approx(total_variation(image).item())


def test_what_bleeds_has_the_gradient_of_finite_differences():
    photo, step = tensor(37, 35, 3), 1e-7
    measured, whole, _ = bleeding(photo, Losses(overshoot=0, total_variation=0))
    image = tensor(*whole, 1)
    _, gradient = measured.value_and_gradient(image)
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    ends = [measured.value_and_gradient(image + sign * step * direction)[0].total for sign in (1, -1)]
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx((gradient * direction).sum().item(), rel=1e-4)


@given(height=st.integers(33, 90), width=st.integers(33, 90), tile=st.sampled_from([32, 48, 64]))
@settings(max_examples=12, deadline=None)
def test_what_bleeds_can_be_cut_into_tiles(height, width, tile):
    photo = tensor(height, width, 3)
    losses = Losses(style_distance="gram", total_variation=0.1)
    (one, whole, _), (tiled, *_) = (bleeding(photo, losses, tile=side) for side in (None, tile))
    image = tensor(*whole, 1)
    (expected, gradient), (found, same) = (x.value_and_gradient(image) for x in (one, tiled))
    assert found.total == pytest.approx(expected.total, rel=1e-10)
    torch.testing.assert_close(same, gradient, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize(
    ("borders", "painted", "measured"),
    [("bleed", (80, 96), (80, 96)), ("mirrored", (53, 75), (64, 80)), ("cut", (53, 75), (53, 75))],
)
def test_paintings_of_odd_sizes_come_out_as_asked(tiny_encoder, borders, painted, measured):
    photo, style = smooth_picture(53, 75, 1), smooth_picture(64, 64, 2)
    how = {"encoder": str(tiny_encoder), "size": 75, "threads": 1, "borders": borders}
    painter = Painter(photo, [style], make_settings(**how, optimization={"iterations": 2}))
    (octave,) = painter.octaves
    assert octave[:2] == (53, 75)
    assert painter.workload.painted(octave)[:2] == painted
    assert painter.workload.measured(octave)[:2] == measured
    events = list(painter)
    assert painter._run.best.shape[-2:] == painted
    assert events[2].image().shape == events[-1].painting.array.shape == (53, 75, 3)


def test_a_seamless_texture_has_no_border_to_bleed_over(tiny_encoder):
    how = {"encoder": str(tiny_encoder), "threads": 1, "seamless": True, "size": (64, 48)}
    assert make_texture_settings().borders == "bleed"
    style, few = smooth_picture(64, 64, 2), {"iterations": 2}
    painter = impasto.make_texture_painter(style, **how, optimization=few)
    assert painter.workload.painted(painter.octaves[-1]) == painter.octaves[-1]
    plain, cut = (impasto.texture(style, **how, optimization=few, borders=borders) for borders in ("bleed", "cut"))
    assert np.array_equal(plain.array, cut.array)


def frame(picture):
    """Change across the outermost rows as a share of that across rows further in, on the mean of the four sides."""
    sides = (np.abs(np.diff(np.rot90(picture, turn), axis=0)).mean((1, 2)) for turn in range(4))
    return np.mean([change[:2].mean() / change[8:24].mean() for change in sides])


def test_what_bleeds_leaves_no_frame():
    how = {"size": 128, "threads": 1, "device": "cpu", "precision": "float32",
           "optimization": {"iterations": 20, "smallest_octave": 64}}  # fmt: skip
    bleed, mirrored = (
        frame(impasto.paint(smooth_picture(96, 128, 1), data.coffee(), **how, borders=borders).array)
        for borders in ("bleed", "mirrored")
    )
    assert bleed < 1.15
    assert bleed < 0.9 * mirrored


def test_nothing_that_bleeds_is_left_where_nothing_is_painted(tiny_encoder):
    photo, style = smooth_picture(71, 99, 1), smooth_picture(64, 64, 2)
    how = {"encoder": str(tiny_encoder), "size": 99, "threads": 1, "precision": "float32", "style_weight": 0}
    octaves = {"iterations": 1, "coarse_factor": 1, "smallest_octave": 48}
    painting = impasto.paint(photo, style, **how, content_weight=1.0, optimization=octaves)
    assert len(painting.octaves) == 2
    np.testing.assert_allclose(painting.array, photo, atol=1e-6)


@pytest.mark.parametrize("borders", ["bleed", "mirrored"])
def test_with_masks_and_protection_tiles_have_the_same_loss_and_what_is_held_does_not_move(tiny_encoder, borders):
    photo, styles = smooth_picture(53, 75, 1), [smooth_picture(64, 64, seed) for seed in (2, 3)]
    left, kept = np.zeros((53, 75), np.float32), np.zeros((53, 75), np.float32)
    left[:, :40], kept[-9:, -20:] = 1, 1
    how = {"encoder": str(tiny_encoder), "size": 75, "threads": 1, "losses": {"style_distance": "gram"},
           "borders": borders}  # fmt: skip
    found = []
    for tile in (None, 64):
        painter = Painter(
            photo,
            styles,
            make_settings(**how, tile=tile),
            named={"masks.1": left, "masks.2": 1 - left, "protect": kept},
        )
        encoder = painter._objectives.tiled_encoder(painter.octaves[-1])
        target = painter._objectives.measure_styles(painter.octaves[-1], encoder)
        objective = painter._objectives.objective(painter.octaves[-1], encoder, target)
        assert isinstance(objective, Protected)
        assert isinstance(objective.objective, Mirrored if borders == "mirrored" else Objective)
        image = painter._scaled.continued(tensor(53, 75, 4).float(), painter.workload.painted(painter.octaves[-1])[:2])
        loss, gradient = objective.value_and_gradient(image)
        found.append((loss, trimmed(gradient, (53, 75))))
    (whole, gradient), (tiled, same) = found
    assert tiled.total == pytest.approx(whole.total, rel=1e-5)
    torch.testing.assert_close(same, gradient, rtol=1e-3, atol=1e-5 * gradient.abs().max().item())
    assert not gradient[..., torch.from_numpy(kept) == 1].any()
    assert gradient[..., torch.from_numpy(kept) == 0].abs().min() > 0


@pytest.mark.parametrize("preset", ["tutorial", "tutorial-core"])
def test_the_tutorial_cuts_as_tensorflow_does(preset):
    assert make_settings(preset=preset).borders == "cut"
