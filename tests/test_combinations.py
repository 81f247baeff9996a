"""What combines with what: the table in docs/control.md, and any options together."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import impasto
from impasto import ImpastoError
from impasto.cli.sources import sources_from
from impasto.pictures import read_picture, resize_by_area, write_picture
from impasto.settings import COLOURS
from tests.helpers import smooth_picture

DOCUMENT = Path(__file__).parent.parent / "docs" / "control.md"
OPTIONS = re.compile(
    r"--mask|--style-mask|--protect|--style-weights|--texture-from|colours_from|colour|seamless|size|init|strength",
    re.IGNORECASE,
)
"""What a refusal must name one of."""

HALF = np.repeat((np.arange(24) < 12)[None], 24, axis=0)
LOW = np.repeat((np.arange(24) < 16)[:, None], 24, axis=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Pictures that settings can name."""
    folder = tmp_path_factory.mktemp("named")
    for name, seed in (("colours", 8), ("start", 9), ("strokes", 10)):
        write_picture(folder / f"{name}.png", smooth_picture(40, 40, seed) ** 2)
    return {path.stem: str(path) for path in folder.iterdir()}


def paint(photo, styles, tiny_encoder, **changes):
    """The painting, or the texture where there is no photo, in one octave of 48 px."""
    how = {"encoder": str(tiny_encoder), "size": 48, "threads": 1, "device": "cpu"} | changes
    how["optimization"] = {"iterations": 2, "max_octaves": 1} | how.get("optimization", {})
    return impasto.texture(styles, **how) if photo is None else impasto.paint(photo, styles, **how)


# The documented table


COLUMNS = {
    "`--mask`": {"masks": {2: HALF}, "styles": 2},
    "`--style-mask`": {"style_masks": {1: LOW}},
    "`--protect`": {"protect": LOW},
    "`--colours-from`": {"colours_from": "colours"},
    "`texture`": {"texture": True},
    "`--seamless`": {"texture": True, "seamless": True},
}
PRESETS = {"losses": {"content": {"relu5_2": 0, "relu4_1": 1}}}  # the small encoder ends at conv5_1
ROWS = {
    "one style": [{"styles": 1}],
    "several styles": [{"styles": 2}],
    "`--style-weights`": [{"styles": 2, "style_weights": (1, 3)}],
    "a weight of 0": [{"styles": 2, "style_weights": (1, 0)}],
    "`--mask`": [{"styles": 2, "masks": {2: HALF}}, {"styles": 2, "masks": {1: LOW, 2: HALF}}],
    "`--style-mask`": [{"style_masks": {1: LOW}}],
    "`--protect`": [{"protect": LOW}],
    "`--colours-from`": [{"colours_from": "colours"}],
    "`--texture-from`": [{"texture_from": "strokes", "styles": 1}],
    **{f"`--colour {colour}`": [{"colour": colour}] for colour in COLOURS},
    "`--strength`": [{"strength": 0.7}],
    "`--stroke-size`, `--detail`": [{"stroke_size": 0.5, "detail": 0.1}, {"stroke_size": 2, "detail": 0.9}],
    "`--init content`": [{"init": "content"}],
    "`--init noise`": [{"init": "noise"}],
    "`--init FILE`": [{"init": "start"}],
    "`--size WxH`": [{"size": "48x48"}],
    "L-BFGS, Adam": [{"optimization": {"method": method}} for method in ("lbfgs", "adam")],
    "the Gram and the Gaussian distance": [{"losses": {"style_distance": way}} for way in ("gram", "gaussian")],
    "the `tutorial` presets": [PRESETS | {"preset": preset} for preset in ("tutorial", "tutorial-core")],
    "`--tile`, `--memory`": [{"tile": 64, "size": 80}, {"memory": "3G"}],
    "a transparent photo": [{"transparent": True}],
}
ELSEWHERE = {"`again`, `vary`, `resume`", "`vary --between`", "`batch`"}
"""Commands, which have their own tests: test_textures, cli/test_masks, cli/test_texture."""


