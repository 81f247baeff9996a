"""Commands as people mistype them: each gets one sentence that says how to mend it, and exit code 2."""

from __future__ import annotations

import re

import pytest

from impasto.runs.repeating import stored_record

PAIR = ("paint", "photo.png", "style.png")

MENDS = {
    "misspelt command": (("pain", "photo.png", "style.png"), "Did you mean 'paint'"),
    "misspelt subcommand": (("weights", "fech"), "Did you mean 'fetch'?"),
    "misspelt option": ((*PAIR, "--sise", "64"), "--size"),
    "misspelt style option": (("paint", "photo.png", "--stile", "swirls"), "--style"),
    "option of another command": ((*PAIR, "--jobs", "2"), "See `impasto paint --help`."),
    "option without its value": ((*PAIR, "--colour"), "requires an argument. See `impasto paint --help`."),
    "command without arguments": (("paint",), "Missing argument 'CONTENT'. See `impasto paint --help`."),
    "batch without a style": (("batch", "photo.png"), "See `impasto batch --help`."),
    "no style": (("paint", "photo.png"), "name a painting as STYLE, such as swirls or a file"),
    "output without its option": ((*PAIR, "out.jpg"), "did you mean -o out.jpg?"),
    "photo from the web": (("paint", "https://example.org/cat.jpg", "swirls"), "download the picture first"),
    "style from the web": (("paint", "photo.png", "http://example.org/monet.jpg"), "download the picture first"),
    "photo of a batch from the web": (
        ("batch", "https://example.org/cat.jpg", "--style", "swirls", "--out", "out"),
        "https://example.org/cat.jpg is an address on the web; download the picture first",
    ),
    "misspelt photo": (("paint", "phto.png", "style.png"), "did you mean photo.png?"),
    "photo without its suffix": (("paint", "photo", "style.png"), "did you mean photo.png?"),
    "misspelt style file": (("paint", "photo.png", "stlye.png"), "did you mean style.png?"),
    "misspelt style name": (("paint", "photo.png", "swrils"), "did you mean swirls?"),
    "misspelt name after --style": (("paint", "photo.png", "--style", "Mosiac"), "did you mean mosaic?"),
    "misspelt painted picture": (("show", "phtoo.png"), "did you mean photo.png?"),
    "strength as a plain percentage": ((*PAIR, "--strength", "50"), "a percentage such as 50%."),
    "strength beyond all of it": ((*PAIR, "--strength", "150%"), "a percentage such as 50%."),
    "strength in words": ((*PAIR, "--strength", "much"), "a share from 0 to 1"),
    "setting without its value": ((*PAIR, "--set", "strength"), "the value is missing, so write --strength VALUE."),
    "misspelt setting": ((*PAIR, "--set", "strenght=0.5"), "perhaps strength is meant"),
    "American setting": ((*PAIR, "--set", "color=keep"), "perhaps colour is meant"),
    "misspelt nested setting": ((*PAIR, "--set", "losses.sytle.rgb=1"), "perhaps losses.style is meant"),
    "misspelt last part of a setting": ((*PAIR, "--set", "toleranse=0.1"), "perhaps optimization.tolerance is meant"),
    "misspelt file of settings": ((*PAIR, "--config", "setings.toml"), "did you mean settings.toml?"),
    "misspelt key in a file": ((*PAIR, "--config", "settings.toml"), "perhaps size is meant"),
    "unknown colour": ((*PAIR, "--color", "blue"), "'style', 'keep', 'match' or 'palette'."),
    "unknown preset": ((*PAIR, "--preset", "best"), "choose one of instant, quick, "),
    "unknown encoder": ((*PAIR, "--encoder", "vgg91"), "give builtin, "),
    "size in words": ((*PAIR, "--size", "big"), "a whole number of pixels"),
    "mask without its number": ((*PAIR, "--mask", "sky.png"), "as in --mask 2=sky.png."),
    "output that exists": ((*PAIR, "-o", "photo.jpg"), "replace it with --force."),
    "output of an unknown format": ((*PAIR, "-o", "out.bmp"), "end the name in one of .png"),
    "file that is no picture": (("paint", "settings.toml", "style.png"), "use JPEG, PNG, "),
    "picture without a record": (("show", "photo.png"), "impasto did not paint it"),
    "misspelt style to remove": (("styles", "remove", "mnoet"), "did you mean monet?"),
    "style that stays": (("styles", "remove", "swirls"), "is part of impasto"),
    "misspelt topic": (("help", "mask"), "did you mean masks?"),
    "style before the photo": (("paint", "swirls", "photo.png"), "swirls is a style: name the photograph first"),
    "style alone": (("paint", "swirls"), "as in `impasto paint photo.jpg swirls`."),
    "style alone to a sheet": (("sheet", "swirls"), "name the photograph first"),
    "name with a space without quotes": (
        ("paint", "my", "photo.png", "swirls"),
        "'my photo.png' is meant, write it in",
    ),
    "output of an unread format": ((*PAIR, "out.gif"), "did you mean -o out.png?"),
    "output without a suffix": ((*PAIR, "-o", "out"), "out has no suffix; end the name in one of .png"),
    "output that is a folder": ((*PAIR, "-o", "own"), "own is a folder: name the picture in it, as in own/photo-as-"),
    "output folder that is missing": (
        (*PAIR, "-o", "new/"),
        "is a folder: name the picture in it, as in new/photo-as-",
    ),
    "photo as an option": (("paint", "--content", "photo.png", "swirls"), "the photograph needs no option"),
    "output as in batch": ((*PAIR, "--out", "out.png"), "Did you mean '--output'?"),
    "option of another program": ((*PAIR, "--epochs", "9"), "Did you mean '--iterations'?"),
    "colours of another program": ((*PAIR, "--preserve-colors"), "Did you mean '--colour keep'?"),
    "graphics card": ((*PAIR, "--gpu"), "Did you mean '--device cuda'?"),
    "verbose run": ((*PAIR, "--verbose"), "the progress is always printed, except with --quiet."),
    "long option with one hyphen": ((*PAIR, "-style", "swirls"), "Did you mean '--style'?"),
    "help with one hyphen": (("-help",), "Did you mean '--help'?"),
    "version as a command": (("version",), "Did you mean '--version'?"),
    "photo without a command": (("photo.png", "swirls"), "Did you mean `impasto paint photo.png STYLE`?"),
    "capital command": (("Paint", "photo.png", "swirls"), "Did you mean 'paint'?"),
    "command of another program": (("stylize", "photo.png", "swirls"), "Did you mean 'paint'?"),
    "list of styles": (("styles", "list"), "Did you mean 'impasto styles'?"),
    "style of the demo": (("demo", "swirls"), "name the style with --style."),
    "styles of a sheet": (("sheet", "photo.png", "swirls"), "list the styles after --styles"),
    "sheet of no styles": (("sheet", "photo.png", "--styles", ","), "as in --styles swirls,mosaic."),
    "port of the studio": (("studio", "8080"), "name the port with --port."),
    "values without --set": (
        ("vary", "photo.png", "swirls", "--strength", "0.2,0.5"),
        "as in --set strength=0.2,0.5,0.8.",
    ),
    "setting to vary without values": (("vary", "photo.png", "swirls", "--set", "strength"), "write NAME=A,B"),
    "misspelt faces": ((*PAIR, "--protect", "face"), "did you mean faces?"),
    "misspelt start": ((*PAIR, "--init", "noize"), "did you mean noise?"),
    "British optimisation": ((*PAIR, "--set", "optimisation.iterations=3"), "perhaps optimization is meant"),
    "file of settings in YAML": ((*PAIR, "--config", "settings.yaml"), "write settings as in size = 512."),
    "picture as settings": ((*PAIR, "--config", "photo.png"), "name a TOML or JSON file."),
    "depth that the format lacks": ((*PAIR, "-o", "out.jpg", "--depth", "16"), "or use --depth 8."),
    "path as an address": (("paint", "file:///tmp/photo.png", "swirls"), "write the path alone, as in /tmp/photo.png."),
    "photo from a bucket": (("paint", "s3://bucket/cat.jpg", "swirls"), "s3://bucket/cat.jpg is an address on the web"),
    "unknown shell": (("completion", "tcsh"), "See `impasto completion --help`."),
    "one of the settings": (("settings", "strength"), "`impasto help NAME` explains one setting."),
}
"""For each mistake the arguments, and the part of the sentence that mends it."""


