import copy

import pytest
import torch
import torch.nn.functional as F

from impasto.encoders.network import Architecture, Encoder, Preprocessing
from impasto.errors import EncoderError
from tests.helpers import CHANNELS, random_weights

NAMES = ["rgb", "conv1_1", "relu1_1", "relu1_2", "conv2_2", "relu2_2", "relu3_4", "conv4_1", "relu4_1", "relu5_1"]


SLIM = (1, 2, 3, 3, 1)


def box_filtered(x):
    """Pool with the weights 1 3 3 1 in both directions, as three box filters."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(F.avg_pool2d(x, 2, 1), 2, 1), 2)


POOLS = {"average": lambda x: F.avg_pool2d(x, 2), "max": lambda x: F.max_pool2d(x, 2), "binomial": box_filtered}


def naive_features(weights, image, architecture):
    """Compute the features layer by layer, out of place, with padding as a separate step."""
    p = architecture.preprocessing
    x = image[:, [2, 1, 0]] if p.channels == "bgr" else image
    x = (x * p.scale - torch.tensor(p.mean, dtype=x.dtype)[:, None, None]) / torch.tensor(p.std, dtype=x.dtype)[
        :, None, None
    ]
    found = {"rgb": image}
    for block, count in enumerate((*architecture.convolutions[:4], 1), 1):
        if block > 1:
            x = POOLS[architecture.pooling](x)
        for index in range(1, count + 1):
            name = f"conv{block}_{index}"
            everywhere = architecture.padding_scope == "all" or name == "conv1_1"
            mode = {"zeros": "constant"}.get(architecture.padding, architecture.padding) if everywhere else "constant"
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), weights[f"{name}.weight"], weights[f"{name}.bias"])
            found[name] = x
            x = x.relu()
            found[f"relu{block}_{index}"] = x
    return found


@pytest.mark.parametrize("pooling", POOLS)
@pytest.mark.parametrize(
    ("padding", "scope"), [("zeros", "all"), ("replicate", "first"), ("reflect", "all"), ("reflect", "first")]
)
def test_features_match_naive_stack(pooling, padding, scope):
    weights = random_weights()
    caffe = Preprocessing("bgr", 255.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0))
    for preprocessing in (Preprocessing(), caffe):
        architecture = Architecture(pooling, padding, scope, preprocessing)
        image = torch.rand(1, 3, 50, 67, generator=torch.Generator().manual_seed(3))
        found = Encoder(weights, architecture)(image, NAMES)
        expected = naive_features(weights, image, architecture)
        for name in NAMES:
            error = (found[name] - expected[name]).norm() / expected[name].norm()
            assert error < 1e-5, name


@pytest.mark.parametrize("stack", [SLIM, (2, 2, 2, 2, 1), (4, 4, 4, 4, 4), (1, 1, 1, 1, 1)])
def test_features_of_other_stacks_match_naive(stack):
    weights = random_weights(stack=stack)
    architecture = Architecture("binomial", "reflect", "all", convolutions=stack)
    encoder, image = Encoder(weights, architecture), torch.rand(1, 3, 50, 67)
    names = [str(layer._replace(after_relu=True)) for layer in encoder.convolutions]
    found, expected = encoder(image, names), naive_features(weights, image, architecture)
    assert names[-1] == "relu5_1"
    for name in names:
        assert (found[name] - expected[name]).norm() < 1e-5 * expected[name].norm(), name


def test_encoder_may_have_fewer_blocks():
    encoder = Encoder(random_weights(stack=(1, 2)), Architecture(convolutions=(1, 2)))
    assert str(encoder.deepest) == "relu2_2"
    assert encoder(torch.rand(1, 3, 8, 8), ["relu2_2"])["relu2_2"].shape == (1, 6, 4, 4)


def test_keras_names_give_features_after_relu():
    encoder = Encoder(random_weights())
    found = encoder(torch.rand(1, 3, 32, 32), ["block2_conv1", "relu2_1", "conv2_1"])
    assert torch.equal(found["block2_conv1"], found["relu2_1"])
    assert torch.equal(found["relu2_1"], found["conv2_1"].relu())
    assert (found["conv2_1"] < 0).any()


def test_forward_stops_at_deepest_requested_layer(monkeypatch):
    encoder, calls = Encoder(random_weights()), []
    convolve = Encoder._convolve
    monkeypatch.setattr(
        Encoder,
        "_convolve",
        lambda self, x, layer, wrap: calls.append(str(layer)) or convolve(self, x, layer, wrap),
    )
    encoder(torch.rand(1, 3, 32, 32), ["relu2_1", "rgb"])
    assert calls == ["conv1_1", "conv1_2", "conv2_1"]
    calls.clear()
    encoder(torch.rand(1, 3, 32, 32), ["rgb"])
    assert calls == []


def test_encoder_is_frozen_and_differentiable():
    encoder = Encoder(random_weights())
    assert not list(encoder.parameters())
    image = torch.rand(1, 3, 32, 32, requires_grad=True)
    encoder(image, ["relu5_1"])["relu5_1"].sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_forward_leaves_image_unchanged():
    image = torch.rand(1, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    before = image.clone()
    Encoder(random_weights(), Architecture(preprocessing=Preprocessing(mean=(0, 0, 0), std=(1, 1, 1))))(
        image, ["rgb", "relu1_1"]
    )
    assert torch.equal(image, before)


def test_forward_rejects_layer_beyond_the_deepest():
    encoder = Encoder(random_weights("conv3_2"))
    with pytest.raises(EncoderError, match=r"no layer block5_conv1: .* losses\.style\.relu5_1=0\.$"):
        encoder(torch.rand(1, 3, 32, 32), ["block5_conv1"])


def test_resolve_lists_layers_of_encoder():
    encoder = Encoder(random_weights(stack=SLIM), Architecture(convolutions=SLIM))
    assert encoder.channels("conv3_3") == 8
    for name in ("relu1_2", "conv3_4", "relu5_2"):
        with pytest.raises(EncoderError, match=f"no layer {name}: choose one of relu1_1, relu2_1 to relu2_2, relu3_1"):
            encoder.resolve(name)


def test_forward_rejects_too_small_picture():
    with pytest.raises(EncoderError, match="too small for relu5_1, which needs 16 px"):
        Encoder(random_weights())(torch.rand(1, 3, 15, 40), ["relu5_1"])


def test_channels_counts_channels_of_layer():
    encoder = Encoder(random_weights())
    assert [encoder.channels(f"relu{b}_1") for b in range(1, 6)] == list(CHANNELS)
    assert encoder.channels("rgb") == 3


def test_with_architecture_keeps_weights():
    encoder = Encoder(random_weights())
    other = encoder.with_architecture(pooling="max")
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(encoder(image, ["relu1_2"])["relu1_2"], other(image, ["relu1_2"])["relu1_2"])
    assert not torch.equal(encoder(image, ["relu2_1"])["relu2_1"], other(image, ["relu2_1"])["relu2_1"])


def test_with_architecture_keeps_precision():
    for dtype in (torch.bfloat16, torch.float64):
        assert Encoder(random_weights()).to(dtype).with_architecture(pooling="max").dtype == dtype


@pytest.mark.parametrize(
    "change", [lambda e: e, lambda e: e.to(torch.bfloat16), lambda e: e.with_architecture(pooling="max"), copy.deepcopy]
)
def test_weights_stay_channels_last(change):
    encoder = change(Encoder(random_weights()))
    kernels = [kernel for kernel in encoder.buffers() if kernel.dim() == 4]
    assert len(kernels) == len(encoder.convolutions)
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
    assert not kernels[-1].is_contiguous()


def test_encoder_rejects_invalid_stacks():
    def assert_rejected(pattern, **changes):
        weights = {**random_weights(), **changes}
        with pytest.raises(EncoderError, match=pattern):
            Encoder({k: v for k, v in weights.items() if v is not None})

    assert_rejected("not a VGG-19 stack: conv2_1 is missing", **{"conv2_1.weight": None})
    assert_rejected("not a VGG-19 stack: it has no conv1_3", **{"conv1_3.weight": torch.zeros(4, 4, 3, 3)})
    assert_rejected("has the shape", **{"conv2_1.bias": None})
    assert_rejected("has the shape", **{"conv2_1.weight": torch.zeros(6, 5, 3, 3)})
    assert_rejected("not finite", **{"conv2_1.bias": torch.full((6,), float("nan"))})
    assert_rejected("has the shape", **{"conv2_1.bias": torch.tensor(0.0)})
    assert_rejected("has the shape", **{"conv2_1.bias": torch.zeros(6, 1)})
    assert_rejected("has the shape", **{"conv2_1.weight": torch.zeros(0, 4, 3, 3), "conv2_1.bias": torch.zeros(0)})
    assert_rejected("is sparse", **{"conv2_1.weight": torch.zeros(6, 4, 3, 3).to_sparse()})
    with pytest.raises(EncoderError, match="conv1_1 is missing"):
        Encoder({})
    with pytest.raises(EncoderError, match="not a stack of 1-2-3-3-1 convolutions: it has no conv1_2"):
        Encoder(random_weights(), Architecture(convolutions=SLIM))
    with pytest.raises(EncoderError, match="conv1_2 is missing"):
        Encoder(random_weights(stack=SLIM))