def documented():
    """Rows of the table: name, and each column's cell."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("## What combines with what")[2]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line] for line in lines]
    return {name: dict(zip(head[1:], cells, strict=True)) for name, *cells in rows}


TABLE = documented()


def test_the_table_is_of_all_that_is_tried_here():
    assert set(TABLE) == {*ROWS, *ELSEWHERE}
    assert all(set(cells) == set(COLUMNS) for cells in TABLE.values())


def from_command_line(changes, files):
    """The styles and settings that options stand for; pictures by their names become paths."""
    changes = {name: files.get(value, value) if isinstance(value, str) else value for name, value in changes.items()}
    drawn = [smooth_picture(48, 48, 2 + number) for number in range(changes.pop("styles", 1))]
    strokes = changes.pop("texture_from", None)
    if strokes is None:
        return drawn, changes
    there = [] if "colours_from" in changes else [files["colours"]]
    paintings, changes = sources_from(there, strokes, changes)
    return list(paintings), changes


@pytest.mark.parametrize(("row", "column"), [(row, column) for row in ROWS for column in COLUMNS])
def test_what_the_table_says_of_a_combination_is_true(row, column, files, tiny_encoder):
    cell = TABLE[row][column]
    if cell == "–":
        return
    for changes in ROWS[row]:
        both = COLUMNS[column] | changes
        if row == "a weight of 0" and cell.startswith("yes; of a style with a mask refused"):
            with pytest.raises(ImpastoError, match="--mask, --style-weights"):
                paint(
                    None,
                    [smooth_picture(48, 48, 2)] * 2,
                    tiny_encoder,
                    style_weights=(1, 0),
                    masks={2: HALF},
                    seamless="seamless" in both,
                )
        photo = None if both.pop("texture", False) else smooth_picture(48, 48, 1)
        if both.pop("transparent", False):
            photo = np.dstack([photo, np.linspace(0, 1, 48)[:, None].repeat(48, 1).astype(np.float32)])
        styles, how = from_command_line(both, files)
        if cell.startswith("refused"):
            with pytest.raises(ImpastoError) as caught:
                paint(photo, styles, tiny_encoder, **how)
            assert OPTIONS.search(str(caught.value))
            assert "\n" not in str(caught.value)
        else:
            painting = paint(photo, styles, tiny_encoder, **how)
            assert painting.complete
            assert np.isfinite(painting.array).all()
            assert np.isfinite(painting.history[-1].loss.total)


# Any options together


def reasons(how, count, is_texture):
    """Why settings are refused, whatever is in the pictures: in each case what the sentence names."""
    numbers = [*how["masks"], *how["style_masks"]]
    found = {"--mask|--style-mask": any(number > count for number in numbers)}
    found["--mask"] = count == 1 and 1 in how["masks"]
    found["[Cc]olours_from"] = how["colours_from"] is not None and how["colour"] in ("keep", "match")
    found["size"] = how["size"] == "original" if is_texture else how["size"] == "48x64"
    if is_texture:
        found |= {"--protect": how["protect"] is not None, "colour": how["colour"] in ("keep", "match")}
        found |= {"init": how["init"] == "content", "strength": "strength" in how}
    else:
        found |= {"seamless": how["seamless"]}
    return [word for word, refused in found.items() if refused]


@settings(max_examples=150)
@given(data=st.data())
def test_any_valid_combination_paints_and_others_are_refused_in_a_sentence(data, files, tiny_encoder):
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 99)))

    def mask(height, width):
        kind, scale = (
            draw(st.sampled_from(["hard"] * 3 + ["soft"] * 4 + ["spot", "white", "black"])),
            draw(st.floats(0.2, 3)),
        )
        shape = max(2, round(height * scale)), max(2, round(width * scale))
        if kind == "soft":
            return rng.random(shape).astype(np.float32)
        if kind == "hard":
            return np.repeat((np.arange(shape[1]) < shape[1] * rng.random())[None], shape[0], axis=0)
        values = np.full(shape, 255 * (kind == "white"), np.uint8)
        values[rng.integers(shape[0]), rng.integers(shape[1])] = 255 * (kind != "black")
        return values

    def seldom(value, otherwise):
        return value if draw(st.sampled_from([False] * 11 + [True])) else otherwise

    is_texture, count = draw(st.booleans()), draw(st.integers(1, 3))
    numbers = st.lists(st.integers(1, seldom(count + 1, count)), unique=True, max_size=2)
    shape = draw(st.sampled_from([(36, 48), (48, 35), (48, 48)]))
    size = seldom(
        "original" if is_texture else "48x64", draw(st.sampled_from([48, "48x64" if is_texture else "original"]))
    )
    height, width = ((64, 48) if size == "48x64" else (48, 48)) if is_texture else shape
    photo, styles = smooth_picture(*shape, 1), [smooth_picture(40, 48, 2 + n) for n in range(count)]
    how = {
        "size": size,
        "masks": {number: mask(height, width) for number in draw(numbers)} if count > 1 else seldom({1: HALF}, {}),
        "style_masks": {number: mask(40, 48) for number in draw(numbers)},
        "protect": mask(height, width) if seldom(is_texture, not is_texture and draw(st.booleans())) else None,
        "style_weights": draw(st.one_of(st.none(), st.tuples(*[st.sampled_from([0.0, 1.0, 3.0])] * count).filter(any))),
        "colour": draw(st.sampled_from(["style", "palette", seldom("keep", "style")] if is_texture else COLOURS)),
        "colours_from": draw(st.sampled_from([None, None, files["colours"]])),
        "init": draw(st.sampled_from([seldom("content", "noise") if is_texture else "content", "noise", files["start"]])),
        "seamless": seldom(not is_texture, is_texture and draw(st.booleans())),
        "stroke_size": draw(st.sampled_from([0.5, 1.0, 1.5])),
        "detail": draw(st.sampled_from([0.0, 0.5, 1.0])),
        "losses": {"style_distance": draw(st.sampled_from(["gaussian", "gram"]))},
        "tile": draw(st.sampled_from([None, 64])),
        "optimization": {"method": draw(st.sampled_from(["lbfgs", "adam"])), "iterations": draw(st.integers(1, 2)),
                         "max_octaves": draw(st.integers(1, 2)), "smallest_octave": 32},
    }  # fmt: skip
    if seldom(True, not is_texture):
        how["strength"] = draw(st.floats(0, 1))
    refused = reasons(how, count, is_texture)
    try:
        painting = paint(None if is_texture else photo, styles, tiny_encoder, **how)
    except ImpastoError as error:
        # Beyond these, only what is in the masks may be at fault.
        words = refused or ["--mask", "--style-mask", "--protect"]
        assert any(re.search(word, str(error)) for word in words)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert not refused
    assert painting.complete
    assert np.isfinite(painting.array).all()
    assert np.isfinite(painting.history[-1].loss.total)
    if how["protect"] is not None:
        weights = np.asarray(how["protect"], np.float32) / (255 if how["protect"].dtype == np.uint8 else 1)
        kept = resize_by_area(weights, *painting.array.shape[:2])
        shown = read_picture(photo).pixels
        assert painting.array.shape == shown.shape
        np.testing.assert_allclose(painting.array[kept == 1], shown[kept == 1], atol=1e-6)
