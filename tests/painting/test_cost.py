from dataclasses import replace

import pytest

from impasto.painting.cost import cost_of
from impasto.painting.memory import memory_needed
from impasto.painting.octaves import Octave
from tests.painting.workloads import make_octaves, make_workload


def test_masks_cost_memory_and_arithmetic():
    plain = make_workload()
    octave = make_octaves(384, 512)[-1]
    costs = [
        cost_of(octave, replace(plain, styles=[(90, 90)] * 2, masks=dict.fromkeys(names, (3000, 4000))))
        for names in ((), ("protect",), ("masks.2", "style_masks.1"), ("masks.1", "masks.2"), ("masks.2", "protect"))
    ]
    assert all(c.memory > costs[0].memory for c in costs[1:])
    assert costs[-1].memory > costs[1].memory
    free, protected, two, both, all_of_it = (c.arithmetic for c in costs)
    assert free == protected < two == both == all_of_it
    assert replace(plain, masks={"protect": (300, 400)}).picture_bytes == plain.picture_bytes + 4 * 300 * 400


@pytest.mark.parametrize("tile", [None, 512])
def test_seamless_texture_costs_more(tile):
    octave = Octave(1504, 2000, 50, tile=tile, method="adam")
    plain, seamless = (make_workload(content_weight=0, seamless=s, borders="cut") for s in (False, True))
    needs = [memory_needed(octave, workload) for workload in (plain, seamless)]
    assert needs[0] < needs[1] if tile is None else needs[0] == needs[1]  # inner tiles have a halo in any case
    more = cost_of(octave, seamless).arithmetic / cost_of(octave, plain).arithmetic
    assert more == 1 if tile is None else 1 < more < 1.5


def test_arithmetic_counts_passes_and_halo():
    workload = make_workload()
    whole, tiled = (cost_of(Octave(1500, 2000, 50, tile), workload) for tile in (None, 512))
    assert whole.tiles == 1
    assert tiled.tiles == 12
    assert 1.5 < tiled.arithmetic / whole.arithmetic < 1.5 * (1 + 160 / 480) ** 2
    # The first layer alone: 3 × 9 multiplications and additions for each of 32 channels, and the Gram matrices of 3
    # and of 32 channels, forward and backward.
    layers = {**dict.fromkeys(workload.settings.losses.style, 0), "rgb": 1, "relu1_1": 1}
    shallow = make_workload(borders="cut", losses={"style": layers, "content": {"relu3_1": 0}})
    expected = 2 * (2 * 27 * 32) * 10_000 + 2 * 2 * (32**2 + 3**2) * 10_000
    assert cost_of(Octave(100, 100, 5), shallow).arithmetic == expected
