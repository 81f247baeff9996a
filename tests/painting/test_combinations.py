"""Combinations of settings: the table in docs/control.md, and random ones."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import impasto
from impasto import ImpastoError
from impasto.cli.commands.sources import sources_from
from impasto.pictures import over_white, read_picture, resize_by_area, write_picture
from impasto.settings.fields import COLOURS, PRESETS
from tests.helpers import smooth_picture

DOCUMENT = Path(__file__).parents[2] / "docs" / "control.md"
OPTIONS = re.compile(
    r"masks=|protect=|style_weights|--texture-from|colours_from|colour|seamless|size|init|strength",
    re.IGNORECASE,
)
"""Names of settings, one of which every refusal contains."""

HALF = np.repeat((np.arange(24) < 12)[None], 24, axis=0)
LOW = np.repeat((np.arange(24) < 16)[:, None], 24, axis=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write pictures that settings name, and return their paths by name."""
    folder = tmp_path_factory.mktemp("named")
    for name, seed in (("colours", 8), ("start", 9), ("strokes", 10)):
        write_picture(folder / f"{name}.png", smooth_picture(40, 40, seed) ** 2)
    return {path.stem: str(path) for path in folder.iterdir()}


def paint(photo, styles, tiny_encoder, **changes):
    """Paint in one octave of 48 px; a texture if there is no photo."""
    options = {"encoder": str(tiny_encoder), "size": 48, "threads": 1, "device": "cpu"} | changes
    options["optimization"] = {"iterations": 2, "max_octaves": 1} | options.get("optimization", {})
    return impasto.texture(styles, **options) if photo is None else impasto.paint(photo, styles, **options)


# The documented table


COLUMNS = {
    "`--mask`": {"masks": {2: HALF}, "styles": 2},
    "`--style-mask`": {"style_masks": {1: LOW}},
    "`--protect`": {"protect": LOW},
    "`--colours-from`": {"colours_from": "colours"},
    "`texture`": {"texture": True},
    "`--seamless`": {"texture": True, "seamless": True},
}
SHALLOW = {"losses": {"content": {"relu5_2": 0, "relu4_1": 1}}}  # the small encoder ends at conv5_1
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
    "the Gram and the Gaussian distance": [
        {"losses": {"style_distance": distance}} for distance in ("gram", "gaussian")
    ],
    "the `tutorial` presets": [SHALLOW | {"preset": preset} for preset in ("tutorial", "tutorial-core")],
    "`--tile`, `--memory`": [{"tile": 64, "size": 80}, {"memory": "3G"}],
    "a transparent photo": [{"transparent": True}],
}
ELSEWHERE = {"`again`, `vary`, `resume`", "`vary --between`", "`batch`"}
"""Rows of commands, which have their own tests: test_textures, cli/test_masks, cli/test_texture."""


