from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from impasto.encoders.network import Architecture, Encoder
from impasto.errors import PaintingError
from impasto.painting import planning
from impasto.painting.method import method_of
from impasto.painting.octaves import Octave, plan_octaves
from impasto.painting.planning import Workload, budget_of, cost, memory_needed, plan_memory
from impasto.painting.timing import expected_seconds
from impasto.settings.fields import memory_bytes
from impasto.settings.making import make_settings
from tests.helpers import random_weights

MB, GB = 10**6, 10**9


def workload(sources=((3000, 4000), (1000, 800)), architecture=None, **changes):
    encoder = Encoder(random_weights(channels=(32, 64, 128, 256, 256)), architecture)
    return Workload(encoder, make_settings(**changes), list(sources), list(sources[1:]))


def octaves(height, width, iterations=50):
    return plan_octaves(height, width, iterations=iterations, coarse_factor=1.6, smallest=128, ratio=2)


def test_what_fits_is_one_tile_with_all_that_the_settings_say():
    plain = octaves(384, 512)
    assert plan_memory(plain, workload(), 2 * GB) == (plain, ())


def test_less_memory_means_tiles_then_less_history_then_adam_then_smaller_tiles():
    load, seen = workload(), []
    for budget in range(6000, 300, -100):
        try:
            ((*_, last), _remarks) = plan_memory(octaves(1500, 2000), load, budget * MB)
        except PaintingError:
            break
        method, history = method_of(last, load.settings.optimization)
        seen.append((method == "lbfgs", history, last.tile or 10_000))
        assert memory_needed(last, load) <= budget * MB
    # Each is worse than the one before: first the method, then the history, and the tile only among equals.
    assert seen == sorted(seen, reverse=True)
    assert {history for _, history, _ in seen} >= {20, 10, 5, 0}
    assert seen[0] == (True, 20, 10_000)
    assert any(tile < planning.COMFORTABLE_TILE for *_, tile in seen)
    assert all(tile >= planning.COMFORTABLE_TILE for lbfgs, _, tile in seen if lbfgs)


@given(
    height=st.integers(32, 6000),
    width=st.integers(32, 6000),
    budget=st.integers(1 * MB, 9000 * MB),
    tile=st.one_of(st.none(), st.integers(64, 3000)),
    method=st.sampled_from(["lbfgs", "adam"]),
)
def test_a_plan_fits_or_is_refused_in_a_sentence(height, width, budget, tile, method):
    load = workload(((height, width), (90, 90)), tile=tile, optimization={"method": method})
    plain = octaves(height, width)
    try:
        planned, remarks = plan_memory(plain, load, budget)
    except PaintingError as error:
        assert "GB of memory" in str(error)  # noqa: PT017
        return
    assert [o[:3] for o in planned] == [o[:3] for o in plain]
    assert all(memory_needed(o, load) <= budget for o in planned)
    assert any(o.method == "adam" for o in planned) == bool(remarks)
    if tile is not None:
        assert all(o.tile == (tile if tile < max(o.height, o.width) else None) for o in planned)
    assert plan_memory(plain, load, budget) == (planned, remarks)


def test_masks_take_memory_and_arithmetic():
    plain = workload()
    octave = octaves(384, 512)[-1]
    costs = [
        cost(octave, replace(plain, styles=[(90, 90)] * 2, masks=dict.fromkeys(names, (3000, 4000))))
        for names in ((), ("protect",), ("masks.2", "style_masks.1"), ("masks.1", "masks.2"), ("masks.2", "protect"))
    ]
    assert all(c.memory > costs[0].memory for c in costs[1:])
    assert costs[-1].memory > costs[1].memory
    free, protected, two, both, all_of_it = (c.arithmetic for c in costs)
    assert free == protected < two == both == all_of_it
    assert replace(plain, masks={"protect": (300, 400)}).pictures == plain.pictures + 4 * 300 * 400


def test_24_megapixels_fit_into_4_gigabytes():
    load = workload(((4000, 6000), (2000, 3000)), size=6000, memory="4G")
    budget = memory_bytes("4G") - planning.PROCESS - load.pictures
    assert budget == 4 * GB - planning.PROCESS - 12 * 30 * MB
    planned, remarks = plan_memory(octaves(4000, 6000), load, budget)
    assert planned[-1].method == "adam"
    assert planned[-1].tile >= 384
    assert "Adam" in remarks[0]


