import numpy as np
from hypothesis import given, strategies as st

from impasto.painting.colour import arrays
from impasto.painting.colour.oklab import grey, lightness
from impasto.painting.colour.transfer import (
    KNOTS,
    LEAST_DEVIATION,
    TRANSPORT_RIDGE,
    matching,
    moments_of,
    quantiles,
    recolouring,
    transporting,
)
from tests.helpers import smooth_picture
from tests.painting.colour.samples import colourful_picture, naive_moments


def test_moments_equal_numpy_in_strips(monkeypatch):
    picture = smooth_picture(61, 37) * 0.01 + 0.9
    expected = naive_moments(picture)
    monkeypatch.setattr(arrays, "STRIP", 100)
    for one, other in zip(moments_of(picture), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-15)
    alpha = np.zeros((61, 37), np.float32)
    alpha[:20] = 1
    for one, other in zip(moments_of(picture, alpha), naive_moments(picture[:20]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(moments_of(picture, 0 * alpha)[0], moments_of(picture)[0])


@given(seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)), gain=st.floats(0.1, 1))
def test_matching_gives_moments_of_target(seeds, gain):
    source, target = (colourful_picture(seed=seed) for seed in seeds)
    target = target @ np.array([[1, 0.3, 0], [0, 0.5, 0.2], [0.1, 0, 0.7]], np.float32) * np.float32(gain)
    move = matching(moments_of(source), moments_of(target))
    mean, covariance = naive_moments(move(source.astype(np.float64)))
    np.testing.assert_allclose(mean, naive_moments(target)[0], atol=1e-5)
    np.testing.assert_allclose(covariance, naive_moments(target)[1], atol=1e-5)


def test_matching_to_itself_is_identity():
    picture = colourful_picture()
    move = matching(moments_of(picture), moments_of(picture))
    np.testing.assert_allclose(move(picture), picture, atol=1e-5)


def test_matching_does_not_stretch_noise():
    plain = grey(lightness(colourful_picture()))
    noisy = plain + np.random.default_rng(1).normal(0, 0.15 * LEAST_DEVIATION, plain.shape).astype(np.float32)
    target = colourful_picture(seed=5)
    for source in (plain, noisy):
        moved = matching(moments_of(source), moments_of(target))(source.astype(np.float64))
        mean, covariance = naive_moments(moved)
        np.testing.assert_allclose(mean, naive_moments(target)[0], atol=1e-5)
        assert np.linalg.eigvalsh(covariance)[:2].max() < 0.001 * np.linalg.eigvalsh(covariance)[2]
    back = matching(moments_of(target), moments_of(plain))(target.astype(np.float64))
    assert np.ptp(back, axis=-1).max() < 1e-6
    flat = np.full((5, 5, 3), 0.3, np.float32)
    np.testing.assert_allclose(
        matching(moments_of(flat), moments_of(target))(flat)[0, 0], naive_moments(target)[0], atol=1e-6
    )


@given(seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)), gain=st.floats(0.1, 1))
def test_transport_gives_moments_of_target_up_to_ridge(seeds, gain):
    source, target = (colourful_picture(seed=seed) for seed in seeds)
    target = target @ np.array([[1, 0.3, 0], [0, 0.5, 0.2], [0.1, 0, 0.7]], np.float32) * np.float32(gain)
    (mean, covariance), expected = naive_moments(source), naive_moments(target)
    ridge = TRANSPORT_RIDGE * np.eye(3)
    move = transporting(naive_moments(source), [expected], [1], 1)
    np.testing.assert_allclose(move(mean), expected.mean, atol=1e-9)
    np.testing.assert_allclose(
        move.matrix @ (covariance + ridge) @ move.matrix.T, expected.covariance + ridge, atol=1e-9
    )
    assert np.linalg.eigvalsh(move.matrix).min() > 0
    np.testing.assert_allclose(move.matrix, move.matrix.T, atol=1e-9)


def test_transport_to_itself_or_by_no_share_is_identity():
    picture, other = (naive_moments(colourful_picture(seed=seed)) for seed in range(2))
    for target, share in ((picture, 1), (other, 0)):
        move = transporting(picture, [target], [1], share)
        np.testing.assert_allclose(move.matrix, np.eye(3), atol=1e-9)
        np.testing.assert_allclose(move.target, picture.mean, atol=1e-9)


