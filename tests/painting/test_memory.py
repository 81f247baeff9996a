import torch

from impasto.encoders.network import Architecture
from impasto.painting import memory
from impasto.painting.memory import PROCESS, memory_budget, memory_needed
from impasto.painting.octaves import Octave
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
