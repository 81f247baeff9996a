"""The cache of measured styles."""

import os

import numpy as np
import pytest

from impasto.fast import style_cache
from impasto.fast.graphs import LEVELS
from impasto.fast.histograms import HISTOGRAMS, RANKS
from impasto.fast.maps import Style
from impasto.fast.network import MeasuredStyle


class CountingNetwork:
    """Stands in for the network, and counts the measurements."""

    encoder_sha256 = "abc"

    def __init__(self):
        self.count = 0

    def measure_style(self, pixels):
        self.count += 1
        rng = np.random.default_rng(round(1000 * float(pixels.mean())))
        levels = [Style(rng.random(4 + n), rng.random((4 + n, 4 + n)).T, rng.random()) for n in range(len(LEVELS) + 1)]
        return MeasuredStyle(levels, [rng.random((3, RANKS), np.float32) for _ in range(HISTOGRAMS)])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    return tmp_path / "styles"


@pytest.fixture
def network():
    return CountingNetwork()


def pixels(value=0.5, height=6):
    return np.full((height, 8, 3), value, np.float32)


def assert_equal(one, other):
    for a, b in zip(one.levels, other.levels, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)
        assert isinstance(b.variance, float)
    for x, y in zip(one.histograms, other.histograms, strict=True):
        np.testing.assert_array_equal(x, y)
        assert x.dtype == y.dtype


def test_second_measurement_is_read_bit_for_bit(cache, network):
    first, second = (style_cache.measure_style(network, pixels()) for _ in range(2))
    assert network.count == 1
    assert_equal(first, second)
    assert len(list(cache.iterdir())) == 1


def test_other_pixels_sizes_and_encoders_are_other_styles(cache, network):
    for picture in (pixels(), pixels(0.6), pixels(height=7)):
        style_cache.measure_style(network, picture)
    network.encoder_sha256 = "def"
    style_cache.measure_style(network, pixels())
    assert network.count == len(list(cache.iterdir())) == 4


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_damaged_file_is_replaced(cache, network, damage):
    first = style_cache.measure_style(network, pixels())
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[-3] ^= 1
    file.write_bytes(bytes(changed) if damage is None else damage)
    assert_equal(first, style_cache.measure_style(network, pixels()))
    assert network.count == 2
    assert file.read_bytes() == whole


def test_oldest_styles_are_removed(cache, network, monkeypatch):
    monkeypatch.setattr(style_cache, "MOST_FILES", 3)
    for number in range(5):
        style_cache.measure_style(network, pixels(number / 10))
        for age, file in enumerate(sorted(cache.iterdir(), key=lambda f: f.stat().st_mtime_ns, reverse=True)):
            os.utime(file, (1e9 - age, 1e9 - age))
    assert len(list(cache.iterdir())) == 3
    style_cache.measure_style(network, pixels(0.4))
    assert network.count == 5
    style_cache.measure_style(network, pixels(0.0))
    assert network.count == 6


def test_cache_that_cannot_be_written_is_left_alone(cache, network):
    cache.write_text("a file in the folder's place")
    for _ in range(2):
        style_cache.measure_style(network, pixels())
    assert network.count == 2


def test_user_without_home_folder_measures_each_time(network, monkeypatch):
    monkeypatch.setattr(style_cache, "cache_folder", lambda: (_ for _ in ()).throw(style_cache.ImpastoError("no home")))
    for _ in range(2):
        style_cache.measure_style(network, pixels())
    assert network.count == 2
