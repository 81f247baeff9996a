import numpy as np
import pytest
import torch

from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Architecture, Encoder
from impasto.engine.distances import gaussian, wasserstein2
from impasto.engine.objective import make_objective
from impasto.engine.penalties import total_variation
from impasto.engine.statistics import statistics
from impasto.engine.style_terms import shares
from impasto.errors import EncoderError
from impasto.settings.model import Losses
from tests.engine.samples import picture_tensor
from tests.helpers import random_weights

LAYERS = {"rgb": 2.0, "strokes": 1.5, "relu1_1": 1.0, "relu2_1": 0.5, "relu4_1": 3.0}


@pytest.fixture(scope="module")
def pictures():
    return {
        "content": picture_tensor(40, 56, 1),
        "styles": [picture_tensor(48, 48, 2), picture_tensor(64, 32, 3)],
        "image": picture_tensor(40, 56, 4),
    }


def naive_total(encoder, pictures, losses, content_weight, style_weight):
    """Return the sum of all terms from plain features as a function of the image."""
    names = [*losses.style, *losses.content]
    target = encoder(pictures["content"], losses.content)
    styles = [encoder(style, losses.style) for style in pictures["styles"]]

    def gram(f):
        flat = f[0].flatten(1)
        return flat @ flat.mT / flat.shape[1]

    def distance(f, g):
        if losses.style_distance == "gram":
            return (gram(f) - gram(g)).square().mean()
        return wasserstein2(statistics(f), gaussian(statistics(g)))

    def norm(name):
        """Average the squared Gram matrices, or traces, of both styles."""
        if not losses.relative:
            return 1
        grams = [gram(style[name]) for style in styles]
        sizes = [G.square().mean() if losses.style_distance == "gram" else G.trace() for G in grams]
        return 0.25 * sizes[0] + 0.75 * sizes[1]

    def total(image):
        features = encoder(image, names)
        result = losses.total_variation * total_variation(image)
        for name, share in shares(losses.content).items():
            size = target[name].square().mean() if losses.relative else 1
            result = result + content_weight * share * (features[name] - target[name]).square().mean() / size
        for style, weight in zip(styles, (0.25, 0.75), strict=True):
            for name, share in shares(losses.style).items():
                result = result + style_weight * weight * share * distance(features[name], style[name]) / norm(name)
        return result

    return total


@pytest.mark.parametrize("distance", ["gram", "gaussian"])
@pytest.mark.parametrize("relative", [True, False])
def test_objective_equals_written_out_sums(pictures, distance, relative):
    encoder = Encoder(random_weights()).double()
    losses = Losses(style=LAYERS, content={"relu3_2": 1, "relu4_1": 2}, style_distance=distance, relative=relative,
                    total_variation=0.3)  # fmt: skip
    objective = make_objective(encoder, pictures["content"], pictures["styles"], (1, 3), losses, 0.7, 5.0)
    loss, gradient = objective.value_and_gradient(pictures["image"])
    leaf = pictures["image"].clone().requires_grad_(True)
    total = naive_total(encoder, pictures, losses, 0.7, 5.0)(leaf)
    (expected,) = torch.autograd.grad(total, leaf)
    assert loss.total == pytest.approx(total.item(), rel=1e-9)
    assert loss.total == pytest.approx(0.7 * loss.content + 5 * loss.style + 0.3 * loss.total_variation, rel=1e-9)
    assert (gradient - expected).norm() < 1e-7 * expected.norm()


def test_objective_gradient_matches_finite_differences(pictures):
    # Steps along the gradient on random halves of the pixels involve every layer, both distances and the padding.
    encoder = Encoder(random_weights(), Architecture(padding="reflect", padding_scope="all")).double()
    content, styles, image = pictures["content"], pictures["styles"], pictures["image"]
    for distance in ("gram", "gaussian"):
        losses = Losses(style=LAYERS, style_distance=distance, total_variation=0.01)
        objective = make_objective(encoder, content, styles, (1, 1), losses, 1.0, 10.0)
        _, gradient = objective.value_and_gradient(image)
        generator = torch.Generator().manual_seed(0)
        for _ in range(5):
            half = torch.rand(image.shape, generator=generator, dtype=torch.float64) < 0.5
            d = 1e-6 * gradient * half / gradient.norm()
            slope = (
                objective.value_and_gradient(image + d)[0].total - objective.value_and_gradient(image - d)[0].total
            ) / 2
            np.testing.assert_allclose(slope, (gradient * d).sum().item(), rtol=2e-4)


