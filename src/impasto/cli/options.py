"""Options that several commands share, in groups, and the decorators that add them to a command."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar, get_args

import typer

from impasto.cli.completion import complete_style
from impasto.cli.setting_options import SETTINGS, changes_from
from impasto.errors import SettingsError
from impasto.settings.presets import PREVIEW_SIZE, SKETCH_PRESETS

if TYPE_CHECKING:
    from impasto.runs.checkpointing import CheckpointPolicy
    from impasto.runs.outputs import Outputs

R = TypeVar("R")


class _Expansion(NamedTuple):
    """The options that replace one parameter of a command, and the function that makes its value from theirs."""

    options: Sequence[inspect.Parameter]
    make: Callable[..., Any]


def with_settings(
    *, only: Collection[str] | None = None, without: Collection[str] = ()
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Return a decorator that gives a command the options of :data:`SETTINGS` in place of its parameter ``changes``.

    The command receives the merged, not yet validated changes. It raises :class:`SettingsError` for a settings file
    that cannot be read and for an assignment that is not valid.

    Args:
        only: parameter names of the options to add; None for all.
        without: parameter names of the options to leave out.
    """
    if unknown := {*(only or ()), *without} - SETTINGS.keys():
        raise ValueError(f"no options that change settings: {unknown}")
    chosen = [option for name, option in SETTINGS.items() if name not in without and (only is None or name in only)]
    expansion = _Expansion([option.declared for option in chosen], lambda **given: changes_from(given))
    return lambda command: _expanded(command, {"changes": expansion})


