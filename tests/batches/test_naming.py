"""Names of outputs from templates."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from impasto.batches.naming import DEFAULT_TEMPLATE, check_template, output_name
from impasto.errors import SettingsError


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (DEFAULT_TEMPLATE, "cat.2-as-waves+night.png"),
        ("{style}/{content}.{ext}", "waves+night/cat.2.jpg"),
        ("{number:03}.webp", "007.webp"),
    ],
)
def test_output_name_fills_the_fields(template, name):
    assert output_name(template, Path("photos/cat.2.JPG"), [Path("waves.png"), Path("b/night.tif")], 7) == Path(name)


def test_ext_is_png_for_formats_not_written():
    assert output_name("{content}.{ext}", Path("cat.heic"), [Path("s.png")], 1) == Path("cat.png")


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{photo}.png",
        "{}.png",
        "{content",
        "}",
        "../{content}.png",
        "/tmp/{content}.png",
        "{content.name}",
        "{style!z}",
    ],
)
def test_check_template_refuses_invalid_templates(template):
    with pytest.raises(SettingsError):
        check_template(template)


@given(st.text(max_size=30))
def test_any_template_stays_in_the_folder(template):
    with suppress(SettingsError):
        name = output_name(template, Path("cat.jpg"), [Path("waves.png")], 1)
        assert not name.is_absolute()
        assert ".." not in name.parts
