"""The help of commands and topics, and completion in shells."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import impasto
from impasto.cli.app import app
from impasto.cli.completion import SHELLS, script_for
from impasto.cli.help_pages import BRIEF_HELP, EXAMPLES, EXPERT_OPTIONS, PANELS
from impasto.cli.topics import TOPICS
from impasto.samples import STYLE_NAMES

ROOT = typer.main.get_command(app)


def flags_of(command):
    """Return all spellings of a command's options."""
    return {flag for param in ROOT.commands[command].params for flag in param.opts}


def sections(text):
    """Return the options of each section of a help text."""
    found = {}
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            found[line[:-1]] = heading = []
        elif line.startswith("  ") and not line.startswith("   ") and found:
            option = next((word for word in line.split() if word.startswith("--")), line.strip())
            heading.append(line.strip() if line.startswith("  impasto") else option)
    return found


def commands_in(text):
    """Return the command lines in a text, one a line."""
    lines = [line.strip().partition("      ")[0] for line in text.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("impasto ")]


def test_help_shows_examples_then_panels(impasto_command):
    text = impasto_command("paint", "--help").out
    assert text.startswith("Usage: impasto paint [OPTIONS] CONTENT [STYLE]...\n")
    found = sections(text)
    assert list(found) == ["Examples", "Arguments", "Picture", "Style", "Colour", "Regions", "Run", "Machine"]
    assert found["Examples"] == list(EXAMPLES["paint"])
    assert found["Colour"] == ["--colour", "--colours-from", "--texture-from"]
    assert found["Run"][-1] == "--help-all"
    assert not EXPERT_OPTIONS & {flag for flags in found.values() for flag in flags}


@pytest.mark.parametrize("command", ["paint", "texture", "again", "batch", "vary", "sheet"])
def test_help_all_shows_every_option_once(command, impasto_command):
    found = sections(impasto_command(command, "--help-all").out)
    shown = [flag for name, flags in found.items() if name not in ("Examples", "Arguments") for flag in flags]
    declared = [flag for flag in flags_of(command) if flag.startswith("--")]
    assert sorted(shown) == sorted([*declared, "--help"])
    short = impasto_command(command, "--help").out
    assert f"with {len(EXPERT_OPTIONS & set(declared))} more for experts" in " ".join(short.split())
    assert max(map(len, short.splitlines())) <= 80


def test_panels_and_experts_name_existing_options():
    existing = set().union(*map(flags_of, ROOT.commands))
    assert existing >= BRIEF_HELP.keys()
    assert {flag for flags in PANELS.values() for flag in flags} <= existing
    assert existing >= EXPERT_OPTIONS


def test_help_of_paint_is_brief(impasto_command):
    short, whole = (impasto_command("paint", flag).out for flag in ("--help", "--help-all"))
    assert short.count("\n") <= 82
    words = " ".join(short.split()), " ".join(whole.split())
    for flag, text in BRIEF_HELP.items():
        assert (text in words[0], text in words[1]) == (flag in flags_of("paint"), False)


def test_program_alone_says_what_to_type_first(impasto_command):
    result = impasto_command()
    assert result.code == 0
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len([line for line in lines if line.startswith("  impasto ")]) == 5
    assert len(lines) == 7


def test_short_help_has_no_panels(impasto_command):
    assert list(sections(impasto_command("show", "--help").out)) == ["Arguments", "Options"]


def test_styles_are_files_or_names_in_help(impasto_command):
    for command, flags in {
        "again": ["--style"],
        "vary": ["--style"],
        "paint": ["--texture-from", "--colours-from"],
    }.items():
        text = impasto_command(command, "--help").out
        assert all(f"{flag} FILE|NAME" in text for flag in flags)


@pytest.mark.parametrize(
    "words", [line for text in (*TOPICS.values(), *map("\n".join, EXAMPLES.values())) for line in commands_in(text)]
)
def test_examples_and_topics_have_existing_options(words):
    two = " ".join(words[1:3])  # as in "batch run"
    command = two if two in ROOT.commands else words[1]
    assert command in ROOT.commands
    assert {word for word in words if word.startswith("-")} <= flags_of(command)


