"""``impasto help`` and ``impasto completion``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from impasto.cli.completion import SHELLS, Shell, script_for
from impasto.cli.help_pages import other_spelling
from impasto.cli.reporting.streams import print_out
from impasto.cli.setting_options import help_of
from impasto.cli.topics import TOPICS
from impasto.errors import SettingsError, closest
from impasto.settings.validation import setting_names


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        "help",
        short_help="Explain a topic, a command or a setting.",
        help=f"Explain a topic ({', '.join(TOPICS)}) or a setting, or print the help of a command.",
    )(explain)
    app.command(
        short_help="Print a script that completes commands in a shell.",
        help="Print a script that completes commands, options, styles and settings in a shell. For bash, add this "
        'line to ~/.bashrc: eval "$(impasto completion bash)". For zsh, add it to ~/.zshrc with zsh in place of bash. '
        "For fish: impasto completion fish > ~/.config/fish/completions/impasto.fish",
    )(completion)


def _complete_topic(incomplete: str) -> list[str]:
    return [topic for topic in TOPICS if topic.startswith(incomplete)]


def explain(
    context: typer.Context,
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="[TOPIC]",
            show_default=False,
            help=f"{', '.join(TOPICS)}; a command; or a setting.",
            autocompletion=_complete_topic,
        ),
    ] = None,
) -> None:
    """Print the text of a topic, the help of a command, or that of a setting."""
    parent: Any = context.parent
    if topic is None:
        print_out(parent.get_help())
        print_out(f"\nTopics for `impasto help TOPIC`: {', '.join(TOPICS)}.")
        return
    name = other_spelling(topic.lower())
    commands = parent.command.commands
    if name in TOPICS:
        print_out(TOPICS[name])
    elif name in commands:
        command = commands[name]
        with command.make_context(name, [], parent=parent, resilient_parsing=True) as inner:
            print_out(command.get_help(inner))
    elif name in setting_names():
        print_out(f"{name}: {help_of('optimization.iterations' if name == 'iterations' else name)}")
    else:
        similar = closest(name, (*TOPICS, *commands))
        advice = f"did you mean {similar}?" if similar else f"choose {', '.join(TOPICS)}, a command or a setting."
        raise SettingsError(f"There is no topic {topic!r}: {advice}")


def completion(
    shell: Annotated[
        Shell,
        typer.Argument(metavar="|".join(SHELLS), show_default=False, help="Your shell."),
    ],
) -> None:
    """Print the script for a shell."""
    print_out(script_for(shell).strip())
