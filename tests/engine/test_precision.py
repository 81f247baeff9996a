"""bfloat16: features of less precision, sums of the same, pictures as good; chosen where the machine has it."""

import numpy as np
import pytest
import torch
from skimage import data

import impasto
from impasto.encoders.loading import load_encoder
from impasto.engine.devices import choose_precision
from impasto.engine.objective import make_objective
from impasto.engine.statistics import Statistics, add_statistics_gradient, exact_statistics
from impasto.painting.events import StepFinished
from impasto.painting.painter import Painter
from impasto.painting.planning import memory_needed
from impasto.painting.snapshot import Snapshot
from impasto.settings.making import change_settings, make_settings
from impasto.settings.model import Losses
from tests.helpers import smooth_picture

LOW, FULL = torch.bfloat16, torch.float32


def tensor(height, width, seed):
    return torch.from_numpy(smooth_picture(height, width, seed).transpose(2, 0, 1))[None]


def objective(dtype, *, tile=None, distance="gaussian"):
    encoder = load_encoder().encoder.to(dtype)
    losses = Losses(style_distance=distance)
    return make_objective(encoder, tensor(96, 128, 1), [tensor(96, 96, 2)], (1.0,), losses, 1.0, 100.0, tile=tile)


@pytest.fixture
def small():
    return {"size": 96, "threads": 1, "device": "cpu", "precision": "bfloat16", "optimization": {"iterations": 5}}


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [({"avx512_bf16": True}, LOW), ({"amx_bf16": True}, LOW), ({"avx512_bf16": False}, FULL), ({}, FULL)],
)
@pytest.mark.usefixtures("_machine_as_it_is")
def test_it_is_chosen_where_the_processor_multiplies_it(monkeypatch, capabilities, chosen):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_precision("auto", torch.device("cpu")) == chosen
    assert choose_precision("bfloat16", torch.device("cpu")) == LOW
    assert choose_precision("float32", torch.device("cpu")) == FULL


@pytest.mark.usefixtures("_machine_as_it_is")
def test_a_pytorch_that_does_not_tell_computes_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision("auto", torch.device("cpu")) == FULL
    assert choose_precision("auto", torch.device("mps")) == FULL


def test_the_tutorial_is_float32_whatever_the_machine():
    assert {make_settings(preset=name).precision for name in ("tutorial", "tutorial-core")} == {"float32"}


def test_features_are_those_of_float32_to_its_precision():
    picture, names = tensor(80, 96, 3), ["rgb", "relu1_1", "relu3_1", "relu5_1"]
    low, full = (load_encoder().encoder.to(dtype)(picture, names) for dtype in (LOW, FULL))
    assert low["rgb"].dtype == FULL
    for name in names[1:]:
        assert low[name].dtype == LOW
        error = (low[name].float() - full[name]).square().mean().sqrt() / full[name].square().mean().sqrt()
        assert error < 0.02, name


def test_sums_over_features_lose_nothing_more():
    features = (3 + torch.randn(1, 6, 40, 50, generator=torch.Generator().manual_seed(0))).to(LOW)
    found = exact_statistics(features)
    f = features[0].double().reshape(6, -1)
    torch.testing.assert_close(found.first.double(), f.sum(1), rtol=1e-6, atol=0)
    torch.testing.assert_close(found.second.double(), f @ f.mT, rtol=1e-6, atol=0)


