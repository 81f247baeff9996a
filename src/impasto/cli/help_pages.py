"""The help of commands: examples first, options in panels by purpose, and those for experts behind ``--help-all``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand

from impasto.cli.reporting.streams import print_out
from impasto.cli.usage import UsageError, refuse_single_hyphen

PANELS: Mapping[str, Sequence[str]] = {
    "Picture": (
        "--output",
        "--format",
        "--preview",
        "--size",
        "--preset",
        "--iterations",
        "--init",
        "--grow-from",
        "--depth",
        "--seamless",
    ),
    "Style": ("--style", "--styles", "--strength", "--style-weights", "--stroke-size", "--detail", "--encoder"),
    "Colour": ("--colour", "--colours-from", "--texture-from"),
    "Regions": ("--mask", "--style-mask", "--protect"),
    "Machine": ("--device", "--precision", "--threads", "--memory", "--tile", "--jobs", "--cluster"),
}
"""Options by the purpose that the help lists them under; all others are in :data:`LAST_PANEL`."""

LAST_PANEL = "Run"
"""Panel of the options that :data:`PANELS` does not list, shown before that of the machine."""

EXPERT_OPTIONS = frozenset(
    {"--grow-from", "--depth", "--iterations", "--encoder", "--style-mask", "--precision", "--threads", "--tile"}
    | {"--set", "--config", "--stages", "--history", "--json"}
    | {"--checkpoint", "--no-checkpoint", "--checkpoint-every"}
)
"""Options that only ``--help-all`` shows."""

BRIEF_HELP: Mapping[str, str] = {
    "--format": "Format for -o -, or for the default name.",
    "--preview": "Paint a small, quick preview to OUT-preview.",
    "--preset": "Time and finish; instant is a rough first look.",
    "--style-weights": "Shares of several styles, as in 2,1.",
    "--colours-from": "Take the colours from this painting.",
    "--texture-from": "Take only the brush strokes from this painting.",
    "--mask": "Region of style N in the photo: a mask, white there.",
    "--protect": "Part of the photo to keep: a mask, or faces.",
    "--explain": "Print the plan and the expected time, and exit.",
    "--sheet": "Also write photo, styles and painting side by side.",
    "--live": "Rewrite a picture, or an .html page, while painting.",
    "--watch": "Show the picture in the terminal while painting.",
    "--device": "auto, cpu, cuda, cuda:1 or mps.",
    "--memory": "Most memory to use, as in 4G or 800M.",
}
"""Help of some options in one line of 80 columns; ``--help-all`` shows the whole text."""

EXAMPLES: Mapping[str, Sequence[str]] = {
    "paint": (
        "impasto paint photo.jpg swirls",
        "impasto paint photo.jpg monet.jpg -o out.jpg --size 1024 --strength 70%",
        "impasto paint photo.jpg swirls --colour keep --protect faces",
    ),
    "texture": (
        "impasto texture swirls",
        "impasto texture monet.jpg -o wall.png --size 1024x512 --seamless",
        "impasto texture mosaic --colours-from woodcut --seed 3",
    ),
    "again": (
        "impasto again out.png --size 2048",
        "impasto again out.png --strength 0.7 -o stronger.png",
        "impasto again out.png --content other.jpg --style woodcut",
    ),
    "vary": (
        "impasto vary out.png --set strength=0.3,0.5,0.7",
        "impasto vary photo.jpg swirls --set stroke_size=1,2 --set colour=style,keep",
        "impasto vary out.png --style swirls --style woodcut --between 5",
    ),
    "sheet": (
        "impasto sheet photo.jpg",
        "impasto sheet photo.jpg --styles swirls,monet.jpg --size 384",
        "impasto sheet photo.jpg --colour keep -o sheet.jpg --keep painted",
    ),
    "batch": (
        "impasto batch photos --style swirls --out painted",
        "impasto batch one.jpg two.jpg --style swirls --style monet.jpg --out painted",
        "impasto batch photos --style swirls --out painted --jobs 2 --dry-run",
    ),
    "batch plan": (
        "impasto batch plan photos --style swirls --out painted -o plan.jsonl",
        "impasto batch plan s3://gallery/photos/ --style swirls --out s3://gallery/painted -o plan.jsonl",
    ),
    "batch run": (
        "impasto batch run plan.jsonl --shard 1/3",
        "impasto batch run plan.jsonl --cluster ray://head:10001",
    ),
}
"""Examples at the top of a command's help."""