def test_transport_amplifies_faint_noise_by_less_than_ten():
    flat = 0.4 + np.random.default_rng(2).normal(0, 0.5 / 255, (40, 50, 3))
    move = transporting(naive_moments(flat), [naive_moments(colourful_picture())], [1], 1)
    assert np.linalg.eigvalsh(move.matrix).max() < 10
    plain = grey(lightness(colourful_picture()))
    moved = transporting(naive_moments(plain), [naive_moments(plain * 0.5)], [1], 1)(plain.astype(np.float64))
    assert np.ptp(moved, axis=-1).max() < 1e-6


def test_transport_to_several_pictures_averages_the_maps():
    source, *targets = (naive_moments(colourful_picture(seed=seed) * (1 - 0.2 * seed)) for seed in range(3))
    both = transporting(source, targets, [1, 3], 0.5)
    alone = [transporting(source, [target], [1], 0.5) for target in targets]
    np.testing.assert_allclose(both.matrix, (alone[0].matrix + 3 * alone[1].matrix) / 4, atol=1e-12)
    np.testing.assert_allclose(both.target, (alone[0].target + 3 * alone[1].target) / 4, atol=1e-12)


def test_recolouring_gives_distribution_of_target():
    # A few yellow lights on a dark blue ground, which matching mean and covariance alone would turn into fog.
    rng = np.random.default_rng(3)
    lights = (rng.random((60, 60)) < 0.1)[..., None]
    target = np.where(lights, [0.9, 0.8, 0.2], [0.1, 0.15, 0.4]) + 0.02 * rng.standard_normal((60, 60, 3))
    target = target.clip(0, 1).astype(np.float32)
    source = smooth_picture(50, 70, seed=4)
    recoloured = recolouring(source, target)(source)
    linear = matching(naive_moments(source), naive_moments(target))(source).clip(0, 1)

    def distance(picture):
        """Average the distances of the quantiles of each channel from the target's."""
        shares = np.linspace(0.01, 0.99, 50)
        ends = (np.quantile(p.reshape(-1, 3), shares, axis=0) for p in (picture, target))
        return np.abs(np.subtract(*ends)).mean()

    np.testing.assert_allclose(naive_moments(recoloured)[0], naive_moments(target)[0], atol=0.02)
    assert distance(recoloured) < 0.03 < 0.06 < distance(linear)


def test_recolouring_to_itself_is_identity():
    picture = smooth_picture(40, 50, seed=4)
    np.testing.assert_allclose(recolouring(picture, picture)(picture), picture, atol=0.01)


def test_recolouring_does_not_stretch_noise():
    rng, shade = np.random.default_rng(0), smooth_picture(40, 50)[..., :1]
    grey_picture = np.repeat(shade, 3, axis=-1) + 0.002 * rng.standard_normal((40, 50, 3))
    for flat in (grey_picture.astype(np.float32), np.full((40, 50, 3), 0.4, np.float32)):
        recoloured = recolouring(flat, colourful_picture())(flat)
        with_noise = recolouring(flat, colourful_picture())(
            flat + np.float32(0.002) * rng.choice([-1, 1], (40, 50, 3)).astype(np.float32)
        )
        assert np.abs(recoloured - with_noise).max() < 0.1
        assert np.isfinite(recoloured).all()


def test_recolouring_clips_to_range():
    recoloured = recolouring(colourful_picture(), smooth_picture(30, 30))(colourful_picture(seed=5) * 3 - 1)
    assert 0 <= recoloured.min() <= recoloured.max() <= 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_quantiles_of_equal_shares_equal_numpy(values):
    column = np.array(values)[:, None]
    shares = np.full(len(values), 1 / len(values))
    np.testing.assert_allclose(quantiles(column, shares), np.quantile(column, KNOTS, axis=0), atol=1e-9)


def test_quantiles_weigh_shares_like_repetitions():
    rng = np.random.default_rng(0)
    column, counts = rng.random((2000, 1)), rng.integers(1, 4, 2000)
    counts[column[:, 0] < 0.3] *= 3
    weighted = quantiles(column, counts / counts.sum())
    np.testing.assert_allclose(weighted, np.quantile(np.repeat(column, counts, axis=0), KNOTS, axis=0), atol=0.005)
    assert np.abs(weighted - np.quantile(column, KNOTS, axis=0)).max() > 0.1
