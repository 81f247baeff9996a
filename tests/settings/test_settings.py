"""Settings: validation, presets, exclusions and parsing."""

import copy
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from impasto.errors import SettingsError
from impasto.settings.exclusions import EXCLUSIONS
from impasto.settings.fields import PRESETS, memory_bytes
from impasto.settings.making import (
    change_settings,
    make_settings,
    make_texture_settings,
    parse_assignment,
)
from impasto.settings.merging import deep_merge
from impasto.settings.migrations import fill_missing_settings
from impasto.settings.model import DETAIL_RATIO, Losses, Settings
from impasto.settings.references import keyword_of, nest_names
from impasto.settings.strength import style_weight_of


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_valid_and_round_trip_through_json(preset):
    settings = make_settings(preset=preset)
    assert settings.preset == preset
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert make_settings(**settings.model_dump(exclude_none=True)) == settings


@given(
    size=st.one_of(st.just("original"), st.integers(32, 100_000)),
    strength=st.one_of(st.none(), st.floats(0, 1)),
    preset=st.sampled_from(PRESETS),
    layers=st.dictionaries(
        st.sampled_from(["relu1_1", "conv3_2", "rgb", "strokes", "gabor", "gabor2", "relu5_4"]),
        st.floats(0.1, 9),
        min_size=1,
    ),
    seed=st.integers(0, 2**63 - 1),
)
def test_settings_round_trip_through_json(size, strength, preset, layers, seed):
    strength = None if preset.startswith("tutorial") else strength
    given = {"size": size, "preset": preset, "seed": seed}
    if preset != "instant":  # its losses are fixed by training
        given["losses"] = {"style": layers}
    settings = make_settings(**given, **({} if strength is None else {"strength": strength}))
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert change_settings(settings) == settings


def test_partial_layer_table_keeps_other_layers():
    default = make_settings().losses.style
    changed = make_settings(losses={"style": {"block3_conv1": 2}}).losses.style
    assert changed == {**default, "relu3_1": 2.0}


def test_keywords_override_file_which_overrides_preset(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('preset = "quick"\nsize = 300\n[optimization]\nhistory = 7\n')
    settings = make_settings(path, size=400)
    assert (settings.size, settings.optimization.history) == (400, 7)
    assert settings.optimization.iterations == make_settings(preset="quick").optimization.iterations
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"strength": 0.7}))
    assert make_settings(path).strength == 0.7


def test_new_preset_replaces_all_settings_of_presets():
    settings = make_settings(preset="fine", size=300, optimization={"history": 9})
    assert change_settings(settings, preset="quick") == make_settings(
        preset="quick", size=300, optimization={"history": 9}
    )
    assert change_settings(settings, preset="default", seed=4) == make_settings(
        size=300, optimization={"history": 9}, seed=4
    )


def test_default_preset_undoes_the_tutorial_preset():
    tutorial = make_settings(preset="tutorial", size=300)
    assert {k for k, v in tutorial.losses.content.items() if v} == {"relu5_2"}
    back = change_settings(tutorial, preset="default")
    assert {k: v for k, v in back.losses.content.items() if v} == make_settings().losses.content
    assert back.optimization == make_settings().optimization
    assert (back.encoder, back.weights, back.size) == ("builtin-slim", make_settings().weights, 300)


def test_tutorial_preset_excludes_a_strength():
    with pytest.raises(SettingsError, match="tutorial presets give raw weights"):
        make_settings(preset="tutorial", strength=0.5)


def test_weights_follow_strength_and_raw_weights():
    assert make_settings().weights == (1.0, style_weight_of(0.5))
    assert make_settings(style_weight=7).weights == (1.0, 7.0)
    assert make_settings(content_weight=0).weights == (0.0, style_weight_of(0.5))
    weights = [make_settings(strength=s / 10).weights[1] for s in range(11)]
    assert weights == sorted(weights)
    assert (weights[0], weights[5], round(weights[10])) == (pytest.approx(3.81, abs=0.01), 480, 1263)


