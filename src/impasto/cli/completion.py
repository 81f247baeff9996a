"""Completion of arguments in the shells bash, zsh and fish."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]

from impasto.encoders.names import BUILTIN_FILES
from impasto.encoders.published.catalogue import KNOWN
from impasto.files import is_file
from impasto.settings.fields import COLOURS, FACES, PRESETS, Precision
from impasto.settings.references import STARTS
from impasto.settings.validation import setting_names
from impasto.styles.lookup import SUFFIXES, style_paths

Shell = Literal["bash", "zsh", "fish"]
SHELLS: tuple[Shell, ...] = get_args(Shell)

VARIABLE = "_IMPASTO_COMPLETE"
"""Environment variable by which a shell asks for completions."""

Completer = Callable[[str], list[str]]

_VALUES: dict[str, Sequence[str]] = {
    "colour": COLOURS,
    "preset": PRESETS,
    "precision": ("auto", *get_args(Precision)),
    "device": ("auto", "cpu", "cuda", "mps"),
    "encoder": (*BUILTIN_FILES, *KNOWN),
    "depth": ("8", "16"),
}
"""Values of options by the names of their parameters."""

_VALUES_OR_FILES: dict[str, Sequence[str]] = {"init": STARTS, "protect": (FACES,)}
"""Values of options that also accept a file."""


def prepare() -> bool:
    """Return whether a shell has started the program for completions, and prepare for this shell if so."""
    is_asked = VARIABLE in os.environ
    if is_asked:
        completion_init()
    return is_asked


def script_for(shell: Shell) -> str:
    """Return the script that sets up completion in a shell."""
    script: str = get_completion_script(prog_name="impasto", complete_var=VARIABLE, shell=shell)
    # No space after KEY=, so that the value can be written at once; fish adds none.
    if shell == "zsh":
        lines = (
            r'local found="\1"',
            "local -a suffix",
            """[[ $found == *'="'* ]] && suffix=(-S '')""",
            'eval "${found/_arguments/_arguments -O suffix}"',
        )
        return re.sub(r"eval (\$\(.*\))", "\n  ".join(lines), script)
    return script.replace("    return 0", '    [[ "${COMPREPLY[0]}" == *= ]] && compopt -o nospace\n    return 0')


def complete_style(incomplete: str) -> list[str]:
    """Return the styles, and the pictures in the current folder, that begin with a text.

    Without any of them the shell offers all files, also in other folders.
    """
    return _beginning(style_paths(), incomplete) + _pictures(incomplete)


def complete_assignment(incomplete: str) -> list[str]:
    """Return the names of settings that begin with a text, each with an equals sign."""
    return [f"{name}=" for name in _beginning(setting_names(), incomplete)]


def completer_of(parameter: str) -> Completer | None:
    """Return the function that completes the values of an option; None if the shell should offer files.

    Args:
        parameter: name of the option's parameter.
    """
    if parameter == "colours_from":
        return complete_style
    if parameter == "assignments":
        return complete_assignment
    if parameter in _VALUES_OR_FILES:
        words = _VALUES_OR_FILES[parameter]
        return lambda incomplete: _beginning(words, incomplete) + _pictures(incomplete)
    if parameter in _VALUES:
        values = _VALUES[parameter]
        return lambda incomplete: _beginning(values, incomplete)
    return None


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _pictures(incomplete: str) -> list[str]:
    if "/" in incomplete or os.sep in incomplete:
        return []
    try:
        files = sorted(path for path in Path().iterdir() if path.suffix.lower() in SUFFIXES and is_file(path))
    except OSError:
        return []
    return _beginning((path.name for path in files), incomplete)