@pytest.fixture
def shelf(folder, tmp_path_factory, monkeypatch):
    """Return the current folder, with a file of settings, another picture, and a style of the user's own."""
    (folder / "settings.toml").write_text("sise = 64")
    (folder / "settings.yaml").write_text("size: 64")
    (folder / "my photo.png").write_bytes((folder / "photo.png").read_bytes())
    (folder / "own").mkdir()
    (folder / "photo.jpg").write_bytes((folder / "photo.png").read_bytes())
    own = tmp_path_factory.mktemp("own")
    (own / "monet.png").write_bytes((folder / "style.png").read_bytes())
    monkeypatch.setenv("IMPASTO_STYLES", str(own))
    return folder


@pytest.fixture
def tiny(tiny_encoder):
    """Return options for a painting of a moment."""
    return ["--encoder", tiny_encoder, "--size", 48, "--iterations", 1, "--threads", 1, "--precision", "float32"]


@pytest.mark.parametrize("case", MENDS)
def test_wrong_invocation_gets_sentence_with_mend(case, shelf, impasto_command):
    arguments, mend = MENDS[case]
    before = sorted(shelf.iterdir())
    result = impasto_command(*arguments)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"error: [^\n]+[.?]\n", result.err)
    assert mend in result.err
    assert sorted(shelf.iterdir()) == before