def test_low_strength_weighs_the_photo_colours_more():
    weights = [make_settings(strength=s / 4).balanced_losses.content["rgb"] for s in range(5)]
    assert weights == pytest.approx([14.0, 14**0.5, 1.0, 1.0, 1.0])
    assert make_settings(style_weight=1).balanced_losses.content == make_settings().losses.content
    none = make_settings(strength=0, losses={"content": {"rgb": 0}})
    assert none.balanced_losses.content == none.losses.content


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 0}, "size = 0"),
        ({"size": -1}, "size = -1"),
        ({"size": "large"}, "size = 'large'"),
        ({"strength": 1.5}, "strength = 1.5"),
        ({"strength": float("nan")}, "strength = nan"),
        ({"style_weight": float("inf")}, "style_weight = inf"),
        ({"strength": 0.5, "style_weight": 3}, "exclude each other"),
        ({"content_weight": 0, "style_weight": 0}, "nothing to paint"),
        ({"style_weights": [0, 0]}, "at least one weight above 0"),
        ({"style_weights": [1, -1]}, "style_weights.1 = -1"),
        ({"color": "keep"}, "no setting 'color'"),
        ({"colour": "blue"}, "colour = 'blue'"),
        ({"losses": {"grain": 1}}, "no setting 'losses.grain'"),
        ({"losses": {"style": {"relu9_1": 1}}}, "no layer 'relu9_1'"),
        (
            {"losses": {"style": dict.fromkeys(Losses().style, 0)}},
            "The setting losses is not valid: it should give at least one style layer",
        ),
        ({"stroke_size": 0.2}, "stroke_size = 0.2"),
        ({"stroke_size": 4.1}, "stroke_size = 4.1"),
        ({"detail": -0.1}, "detail = -0.1"),
        ({"detail": float("nan")}, "detail = nan"),
        ({"device": "tpu"}, "should be auto, cpu, cuda"),
        ({"device": "cuda:01"}, "should be auto, cpu, cuda"),
        ({"device": "cuda:99999999999999999999"}, "should be auto, cpu, cuda"),
        ({"memory": "9" * 400}, "more than any machine has"),
        ({"preset": "best"}, "no preset 'best'"),
        ({"depth": 12}, "depth = 12"),
        ({"threads": 0}, "threads = 0"),
        ({"optimization": {"octave_ratio": 1.0}}, "octave_ratio = 1"),
        ({"optimization": 3}, "optimization = 3"),
        ({"optimization": 3}, "should be a table of names and values"),
        ({"style_weights": 1}, "should be a list, as in [1,2]"),
        ({"stroke_size": "0,5"}, "should be a number."),
        ({"masks": {"sky": "sky.png"}}, "the numbers of their styles, from 1"),
        ({"masks": {0: "sky.png"}}, "from 1"),
        ({"protect": ""}, "should be a name, not empty"),
        ({"protect": 3}, "should be text"),
        ({"size": "20x64"}, "640x480"),
    ],
)
def test_invalid_settings_are_refused_in_one_sentence(changes, words):
    with pytest.raises(SettingsError) as error:
        make_settings(**changes)
    sentence = str(error.value)
    assert words in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


EXCLUDED = {
    "colours_from, colour = keep or match": {"colours_from": "x.png", "colour": "match"},
    "strength, content_weight or style_weight": {"strength": 0.5, "content_weight": 1},
    "content_weight = 0, style_weight = 0": {"content_weight": 0, "style_weight": 0},
    "optimization.method = feed-forward, encoder": {"preset": "instant", "encoder": "builtin"},
    "optimization.method = feed-forward, content_weight or style_weight": {"preset": "instant", "content_weight": 2},
    "optimization.method = feed-forward, losses": {"preset": "instant", "losses": {"tone": 1}},
    "optimization.method = feed-forward, optimization.iterations or other settings of the optimiser": {
        "preset": "instant",
        "optimization": {"iterations": 3},
    },
    "optimization.method = feed-forward, detail": {"preset": "instant", "detail": 0.7},
    "optimization.method = feed-forward, init or grow_from": {"preset": "instant", "init": "noise"},
    "optimization.method = feed-forward, pooling, padding or padding_scope": {"preset": "instant", "pooling": "max"},
    "size = WxH": {"size": "64x48"},
    "seamless": {"seamless": True},
    "optimization.method = feed-forward": {"preset": "instant"},
    "size = original": {"size": "original"},
    "init = content": {"init": "content"},
    "init = instant": {"init": "instant"},
    "strength, content_weight above 0": {"content_weight": 1},
    "protect": {"protect": "x.png"},
    "colour = keep or match": {"colour": "keep"},
}
"""Settings that each row of the table excludes."""


def test_instant_accepts_changes_of_photo_and_losses_of_older_records():
    make_settings(preset="instant", losses={"recolour": 0.5, "local_contrast": 2})
    make_settings(preset="instant", losses={"coarse_content": 1, "tone": 0.2})
    make_settings(preset="instant", losses={"coarse_content": 2.8})


