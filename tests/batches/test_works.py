"""Planning of works."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto import make_settings
from impasto.batches.works import plan_works
from impasto.errors import SettingsError

PHOTOS, STYLES = [Path("a.jpg"), Path("b.jpg")], [Path("s.png"), Path("t.png")]


def output_names(works):
    return [work.output.name for work in works]


def test_plan_pairs_zips_and_blends():
    settings = make_settings()
    pairs = plan_works(PHOTOS, STYLES, settings, Path("out"))
    assert output_names(pairs) == ["a-as-s.png", "a-as-t.png", "b-as-s.png", "b-as-t.png"]
    assert output_names(plan_works(PHOTOS, STYLES, settings, Path("out"), zipped=True)) == ["a-as-s.png", "b-as-t.png"]
    assert output_names(plan_works(PHOTOS, STYLES, settings, Path("out"), blend=True)) == [
        "a-as-s+t.png",
        "b-as-s+t.png",
    ]
    assert output_names(plan_works([*PHOTOS, Path("./a.jpg")], STYLES[:1], settings, Path("out"))) == [
        "a-as-s.png",
        "b-as-s.png",
    ]


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({}, {"zipped": True, "blend": True}, "exclude"),
        ({"style_weights": (1, 2)}, {}, "style_weights are 2"),
        ({"style_weights": (1,)}, {"blend": True}, "style_weights are 1"),
        ({"masks": {2: "sky.png"}}, {}, r"masks=\{2: …\}"),
        ({}, {"template": "{nothing}.png"}, "nothing"),
    ],
)
def test_plan_refuses_unsuitable_settings(changes, options, words):
    with pytest.raises(SettingsError, match=words):
        plan_works(PHOTOS, STYLES, make_settings(**changes), Path("out"), **options)


def test_plan_zips_only_equal_numbers():
    with pytest.raises(SettingsError, match="2 photographs and 1 styles"):
        plan_works(PHOTOS, STYLES[:1], make_settings(), Path("out"), zipped=True)
