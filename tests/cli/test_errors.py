"""Advice of the library, which names Python arguments, as the options of the command line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import impasto
from impasto.cli.errors import as_options
from impasto.cli.reporting.streams import print_error, print_note

PACKAGE = Path(impasto.__file__).parent
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.name != "cli" and path.suffix in ("", ".py"))

FLAG = re.compile(r"(?:^|[\s`'\"(])--[a-z][\w-]*")
MARKUP = re.compile(r"<[?/\w]")  # its attributes look like arguments
ARGUMENT = re.compile(r"""(?<![\w.])[a-z_]+=(?:True\b|"[^"\s]*"|\{\d+: |[A-Z]+\b|(?=[.,;:)]*(?:\s|$)))""")


def messages(room):
    """Yield all strings of a room but docstrings, with 2 in place of each value of an f-string."""
    path = PACKAGE / room
    for file in path.rglob("*.py") if path.is_dir() else [path]:
        tree = ast.parse(file.read_text())
        statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "2" for part in node.values)
            elif (
                isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (statements | parts)
            ):
                yield node.value


@pytest.mark.parametrize(
    ("sentence", "translated"),
    [
        ("choose another name, or force=True to replace it.", "choose another name, or --force to replace it."),
        ("leave out protect=.", "leave out --protect."),
        ("use protect=, or content= for the photo", "use --protect, or --content for the photo"),
        ("draw a mask and give it with protect=FILE.", "draw a mask and give it with --protect FILE."),
        ("a part of its own with masks={2: …}, or", "a part of its own with --mask 2=FILE, or"),
        ("name it with style_masks={13: …}.", "name it with --style-mask 13=FILE."),
        ('leave a stored mask out with masks={2: "none"}.', "leave a stored mask out with --mask 2=none."),
        ('paint with encoder="builtin", which works', "paint with --encoder builtin, which works"),
        ('a little: precision="float32" paints it', "a little: --precision float32 paints it"),
        ("name it with colours_from=.", "name it with --colours-from."),
        ("name both with styles=.", "name both with --style."),
        ("pair them with zipped=True (or blend=True)", "pair them with --zip (or --blend)"),
        ("name one with output=", "name one with --output"),
    ],
)
def test_as_options_translates_arguments(sentence, translated):
    assert as_options(sentence) == translated


@pytest.mark.parametrize(
    "sentence",
    [
        "give a setting several values, as in strength=0.3,0.5,0.7.",
        "size = '64x' is not valid",
        "the file a/force=True.png exists",
        "losses.style.force=True",
        "the argument nonsense= is unknown",
        "'force=True' is not valid",
    ],
)
def test_as_options_leaves_other_text_alone(sentence):
    assert as_options(sentence) == sentence


def test_printed_errors_and_notes_name_options(capsys):
    print_error("exists: use force=True")
    print_note("nothing is protected: use protect=")
    assert capsys.readouterr().err == "error: exists: use --force\nnote: nothing is protected: use --protect\n"


@pytest.mark.parametrize("room", ROOMS)
def test_arguments_in_messages_have_options(room):
    sentences = [text for text in messages(room) if not MARKUP.search(text)]
    found = {match[0] + ("…}" if "{" in match[0] else "") for text in sentences for match in ARGUMENT.finditer(text)}
    assert {text: as_options(text) for text in found if not as_options(text).startswith("--")} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_library_messages_name_no_options(room):
    assert [text for text in messages(room) if FLAG.search(text)] == []


def test_message_scan_finds_known_advice():
    assert any("force=True to replace it" in text for text in messages("runs"))
    assert not any("Check that :func:" in text for text in messages("runs"))
