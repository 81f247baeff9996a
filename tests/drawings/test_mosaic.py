import numpy as np
import pytest

from drawings import mosaic
from drawings.dabs import sheet_coordinates

pytestmark = pytest.mark.xdist_group("drawing mosaic")  # which makes the fixtures once

SIDE = 192


@pytest.fixture(scope="module")
def picture():
    return mosaic.draw(SIDE)


@pytest.fixture(scope="module")
def stones():
    """Return the plan, the stones and the cells of a small drawing, as `draw` makes them."""
    plan = mosaic._plan((384, 512))
    rng = np.random.default_rng(0)
    stones = mosaic._set_rows(plan, 1.0, rng)
    cells = mosaic._cells(stones, plan.region)
    mosaic._fill_gaps(stones, cells, plan.region)
    return plan, stones, mosaic._cells(stones, plan.region)


def test_drawing_is_four_to_three_in_range(picture):
    assert picture.shape == (144, 192, 3)
    assert picture.dtype == np.float32
    assert picture.min() >= 0.0
    assert picture.max() <= 1.0


def test_odd_long_side_keeps_aspect_ratio():
    assert mosaic.draw(65).shape == (49, 65, 3)


def test_draw_rejects_small_long_side():
    with pytest.raises(ValueError, match="at least 32"):
        mosaic.draw(8)


def test_seed_determines_drawing(picture):
    assert np.array_equal(picture, mosaic.draw(SIDE))
    assert np.abs(picture - mosaic.draw(SIDE, seed=4)).mean() > 0.02


def test_design_depends_on_neither_size_nor_seed(picture):
    small = mosaic.draw(128, seed=1)
    blocks = picture.reshape(12, 12, 16, 12, 3).mean(axis=(1, 3))
    small_blocks = small.reshape(12, 8, 16, 8, 3).mean(axis=(1, 3))
    assert np.corrcoef(blocks.ravel(), small_blocks.ravel())[0, 1] > 0.85


def test_stones_never_cross_contours(stones):
    plan, set_stones, cells = stones
    covered = cells >= 0
    assert (plan.region[covered] == np.asarray(set_stones.region)[cells[covered]]).all()


def test_stones_cover_wall_and_match_in_size(stones):
    _, _, cells = stones
    assert (cells >= 0).mean() > 0.93
    areas = np.bincount(cells[cells >= 0])
    areas = areas[areas > 0]
    assert len(areas) > 1500
    assert np.percentile(areas, 95) < 5 * np.median(areas)


def test_grout_is_visible_but_narrow(stones):
    _, _, cells = stones
    grout = mosaic._depth_in_stone(cells) < 0.62 * 0.8
    assert 0.1 < grout.mean() < 0.55


def test_stones_are_flat_with_distinct_borders():
    picture = mosaic.draw(384)
    grey = picture.mean(axis=-1)
    steepness = np.hypot(*np.gradient(grey))
    # Most of the picture is the even top of some stone; the change is gathered in the joints.
    assert np.percentile(steepness, 35) < 0.4 * steepness.mean() + 0.02
    assert np.percentile(steepness, 90) > 3.0 * np.percentile(steepness, 35)


def test_sky_rows_follow_foreground_contours():
    plan = mosaic._plan((384, 512))
    sky = (plan.family == mosaic.FAMILIES.index("gold")) & (plan.width == 10.0)
    assert sky.mean() > 0.1
    slope = np.hypot(*np.gradient(plan.rows / 2.0))
    # A distance function rises by one for each step away from the contour.
    inner = sky & np.roll(sky, 1, 0) & np.roll(sky, -1, 0) & np.roll(sky, 1, 1) & np.roll(sky, -1, 1)
    assert 0.85 < np.median(slope[inner]) < 1.15


def test_palette_is_saturated(picture):
    blue = (picture[..., 2] > picture[..., 0] + 0.2).mean()
    gold = ((picture[..., 0] > picture[..., 2] + 0.25) & (picture[..., 1] > picture[..., 2] + 0.1)).mean()
    green = (picture[..., 1] > picture[..., 0] + 0.1).mean()
    assert blue > 0.05
    assert gold > 0.2
    assert green > 0.1


def test_every_region_uses_known_stones():
    plan = mosaic.Cartoon(*sheet_coordinates((48, 64)))
    with pytest.raises(ValueError):
        plan.lay(np.ones((48, 64), dtype=np.float32), 9.0, "plastic", 0.5)