@pytest.mark.parametrize("masked", [False, True])
def test_the_gradient_of_sums_is_as_precise_as_its_products(masked):
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(1, 6, 8, 9, generator=generator).to(LOW).contiguous(memory_format=torch.channels_last)
    first, second = torch.randn(6, generator=generator), torch.randn(6, 6, generator=generator)
    slope = Statistics(torch.tensor(0.0), first.double(), second.double())
    mask = torch.rand(8, 9, generator=generator) if masked else None
    gradient = torch.zeros_like(features)
    add_statistics_gradient(gradient, features, slope, torch.zeros(6).double(), mask=mask)
    expected = torch.einsum("nchw,cd->ndhw", features.double(), (second + second.mT).double()) + first.view(1, 6, 1, 1)
    expected = expected if mask is None else expected * mask
    error = (gradient.double() - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    assert 0 < error < 2**-8


@pytest.mark.parametrize("distance", ["gaussian", "gram"])
def test_loss_and_gradient_are_those_of_float32_nearly(distance):
    image = tensor(96, 128, 4)
    (low, g), (full, h) = (objective(dtype, distance=distance).value_and_gradient(image) for dtype in (LOW, FULL))
    assert low.total == pytest.approx(full.total, rel=0.01)
    assert low.content == pytest.approx(full.content, rel=0.01)
    assert g.dtype == FULL
    assert torch.nn.functional.cosine_similarity(g.flatten(), h.flatten(), 0) > 0.995


def test_in_tiles_as_well():
    image = tensor(96, 128, 4)
    (tiled, g), (whole, h) = (objective(LOW, tile=tile).value_and_gradient(image) for tile in (64, None))
    assert tiled.total == pytest.approx(whole.total, rel=0.005)
    assert torch.nn.functional.cosine_similarity(g.flatten(), h.flatten(), 0) > 0.99


@pytest.mark.parametrize(("borders", "iterations"), [("mirrored", 20), ("bleed", 40)])
def test_it_paints_as_far_down_as_float32(borders, iterations):
    photo = data.chelsea()
    ends = {}
    for precision in ("bfloat16", "float32"):
        painting = impasto.paint(
            photo, smooth_picture(96, 96, 2), size=96, threads=1, precision=precision, borders=borders,
            optimization={"iterations": iterations},
        )  # fmt: skip
        ends[precision] = min(step.loss.total for step in painting.history)
        assert np.isfinite(painting.array).all()
    assert ends["bfloat16"] == pytest.approx(ends["float32"], rel=0.05)


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
@pytest.mark.parametrize("what", ["a small mask", "one pixel", "all but a little protected", "a white photo"])
def test_what_has_no_contrast_holds_nothing_up(what, precision):
    """Their gradients were rounding: in bfloat16 all four failed this, and in float32 the one pixel."""
    photo, box = smooth_picture(64, 64, 1), np.zeros((64, 64), np.float32)
    side = 1 if what == "one pixel" else 6
    box[10 : 10 + side, 10 : 10 + side] = 1
    how = {"protect": 1 - box} if "protected" in what else {} if "white" in what else {"masks": {2: box}}
    painting = impasto.paint(
        np.ones_like(photo) if "white" in what else photo, [smooth_picture(64, 64, seed) for seed in (2, 5)],
        size=64, threads=1, precision=precision, optimization={"iterations": 15, "max_octaves": 1}, **how,
    )  # fmt: skip
    losses = [step.loss.total for step in painting.history]
    assert min(losses) < (0.6 if "protected" in what else 0.2) * losses[0]


def test_a_run_goes_on_in_the_precision_that_it_began_with(small):
    photo, style = smooth_picture(72, 96, 1), smooth_picture(80, 80, 2)
    whole = Painter(photo, [style], make_settings(**small))
    events = iter(whole)
    steps = (event for event in events if isinstance(event, StepFinished))
    _, second = next(steps), next(steps)
    snapshot = second.snapshot()
    assert snapshot.state.precision == "bfloat16"
    # As if the settings said auto, and this machine would choose float32.
    automatic = change_settings(whole.settings, precision="auto")
    state = snapshot.state.model_copy(update={"settings": automatic.model_dump(mode="json")})
    tensors = {name: value.clone() for name, value in snapshot.tensors.items()}
    resumed = Painter(photo, [style], automatic, resumed=Snapshot(state, tensors))
    assert resumed.precision == "bfloat16"
    for painter in (events, resumed):
        for _ in painter:
            pass
    assert np.array_equal(whole.painting().array, resumed.painting().array)


def test_it_takes_less_memory(small):
    photo, style = smooth_picture(72, 96, 1), smooth_picture(80, 80, 2)
    low, full = (
        Painter(photo, [style], make_settings(**small | {"precision": precision}))
        for precision in ("bfloat16", "float32")
    )
    assert (low.encoder.dtype, full.encoder.dtype) == (LOW, FULL)
    assert memory_needed(low.octaves[-1], low.workload) < 0.85 * memory_needed(full.octaves[-1], full.workload)
