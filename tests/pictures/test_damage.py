import random
import sys
import time

import pytest

from tests.pictures import damage
from tests.pictures.valid_files import valid_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory work on Linux")


@pytest.fixture
def worker(tmp_path):
    found = damage.Worker(tmp_path)
    yield found
    found.close()


def test_valid_files_are_read(worker):
    assert {kind: worker.read(data) for kind, data in valid_files().items()} == dict.fromkeys(valid_files(), "read")


def test_damaged_files_are_read_or_refused():
    report = damage.run(count=200, seed=0)
    assert report.failures == []
    outcomes = {outcome for _, outcome in report.outcomes}
    assert outcomes == {"read", "refused"}
    assert sum(report.outcomes.values()) == 200


def test_equal_seeds_give_equal_damage():
    files = {"png": valid_files()["png"]}
    assert damage.damaged_file(3, 1, files) == damage.damaged_file(3, 1, files)
    assert damage.damaged_file(3, 1, files) != damage.damaged_file(3, 2, files)
    assert all(damage.damaged(files["png"], random.Random(seed)) for seed in range(200))


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("raise KeyError(1)", "KeyError(1)"),
        ("raise MemoryError", "MemoryError"),
        ("import os; os._exit(3)", "the worker died"),
        ("raise damage.PictureError('no advice')", "sentence"),
        ("import os; os.write(2, b'libfoo: warning')", "output: b'libfoo: warning'"),
        ("import tempfile; tempfile.mkstemp()", "files left behind"),
        ("bytearray(3 * 2**30)", "MemoryError"),
        ("import warnings; warnings.warn('hm')", "warning: hm"),
    ],
)
def test_worker_notices_failures(tmp_path, code, failure):
    program = f"""
from tests.pictures import damage
def read_picture(path, max_pixels):
    {code}
damage.read_picture = read_picture
damage.read_record = lambda path: None
damage._work()
"""
    worker = damage.Worker(tmp_path, [sys.executable, "-c", program])
    try:
        assert failure in worker.read(b"content")
    finally:
        worker.close()


def test_worker_is_replaced_after_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(damage, "SECONDS", 0.2)
    monkeypatch.setattr(damage, "START_SECONDS", 0)
    worker = damage.Worker(tmp_path, [sys.executable, "-c", "import time; time.sleep(60)"])
    started = time.monotonic()
    try:
        assert worker.read(b"content") == "failure: time"
    finally:
        worker.close()
    assert time.monotonic() - started < 10
