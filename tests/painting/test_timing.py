import torch

from impasto.encoders.network import Encoder
from impasto.painting import timing
from impasto.painting.cost import cost_of
from impasto.painting.octaves import Octave
from impasto.painting.timing import expected_seconds
from impasto.painting.workload import Workload
from impasto.settings.making import make_settings
from tests.helpers import random_weights


def test_expected_seconds_grow_with_iterations():
    workload = Workload(Encoder(random_weights()), make_settings(), [(600, 800), (90, 90)], [(90, 90)])
    costs = [cost_of(Octave(300, 400, n), workload) for n in (1, 10)]
    one, ten = expected_seconds(costs, workload, 1)
    assert 0 < one < ten < 60


def test_each_timed_iteration_waits_for_device(monkeypatch):
    waited = []
    monkeypatch.setattr(timing, "synchronize", waited.append)
    workload = Workload(Encoder(random_weights()), make_settings(), [(90, 90)], [(90, 90)])
    expected_seconds([cost_of(Octave(90, 90, 1), workload)], workload, 1)
    assert waited == 8 * [torch.device("cpu")]