@pytest.mark.parametrize("topic", [*TOPICS, "color", "MASKS"])
def test_help_prints_topic(topic, impasto_command):
    result = impasto_command("help", topic)
    name = {"color": "colour", "MASKS": "masks"}.get(topic, topic)
    assert (result.code, result.out) == (0, TOPICS[name] + "\n")
    assert max(map(len, result.out.splitlines())) <= 80
    assert result.out.count("\n") <= 24


def test_help_prints_command_and_overview(impasto_command):
    assert impasto_command("help", "paint").out == impasto_command("paint", "--help").out
    overview = impasto_command("help").out
    assert overview.startswith("Usage: impasto")
    assert f"Topics for `impasto help TOPIC`: {', '.join(TOPICS)}." in overview


def test_help_prints_setting(impasto_command):
    assert impasto_command("help", "strength").out.startswith("strength: Strength of the style, from 0 ")
    assert impasto_command("help", "iterations").out.startswith("iterations: Iterations ")
    assert impasto_command("help", "losses.tone").out.startswith("losses.tone: Weight of ")


@pytest.fixture
def complete(folder, capfd, monkeypatch):
    """Return a function that returns the words that a shell receives for an incomplete command line."""
    from impasto.cli import main

    def ask(*words):
        capfd.readouterr()
        monkeypatch.setenv("_IMPASTO_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        with pytest.raises(SystemExit) as end:
            main([])
        assert end.value.code == 0
        return capfd.readouterr().out.split()

    return ask


def test_completion_knows_commands_options_styles_and_settings(complete):
    assert "paint" in complete("impasto", "pa")
    assert complete("impasto", "paint", "photo.png", "w") == ["woodcut"]
    assert set(complete("impasto", "paint", "--style", "s")) == {"swirls", "style.png"}
    assert {*STYLE_NAMES, "photo.png"} <= set(complete("impasto", "again", "photo.png", "--style", ""))
    assert complete("impasto", "paint", "--set", "strok") == ["stroke_size="]
    assert "optimization.tolerance=" in complete("impasto", "paint", "--set", "optimization.")
    assert complete("impasto", "paint", "--colour", "k") == ["keep"]
    assert "--stroke-size" in complete("impasto", "paint", "--stro")
    assert complete("impasto", "paint", "ph") == []  # so the shell offers files
    assert complete("impasto", "help", "m") == ["masks"]


def program_of(shell):
    """Return the path of a shell; skip the test if it is not installed."""
    return shutil.which(shell) or pytest.skip(f"needs {shell}")


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_script_is_valid(shell, impasto_command, tmp_path):
    result = impasto_command("completion", shell)
    assert (result.code, result.out.strip()) == (0, script_for(shell).strip())
    assert "_IMPASTO_COMPLETE" in result.out
    (tmp_path / "script").write_text(result.out)
    subprocess.run([program_of(shell), "-n", tmp_path / "script"], check=True)


ZSH_STUBS = """\
compdef() {}
_arguments() { print -r -- "$@" }
_files() { print files }
"""
"""Definitions that print the words for zsh's completion in place of offering them."""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("impasto paint photo.png sw", "swirls"),
        ("impasto paint photo.png --set strok", "stroke_size="),
    ],
)
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_shell_offers_styles_settings_and_values(shell, line, offered, folder):
    program = program_of(shell)
    (folder / "impasto").write_text(f'#!/bin/sh\nexec {sys.executable} -m impasto "$@"\n')
    (folder / "impasto").chmod(0o755)
    (folder / "script").write_text(script_for(shell))
    if shell == "zsh":
        commands = f"{ZSH_STUBS}source ./script; words=({line}); CURRENT=$#words; _impasto_completion"
        arguments = [program, "-f", "-c", commands]
    else:
        arguments = [program, "--no-config", "-c", f"source ./script; complete -C '{line}'"]
    environment = os.environ | {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(impasto.__file__).parents[1]),
        "HOME": str(folder),
    }
    result = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert offered in result.stdout
    assert result.stdout.count("=") == offered.count("=")
    assert ("-O suffix" in result.stdout) == (shell == "zsh")
    assert result.stderr == ""
