"""The command-line application: its commands, and the exit code of one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from impasto.cli import completion
from impasto.cli.commands import (
    batch,
    demo,
    export,
    guidance,
    inspection,
    manifest,
    painting,
    runs,
    sheet,
    studio,
    styles,
    vary,
    weights,
)
from impasto.cli.help_pages import PanelTyper, other_spelling
from impasto.cli.interrupts import Interrupts
from impasto.cli.reporting.streams import lost_output, print_error, print_out
from impasto.cli.usage import UsageError, refuse_single_hyphen, usage_sentence
from impasto.errors import ImpastoError
from impasto.version import __version__

FIRST_STEPS = """\
impasto paints a photograph in the manner of a painting. Try one of these:

  impasto demo                      paint an example, without files of your own
  impasto paint photo.jpg swirls    paint your photograph in the style swirls
  impasto sheet photo.jpg           see your photograph in every style
  impasto styles                    list the styles; any picture can be one, too
  impasto --help                    list all commands"""
"""The text that the program prints without arguments."""


class _Commands(TyperGroup):
    """Commands whose names may have two words: ``batch plan`` precedes ``batch`` with a photograph named plan."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments before the command."""
        refuse_single_hyphen(args[:1], ctx)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the name, the command and its arguments."""
        name = " ".join(args[:2])
        return super().resolve_command(ctx, [name, *args[2:]] if name in self.commands else args)


app = PanelTyper(
    name="impasto",
    cls=_Commands,
    help="Paint a photograph in the manner of a painting. Try `impasto demo` first.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": other_spelling,
    },
)
app.add_typer(weights.app, name="weights")
app.add_typer(styles.app, name="styles")
for module in (painting, sheet, batch, manifest, vary, runs, studio, demo, inspection, export, guidance):
    module.register(app)


def run(arguments: Sequence[str], interrupts: Interrupts) -> int:
    """Run the command that the arguments name.

    Args:
        arguments: without the program's name; an empty sequence prints :data:`FIRST_STEPS`.
        interrupts: the signal handlers.

    Returns:
        The exit code.
    """
    command = typer.main.get_command(app)
    empty = next((i for i, text in enumerate(arguments) if not text or re.fullmatch(r"--[\w-]+=", text)), None)
    if empty is not None:
        print_error(_empty_sentence(arguments, empty))
        return 2
    try:
        if completion.prepare() or arguments:
            code = command.main(list(arguments), "impasto", standalone_mode=False, obj=interrupts)
        else:
            code = 0
            print_out(FIRST_STEPS)
    except ImpastoError as error:
        print_error(str(error))
        return 2
    except OSError as error:  # a path that may not be accessed or is not valid, wherever it is first used
        print_error(_access_sentence(error))
        return 2
    except UsageError as error:
        print_error(usage_sentence(error))
        return 2
    lost = lost_output()
    if lost is not None:
        print_error(f"The output could not be written ({lost.strerror}): free some space or choose another place.")
        return 1
    return code if isinstance(code, int) else 0


def _empty_sentence(arguments: Sequence[str], number: int) -> str:
    """Return the sentence on an empty argument, which a script passes if one of its variables is not set."""
    text = arguments[number]
    before = arguments[number - 1] if number else "impasto"
    what = f"{text[:-1]} has no value" if text else f"The argument after {before!r} is empty"
    return f"{what}: give one, or leave it out."


def _access_sentence(error: OSError) -> str:
    """Return the sentence on a file that the operating system refuses."""
    from impasto.files import reason, shown

    advice = "choose another, or change its permissions" if isinstance(error, PermissionError) else "choose another"
    what = shown(error.filename) if error.filename else "A file or the output"
    return f"{what} cannot be used ({reason(error)}): {advice}."


def _print_version(asked: bool) -> None:
    if asked:
        print_out(f"impasto {__version__}")
        raise typer.Exit


@app.callback()
def impasto(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Accept the options that come before a command."""
