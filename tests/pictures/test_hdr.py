import numpy as np
import pytest
from hypothesis import given, strategies as st

from impasto.pictures import hdr


@pytest.mark.parametrize(
    ("value", "luminance"), [(0, 0), (0.508078, 100), (0.580689, 203), (0.751827, 1000), (0.902572, 4000), (1, 10_000)]
)
def test_decode_pq_gives_published_luminances(value, luminance):
    assert hdr.decode_pq(np.array([value]))[0] == pytest.approx(luminance, rel=2e-5, abs=1e-9)


@given(st.floats(0, 10_000))
def test_encode_pq_inverts_decode_pq(luminance):
    assert hdr.decode_pq(hdr.encode_pq(np.array([luminance])))[0] == pytest.approx(luminance, rel=1e-9, abs=1e-6)


def test_hlg_gives_values_of_bt2100():
    scene = hdr.decode_hlg(np.array([0, 0.5, 0.75, 1]))
    assert scene == pytest.approx([0, 1 / 12, 0.26496, 1], abs=1e-5)
    display = hdr.hlg_to_display(np.repeat(scene[:, None], 3, axis=1), np.array([0.2627, 0.6780, 0.0593]))
    assert display[:, 0] == pytest.approx([0, 50.7, 203, 1000], abs=0.3), "reference white is at 75 %"


def test_compress_follows_bt2390():
    # Computed from the report's formulas: the knee is at 0.65857 of the peak's PQ value.
    assert hdr.compress(np.array([0, 10, 85.0]), 1000) == pytest.approx([0, 10, 85], abs=1e-9)
    white, top = hdr.encode_pq(np.array([203.0, 1000.0]))
    ratio = white / top
    knee = 1.5 * ratio - 0.5
    third = (ratio - knee) / (1 - knee)
    assert third == pytest.approx(1 / 3)
    spline = 20 / 27 * knee + 4 / 27 * (1 - knee) + 7 / 27 * ratio
    assert hdr.compress(np.array([203.0]), 1000)[0] == pytest.approx(hdr.decode_pq(spline * top), rel=1e-9)
    assert hdr.compress(np.array([203.0]), 1000)[0] == pytest.approx(160, abs=2)
    assert hdr.compress(np.array([1000.0, 5000.0]), 1000) == pytest.approx([203, 203])


@pytest.mark.parametrize("peak", [204, 400, 1000, 4000, 10_000, 400_000])
def test_compress_keeps_highlights_apart(peak):
    luminances = np.linspace(0, min(peak, 10_000), 500)
    compressed = hdr.compress(luminances, peak)
    assert (np.diff(compressed) > 0).all(), "nothing above reference white becomes plain white"
    assert (compressed <= luminances + 1e-6).all()
    assert compressed[-1] == pytest.approx(203)


@pytest.mark.parametrize("peak", [0.0001, 100, 203])
def test_compress_leaves_standard_range(peak):
    assert hdr.compress(np.array([0, 50, 203, 300.0]), peak).tolist() == [0, 50, 203, 203]


@given(st.lists(st.tuples(*[st.floats(0, 10_000)] * 3), min_size=1), st.floats(0.001, 50_000))
def test_tone_map_keeps_ratios_within_range(colours, peak):
    light = np.array(colours)
    mapped = hdr.tone_map(light, peak)
    assert mapped.min() >= 0
    assert mapped.max() <= 1
    bright = light.max(axis=1) > 1e-3
    ratios = light[bright] / light[bright].max(axis=1, keepdims=True)
    np.testing.assert_allclose(mapped[bright] / mapped[bright].max(axis=1, keepdims=True), ratios, atol=1e-6)
