from hypothesis import given, strategies as st

from impasto.errors import PaintingError
from impasto.painting.memory import PROCESS, memory_needed
from impasto.painting.method import method_of
from impasto.painting.planning import COMFORTABLE_TILE, plan_memory
from impasto.settings.fields import memory_bytes
from tests.painting.workloads import make_octaves, make_workload

MB, GB = 10**6, 10**9


def test_fitting_octaves_are_left_unchanged():
    plain = make_octaves(384, 512)
    assert plan_memory(plain, make_workload(), 2 * GB) == (plain, ())


def test_less_memory_degrades_plan_in_order():
    workload, choices = make_workload(), []
    for budget in range(6000, 300, -100):
        try:
            ((*_, last), _remarks) = plan_memory(make_octaves(1500, 2000), workload, budget * MB)
        except PaintingError:
            break
        method, history = method_of(workload.settings.optimization, last)
        choices.append((method == "lbfgs", history, last.tile or 10_000))
        assert memory_needed(last, workload) <= budget * MB
    # Each choice is worse than the one before, by method, then by history, then by tile.
    assert choices == sorted(choices, reverse=True)
    assert {history for _, history, _ in choices} >= {20, 10, 5, 0}
    assert choices[0] == (True, 20, 10_000)
    assert any(tile < COMFORTABLE_TILE for *_, tile in choices)
    assert all(tile >= COMFORTABLE_TILE for lbfgs, _, tile in choices if lbfgs)


@given(
    height=st.integers(32, 6000),
    width=st.integers(32, 6000),
    budget=st.integers(1 * MB, 9000 * MB),
    tile=st.one_of(st.none(), st.integers(64, 3000)),
    method=st.sampled_from(["lbfgs", "adam"]),
)
def test_plan_fits_or_is_refused(height, width, budget, tile, method):
    workload = make_workload(((height, width), (90, 90)), tile=tile, optimization={"method": method})
    plain = make_octaves(height, width)
    try:
        planned, remarks = plan_memory(plain, workload, budget)
    except PaintingError as error:
        assert "GB of memory" in str(error)  # noqa: PT017
        return
    assert [o[:3] for o in planned] == [o[:3] for o in plain]
    assert all(memory_needed(o, workload) <= budget for o in planned)
    assert any(o.method == "adam" for o in planned) == bool(remarks)
    if tile is not None:
        assert all(o.tile == (tile if tile < max(o.height, o.width) else None) for o in planned)
    assert plan_memory(plain, workload, budget) == (planned, remarks)


def test_24_megapixels_fit_into_4_gigabytes():
    workload = make_workload(((4000, 6000), (2000, 3000)), size=6000, memory="4G")
    budget = memory_bytes("4G") - PROCESS - workload.picture_bytes
    assert budget == 4 * GB - PROCESS - 12 * 30 * MB
    planned, remarks = plan_memory(make_octaves(4000, 6000), workload, budget)
    assert planned[-1].method == "adam"
    assert planned[-1].tile >= 384
    assert "Adam" in remarks[0]


def test_earlier_plan_is_reused_if_it_fits():
    workload, plain = make_workload(), make_octaves(600, 800)
    earlier = tuple(o._replace(tile=160, history=7, iterations=3) for o in plain)
    reused, remarks = plan_memory(plain, workload, 4 * GB, earlier)
    assert [(o.tile, o.history, o.iterations) for o in reused] == [(160, 7, o.iterations) for o in plain]
    assert remarks == ()
    assert plan_memory(plain, workload, 4 * GB, earlier[1:]) == (plain, ())
    huge = tuple(o._replace(history=200, iterations=500) for o in plain)
    other = tuple(o._replace(iterations=500) for o in plain)
    planned, remarks = plan_memory(other, workload, 2 * GB, huge)
    assert planned[-1].history != 200
    assert "do not fit" in remarks[0]
