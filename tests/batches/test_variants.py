"""Variants: combinations of settings' values, and their grid."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import impasto
from impasto.batches.variants import Axis, grid_of, parse_axis, plan_variants
from impasto.errors import SettingsError
from impasto.pictures import read_picture, write_picture
from tests.helpers import smooth_picture


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("strength=0.3, 0.5,0.7", ("0.3", "0.5", "0.7")),
        ("style_weights=[1,2],[2,1]", ("[1,2]", "[2,1]")),
        ('losses.style={"relu1_1":1,"rgb":0},{"relu1_1":0}', ('{"relu1_1":1,"rgb":0}', '{"relu1_1":0}')),
        (r'init="a,\",b.png",content', (r'"a,\",b.png"', "content")),
        ("preset=quick", ("quick",)),
    ],
)
def test_parse_axis_splits_values(text, values):
    assert parse_axis(text) == Axis(text.partition("=")[0], values)


def test_short_axis_name_is_not_a_number():
    assert [parse_axis(f"{name}=a,b").short for name in ("masks.2", "losses.style.rgb")] == ["masks.2", "rgb"]


@pytest.mark.parametrize("text", ["strength", "=1", "strength=", "strength=1,,2", "strength=1,", "seed=1,1"])
def test_parse_axis_refuses_invalid_text(text):
    with pytest.raises(SettingsError):
        parse_axis(text)


@given(st.text(max_size=20))
def test_parse_axis_keeps_every_character_of_values(text):
    with suppress(SettingsError):
        axis = parse_axis(text)
        assert all(axis.values)
        assert "".join(",".join(axis.values).split()) == "".join(text.partition("=")[2].split())


@pytest.fixture
def painted(tmp_path, tiny_encoder):
    write_picture(tmp_path / "photo.png", smooth_picture(32, 48, seed=1))
    write_picture(tmp_path / "style.png", smooth_picture(32, 32, seed=2))
    changes = {"encoder": str(tiny_encoder), "size": 48, "threads": 1, "optimization": {"iterations": 1}}
    impasto.paint(tmp_path / "photo.png", tmp_path / "style.png", **changes).save(tmp_path / "out.png")
    return tmp_path / "out.png"


def test_plan_covers_every_combination_in_grid_order(painted):
    assignments = ["strength=0.3,0.5,0.7", "optimization.iterations=1,2", "seed=4"]
    planned = plan_variants(painted, assignments, Path("kept"))
    assert planned.columns == 2
    assert [variant.label for variant in planned.variants] == [
        f"strength {strength}, iterations {iterations}" for strength in ("0.3", "0.5", "0.7") for iterations in (1, 2)
    ]
    last = planned.variants[-1].work
    assert last.output == Path("kept/out-strength=0.7-iterations=2.png")
    assert (last.settings.strength, last.settings.optimization.iterations, last.settings.seed) == (0.7, 2, 4)
    assert last.content == painted.parent / "photo.png"


def test_labels_with_equal_short_names_are_full(painted):
    planned = plan_variants(painted, ["losses.style.relu1_1=0,1", "losses.content.relu1_1=0,1"], Path("kept"))
    assert planned.variants[0].label == "losses.style.relu1_1 0, losses.content.relu1_1 0"


def test_file_names_of_variants_are_distinct_and_short(painted, tmp_path):
    folder = "/a/long/way/to/where/the/pictures/of/every/year/are"
    starts = [f"{folder}/first.png", f"{folder}/second.png", "a/b.png", "a_b.png", "ä" * 70]
    planned = plan_variants(painted, [f"init={','.join(starts)}"], tmp_path)
    names = [variant.work.output.name for variant in planned.variants]
    assert len(set(names)) == len(names)
    assert names[3] == "out-init=a_b.png.png"
    assert all(len(name.encode()) < 100 for name in names)


def test_grid_composites_transparent_pictures_over_white_once(painted, tmp_path):
    planned = plan_variants(painted, ["seed=1,2"], tmp_path)
    for variant in planned.variants:
        colour, alpha = np.full((32, 48, 3), 0.2, np.float32), np.full((32, 48), 0.5, np.float32)
        write_picture(variant.work.output, colour, alpha=alpha)
    sheet = grid_of(planned)
    np.testing.assert_allclose(sheet[8, 8], read_picture(planned.variants[0].work.output).pixels[0, 0], atol=0.005)


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (["strength=0.3"], "nothing to vary"),
        (["strength=0.3,2"], "strength = 2"),
        (["strength=0.3,0.4", "strength=0.5,0.6"], "named twice"),
        (["seed=" + ",".join(map(str, range(101)))], "101 variants"),
        (["speed=1,2"], "no setting 'speed'"),
    ],
)
def test_plan_refuses_invalid_assignments(painted, assignments, words):
    with pytest.raises(SettingsError, match=words):
        plan_variants(painted, assignments, Path("kept"))


def test_grid_has_pale_areas_for_failed_variants(painted, tmp_path):
    planned = plan_variants(painted, ["strength=0.3,0.6", "seed=1,2"], tmp_path)
    for number, variant in enumerate(planned.variants[:3]):
        write_picture(variant.work.output, np.full((32, 48, 3), number / 4, np.float32))
    sheet = grid_of(planned, failed=[3])
    across = sheet.shape[1] // 2
    down = sheet.shape[0] // 2
    tops = [sheet[y + 8, x + 8, 0] for y in (0, down) for x in (0, across)]
    np.testing.assert_allclose(tops, [0, 0.25, 0.5, 0.92], atol=0.005)