def test_at_least_thirty_wrong_invocations_are_tested():
    assert len(MENDS) >= 30


def test_unreadable_format_is_not_recommended(shelf, impasto_command, monkeypatch):
    for missing in ([], ["AVIF", "HEIC"]):
        monkeypatch.setattr("impasto.pictures.codecs.backends.missing_formats", lambda missing=missing: missing)
        sentence = impasto_command("paint", "settings.toml", "style.png").err
        assert ("AVIF" in sentence, "HEIC" in sentence) == (not missing, not missing)
        assert "PFM, TGA and PSD." in sentence


def test_styles_remove_checks_all_names_first(shelf, impasto_command):
    result = impasto_command("styles", "remove", "monet", "nothing")
    assert result.code == 2
    assert "There is no style nothing" in result.err
    assert "monet" in impasto_command("styles").out
    assert impasto_command("styles", "remove", "monet", "monet").code == 0
    assert "monet" not in impasto_command("styles").out


def test_paint_accepts_american_spelling_and_percentages(folder, tiny, impasto_command):
    words = ["--colors-from", "swirls", "--strength", "30%", "--detail", "12.5 %", "-o", "out.png"]
    assert impasto_command("paint", "photo.png", "style.png", *tiny, *words).code == 0
    record = stored_record("out.png")
    assert record.named["colours_from"].name == "swirls"
    assert (record.settings["strength"], record.settings["detail"]) == (0.3, 0.125)


def test_paint_accepts_styles_as_option(folder, tiny, impasto_command):
    result = impasto_command("paint", "photo.png", "--style", "style.png", "-s", "swirls", *tiny)
    assert result.code == 0
    assert (folder / "photo-as-style+swirls.png").exists()
    result = impasto_command("paint", "photo.png", "style.png", "--style", "swirls", *tiny)
    assert "photo-as-style+swirls.png exists already" in result.err


def test_swapped_and_equal_pictures_are_noted(folder, tiny, impasto_command):
    assert impasto_command("paint", "photo.png", "style.png", *tiny, "-o", "painted.png").err.count("note: ") == 0
    swapped = impasto_command("paint", "painted.png", "style.png", *tiny)
    assert "note: The photo painted.png was painted by impasto: if photo and style are swapped" in swapped.err
    equal = impasto_command("paint", "photo.png", "photo.png", *tiny)
    assert "note: The photo and the style photo.png are the same picture" in equal.err
    assert (swapped.code, equal.code) == (0, 0)