@pytest.mark.parametrize("losses", [{"coarse_content": 3}, {"tone": 0.5}])
def test_instant_refuses_losses_that_it_does_not_use(losses):
    with pytest.raises(SettingsError, match="so losses cannot be set"):
        make_settings(preset="instant", losses=losses)


def test_each_exclusion_refuses_its_combination():
    assert [*EXCLUDED] == [row.names for group in EXCLUSIONS.values() for row in group]
    for kind, group in EXCLUSIONS.items():
        for row in group:
            changes, make = EXCLUDED[row.names], make_settings if kind != "a texture" else make_texture_settings
            with pytest.raises(SettingsError) as caught:
                make(**changes).check_photo(kind == "a photograph")
            assert all(part in str(caught.value) for part in re.split(r"\{.*?\}", row.message))
    make_settings().check_photo(True)
    make_texture_settings().check_photo(False)


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", "{"), ("a.toml", "size ="), ("b.json", "[1]"), ("c.toml", "\x00")]
)
def test_invalid_settings_file_is_refused(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(SettingsError, match="file of settings"):
        make_settings(path)
    with pytest.raises(SettingsError, match="no file of settings"):
        make_settings(tmp_path / "missing.toml")
    with pytest.raises(SettingsError, match="cannot be read"):
        make_settings(tmp_path)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_keep_colour_strokes_and_detail(preset):
    settings = make_settings(preset=preset)
    assert (settings.colour, settings.stroke_size, settings.detail) == ("style", 1.0, 0.5)
    assert settings.balanced_losses is settings.losses


@given(detail=st.floats(0, 1), layers=st.dictionaries(st.sampled_from(["relu1_1", "conv1_2", "relu3_1", "relu5_1", "rgb",
                                                                       "strokes", "gabor", "gabor2"]),
                                                      st.floats(0, 9), min_size=1))  # fmt: skip
def test_detail_shifts_block_weights_and_keeps_sum(detail, layers):
    none = dict.fromkeys(make_settings().losses.style, 0)
    if not any(layers.values()):
        return
    settings = make_settings(detail=detail, losses={"style": none | layers})
    before, after = settings.losses.style, settings.balanced_losses.style
    assert all(after[name] == before[name] for name in ("rgb", "strokes", "gabor", "gabor2"))
    assert sum(after.values()) == pytest.approx(sum(before.values()))
    assert list(after) == list(before)
    for one, other in (("relu1_1", "relu3_1"), ("relu3_1", "relu5_1")):
        if before[one] and before[other] > 1e-6 * before[one] > 1e-300:
            ratio = (after[one] / before[one]) / (after[other] / before[other])
            assert ratio == pytest.approx(DETAIL_RATIO ** (2 * (2 * detail - 1)), rel=1e-6)


@pytest.mark.parametrize("layer", ["strokes", "gabor", "gabor2"])
@pytest.mark.parametrize("preset", ["tutorial", "tutorial-core"])
def test_tutorial_presets_have_the_networks_layers_alone(preset, layer):
    assert make_settings(preset=preset).losses.style[layer] == 0
    assert make_texture_settings(preset=preset).losses.style[layer] == 0
    assert change_settings(make_settings(), preset=preset).losses.style[layer] == 0
    back = change_settings(make_settings(preset=preset), preset="default")
    assert back.losses.style == make_settings().losses.style


@pytest.mark.parametrize("layer", ["strokes", "gabor", "gabor2"])
def test_records_from_before_a_layer_have_none(layer):
    settings = make_settings(losses={"style": {"relu3_1": 2.0}})
    stored = settings.model_dump(mode="json", exclude_none=True)
    older = copy.deepcopy(stored)
    del older["losses"]["style"][layer]
    filled = fill_missing_settings({"settings": older})["settings"]
    assert filled["losses"]["style"].pop(layer) == 0
    assert filled == older


def test_filling_missing_settings_keeps_values_and_order():
    stored = make_settings(losses={"style": {"strokes": 7}}).model_dump(mode="json", exclude_none=True)
    filled = fill_missing_settings({"settings": stored})["settings"]
    assert filled == stored
    assert list(filled["losses"]["style"]) == list(stored["losses"]["style"])


def test_parse_assignment_nests_names_and_reads_json():
    assert parse_assignment("losses.style.relu3_1=2") == {"losses": {"style": {"relu3_1": 2}}}
    assert parse_assignment("size = original") == {"size": "original"}
    assert parse_assignment("init=a=b.png") == {"init": "a=b.png"}
    for text in ("size", "=3", "losses..style=3"):
        with pytest.raises(SettingsError, match="is not a setting"):
            parse_assignment(text)


def test_every_setting_has_a_help_sentence():
    def descriptions(model):
        for name, info in model.model_fields.items():
            yield name, info.description
            if hasattr(info.annotation, "model_fields"):
                yield from descriptions(info.annotation)

    assert all(text and text.endswith(".") for _, text in descriptions(Settings))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4G", 4e9),
        ("800M", 8e8),
        ("1.5 gb", 1.5e9),
        ("2GiB", 2 * 2**30),
        ("512KiB", 2**19),
        ("3000000000", 3e9),
        ("1T", 1e12),
    ],
)
def test_memory_bytes_reads_units(text, expected):
    assert memory_bytes(text) == expected
    assert make_settings(memory=text).memory == text