_MOST_PLAIN = 12
"""Options up to which a command's help lists them without panels."""

_NAME_COLUMN = 24
"""Columns for the names of options; longer ones have a line of their own."""

_HELP_ALL = "--help-all"

_SPELLINGS = {"color": "colour", "colors-from": "colours-from"}
"""Other spellings of options."""


def other_spelling(name: str) -> str:
    """Return the spelling of an option that impasto uses, for an American one; other names unchanged.

    Args:
        name: option without its hyphens.
    """
    return _SPELLINGS.get(name, name)


Command = TypeVar("Command", bound=Callable[..., Any])


class PanelCommand(TyperCommand):
    """A command whose help has examples and panels, and whose usage errors name the command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; print the whole help for ``--help-all``."""
        if _HELP_ALL in args and not ctx.resilient_parsing:
            ctx.meta[_HELP_ALL] = True
            print_out(self.get_help(ctx))
            raise typer.Exit
        refuse_single_hyphen(args, ctx)
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            if getattr(error, "ctx", None) is None:  # as for an option without its value
                vars(error)["ctx"] = ctx
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the pieces of the usage line, without the braces that some versions of typer add."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write the description, and the examples."""
        super().format_help_text(ctx, formatter)
        if examples := EXAMPLES.get(self.name or ""):
            with formatter.section(_heading("Examples")):
                for line in examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, and the options by panel."""
        arguments: list[tuple[str, str]] = []
        options: dict[str, tuple[str, str]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            name, text = record
            if param.param_type_name == "argument":
                arguments.append((name.partition(" <")[0], text.removesuffix("[required]").rstrip()))
            else:
                options[next(flag for flag in param.opts if flag.startswith("--"))] = name, text
        column = min(_NAME_COLUMN, max(len(name) for name, _ in [*arguments, *options.values()]))
        panels = _in_panels(options, show_all=_HELP_ALL in ctx.meta)
        for heading, rows in {"Arguments": arguments, **panels}.items():
            if rows:
                with formatter.section(_heading(heading)):
                    formatter.write_dl([(f"{name:<{column}}", text) for name, text in rows], col_max=column)


class PanelTyper(typer.Typer):
    """An application whose commands are :class:`PanelCommand` objects."""

    def command(
        self, *args: Any, cls: type[TyperCommand] | None = PanelCommand, **options: Any
    ) -> Callable[[Command], Command]:
        """Return a decorator that adds a command."""
        return super().command(*args, cls=cls, **options)


def _in_panels(options: Mapping[str, tuple[str, str]], *, show_all: bool) -> dict[str, list[tuple[str, str]]]:
    """Return the rows of the help by heading.

    Args:
        options: rows by the options' long spelling.
        show_all: whether to show the options for experts.
    """
    if len(options) <= _MOST_PLAIN:
        return {"Options": list(options.values())}
    listed = {flag for flags in PANELS.values() for flag in flags}
    *first, machine = PANELS
    flags = {name: [flag for flag in PANELS[name] if flag in options] for name in first}
    flags[LAST_PANEL] = [flag for flag in options if flag not in listed]
    flags[machine] = [flag for flag in PANELS[machine] if flag in options]
    hidden = [] if show_all else [flag for flag in options if flag in EXPERT_OPTIONS]
    if not show_all:
        options = {flag: (name, BRIEF_HELP.get(flag, text)) for flag, (name, text) in options.items()}
    panels = {name: [options[flag] for flag in panel if flag not in hidden] for name, panel in flags.items()}
    if hidden:
        panels[LAST_PANEL].append((_HELP_ALL, f"Show this in full, with {len(hidden)} more for experts."))
    return panels


def _heading(text: str) -> str:
    """Return a heading, in bold on a terminal that shows it."""
    is_plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return text if is_plain else typer.style(text, bold=True)
