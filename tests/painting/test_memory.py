import itertools

import pytest
import torch

from impasto.encoders.gabor import coarse_gabor_features, gabor_features
from impasto.encoders.layers import COARSE_GABOR_LAYER, GABOR_LAYER, STROKE_LAYER
from impasto.encoders.network import Architecture
from impasto.encoders.strokes import stroke_features
from impasto.painting import memory
from impasto.painting.memory import (
    HEAP_OVERHEAD,
    KEPT_VALUES,
    PEAK_VALUES,
    PROCESS,
    memory_budget,
    memory_needed,
)
from impasto.painting.octaves import Octave
from impasto.settings.model import Losses
from tests.painting.workloads import make_workload

MB, GB = 10**6, 10**9


def test_memory_budget_follows_settings_or_free_memory(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda device: 10 * GB)
    assert memory_budget(make_workload(), torch.device("cpu")) == 8 * GB
    workload = make_workload(memory="1.5G")
    assert memory_budget(workload, torch.device("cpu")) == 1_500 * MB - PROCESS - workload.picture_bytes


def test_memory_grows_with_sizes_and_history():
    base = Octave(1500, 2000, 50, tile=512)
    workload = make_workload()
    need = memory_needed(base, workload)
    assert memory_needed(base._replace(tile=768), workload) > need
    assert memory_needed(base._replace(height=3000, width=4000), workload) > need
    assert (
        memory_needed(base._replace(method="adam"), workload) < memory_needed(base._replace(history=5), workload) < need
    )
    light = base._replace(method="adam", tile=64)
    assert memory_needed(light, make_workload(colour="keep")) > memory_needed(light, workload)
    assert memory_needed(base, make_workload(architecture=Architecture("average", "reflect", "all"))) > need


def test_larger_strokes_need_more_memory():
    octave = Octave(600, 800, 5, method="adam")
    needs = [memory_needed(octave, make_workload(stroke_size=stroke)) for stroke in (0.25, 1, 2, 4)]
    assert needs[0] <= needs[1] < needs[2] < needs[3]
    # Twice the side is four times the pixels, and the painting's features take nearly all memory of this one tile.
    assert 3 < needs[3] / needs[2] < 4


def test_strokes_need_memory_for_tile_with_halo():
    silent = dict.fromkeys(Losses().style, 0)
    octave = Octave(1600, 2000, 5, tile=1024, method="adam")

    def need(*layers):
        losses = {"style": silent | dict.fromkeys(layers, 1), "content": dict.fromkeys(Losses().content, 0)}
        return memory_needed(octave, make_workload(borders="cut", losses=losses))

    # Cores are 800 px high and 1008 px wide, and the halo is 48 px where the picture continues.
    tile = 4 * (800 + 96) * (1008 + 96)
    images = 2 * 12 * 1600 * 2000  # a step's temporary images, which need more memory than the tile's pixels alone
    assert need("strokes") - need("rgb") == pytest.approx(
        HEAP_OVERHEAD * PEAK_VALUES[STROKE_LAYER] * tile - images, rel=0.01
    )
    more = need("strokes", "relu5_1") - need("relu5_1")
    assert HEAP_OVERHEAD * KEPT_VALUES[STROKE_LAYER] * tile < more < 0.15 * need("relu5_1")


def allocated(function):
    """Return the peak of bytes allocated by a function, and those left at its end."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        result = function()
    changes = [event.nbytes() for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    sums = list(itertools.accumulate(changes))
    del result
    return max(sums), sums[-1]


def test_strokes_allocate_what_is_estimated():
    image = torch.rand(1, 3, 192, 256, generator=torch.Generator().manual_seed(0)).requires_grad_()
    stroke_features(image)  # makes the matrices of these lengths, which are kept
    size = 4 * 192 * 256

    def without_gradient():
        with torch.no_grad():
            return stroke_features(image)

    _, kept = allocated(lambda: stroke_features(image))
    assert 0.8 * KEPT_VALUES[STROKE_LAYER] * size < kept < 1.1 * KEPT_VALUES[STROKE_LAYER] * size
    peak, _ = allocated(lambda: torch.autograd.grad(stroke_features(image).sum(), image))
    assert 0.6 * PEAK_VALUES[STROKE_LAYER] * size < peak < PEAK_VALUES[STROKE_LAYER] * size
    assert (
        0.8 * PEAK_VALUES[STROKE_LAYER] / 2 * size
        < allocated(without_gradient)[0]
        < 1.1 * PEAK_VALUES[STROKE_LAYER] / 2 * size
    )


@pytest.mark.parametrize(
    ("features", "layer"), [(gabor_features, GABOR_LAYER), (coarse_gabor_features, COARSE_GABOR_LAYER)]
)
def test_gabor_filters_allocate_what_is_estimated(features, layer):
    image = torch.rand(1, 3, 192, 256, generator=torch.Generator().manual_seed(0)).requires_grad_()
    features(image)  # makes the filters, which are kept
    size = 4 * 192 * 256
    _, kept = allocated(lambda: features(image))
    assert 0.9 * KEPT_VALUES[layer] * size < kept < 1.1 * KEPT_VALUES[layer] * size
    peak, _ = allocated(lambda: torch.autograd.grad(features(image).sum(), image))
    assert 0.9 * PEAK_VALUES[layer] * size < peak < 1.1 * PEAK_VALUES[layer] * size