@pytest.mark.parametrize("text", ["", "much", "-4G", "0", "0.0M", "4X", "4iB", "G", True, 1.5, "4G8M", "1e9"])
def test_invalid_memory_is_refused(text):
    with pytest.raises(SettingsError, match="memory"):
        make_settings(memory=text)


def test_memory_accepts_a_number_of_bytes():
    assert make_settings(memory=3_000_000_000).memory == "3000000000"


@pytest.mark.parametrize("tile", [63, 0, -64, "wide", 64.5])
def test_invalid_tile_is_refused(tile):
    with pytest.raises(SettingsError, match="tile"):
        make_settings(tile=tile)


@pytest.mark.parametrize(
    ("name", "keyword", "nested"),
    [
        ("protect", "protect=", {"protect": "x"}),
        ("colours_from", "colours_from=", {"colours_from": "x"}),
        ("masks.2", "masks={2: …}", {"masks": {2: "x"}}),
        ("style_masks.10", "style_masks={10: …}", {"style_masks": {10: "x"}}),
    ],
)
def test_picture_names_give_keywords_and_settings(name, keyword, nested):
    assert keyword_of(name) == keyword
    assert nest_names({name: "x"}) == nested


def test_deep_merge_leaves_its_arguments_unchanged():
    under, over = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}, "e": {"f": 5}}
    assert deep_merge(under, over, {"a": {"b": 6}}) == {"a": {"b": 6, "c": 2}, "d": 3, "e": {"f": 5}}
    assert (under, over) == ({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}, "e": {"f": 5}})


def test_settings_load_without_pytorch():
    script = "import sys, impasto.settings.making, impasto.settings.migrations; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("text", "size", "pixels"),
    [
        ("30x40cm@300", "30x40cm@300", (4724, 3543)),
        ("300 × 400 mm @ 300dpi", "300x400mm@300", (4724, 3543)),
        ("12x16in@240.5", "12x16in@240.5", (3848, 2886)),
        ('8x10"', "8x10in@300", (3000, 2400)),
    ],
)
def test_print_size_gives_sides_in_pixels(text, size, pixels):
    settings = make_settings(size=text)
    assert (settings.size, settings.sides, settings.long_side) == (size, pixels, max(pixels))
    assert make_settings(**settings.model_dump(mode="json", exclude_none=True)) == settings


def test_painting_fits_on_print_turned_like_photograph():
    settings = make_settings(size="30x40cm@100")  # 1181 × 1575 px
    assert settings.long_side_of(300, 400) == settings.long_side_of(400, 300) == 1575
    assert settings.long_side_of(100, 300) == 1575
    assert settings.long_side_of(200, 200) == 1181
    assert make_settings(size="40cm@100").long_side_of(200, 200) == 1575


@pytest.mark.parametrize("size", ["30x40", "1x40", "30x40km", "30x40cm@0", "30x40cm@20000", "1x1mm@30", "0cm", "1e3cm"])
def test_sizes_that_cannot_be_painted_are_refused(size):
    with pytest.raises(SettingsError, match="a print such as 30x40cm@300"):
        make_settings(size=size)


@pytest.mark.parametrize("preset", PRESETS)
def test_instant_replaces_every_preset(preset):
    changed = change_settings(make_settings(preset=preset), preset="instant")
    assert (changed.preset, changed.optimization.method) == ("instant", "feed-forward")
