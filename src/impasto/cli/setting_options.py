"""The options that change settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from impasto.cli.completion import completer_of
from impasto.errors import SettingsError
from impasto.settings.fields import COLOURS, PRESETS
from impasto.settings.making import parse_assignment, read_settings_file
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings


def help_of(name: str) -> str:
    """Return the help text of a setting from its model.

    Args:
        name: with dots, as in ``optimization.iterations``.
    """
    model: Any = Settings
    *parents, last = name.split(".")
    for parent in parents:
        model = model.model_fields[parent].annotation
    text: str = model.model_fields[last].description
    return " ".join(text.split())


Changes = dict[str, Any]
"""Settings by name, nested as in the model, not yet validated."""


@dataclass(frozen=True)
class SettingOption:
    """An option that changes settings.

    Attributes:
        parameter: name of the parameter in the commands' functions.
        flag: spelling on the command line.
        metavar: placeholder for the value in the help.
        help: one sentence.
        read: turns a value into changes.
        kind: type of the value.
        rank: precedence; if two options change the same setting, the higher rank wins.
    """

    parameter: str
    flag: str
    metavar: str
    help: str
    read: Callable[[Any], Changes]
    kind: Any = str
    rank: int = 1

    @property
    def declared(self) -> inspect.Parameter:
        """The parameter that declares this option in a command's signature."""
        return inspect.Parameter(
            self.parameter,
            inspect.Parameter.KEYWORD_ONLY,
            default=typer.Option(
                None, self.flag, metavar=self.metavar, help=self.help, autocompletion=completer_of(self.parameter)
            ),
            annotation=self.kind | None,
        )


def _setting(name: str, metavar: str, value_of: Callable[[str], Any] = str) -> SettingOption:
    """Return the option for one setting, named after it.

    Args:
        name: with dots, as in ``optimization.iterations``.
        metavar: placeholder for the value in the help.
        value_of: converts the text. Wherever the model parses text itself it gets the text, so that a wrong value is
            refused with the same sentence as in Python or in a settings file.
    """
    *parents, last = name.split(".")

    def read(text: str) -> Changes:
        nested = {last: value_of(text)}
        for parent in reversed(parents):
            nested = {parent: nested}
        return nested

    return SettingOption(last, f"--{last.replace('_', '-')}", metavar, help_of(name), read)


def _masks(name: str, flag: str) -> SettingOption:
    """Return a repeatable option for masks, each given with the number of its style."""

    def read(texts: Sequence[str]) -> Changes:
        files: dict[str, str] = {}
        for text in texts:
            number, equals, file = (part.strip() for part in text.partition("="))
            if not equals or not file or not number.isdecimal() or int(number) < 1:
                raise SettingsError(
                    f"{flag} {text!r} is not valid: write the number of the style, from 1, and the file of its mask, "
                    f"as in {flag} 2=sky.png."
                )
            if str(int(number)) in files:
                raise SettingsError(f"{flag} names two masks for style {int(number)}: give one.")
            files[str(int(number))] = file
        return {name: files}

    return SettingOption(name, flag, "N=FILE", f"{help_of(name)} May be repeated.", read, kind=list[str])


def _depth(text: str) -> int | str:
    return int(text) if text.isdecimal() else text  # the model accepts only the numbers 8 and 16, not their text


SETTINGS = {
    option.parameter: option
    for option in (
        _setting("size", "N|WxH|WxHcm@DPI|original"),
        _setting("preset", "|".join(PRESETS)),
        _setting("strength", "S"),
        _setting("style_weights", "A,B,…", lambda text: text.split(",")),
        _setting("colour", "|".join(COLOURS)),
        _setting("colours_from", "FILE|NAME"),
        _setting("stroke_size", "X"),
        _setting("detail", "D"),
        _setting("encoder", "NAME|FILE"),
        _setting("init", "content|noise|instant|FILE"),
        _setting("grow_from", "FILE|none"),
        _masks("masks", "--mask"),
        _masks("style_masks", "--style-mask"),
        _setting("protect", "FILE|faces"),
        SettingOption(
            "seamless",
            "--seamless",
            "",
            help_of("seamless"),
            lambda wanted: {"seamless": wanted} if wanted else {},
            bool,
        ),
        _setting("optimization.iterations", "N"),
        SettingOption(
            "assignments",
            "--set",
            "KEY=VALUE",
            "Any other setting, as in losses.style.relu3_1=2. May be repeated; `impasto settings` lists all settings.",
            lambda texts: deep_merge(*map(parse_assignment, texts)),
            kind=list[str],
            rank=2,
        ),
        SettingOption(
            "config",
            "--config",
            "FILE",
            "Settings from a JSON or TOML file, which the other options override. May be repeated; later files "
            "override earlier ones.",
            lambda names: deep_merge(*map(read_settings_file, names)),
            kind=list[str],
            rank=0,
        ),
        _setting("seed", "N"),
        _setting("threads", "N"),
        _setting("device", "D"),
        _setting("precision", "P"),
        _setting("depth", "8|16", _depth),
        _setting("memory", "4G"),
        _setting("tile", "N"),
    )
}
"""Options that change settings by parameter name, in the order of the help."""


def changes_from(parameters: Mapping[str, Any]) -> Changes:
    """Merge the changes of a command's options, not yet validated.

    Options override ``--config`` files, and ``--set`` overrides both.

    Args:
        parameters: values by the names of :data:`SETTINGS`; None for an option that was not given.

    Raises:
        SettingsError: a file that cannot be read, or an assignment that is not valid.
    """
    given = [option for name, option in SETTINGS.items() if parameters.get(name) is not None]
    return deep_merge(*(option.read(parameters[option.parameter]) for option in sorted(given, key=lambda o: o.rank)))