def with_groups(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options of a group, such as :class:`RunOptions`, in place of each parameter of its type."""
    expansions = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group = parameter.annotation
        if isinstance(group, type) and is_dataclass(group):
            expansions[parameter.name] = _Expansion(_options_of(group), group)
    return _expanded(command, expansions)


def _options_of(group: type) -> list[inspect.Parameter]:
    declared = inspect.signature(group, eval_str=True).parameters.values()
    return [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in declared]


def _expanded(command: Callable[..., R], expansions: Mapping[str, _Expansion]) -> Callable[..., R]:
    """Replace some parameters of a command by several options each, in the same place of the help."""

    @functools.wraps(command)
    def expanded(**values: Any) -> R:
        for name, expansion in expansions.items():
            values[name] = expansion.make(**{option.name: values.pop(option.name) for option in expansion.options})
        return command(**values)

    own = inspect.signature(command, eval_str=True)
    declared: list[inspect.Parameter] = []
    for parameter in own.parameters.values():
        declared += expansions[parameter.name].options if parameter.name in expansions else [parameter]
    # Typer reads both.
    expanded.__signature__ = own.replace(parameters=declared)  # type: ignore[attr-defined]
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in declared}
    return expanded


def output_option(help: str) -> Any:
    """Return the option ``--output`` with a command's own help.

    Args:
        help: says which picture is written, and its default path.
    """
    return typer.Option("--output", "-o", metavar="OUT", help=help)


def to_path(name: str | None) -> Path | None:
    """Return the path of an optional file."""
    return None if name is None else Path(name)


Styles = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STYLE",
        show_default=False,
        help="The painting, or several: files, or names of `impasto styles`.",
        autocompletion=complete_style,
    ),
]
StyleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--style",
        "-s",
        metavar="FILE|NAME",
        help="Another way to write STYLE. May be repeated.",
        autocompletion=complete_style,
    ),
]
Painted = Annotated[str, typer.Argument(metavar="FILE", show_default=False, help="A picture that impasto painted.")]
TextureFrom = Annotated[
    str | None,
    typer.Option(
        "--texture-from",
        metavar="FILE|NAME",
        help="Take the brush strokes from this painting, and only the colours from STYLE or --colours-from.",
        autocompletion=complete_style,
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace existing files.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print events to stdout, one JSON object per line.")]
Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", metavar="N", min=1, max=256, help="Paint N pictures at a time; they share the cores."),
]
Photos = Annotated[list[str], typer.Argument(metavar="PHOTOS", show_default=False, help="The photographs.")]
StylesOfBatch = Annotated[
    list[str],
    typer.Option(
        "--style",
        "-s",
        metavar="FILE|NAME",
        show_default=False,
        help="A painting, a folder of them, or a name of `impasto styles`. May be repeated.",
        autocompletion=complete_style,
    ),
]
OutputFolder = Annotated[
    str,
    typer.Option("--out", "-o", metavar="DIR", show_default=False, help="Folder for the pictures; made if missing."),
]
Keep = Annotated[
    str | None, typer.Option("--keep", metavar="DIR", help="Also keep each variant as a picture in this folder.")
]


@dataclass(frozen=True)
class ReportOptions:
    """Options for the output of a command while it paints."""

    quiet: Quiet = False
    as_json: Json = False


@dataclass(frozen=True)
class RunOptions:
    """Options of the commands that paint one picture, besides those for its sources and settings."""

    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="png|jpg|webp|tif",
            help="Format of the picture for -o - (png if not given), or for the default name.",
        ),
    ] = None
    preview: Annotated[
        bool,
        typer.Option(
            "--preview",
            help=f"Paint a preview ({PREVIEW_SIZE} px, preset {SKETCH_PRESETS[0]}, or {SKETCH_PRESETS[-1]} with "
            "options that need it) to OUT-preview, and print how long the full painting would take.",
        ),
    ] = False
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Print the plan (octaves, tiles, memory, arithmetic, expected time), without painting."
        ),
    ] = False
    sheet: Annotated[
        str | None,
        typer.Option(
            "--sheet",
            metavar="FILE",
            help="Also write photograph, styles and painting side by side; a seamless texture is shown 2×2.",
        ),
    ] = None
    stages: Annotated[
        str | None, typer.Option("--stages", metavar="FILE", help="Also write a grid of ten stages of the painting.")
    ] = None
    history: Annotated[
        str | None,
        typer.Option("--history", metavar="FILE", help="Also write the losses: .csv a table, .png or .svg a plot."),
    ] = None
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="Write checkpoints to FILE, for `impasto resume FILE`; removed at the end. By default, runs of more "
            "than two minutes write them to the user's state folder; `impasto runs` lists those.",
        ),
    ] = None
    no_checkpoint: Annotated[bool, typer.Option("--no-checkpoint", help="Write no checkpoints.")] = False
    checkpoint_every: Annotated[
        str | None,
        typer.Option(
            "--checkpoint-every",
            metavar="SECONDS",
            help="Seconds between checkpoints, 30 by default; at least 20 times the time to write one.",
        ),
    ] = None
    force: Force = False

    def outputs(self, output: str | None, default: Path, stack: ExitStack) -> Outputs:
        """Return the outputs of a run.

        Args:
            output: value of ``--output``.
            default: path of the painting without it.
            stack: removes the temporary file of a picture that goes to standard output.

        Raises:
            SettingsError: an output that is a folder, or a format that is not written or not that of the output's name.
        """
        from impasto.cli.pipes import PIPE, output_file  # which imports FLAGS
        from impasto.runs.outputs import Outputs

        others = Outputs(default, to_path(self.sheet), to_path(self.stages), to_path(self.history), self.force)
        suffix = self.suffix
        if output == PIPE:
            picture = Path(f"{PIPE}{suffix or ''}") if self.explain else output_file(suffix or ".png", stack)
            return replace(others, picture=picture, is_temporary=True)
        if output is not None and (output.endswith("/") or (Path(output).is_dir() and not Path(output).suffix)):
            raise SettingsError(f"{output} is a folder: name the picture in it, as in {Path(output, default.name)}.")
        if output is not None and suffix and Path(output).suffix.lower() != suffix:
            raise SettingsError(f"--format {self.format} is not the format of {output}: leave one of them out.")
        picture = default.with_suffix(suffix) if suffix else default
        return replace(others, picture=picture if output is None else Path(output))

    @property
    def suffix(self) -> str | None:
        """Suffix of the format; None if the option does not name one.

        Raises:
            SettingsError: the format is not written.
        """
        from impasto.pictures import SUFFIXES

        if self.format is None:
            return None
        suffix = f".{self.format.lower().removeprefix('.')}"
        if suffix not in SUFFIXES:
            known = ", ".join(known[1:] for known in SUFFIXES)
            raise SettingsError(f"--format {self.format} is not written: choose one of {known}.")
        return suffix

    def checkpoints(self, *, is_piped: bool = False) -> CheckpointPolicy:
        """Return whether and where checkpoints are written.

        Args:
            is_piped: whether the photograph or the picture has no file, so that the run cannot be resumed.

        Raises:
            SettingsError: options that exclude each other, or an interval that is not a number of seconds.
        """
        from impasto.runs.checkpointing import NO_CHECKPOINTS, CheckpointPolicy

        if is_piped:
            if self.checkpoint is not None or self.checkpoint_every is not None:
                raise SettingsError("A run from or to a pipe cannot be resumed: leave --checkpoint out, or name files.")
            return NO_CHECKPOINTS
        if self.no_checkpoint and (self.checkpoint is not None or self.checkpoint_every is not None):
            raise SettingsError("--no-checkpoint excludes --checkpoint and --checkpoint-every: choose one.")
        interval = None if self.checkpoint_every is None else _seconds(self.checkpoint_every)
        return CheckpointPolicy(not self.no_checkpoint, to_path(self.checkpoint), interval)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"--checkpoint-every {text} is not a number of seconds: write one such as 60.")
    return seconds


@dataclass(frozen=True)
class WatchOptions:
    """Options of the commands that paint one picture, to watch it meanwhile."""

    live: Annotated[
        str | None,
        typer.Option(
            "--live",
            metavar="FILE",
            help="Rewrite this picture while painting, at most once a second; a name in .html writes a page as well, "
            "which shows the picture in a browser and reloads itself.",
        ),
    ] = None
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Show the picture in the terminal while painting, if the terminal can; needs impasto[watch].",
        ),
    ] = False


@dataclass(frozen=True)
class RepeatOptions:
    """Options for other sources than those stored in a picture."""

    content: Annotated[
        str | None, typer.Option("--content", metavar="FILE", help="A photograph in place of the stored one.")
    ] = None
    styles: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            metavar="FILE|NAME",
            help="A painting in place of all the stored ones. May be repeated for several.",
            autocompletion=complete_style,
        ),
    ] = None


@dataclass(frozen=True)
class PairingOptions:
    """Options for the pictures of a batch: which photograph meets which style, and the names of the results."""

    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="TEMPLATE",
            help="Name of each picture in DIR, made of {content}, {style}, {ext} and {number}; by default "
            "{content}-as-{style}.png.",
        ),
    ] = None
    zipped: Annotated[bool, typer.Option("--zip", help="Pair the first photograph with the first style, etc.")] = False
    blend: Annotated[bool, typer.Option("--blend", help="Paint each photograph in all styles together.")] = False

    @property
    def keywords(self) -> dict[str, Any]:
        """Keywords of the functions that plan the paintings."""
        name = {} if self.name is None else {"template": self.name}
        return {**name, "zipped": self.zipped, "blend": self.blend}


def _flag(annotation: Any) -> str:
    """Return the long spelling of an annotated option."""
    option = get_args(annotation)[1]
    spellings = (option.default, *option.param_decls)  # typer takes the first spelling for a default
    return next(text for text in spellings if isinstance(text, str) and text.startswith("--"))


_GROUPS = (ReportOptions, RunOptions, WatchOptions, RepeatOptions, PairingOptions)

FLAGS: dict[str, str] = (
    {name: option.flag for name, option in SETTINGS.items()}
    | {option.name: _flag(option.annotation) for group in _GROUPS for option in _options_of(group)}
    | {"output": "--output", "out": _flag(OutputFolder), "jobs": _flag(Jobs), "keep": _flag(Keep), "style": "--style"}
    | {"port": "--port", "state": "--state"}
)
"""Long spellings of the options, by the names of the parameters that they stand for in Python."""