def documented():
    """Return the rows of the table by name, each with its cells by column."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("## What combines with what")[2]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line] for line in lines]
    return {name: dict(zip(head[1:], cells, strict=True)) for name, *cells in rows}


TABLE = documented()


def test_table_documents_all_combinations():
    assert set(TABLE) == {*ROWS, *ELSEWHERE}
    assert all(set(cells) == set(COLUMNS) for cells in TABLE.values())


def from_command_line(changes, files):
    """Convert options to styles and settings; names of pictures become paths."""
    changes = {name: files.get(value, value) if isinstance(value, str) else value for name, value in changes.items()}
    drawn = [smooth_picture(48, 48, 2 + number) for number in range(changes.pop("styles", 1))]
    strokes = changes.pop("texture_from", None)
    if strokes is None:
        return drawn, changes
    there = [] if changes.get("colours_from") else [files["colours"]] * len(drawn)
    paintings, changes = sources_from(there, strokes, changes)
    return list(paintings), changes


@pytest.mark.parametrize(("row", "column"), [(row, column) for row in ROWS for column in COLUMNS])
def test_combination_behaves_as_documented(row, column, files, tiny_encoder):
    cell = TABLE[row][column]
    if cell == "–":
        return
    for changes in ROWS[row]:
        both = COLUMNS[column] | changes
        if row == "a weight of 0" and cell.startswith("yes; refused for a style with a mask"):
            with pytest.raises(ImpastoError, match="masks=, style_weights="):
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
        styles, options = from_command_line(both, files)
        if cell.startswith("refused"):
            with pytest.raises(ImpastoError) as caught:
                paint(photo, styles, tiny_encoder, **options)
            assert OPTIONS.search(str(caught.value))
            assert "\n" not in str(caught.value)
        else:
            painting = paint(photo, styles, tiny_encoder, **options)
            assert painting.complete
            assert np.isfinite(painting.array).all()
            assert np.isfinite(painting.history[-1].loss.total)


# Random combinations


class Run(NamedTuple):
    """A run: a photo, or None for a texture; the number of styles; and settings or options."""

    photo: np.ndarray | None
    styles: int
    changes: dict

    @property
    def area(self):
        """Height and width of the photo or texture, which masks must fit."""
        return TEXTURE if self.photo is None else self.photo.shape[:2]


TEXTURE = (64, 48)
STYLE = (48, 48)


def only(styles, **changes):
    """Change the number of styles, and reset all settings that depend on it except the given ones."""
    none = {"style_weights": None, "masks": {}, "style_masks": {}, "texture_from": None, "colours_from": None}
    return none | {"styles": styles} | changes


MISTAKES = {
    "number of no style": (lambda run: {"masks": {run.styles + 1: HALF}}, "masks="),
    "number of no painting": (lambda run: {"style_masks": {run.styles + 1: HALF}}, "style_masks="),
    "mask of the only style": (lambda run: only(1, masks={1: np.ones(run.area, bool)}), "masks={1"),
    "black mask": (lambda run: only(2, masks={2: np.zeros(run.area, bool)}), "masks={2"),
    "narrow mask": (lambda run: only(2, masks={1: np.ones((90, 30), bool)}), "masks={1"),
    "wide mask in the painting": (lambda run: {"style_masks": {1: np.ones((30, 90), bool)}}, "style_masks={1"),
    "masks of nothing": (lambda run: {"masks": {"sky": HALF}}, "masks"),
    "too many weights": (lambda run: {"style_weights": (1.0,) * 4}, "style_weights"),
    "no weights": (lambda run: {"style_weights": (0.0, 0.0)}, "style_weights"),
    "no colour": (lambda run: {"colour": "blue"}, "colour"),
    "two sources of colour": (lambda run: {"colour": "match", "colours_from": "colours"}, "colours_from"),
    "colours of nothing": (lambda run: {"colour": "style", "colours_from": "nowhere.png"}, r"nowhere\.png"),
    "two paintings for colours": (lambda run: only(2, texture_from="strokes"), "--texture-from"),
    "too large strokes": (lambda run: {"stroke_size": 5}, "stroke_size"),
    "too much detail": (lambda run: {"detail": 1.5}, "detail"),
    "no strokes": (lambda run: {"stroke_size": float("nan")}, "stroke_size"),
    "start from nothing": (lambda run: {"init": "nowhere.png"}, r"nowhere\.png"),
    "no preset": (lambda run: {"preset": "best"}, "preset"),
    "no layer": (lambda run: {"losses": {"style": {"relu9_1": 1}}}, "relu9_1"),
    "no optimiser": (lambda run: {"optimization": {"method": "sgd"}}, "method"),
    "small tile": (lambda run: {"tile": 63}, "tile"),
    "little memory": (lambda run: {"memory": "1M"}, "memory"),
    "no setting": (lambda run: {"grain": 1}, "grain"),
}
"""Changes that make a valid run invalid, and the name in the error message."""
MISTAKES_WITH_PHOTOS = {
    "sides of a texture": (lambda run: {"size": "48x64"}, "size"),
    "seamless": (lambda run: {"seamless": True}, "seamless"),
    "strength and weights": (lambda run: {"strength": 0.5, "style_weight": 3}, "strength"),
    "no weight at all": (lambda run: {"strength": None, "content_weight": 0, "style_weight": 0}, "content_weight"),
    "all protected": (lambda run: {"masks": {}, "protect": np.ones(run.area, bool)}, "protect="),
}
MISTAKES_WITH_TEXTURES = {
    "size of a photo": (lambda run: {"size": "original"}, "size"),
    "start from a photo": (lambda run: {"init": "content"}, "init"),
    "strength": (lambda run: {"strength": 0.5}, "strength"),
    "content": (lambda run: {"content_weight": 1}, "content_weight"),
    "protection": (lambda run: {"protect": np.ones(run.area, bool)}, "protect="),
    "colours of a photo": (lambda run: {"colour": "keep", "colours_from": None}, "colour"),
}


@st.composite
def drawn_masks(draw, height, width):
    """Draw a mask of any size for a picture; it may be white, or black except for a spot, but not black."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kind, scale = draw(st.sampled_from(["hard"] * 3 + ["soft"] * 4 + ["spot", "white"])), draw(st.floats(0.3, 3))
    shape = max(2, round(height * scale)), max(2, round(width * scale))
    if kind == "soft":
        return rng.random(shape).astype(np.float32)
    if kind == "hard":
        return np.repeat((np.arange(shape[1]) < max(1, shape[1] * rng.random()))[None], shape[0], axis=0)
    mask = np.full(shape, kind == "white")
    mask[rng.integers(shape[0]), rng.integers(shape[1])] ^= True
    return mask