def test_the_budget_is_most_of_the_free_memory_or_what_is_allowed_less_what_stands(monkeypatch):
    import torch

    monkeypatch.setattr(planning, "available_memory", lambda device: 10 * GB)
    assert budget_of(workload(), torch.device("cpu")) == 8 * GB
    load = workload(memory="1.5G")
    assert budget_of(load, torch.device("cpu")) == 1_500 * MB - planning.PROCESS - load.pictures


def test_an_earlier_plan_is_taken_where_sizes_are_the_same_and_it_fits():
    load, plain = workload(), octaves(600, 800)
    earlier = tuple(o._replace(tile=160, history=7, iterations=3) for o in plain)
    taken, remarks = plan_memory(plain, load, 4 * GB, earlier)
    assert [(o.tile, o.history, o.iterations) for o in taken] == [(160, 7, o.iterations) for o in plain]
    assert remarks == ()
    assert plan_memory(plain, load, 4 * GB, earlier[1:]) == (plain, ())
    huge = tuple(o._replace(history=200, iterations=500) for o in plain)
    other = tuple(o._replace(iterations=500) for o in plain)
    planned, remarks = plan_memory(other, load, 2 * GB, huge)
    assert planned[-1].history != 200
    assert "do not fit" in remarks[0]


def test_more_of_anything_needs_more_memory():
    base = Octave(1500, 2000, 50, tile=512)
    load = workload()
    need = memory_needed(base, load)
    assert memory_needed(base._replace(tile=768), load) > need
    assert memory_needed(base._replace(height=3000, width=4000), load) > need
    assert memory_needed(base._replace(method="adam"), load) < memory_needed(base._replace(history=5), load) < need
    light = base._replace(method="adam", tile=64)
    assert memory_needed(light, workload(colour="keep")) > memory_needed(light, load)
    assert memory_needed(base, workload(architecture=Architecture("average", "reflect", "all"))) > need


@pytest.mark.parametrize("tile", [None, 512])
def test_a_seamless_texture_needs_more_memory_and_arithmetic_in_tiles(tile):
    octave = Octave(1504, 2000, 50, tile=tile, method="adam")
    plain, seamless = (workload(content_weight=0, seamless=s, borders="cut") for s in (False, True))
    needs = [memory_needed(octave, load) for load in (plain, seamless)]
    assert needs[0] < needs[1] if tile is None else needs[0] == needs[1]  # amid the picture there is a halo anyway
    more = cost(octave, seamless).arithmetic / cost(octave, plain).arithmetic
    assert more == 1 if tile is None else 1 < more < 1.5


def test_larger_strokes_need_more_memory_where_the_painting_is_read():
    octave = Octave(600, 800, 5, method="adam")
    needs = [memory_needed(octave, workload(stroke_size=stroke)) for stroke in (0.25, 1, 2, 4)]
    assert needs[0] <= needs[1] < needs[2] < needs[3]
    # Twice the side are four times the pixels, and of this one tile nearly all is features of the painting.
    assert 3 < needs[3] / needs[2] < 4


def test_arithmetic_counts_the_passes_and_the_halo():
    load = workload()
    whole, tiled = (cost(Octave(1500, 2000, 50, tile), load) for tile in (None, 512))
    assert whole.tiles == 1
    assert tiled.tiles == 12
    assert 1.5 < tiled.arithmetic / whole.arithmetic < 1.5 * (1 + 160 / 480) ** 2
    # By hand, for the first layer alone: 3 × 9 multiplications and additions for each of 32 channels, and the Gram
    # matrices of 3 and of 32 channels, there and back.
    style = {**dict.fromkeys(load.settings.losses.style, 0), "rgb": 1, "relu1_1": 1}
    alone = workload(borders="cut", losses={"style": style, "content": {"relu3_1": 0}})
    expected = 2 * (2 * 27 * 32) * 10_000 + 2 * 2 * (32**2 + 3**2) * 10_000
    assert cost(Octave(100, 100, 5), alone).arithmetic == expected


def test_expected_seconds_grow_with_the_work():
    load = Workload(Encoder(random_weights()), make_settings(), [(600, 800), (90, 90)], [(90, 90)])
    costs = [cost(Octave(300, 400, n), load) for n in (1, 10)]
    one, ten = expected_seconds(costs, load, 1)
    assert 0 < one < ten < 60
