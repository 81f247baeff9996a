"""Sentences on command lines that do not parse, with the option or command that is probably meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from impasto.errors import closest
from impasto.files import is_file, shown

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""Base class of all usage errors; it has no public name in some versions of typer."""

MEANT_OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(("--out", "--result"), "--output"),
    **dict.fromkeys(("--steps", "--epochs", "--num-iterations", "-n"), "--iterations"),
    **dict.fromkeys(("--quality", "--fast"), "--preset"),
    **dict.fromkeys(("--style-weight", "--alpha"), "--strength"),
    **dict.fromkeys(("--gpu", "--cuda"), "--device cuda"),
    **dict.fromkeys(("--width", "--image-size", "--resolution"), "--size"),
    **dict.fromkeys(("--keep-colors", "--keep-colours", "--original-colors"), "--colour keep"),
    **dict.fromkeys(("--preserve-color", "--preserve-colors"), "--colour keep"),
    "--overwrite": "--force",
    "--silent": "--quiet",
    **dict.fromkeys(("-v", "-V"), "--version"),
}
"""Options of other programs, and those of impasto with the same purpose."""

ADVICE_ON_OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(
        ("paint --content", "paint --photo", "paint --image", "paint --input", "paint -i"),
        "the photograph needs no option, as in `impasto paint photo.jpg swirls`",
    ),
    **dict.fromkeys(("paint --verbose", "paint -v"), "the progress is always printed, except with --quiet"),
    "paint --version": "`impasto --version` prints the version",
    "studio --host": "the studio serves this machine alone",
}
"""Advice on options that a command needs not have."""

MEANT_COMMANDS: Mapping[str, str] = {
    **dict.fromkeys(("run", "stylize", "transfer", "convert"), "paint"),
    **dict.fromkeys(("gui", "serve"), "studio"),
    "version": "--version",
    "repeat": "again",
    "continue": "resume",
    **dict.fromkeys(("styles list", "styles ls"), "impasto styles"),
    **dict.fromkeys(("styles rm", "styles delete"), "remove"),
    "weights download": "fetch",
}
"""Commands of other programs, and those of impasto with the same purpose."""

ADVICE_ON_ARGUMENTS: Mapping[str, str] = {
    "demo": "name the style with --style",
    "sheet": "list the styles after --styles, with commas and without spaces",
    "styles add": "name the style with --name",
    "runs": "`impasto resume NAME` finishes a run",
    "settings": "`impasto help NAME` explains one setting",
    "studio": "name the port with --port",
}
"""Advice on an argument too many, by command."""


def usage_sentence(error: Any) -> str:
    """Return the sentence on a command line that does not parse, with a pointer to the help.

    Args:
        error: usage error of the parser.
    """
    context = error.ctx
    message = error.format_message().rstrip(".").replace("Value error, ", "")
    path = context.command_path if context else "impasto"
    name = getattr(error, "option_name", None)
    if context and name and hasattr(error, "possibilities"):
        message = f"No such option {name!r}{_meant_option(name, context)}"
    elif context and (command := re.match(r"No such command '(.*?)'", message)):
        message = f"No such command {command[1]!r}{_meant_command(command[1], context)}"
    elif extra := re.match(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", message):
        advice = ADVICE_ON_ARGUMENTS.get(_words(path), "leave it out")
        message = f"Got the unexpected argument {extra[1]!r}: {advice}"
    return f"{message}{'' if message.endswith('?') else '.'} See `{path} --help`."


def refuse_single_hyphen(arguments: Sequence[str], context: Any) -> None:
    """Refuse a long option with a single hyphen, which the parser would read as short options.

    Args:
        arguments: those of a command.
        context: the command's context.

    Raises:
        UsageError: an argument is such an option.
    """
    known = {flag for param in context.command.params for flag in param.opts} | {"--help"}
    for text in arguments:
        if re.match("-[a-z]{2}", text) and f"-{text}" in known:
            raise UsageError(f"{text} has one hyphen. Did you mean '-{text}'?", context)


def _words(path: str) -> str:
    """Return the words of a command without the program's name."""
    return path.removeprefix("impasto").strip()


def _meant_option(name: str, context: Any) -> str:
    """Return the advice on an unknown option; empty if no option of the command is similar."""
    if advice := ADVICE_ON_OPTIONS.get(f"{_words(context.command_path)} {name}"):
        return f": {advice}"
    known = [flag for param in context.command.params for flag in param.opts if flag.startswith("--")] + ["--help"]
    meant = MEANT_OPTIONS.get(name, "")
    if meant.partition(" ")[0] in known:
        return f". Did you mean {meant!r}?"
    similar = closest(name.lstrip("-"), [flag.lstrip("-") for flag in known])
    return f". Did you mean '--{similar}'?" if similar else ""


def _meant_command(name: str, context: Any) -> str:
    """Return the question for the command that is meant; empty if none is similar."""
    group = _words(context.command_path)
    if not group and is_file(Path(name)):
        return f", as this is a file. Did you mean `impasto paint {shown(name)} STYLE`?"
    meant = MEANT_COMMANDS.get(f"{group} {name}".strip()) or closest(name, context.command.commands)
    return f". Did you mean {meant!r}?" if meant else ""
