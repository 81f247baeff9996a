"""A Ray cluster on this machine: a head without cores, and raylets with one core each."""

from __future__ import annotations

import os

import pytest

from impasto import make_settings
from impasto.batches.manifest.planning import plan_entries
from impasto.pictures import write_picture
from tests.conftest import ALL_CORES
from tests.helpers import smooth_picture

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}


@pytest.fixture(scope="module")  # so that it has ended before other modules start their own
def cluster():
    """Return a cluster with a head, to which tests add raylets."""
    utils = pytest.importorskip("ray.cluster_utils")
    if ALL_CORES:  # a cluster has many processes
        os.sched_setaffinity(0, ALL_CORES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_worker_niceness", "0")  # or busy machines hardly let them paint
        patch.setenv("RAY_ENABLE_WORKER_PRESTART", "0")
        patch.setenv("RAY_prestart_worker_first_driver", "0")
        patch.setenv("RAY_health_check_period_ms", "500")  # so that a lost raylet is noticed in seconds
        patch.setenv("RAY_health_check_failure_threshold", "2")
        patch.setenv("OMP_NUM_THREADS", "1")
        cluster = utils.Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0, "include_dashboard": False})
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster
        cluster.shutdown()
    os.environ.pop("RAY_ADDRESS", None)


@pytest.fixture
def raylets(cluster):
    """Return two raylets, which are removed at the end if they are still there."""
    nodes = [cluster.add_node(**NODE) for _ in range(2)]
    yield nodes
    for node in nodes:
        if node in cluster.worker_nodes:
            cluster.remove_node(node)


@pytest.fixture
def plan(tmp_path, tiny_encoder, monkeypatch):
    """Return a function that plans a number of paintings of half a second each."""
    monkeypatch.chdir(tmp_path)

    def make(count, iterations=30):
        (tmp_path / "photos").mkdir()
        (tmp_path / "out").mkdir()
        for number in range(count):
            write_picture(tmp_path / "photos" / f"{number:02}.png", smooth_picture(48, 64, seed=number))
        write_picture(tmp_path / "style.png", smooth_picture(48, 48, seed=99))
        settings = make_settings(
            encoder=str(tiny_encoder), size=64, optimization={"iterations": iterations}, precision="float32", threads=1
        )
        return plan_entries(["photos"], ["style.png"], settings, "out").entries

    return make