@st.composite
def runs(draw, textures):
    """Draw a run of random options that is valid unless its masks leave a style no region."""
    photo = None
    if not draw(textures):
        photo = smooth_picture(*draw(st.sampled_from([(36, 48), (48, 35), (48, 48)])), 1)
        if draw(st.integers(0, 3)) == 0:
            photo = np.dstack([photo, np.linspace(0, 1, photo.shape[1], dtype=np.float32)[None].repeat(len(photo), 0)])
    run = Run(photo, draw(st.integers(1, 3)), {})
    changes, preset = (
        run.changes,
        draw(st.sampled_from([preset for preset in PRESETS if preset != "instant"])),
    )  # it has one encoder
    changes["preset"] = preset
    changes["losses"] = {"style_distance": draw(st.sampled_from(["gaussian", "gram"]))}
    changes["optimization"] = {
        "iterations": draw(st.integers(1, 2)),
        "max_octaves": draw(st.integers(1, 2)),
        "coarse_factor": 1,
        "smallest_octave": 32,
    }
    if preset.startswith("tutorial"):
        changes["losses"] |= SHALLOW["losses"]
    else:
        changes["optimization"] |= draw(
            st.sampled_from(
                [{"method": method, "clamp": c} for method in ("lbfgs", "adam") for c in ("octave", "step")]
            )
        )
        weights = [{}, {"strength": 0.0}, {"strength": 1.0}, {"content_weight": 2, "style_weight": 30}]
        changes |= draw(st.sampled_from(weights if photo is not None else [{}, {"style_weight": 30}]))
    numbers = st.lists(st.integers(1, run.styles), unique=True, max_size=2)
    if run.styles > 1:
        changes["masks"] = {number: draw(drawn_masks(*run.area)) for number in draw(numbers)}
        changes["style_weights"] = draw(
            st.one_of(st.none(), st.tuples(*[st.sampled_from([0.0, 1.0, 3.0])] * run.styles).filter(any))
        )
    changes["style_masks"] = {number: draw(drawn_masks(*STYLE)) for number in draw(numbers)}
    changes["stroke_size"] = draw(st.sampled_from([0.25, 0.5, 1.0, 2.0]))
    changes["detail"] = draw(st.floats(0, 1))
    changes["tile"] = draw(st.sampled_from([None, 64]))
    changes["memory"] = draw(st.sampled_from([None, "3G"]))
    changes["seed"] = draw(st.integers(0, 9))
    changes["padding"] = draw(st.sampled_from([None, "zeros", "replicate", "reflect"]))
    changes["padding_scope"] = draw(st.sampled_from([None, "first", "all"]))
    changes["pooling"] = draw(st.sampled_from([None, "max", "average", "binomial"]))
    if photo is None:
        changes["size"], changes["seamless"] = "48x64", draw(st.booleans())
        changes["init"] = draw(st.sampled_from(["noise", "start"]))
        colours = ["style", "palette"]
    else:
        changes["size"] = draw(st.sampled_from([48, "original"]))
        changes["protect"] = draw(st.one_of(st.none(), drawn_masks(*run.area)))
        changes["init"] = draw(st.sampled_from(["content", "noise", "start"]))
        colours = list(COLOURS)
    changes["colour"] = draw(st.sampled_from(colours))
    if changes["colour"] in ("style", "palette"):
        changes["colours_from"] = draw(st.sampled_from([None, None, "colours"]))
        if run.styles == 1 and draw(st.booleans()):
            changes["texture_from"] = "strokes"
    return run


@pytest.mark.parametrize("examples", [40, pytest.param(300, marks=pytest.mark.slow)])
def test_any_valid_combination_paints(files, tiny_encoder, examples):
    outcomes = Counter()

    @settings(max_examples=examples)
    @given(run=runs(st.booleans()))
    def try_one(run):
        styles, options = from_command_line({"styles": run.styles} | run.changes, files)
        try:
            painting = paint(run.photo, styles, tiny_encoder, **options)
        except ImpastoError as error:
            # Only the masks can be invalid.
            assert re.search("counts nowhere|All of the photo is protected|only styles of weight 0", str(error))  # noqa: PT017
            outcomes["refused"] += 1
            return
        outcomes["painted"] += 1
        assert painting.complete
        assert np.isfinite(painting.array).all()
        assert np.isfinite(painting.history[-1].loss.total)
        if options.get("protect") is not None:
            protection = resize_by_area(options["protect"].astype(np.float32), *painting.array.shape[:2])
            shown = read_picture(run.photo).pixels  # transparent pixels on white
            painted = over_white(painting.array, painting.alpha)
            np.testing.assert_allclose(painted[protection == 1], shown[protection == 1], atol=1e-6)

    try_one()
    assert outcomes["painted"] > 4 * outcomes["refused"]  # proves that most runs are painted


@pytest.mark.parametrize(
    ("is_texture", "mistake"),
    [(False, mistake) for mistake in MISTAKES | MISTAKES_WITH_PHOTOS]
    + [(True, mistake) for mistake in MISTAKES | MISTAKES_WITH_TEXTURES],
)
def test_any_invalid_combination_is_refused(is_texture, mistake, files, tiny_encoder):
    change, named = (MISTAKES | (MISTAKES_WITH_TEXTURES if is_texture else MISTAKES_WITH_PHOTOS))[mistake]

    @settings(max_examples=8)
    @given(run=runs(st.just(is_texture)))
    def try_one(run):
        with pytest.raises(ImpastoError, match=named) as caught:  # noqa: PT012
            styles, options = from_command_line({"styles": run.styles} | run.changes | change(run), files)
            paint(run.photo, styles, tiny_encoder, **options)
        assert "\n" not in str(caught.value)

    try_one()
