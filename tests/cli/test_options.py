"""The options that change settings: their precedence, their parsing and their place in the help."""

import inspect
import json

import pytest
import typer
from typer.testing import CliRunner

from impasto.cli.options import with_settings
from impasto.cli.setting_options import SETTINGS, Changes, changes_from
from impasto.errors import SettingsError
from impasto.settings.making import make_settings

TEXTS = {
    "size": ("96", 96),
    "preset": ("fine", "fine"),
    "strength": ("0.25", 0.25),
    "style_weights": ("2,1", (2.0, 1.0)),
    "colour": ("keep", "keep"),
    "colours_from": ("other.jpg", "other.jpg"),
    "stroke_size": ("2", 2.0),
    "detail": ("0.75", 0.75),
    "encoder": ("vgg19", "vgg19"),
    "grow_from": ("small.png", "small.png"),
    "init": ("noise", "noise"),
    "protect": ("face.png", "face.png"),
    "seed": ("7", 7),
    "threads": ("3", 3),
    "device": ("cpu", "cpu"),
    "depth": ("16", 16),
    "memory": ("4G", "4G"),
    "tile": ("256", 256),
}
"""For each setting a text on the command line, and the validated value."""


@pytest.fixture
def ask():
    """Return a function that runs a command with two more options, and returns the values that it received."""

    def run(*arguments, **taken):
        app = typer.Typer(rich_markup_mode=None, add_completion=False)

        @app.command()
        @with_settings(**taken)
        def command(first: str = "1", *, changes: Changes, last: str = "2") -> None:
            print(json.dumps([first, changes, last]))

        result = CliRunner().invoke(app, arguments)
        return result.output if result.exit_code or "--help" in arguments else json.loads(result.output)

    return run


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_option_sets_its_setting(name, ask):
    text, value = TEXTS[name]
    _, changes, _ = ask(f"--{name.replace('_', '-')}", text)
    assert list(changes) == [name]
    assert getattr(make_settings(**changes), name) == value


def test_seamless_is_a_flag(ask):
    assert ask("--seamless")[1] == {"seamless": True}
    assert ask()[1] == {}


def test_iterations_option_sets_nested_setting(ask):
    _, changes, _ = ask("--iterations", "3")
    assert make_settings(**changes).optimization.iterations == 3


def test_mask_options_are_numbered_and_repeatable(ask):
    _, changes, _ = ask("--mask", "2=sky.png", "--mask", "1 = a=b.png", "--style-mask", "02=none")
    settings = make_settings(**changes)
    assert settings.masks == {2: "sky.png", 1: "a=b.png"}
    assert settings.style_masks == {}


@pytest.mark.parametrize("flag", ["mask", "style_mask"])
@pytest.mark.parametrize("text", ["sky.png", "=sky.png", "1=", "0=sky.png", "-1=sky.png", "1.5=sky.png", "one=sky.png"])
def test_mask_option_needs_number_and_file(flag, text):
    with pytest.raises(SettingsError, match=f"--{flag.replace('_', '-')} .*write the number of the style"):
        changes_from({f"{flag}s": [text]})


def test_mask_option_refuses_two_masks_per_style():
    with pytest.raises(SettingsError, match=r"--mask names two masks for style 2"):
        changes_from({"masks": ["2=a.png", "1=b.png", "02=c.png"]})


def test_no_options_give_no_changes(ask):
    assert ask("--first", "a", "--last", "b") == ["a", {}, "b"]


def test_set_overrides_options_which_override_config(ask, tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"seed": 1, "size": 100, "tile": 512, "optimization": {"iterations": 9, "rate": 0.5}}))
    order = ("--set", "seed=3", "--seed", "2", "--size", "200", "--iterations", "4", "--config", str(file))
    _, changes, _ = ask(*order)
    assert changes == {"seed": 3, "size": "200", "tile": 512, "optimization": {"iterations": "4", "rate": 0.5}}


def test_later_config_overrides_earlier_one(ask, tmp_path):
    for name, text in (("a.toml", "size = 80\nstrength = 0.2"), ("b.toml", "strength = 0.9")):
        (tmp_path / name).write_text(text)
    _, changes, _ = ask("--config", str(tmp_path / "a.toml"), "--config", str(tmp_path / "b.toml"))
    assert changes == {"size": 80, "strength": 0.9}


def test_help_lists_setting_options_in_place_of_changes(ask):
    words = ask("--help").split()
    flags = list(dict.fromkeys(word for word in words if word.startswith("--")))
    assert flags[: len(SETTINGS) + 2] == ["--first", *(option.flag for option in SETTINGS.values()), "--last"]


def test_with_settings_selects_and_excludes_options(ask):
    assert ask("--seed", "1", only=("seed",)) == ["1", {"seed": "1"}, "2"]
    assert "No such option" in ask("--size", "96", only=("seed",))
    assert "No such option" in ask("--seed", "1", without=("seed",))
    assert ask("--size", "96", without=("seed",)) == ["1", {"size": "96"}, "2"]


def test_with_settings_rejects_unknown_options():
    with pytest.raises(ValueError, match="sieze"):
        with_settings(only=("sieze",))
    with pytest.raises(ValueError, match="sieze"):
        with_settings(without=("sieze",))


def test_with_settings_declares_signature_of_command():
    @with_settings(only=("seed", "tile"))
    def command(*, changes: Changes, quiet: bool = False) -> int:
        """Count the changes."""
        return len(changes)

    assert list(inspect.signature(command).parameters) == ["seed", "tile", "quiet"]
    assert command(seed="1", tile=None) == 1


def test_depth_option_leaves_validation_to_model():
    assert changes_from({"depth": "deep"}) == {"depth": "deep"}
    assert changes_from({"depth": "12"}) == {"depth": 12}
