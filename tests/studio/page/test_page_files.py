"""The files of the page: vendored code, texts, and what the content security policy refuses."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

import impasto.studio
from impasto.studio.job_settings import settings_guide

STUDIO = Path(impasto.studio.__file__).parent
PAGE = STUDIO / "page"
SCRIPTS = sorted(PAGE.glob("*.js"))
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"

ROW = re.compile(r"^  '?([\w.-]+)'?: \['((?:[^'\\]|\\.)*)', '((?:[^'\\]|\\.)*)'\],$", re.MULTILINE)
TEXTS = {key: (english, russian) for key, english, russian in ROW.findall((PAGE / "texts.js").read_text("utf-8"))}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_vendored_files_have_recorded_hashes() -> None:
    packages = json.loads((STUDIO / "licences" / "vendored.json").read_text("utf-8"))["packages"]
    recorded = {name: file["sha256"] for package in packages for name, file in package["files"].items()}
    found = [*(PAGE / "vendor").iterdir(), *(STUDIO / "licences").glob("*.txt")]
    assert {path.name: sha256(path) for path in found} == recorded
    assert sha256(Path(__file__).parent / "axe" / "axe.min.js") == AXE_SHA256


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_is_checked_and_short(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("// @ts-check\n")
    assert text.count("\n") <= 400


def test_nothing_is_inline_or_from_elsewhere() -> None:
    for path in [*PAGE.rglob("*.js"), *PAGE.glob("*.css"), *PAGE.glob("*.html")]:
        text = path.read_text("utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org/)", text), path
        assert not re.search(r"\b(eval|Function)\(|innerHTML =|javascript:", text) or path.parent.name == "vendor", path
    assert not re.search(r"<style|style=|<script(?![^>]*src=)|\son\w+=", (PAGE / "index.html").read_text("utf-8"))


def test_texts_exist_in_both_languages() -> None:
    assert len(TEXTS) == len(re.findall(r"^  \S+: \[", (PAGE / "texts.js").read_text("utf-8"), re.MULTILINE))
    for key, (english, russian) in TEXTS.items():
        names = [set(re.findall(r"\{(\w+)[:}]", text)) for text in (english, russian)]
        assert english, key
        assert russian, key
        assert names[0] == names[1], key
        assert all(len(forms.split("|")) == 2 for forms in re.findall(r"\{\w+:([^}]*)\}", english)), key
        assert all(len(forms.split("|")) == 3 for forms in re.findall(r"\{\w+:([^}]*)\}", russian)), key


def test_used_texts_are_in_catalogue() -> None:
    for path in SCRIPTS:
        used = re.findall(r"\bt\('([\w.-]+)'", path.read_text("utf-8"))
        assert set(used) <= set(TEXTS), path


def test_presets_and_colours_have_texts() -> None:
    guide = settings_guide()
    colours = guide.fields["properties"]["colour"]["enum"]
    keys = [f"preset.{name}" for name in guide.presets] + [f"colour.{name}" for name in colours]
    assert {key + end for key in keys for end in ("", ".title")} <= set(TEXTS)


def test_catalogue_has_no_unused_text() -> None:
    code = "\n".join(path.read_text("utf-8") for path in SCRIPTS if path.name != "texts.js")
    built = ("nav.", "preset.", "colour.", "state.", "kind.", "vary.", "batch.", "style.", "crop.", "error.")
    unused = [key for key in TEXTS if f"'{key}'" not in code and not key.startswith(built)]
    assert unused == []
