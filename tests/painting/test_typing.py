"""mypy checks the keywords of the library's functions."""

from __future__ import annotations

from pathlib import Path

import impasto

SOURCE = Path(impasto.__file__).parents[1]

RIGHT = """
import impasto
from pathlib import Path

painting = impasto.paint(
    "a.jpg", ["swirls", Path("b.jpg")], size=1024, strength="60%", colour="keep", iterations=9, progress=False,
    masks={2: "sky.png"}, losses={"style": {"rgb": 1.0}}, optimization={"method": "adam"},
)
impasto.texture("b.jpg", size=(640, 480), seamless=True)
settings = impasto.make_settings(preset="quick", memory="4G")
impasto.change_settings(settings, depth=16)
for event in impasto.make_painter("a.jpg", "b.jpg", settings, seed=3):
    pass
"""

WRONG = {
    "impasto.paint('a.jpg', 'b.jpg', strenght=0.5)": 'Unexpected keyword argument "strenght"',
    "impasto.make_settings(color='keep')": 'Unexpected keyword argument "color"',
    "impasto.paint('a.jpg', 'b.jpg', colour='blue')": 'Argument "colour" to "paint" has incompatible type',
    "impasto.texture('b.jpg', seed='many')": 'Argument "seed" to "texture" has incompatible type',
    "impasto.make_painter('a.jpg', 'b.jpg', losses={'sytle': {}})": 'Extra key "sytle"',
}

CONFIGURATION = """
[mypy]
follow_imports = skip
follow_imports_for_stubs = true
[mypy-impasto,impasto.painting.calls,impasto.painting.inputs,impasto.painting.keywords]
follow_imports = silent
[mypy-impasto.settings.fields,impasto.settings.keywords,impasto.settings.making]
follow_imports = silent
"""
"""Only these modules are read, as all others would take minutes."""


def test_mypy_refuses_only_wrong_keywords(tmp_path, monkeypatch):
    from mypy import api

    monkeypatch.setenv("MYPYPATH", str(SOURCE))
    (tmp_path / "mypy.ini").write_text(CONFIGURATION)
    (tmp_path / "script.py").write_text(RIGHT + "\n".join(WRONG) + "\n")
    out, err, _ = api.run(
        [
            "--config-file",
            str(tmp_path / "mypy.ini"),
            "--cache-dir",
            str(tmp_path / "cache"),
            str(tmp_path / "script.py"),
        ]
    )
    errors = [line for line in out.splitlines() if ": error: " in line]
    first = RIGHT.count("\n") + 1
    assert [int(line.split(":")[1]) for line in errors] == list(range(first, first + len(WRONG))), out + err
    for line, words in zip(errors, WRONG.values(), strict=True):
        assert words in line
