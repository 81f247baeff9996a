"""``info``, ``settings``, ``--help`` and ``--version``."""

from __future__ import annotations

import json

import impasto
from impasto.settings.exclusions import EXCLUSIONS
from impasto.settings.model import Settings


def test_version_is_printed(impasto_command):
    result = impasto_command("--version")
    assert (result.code, result.out) == (0, f"impasto {impasto.__version__}\n")


def test_no_arguments_print_first_steps(impasto_command):
    result = impasto_command()
    assert (result.code, result.err) == (0, "")
    assert len(result.out.splitlines()) <= 8
    assert "impasto paint photo.jpg swirls" in result.out


def test_help_quotes_descriptions_of_settings(impasto_command):
    result = impasto_command("paint", "--help")
    assert result.code == 0
    flat = " ".join(result.out.split())
    for name in ("size", "strength", "seed", "init", "colour", "stroke_size", "detail"):
        assert " ".join(Settings.model_fields[name].description.split()) in flat
    assert impasto_command("--help").out.startswith("Usage: impasto")


def test_settings_lists_all_settings_and_exclusions(impasto_command):
    listed = impasto_command("settings").out
    for name in (
        "preset",
        "size",
        "colour",
        "stroke_size",
        "detail",
        "losses.style",
        "losses.total_variation",
        "optimization.iterations",
        "max_pixels",
    ):
        assert f"\n{name} = " in f"\n{listed}"
    assert "Long side of the painting in pixels" in listed
    _, combined = listed.split("what does not combine")
    assert all(row.names in combined for group in EXCLUSIONS.values() for row in group)
    assert json.loads(impasto_command("settings", "--json").out) == Settings.model_json_schema()


def test_info_lists_versions_and_devices(impasto_command):
    result = impasto_command("info")
    assert result.code == 0
    for name in (
        "impasto",
        "python",
        "torch",
        "numpy",
        "pillow",
        "libvips",
        "reads",
        "writes",
        "device",
        "threads",
        "memory",
        "encoder",
    ):
        assert f"\n{name} " in f"\n{result.out}"
