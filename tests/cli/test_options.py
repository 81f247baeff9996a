"""The options that change settings: which of two is taken, what is read from their text, and where the help has them."""

import inspect
import json

import pytest
import typer
from typer.testing import CliRunner

from impasto.cli.options import SETTINGS, Changes, changes_from, with_settings
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
    "init": ("noise", "noise"),
    "protect": ("face.png", "face.png"),
    "seed": ("7", 7),
    "threads": ("3", 3),
    "device": ("cpu", "cpu"),
    "depth": ("16", 16),
    "memory": ("4G", "4G"),
    "tile": ("256", 256),
}
"""What is written for a setting on the command line, and what the model makes of it."""


@pytest.fixture
def ask():
    """Run a command with two options of its own about the settings' place, and give what it was given."""

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
def test_each_option_is_read_as_its_setting(name, ask):
    text, value = TEXTS[name]
    _, changes, _ = ask(f"--{name.replace('_', '-')}", text)
    assert list(changes) == [name]
    assert getattr(make_settings(**changes), name) == value


def test_seamless_is_a_flag(ask):
    assert ask("--seamless")[1] == {"seamless": True}
    assert ask()[1] == {}


def test_iterations_are_those_of_the_last_octave(ask):
    _, changes, _ = ask("--iterations", "3")
    assert make_settings(**changes).optimization.iterations == 3


def test_masks_are_numbered_and_may_be_several(ask):
    _, changes, _ = ask("--mask", "2=sky.png", "--mask", "1 = a=b.png", "--style-mask", "02=none")
    settings = make_settings(**changes)
    assert settings.masks == {2: "sky.png", 1: "a=b.png"}
    assert settings.style_masks == {}


@pytest.mark.parametrize("flag", ["mask", "style_mask"])
@pytest.mark.parametrize("text", ["sky.png", "=sky.png", "1=", "0=sky.png", "-1=sky.png", "1.5=sky.png", "one=sky.png"])
def test_a_mask_needs_a_number_and_a_file(flag, text):
    with pytest.raises(SettingsError, match=f"--{flag.replace('_', '-')} .*write the number of the style"):
        changes_from({f"{flag}s": [text]})


def test_a_style_has_one_mask():
    with pytest.raises(SettingsError, match=r"--mask names two masks for style 2"):
        changes_from({"masks": ["2=a.png", "1=b.png", "02=c.png"]})


def test_nothing_given_changes_nothing(ask):
    assert ask("--first", "a", "--last", "b") == ["a", {}, "b"]


def test_assignments_go_before_options_and_these_before_the_file(ask, tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"seed": 1, "size": 100, "tile": 512, "optimization": {"iterations": 9, "rate": 0.5}}))
    order = ("--set", "seed=3", "--seed", "2", "--size", "200", "--iterations", "4", "--config", str(file))
    _, changes, _ = ask(*order)
    assert changes == {"seed": 3, "size": "200", "tile": 512, "optimization": {"iterations": "4", "rate": 0.5}}


def test_files_of_settings_are_laid_over_one_another(ask, tmp_path):
    for name, text in (("a.toml", "size = 80\nstrength = 0.2"), ("b.toml", "strength = 0.9")):
        (tmp_path / name).write_text(text)
    _, changes, _ = ask("--config", str(tmp_path / "a.toml"), "--config", str(tmp_path / "b.toml"))
    assert changes == {"size": 80, "strength": 0.9}


def test_the_help_has_them_in_order_where_the_command_has_its_changes(ask):
    words = ask("--help").split()
    flags = list(dict.fromkeys(word for word in words if word.startswith("--")))
    assert flags[: len(SETTINGS) + 2] == ["--first", *(option.flag for option in SETTINGS.values()), "--last"]


def test_a_command_takes_some_or_leaves_some_out(ask):
    assert ask("--seed", "1", only=("seed",)) == ["1", {"seed": "1"}, "2"]
    assert "No such option" in ask("--size", "96", only=("seed",))
    assert "No such option" in ask("--seed", "1", without=("seed",))
    assert ask("--size", "96", without=("seed",)) == ["1", {"size": "96"}, "2"]


def test_options_that_there_are_none_of_cannot_be_taken():
    with pytest.raises(ValueError, match="sieze"):
        with_settings(only=("sieze",))
    with pytest.raises(ValueError, match="sieze"):
        with_settings(without=("sieze",))


def test_a_command_with_options_still_says_what_it_takes():
    @with_settings(only=("seed", "tile"))
    def command(*, changes: Changes, quiet: bool = False) -> int:
        """Say it."""
        return len(changes)

    assert list(inspect.signature(command).parameters) == ["seed", "tile", "quiet"]
    assert command(seed="1", tile=None) == 1


def test_an_odd_depth_is_left_to_the_model():
    assert changes_from({"depth": "deep"}) == {"depth": "deep"}
    assert changes_from({"depth": "12"}) == {"depth": 12}
