"""The options that several commands share, and the settings that they stand for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer

from impasto.errors import SettingsError
from impasto.settings.fields import COLOURS, PRESETS
from impasto.settings.making import parse_assignment, read_settings_file
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings

R = TypeVar("R")


def help_of(name: str) -> str:
    """The help of a setting, as the model documents it.

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
"""Settings by name, nested as the model nests them, not yet validated."""


@dataclass(frozen=True)
class SettingOption:
    """An option of several commands that changes settings.

    Attributes:
        parameter: name of the commands' parameter.
        flag: as it is written on the command line.
        metavar: what its help shows for the value.
        help: a sentence.
        read: the changes that a value given stands for.
        kind: type of the value.
        rank: where two change the same setting, the higher one is taken.
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
        """What a command's function would say to have it."""
        return inspect.Parameter(
            self.parameter,
            inspect.Parameter.KEYWORD_ONLY,
            default=typer.Option(None, self.flag, metavar=self.metavar, help=self.help),
            annotation=self.kind | None,
        )


def _setting(name: str, metavar: str, value_of: Callable[[str], Any] = str) -> SettingOption:
    """An option for one setting, called as the setting is.

    Args:
        name: with dots, as in ``optimization.iterations``.
        metavar: what the help shows for the value.
        value_of: what the model is given for a text. Text itself wherever the model takes it, which reads and checks
            it, so that every way in refuses with the same sentence.
    """
    *parents, last = name.split(".")

    def read(text: str) -> Changes:
        nested = {last: value_of(text)}
        for parent in reversed(parents):
            nested = {parent: nested}
        return nested

    return SettingOption(last, f"--{last.replace('_', '-')}", metavar, help_of(name), read)


def _masks(name: str, flag: str) -> SettingOption:
    """An option for masks by the number of their style, which may be repeated."""

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
    return int(text) if text.isdecimal() else text  # one of two numbers to the model, which takes no text for either


SETTINGS = {
    option.parameter: option
    for option in (
        _setting("size", "N|WxH|original"),
        _setting("preset", "|".join(PRESETS)),
        _setting("strength", "S"),
        _setting("style_weights", "A,B,…", lambda text: text.split(",")),
        _setting("colour", "|".join(COLOURS)),
        _setting("colours_from", "FILE"),
        _setting("stroke_size", "X"),
        _setting("detail", "D"),
        _setting("encoder", "NAME|FILE"),
        _setting("init", "content|noise|FILE"),
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
            "Any other setting, as in losses.style.relu3_1=2; may be repeated; `impasto settings` lists them.",
            lambda texts: deep_merge(*map(parse_assignment, texts)),
            kind=list[str],
            rank=2,
        ),
        SettingOption(
            "config",
            "--config",
            "FILE",
            "Settings from a JSON or TOML file; options go before it. May be repeated; the last one counts.",
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
"""The options that change settings, by the commands' parameters, in the order of the help."""


def with_settings(
    *, only: Collection[str] | None = None, without: Collection[str] = ()
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a command the options of :data:`SETTINGS`.

    They come in the help where the command's function has its parameter ``changes``, which is given what they stand
    for, not yet validated. The command raises :class:`SettingsError` for a file that cannot be read, and for an
    assignment that is none.

    Args:
        only: the parameters to take; all where not given.
        without: those to leave out.
    """
    if unknown := {*(only or ()), *without} - SETTINGS.keys():
        raise ValueError(f"no options that change settings: {unknown}")
    taken = [option for name, option in SETTINGS.items() if name not in without and (only is None or name in only)]

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(command)
        def with_changes(**parameters: Any) -> R:
            given = {option.parameter: parameters.pop(option.parameter) for option in taken}
            return command(**parameters, changes=changes_from(given))

        own = inspect.signature(command, eval_str=True)
        declared: list[inspect.Parameter] = []
        for parameter in own.parameters.values():
            declared += [option.declared for option in taken] if parameter.name == "changes" else [parameter]
        # Both are what typer reads.
        with_changes.__signature__ = own.replace(parameters=declared)  # type: ignore[attr-defined]
        with_changes.__annotations__ = {parameter.name: parameter.annotation for parameter in declared}
        return with_changes

    return decorate


def changes_from(parameters: Mapping[str, Any]) -> Changes:
    """The settings that a command line names, not yet validated: the file, over it the options, over both ``--set``.

    Args:
        parameters: of a command, by the names of :data:`SETTINGS`; None where not given.

    Raises:
        SettingsError: a file that cannot be read, or an assignment that is none.
    """
    given = [option for name, option in SETTINGS.items() if parameters.get(name) is not None]
    return deep_merge(*(option.read(parameters[option.parameter]) for option in sorted(given, key=lambda o: o.rank)))


TextureFrom = Annotated[
    str | None,
    typer.Option(
        "--texture-from",
        metavar="FILE",
        help="The painting whose strokes are painted; STYLE, or --colours-from, then gives its colours alone.",
    ),
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Print the plan (octaves, tiles, memory, arithmetic, expected time) and end there."),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="The picture to write: .png, .jpg, .webp or .tif. CONTENT-as-STYLE.png beside CONTENT where not given.",
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Write events to stdout, one JSON object a line.")]
Sheet = Annotated[
    str | None,
    typer.Option("--sheet", metavar="FILE", help="Also write photo, style and painting side by side in one picture."),
]
Stages = Annotated[
    str | None,
    typer.Option("--stages", metavar="FILE", help="Also write ten pictures of how the painting came about."),
]
History = Annotated[
    str | None,
    typer.Option("--history", metavar="FILE", help="Also write the losses: .csv a table, .png or .svg a plot."),
]

Checkpoint = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        help="Keep the run in FILE, for `impasto resume FILE`; removed in the end. Where not given, runs of more than "
        "two minutes are kept in the user's state folder: `impasto runs` lists them.",
    ),
]
NoCheckpoint = Annotated[bool, typer.Option("--no-checkpoint", help="Keep nothing to resume from.")]
CheckpointEvery = Annotated[
    str | None,
    typer.Option(
        "--checkpoint-every",
        metavar="SECONDS",
        help="Seconds between checkpoints, 30 where not given; never less than 20 times what writing one takes.",
    ),
]

NameTemplate = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="TEMPLATE",
        help="Name of each picture in DIR, with {content}, {style}, {ext} and {number}; {content}-as-{style}.png where "
        "not given.",
    ),
]
Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", metavar="N", min=1, max=256, help="Paint so many at a time; they share the cores."),
]