@pytest.mark.parametrize("distance", ["gram", "gaussian"])
def test_relative_distances_mix_styles_by_weight(distance):
    # Relative distances have one norm for all styles; otherwise the pull of each would depend on its scale.
    encoder = Encoder(random_weights()).double()
    dark, light, image = 0.1 * picture_tensor(48, 48, 2), picture_tensor(48, 48, 3), picture_tensor(40, 56, 4)

    def slope(weights, *, relative):
        losses = Losses(style={"relu2_1": 1.0}, style_distance=distance, relative=relative, total_variation=0)
        objective = make_objective(encoder, image, [dark, light], weights, losses, 0.0, 1.0)
        return objective.value_and_gradient(image)[1].flatten()

    one, other = slope((0.3, 0.7), relative=True), slope((0.3, 0.7), relative=False)
    assert one @ other / (one.norm() * other.norm()) == pytest.approx(1, abs=1e-9)


def test_objective_is_zero_if_all_pictures_equal(pictures):
    losses = Losses(style=LAYERS, total_variation=0)
    encoder = Encoder(random_weights()).double()
    objective = make_objective(encoder, pictures["content"], [pictures["content"]], (1,), losses, 1.0, 1.0)
    loss, gradient = objective.value_and_gradient(pictures["content"])
    assert loss.content == 0
    assert abs(loss.style) < 1e-9
    assert gradient.abs().max() < 1e-7


def test_content_layers_need_content_weight(pictures):
    encoder = Encoder(random_weights("conv2_1")).double()
    losses = Losses(style={"relu1_1": 1.0})
    make_objective(encoder, pictures["content"], pictures["styles"], (1, 1), losses, 0.0, 1.0).value_and_gradient(
        pictures["image"]
    )
    with pytest.raises(EncoderError, match="choose one of relu1_1 to relu1_2, relu2_1, and"):
        make_objective(encoder, pictures["content"], pictures["styles"], (1, 1), losses, 1.0, 1.0)


@pytest.mark.parametrize("wrap", [False, True])
def test_objective_keeps_features_channels_last(pictures, monkeypatch, wrap):
    # A view may lose the strides by which convolutions recognise the layout; they then copy, and an iteration takes
    # half as long again.
    layouts, convolve = [], Encoder._convolve

    def watched(self, x, *others):
        x = convolve(self, x, *others)
        layouts.append(x.is_contiguous(memory_format=torch.channels_last))
        return x

    monkeypatch.setattr(Encoder, "_convolve", watched)
    objective = make_objective(
        Encoder(random_weights(channels=(32,) * 5)),
        pictures["content"].float(),
        [style.float() for style in pictures["styles"]],
        (1, 1),
        Losses(style=LAYERS),
        1.0,
        1.0,
        wrap=wrap,
    )
    layouts.clear()
    objective.value_and_gradient(pictures["image"].float())
    assert len(layouts) == 9
    assert all(layouts)


LOW, FULL = torch.bfloat16, torch.float32


def builtin_objective(dtype, *, tile=None, distance="gaussian"):
    encoder = load_encoder().encoder.to(dtype)
    losses = Losses(style_distance=distance)
    return make_objective(
        encoder,
        picture_tensor(96, 128, 1, FULL),
        [picture_tensor(96, 96, 2, FULL)],
        (1.0,),
        losses,
        1.0,
        100.0,
        tile=tile,
    )


def test_bfloat16_features_are_near_float32():
    picture = picture_tensor(80, 96, 3, FULL)
    names = ["rgb", "strokes", "gabor", "gabor2", "relu1_1", "relu3_1", "relu5_1"]
    low, full = (load_encoder().encoder.to(dtype)(picture, names) for dtype in (LOW, FULL))
    assert low["rgb"].dtype == low["strokes"].dtype == FULL
    for name in names[2:]:
        assert low[name].dtype == LOW
        error = (low[name].float() - full[name]).square().mean().sqrt() / full[name].square().mean().sqrt()
        assert error < 0.02, name


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_bfloat16_objective_is_near_float32(distance):
    image = picture_tensor(96, 128, 4, FULL)
    (low, g), (full, h) = (
        builtin_objective(dtype, distance=distance).value_and_gradient(image) for dtype in (LOW, FULL)
    )
    assert low.total == pytest.approx(full.total, rel=0.01)
    assert low.content == pytest.approx(full.content, rel=0.01)
    assert g.dtype == FULL
    assert torch.nn.functional.cosine_similarity(g.flatten(), h.flatten(), 0) > 0.995


def test_tiled_bfloat16_objective_is_near_untiled():
    image = picture_tensor(96, 128, 4, FULL)
    (tiled, g), (whole, h) = (builtin_objective(LOW, tile=tile).value_and_gradient(image) for tile in (64, None))
    assert tiled.total == pytest.approx(whole.total, rel=0.005)
    assert torch.nn.functional.cosine_similarity(g.flatten(), h.flatten(), 0) > 0.99
