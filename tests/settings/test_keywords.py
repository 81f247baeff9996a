"""The typed keywords name the same settings, with the same values, as the model."""

from __future__ import annotations

from typing import Literal, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from pydantic import TypeAdapter

from impasto.errors import SettingsError
from impasto.painting.keywords import PaintingKeywords
from impasto.settings.keywords import LossesKeywords, OptimizationKeywords, SettingsKeywords
from impasto.settings.making import change_settings, make_settings, make_texture_settings, parse_assignment
from impasto.settings.model import Losses, Optimization, Settings

PAIRS = [(SettingsKeywords, Settings), (PaintingKeywords, Settings), (LossesKeywords, Losses)]
PAIRS += [(OptimizationKeywords, Optimization)]


def literals(annotation):
    """Return the values of all Literal types in an annotation."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return set().union(*map(literals, get_args(annotation))) if get_args(annotation) else set()


@pytest.mark.parametrize(("keywords", "model"), PAIRS)
def test_keywords_are_the_settings(keywords, model):
    shorthands = {"iterations"} if model is Settings else set()
    assert set(get_type_hints(keywords)) == set(model.model_fields) | shorthands


@pytest.mark.parametrize(("keywords", "model"), PAIRS[:1] + PAIRS[2:])
def test_keywords_have_the_choices_of_settings(keywords, model):
    hints = get_type_hints(keywords)
    free = {"size"}  # its words are part of str
    expected = {name: literals(field.annotation) for name, field in model.model_fields.items() if name not in free}
    assert {name: literals(hints[name]) for name in expected} == expected


@pytest.mark.parametrize(("keywords", "model"), PAIRS[:1] + PAIRS[2:])
def test_keywords_accept_the_defaults(keywords, model):
    for name, value in model().model_dump().items():
        hint = get_type_hints(keywords)[name]
        if is_typeddict(hint):
            assert set(value) == set(get_type_hints(hint))
        else:
            TypeAdapter(hint).validate_python(value)


def test_iterations_stand_for_nested_setting(tmp_path):
    (tmp_path / "run.toml").write_text("iterations = 4\n[optimization]\nrate = 0.5")
    assert make_settings(iterations=7).optimization.iterations == 7
    assert make_settings(tmp_path / "run.toml").optimization.iterations == 4
    assert make_settings(tmp_path / "run.toml", iterations=7).optimization.rate == 0.5
    assert make_settings(tmp_path / "run.toml", optimization={"iterations": 7}).optimization.iterations == 7
    assert make_texture_settings(iterations=7, preset="fine").optimization.iterations == 7
    assert change_settings(make_settings(), iterations=7).optimization.iterations == 7
    assert parse_assignment("iterations=7") == {"optimization": {"iterations": 7}}
    with pytest.raises(SettingsError, match="are the same: give one of them"):
        make_settings(iterations=7, optimization={"iterations": 8})


@pytest.mark.parametrize(("text", "share"), [("50%", 0.5), ("12.5 %", 0.125), ("0%", 0.0), ("100%", 1.0)])
def test_percentage_is_a_share(text, share):
    settings = make_settings(strength=text, detail=text)
    assert (settings.strength, settings.detail) == (share, share)


@pytest.mark.parametrize("text", ["101%", "-5%", "%", "5%%", "50"])
def test_percentage_out_of_range_is_refused(text):
    with pytest.raises(SettingsError, match="a percentage such as 50%"):
        make_settings(strength=text)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("strenght", "strength"),
        ("color", "colour"),
        ("Size", "size"),
        ("iteration", "iterations"),
        ("stroke-size", "stroke_size"),
        ("losses", None),
        ("xyz", None),
    ],
)
def test_misspelt_keyword_gets_suggestion(name, meant):
    with pytest.raises(SettingsError) as refused:
        make_settings(**{name: 1})
    assert (f"perhaps {meant} is meant" in str(refused.value)) == (meant is not None)
