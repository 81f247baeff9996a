"""The store, curves, tables and command lines of the quality benchmarks."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from dataclasses import asdict, astuple, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from benchmarks.measures import Score, Scorer
from benchmarks.pairs import Pair, builtin_pairs, covering, loaded, read_pairs
from benchmarks.peers.gatys import Gatys
from benchmarks.quality import __main__ as command, pictures, search, strength, tables
from benchmarks.quality.curves import Point, at_content, at_default, beaten, curve_of, mean_curve, nearest
from benchmarks.quality.judge import Judge, judge_from
from benchmarks.quality.methods import DEFAULT, REFERENCES, Canvas, Ours, Peer, custom, known_methods, parse_method
from benchmarks.quality.options import Bench, in_sentences
from benchmarks.quality.store import Row, Store, collect
from impasto.engine.devices import cpu_threads
from impasto.errors import PaintingError, PictureError, SettingsError
from impasto.pictures import read_picture, write_picture
from impasto.settings.making import make_settings
from impasto.settings.strength import DEFAULT_STRENGTH, style_weight_of
from tests.helpers import smooth_picture

pytestmark = pytest.mark.usefixtures("_few_patches")

SHORT = Ours("short", {"optimization": {"iterations": 2}})
SHORT_PEER = Peer(Gatys(iterations=2), "full")


def row(method, pair, factor, strokes, content, seconds=1.0, operations=1.0, judge=None):
    tone, flow = 1 - strokes / 4, 1 - content / 4
    return Row(method, pair, factor, strokes / 2, strokes, content, tone, flow, seconds, operations, "x.png", judge)


ROWS = [
    row("default", "a", 0.1, 0.9, 0.8), row("default", "a", 1.0, 0.7, 0.6), row("default", "a", 10.0, 0.6, 0.3),
    row("default", "b", 0.1, 0.8, 0.9), row("default", "b", 1.0, 0.7, 0.5), row("default", "b", 10.0, 0.5, 0.2),
    row("peer", "a", 0.1, 0.80, 0.9, 3.0, 2.0), row("peer", "a", 1.0, 0.65, 0.7, 3.0, 2.0),
    row("peer", "b", 0.1, 0.90, 0.7, 5.0, 2.0), row("peer", "b", 1.0, 0.71, 0.4, 5.0, 2.0),
]  # fmt: skip


def test_second_run_paints_nothing(tmp_path, pairs, encoder_file):
    canvas = Canvas(64, str(encoder_file))
    methods = [SHORT, SHORT_PEER, *REFERENCES]
    first = Store(tmp_path, canvas)
    rows = collect(first, methods, pairs[:1], [0.5, 1.0])
    assert first.painted == 2 + 2 + 3
    second = Store(tmp_path, canvas)
    assert collect(second, methods, pairs[:1], [0.5, 1.0]) == rows
    assert second.painted == 0
    for r in rows:
        assert read_picture(tmp_path / r.picture).size == (48, 64)


def test_killed_run_resumes(tmp_path, pairs, encoder_file, monkeypatch):
    canvas, painted = Canvas(64, str(encoder_file)), []
    whole = collect(Store(tmp_path / "whole", canvas), [SHORT], pairs, [0.5, 2.0])
    paint = Ours.paint

    def killed(self, pair, canvas, factor):
        if len(painted) == 2:
            raise KeyboardInterrupt
        painted.append(pair)
        return paint(self, pair, canvas, factor)

    monkeypatch.setattr(Ours, "paint", killed)
    with pytest.raises(KeyboardInterrupt):
        collect(Store(tmp_path / "killed", canvas), [SHORT], pairs, [0.5, 2.0])
    monkeypatch.setattr(Ours, "paint", paint)
    store = Store(tmp_path / "killed", canvas)
    rows = collect(store, [SHORT], pairs, [0.5, 2.0])
    assert store.painted == 2
    assert [replace(r, seconds=0.0) for r in rows] == [replace(r, seconds=0.0) for r in whole]


def test_older_row_gets_missing_scores(tmp_path, pairs, encoder_file):
    store = Store(tmp_path, Canvas(96, str(encoder_file)))
    whole = store.row(SHORT, pairs[0], 1.0)
    path = store.path(SHORT, pairs[0], 1.0)
    stored = json.loads(path.read_text())
    for name in ("tone", "flow", "judge"):
        del stored["row"][name]
    path.write_text(json.dumps(stored))
    again = store.row(SHORT, pairs[0], 1.0)
    assert store.painted == 1
    assert astuple(again)[3:8] == pytest.approx(astuple(whole)[3:8], abs=0.01)  # the picture is rounded to 8 bits
    assert replace(again, **{name: getattr(whole, name) for name in Score._fields}) == whole
    assert json.loads(path.read_text()) == stored | {"row": asdict(again)}


FAKE_JUDGE = """
import json, sys
for line in sys.stdin:
    for painting, photograph, style in json.loads(line):
        assert painting != photograph, "it is the same file"
    print(json.dumps([len(json.loads(line)) / 4] * len(json.loads(line))), flush=True)
"""


@pytest.fixture
def fake_judge(tmp_path):
    """Write a program in place of a Python, which answers like the judge's worker."""
    (tmp_path / "fake.py").write_text(FAKE_JUDGE)
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path / 'fake.py'}\n")
    python.chmod(0o755)
    return python


def test_judge_scores_stored_pictures_too(tmp_path, pairs, encoder_file, fake_judge):
    where = Bench(pairs[:1], Canvas(64, str(encoder_file)), tmp_path)
    with where.store() as store:
        (without,) = collect(store, [SHORT], where.pairs, [1.0])
    with replace(where, judge=fake_judge).store() as store:
        (scored,) = collect(store, [SHORT], where.pairs, [1.0])
    assert store.painted == 0
    assert scored == replace(without, judge=0.25)
    with where.store() as store:
        assert collect(store, [SHORT], where.pairs, [1.0]) == [scored]


def test_judge_that_ends_is_one_sentence(pairs, fake_judge):
    judge = Judge(fake_judge)
    with pytest.raises(PaintingError, match=r"^The judge ended early: AssertionError: it is the same file\.$"):
        judge.score(pairs[0].content, pairs[0])
    with pytest.raises(PaintingError, match="it is the same file"):
        judge.score(pairs[0].style, pairs[0])
    judge.close()
    with pytest.raises(PaintingError, match=r"^The judge ended early: ModuleNotFoundError: No module named '\w+'\.$"):
        Judge(Path(sys.executable))
    with pytest.raises(PaintingError, match="No such file"):
        Judge(fake_judge.with_name("missing"))


def test_real_judge_measures_distance_to_style(pairs):
    python = Path(os.environ.get("JUDGE", ".venv-judge/bin/python"))
    if not python.is_file():
        pytest.skip("the judge's environment is not set up")
    with judge_from(python) as judge:
        assert judge.score(pairs[0].content, pairs[0]) == pytest.approx(1, abs=1e-6)
        assert judge.score(pairs[0].style, pairs[0]) == 0
        assert judge.score(pairs[1].content, pairs[0]) not in (0, 1)
        assert judge.score(pairs[0].content, Pair(pairs[0].style, pairs[0].style)) is None


def test_score_command_tabulates_paintings(pairs, fake_judge, capsys):
    (photograph, style), other = (str(path) for path in (pairs[0].content, pairs[0].style)), str(pairs[1].content)
    command.main(["score", photograph, style, style, other, "--size", "64", "--judge", str(fake_judge)])
    heads, _, first, second = capsys.readouterr().out.splitlines()
    assert heads == "| painting | style | strokes | content | tone | flow | judge |"
    expected = Scorer(*(loaded(path, 64) for path in (pairs[0].content, pairs[0].style)))
    scores = expected.score(loaded(pairs[1].content, 64))
    assert second == f"| lake.png | {' | '.join(f'{score:.3f}' for score in scores)} | 0.250 |"
    assert first.split(" | ")[5] == "1.000"
    command.main(["score", photograph, style, other, "--size", "64"])
    assert capsys.readouterr().out.splitlines()[2] == second.removesuffix(" 0.250 |")


def test_score_command_rejects_other_proportions(pairs, tmp_path, capsys):
    write_picture(tmp_path / "wide.png", smooth_picture(40, 96))
    photograph, style = map(str, (pairs[0].content, pairs[0].style))
    assert in_sentences(command.main, ["score", photograph, style, str(tmp_path / "wide.png"), "--size", "64"]) == 2
    assert "other proportions" in capsys.readouterr().err


def test_store_key_covers_all_dependencies(tmp_path, pairs, encoder_file):
    store = Store(tmp_path, Canvas(64, str(encoder_file)))
    paths = {
        store.path(SHORT, pairs[0], 1.0),
        store.path(SHORT, pairs[0], 2.0),
        store.path(SHORT, pairs[1], 1.0),
        store.path(Ours("short", {"optimization": {"iterations": 3}}), pairs[0], 1.0),
        store.path(SHORT_PEER, pairs[0], 1.0),
        store.path(Peer(Gatys(iterations=3), "full"), pairs[0], 1.0),
        store.path(Peer(Gatys(iterations=3), "short"), pairs[0], 1.0),
        Store(tmp_path, Canvas(96, str(encoder_file))).path(SHORT, pairs[0], 1.0),
        Store(tmp_path, Canvas(64)).path(SHORT, pairs[0], 1.0),
    }
    assert len(paths) == 9
    again = Ours("short", {"optimization": {"iterations": 2}, "threads": 1})
    assert store.path(again, pairs[0], 1.0) in paths


def test_references_have_expected_scores(tmp_path, pairs, encoder_file):
    rows = collect(Store(tmp_path, Canvas(96, str(encoder_file))), REFERENCES, pairs[:1], [1.0, 2.0])
    assert [r.method for r in rows] == ["photograph", "filter", "style"]
    photograph, matched, style = rows
    assert (photograph.style, photograph.content) == pytest.approx((1, 1), abs=1e-5)
    assert style.strokes < 0.7 < photograph.strokes
    assert style.content < 0.5 < matched.content


def test_failures_are_reported_and_left_out(tmp_path, pairs, encoder_file, capsys):
    bad = Ours("bad", {"losses": {"style": {"relu5_4": 1.0}}})
    rows = collect(Store(tmp_path, Canvas(64, str(encoder_file))), [bad, REFERENCES[0]], pairs[:1], [1.0])
    assert [r.method for r in rows] == ["photograph"]
    assert "bad hill-waves 1: " in capsys.readouterr().err


def test_operations_exclude_iterations_after_convergence(pairs, encoder_file):
    canvas = Canvas(64, str(encoder_file))
    how = {"iterations": 60, "max_octaves": 1}
    whole, early = (Ours("x", {"optimization": how | {"tolerance": t}}) for t in (0.0, 0.5))
    assert early.operations(pairs[0], canvas) == whole.operations(pairs[0], canvas)
    assert whole.paint(pairs[0], canvas, 1.0).operations == whole.operations(pairs[0], canvas)
    assert early.paint(pairs[0], canvas, 1.0).operations < 0.5 * whole.operations(pairs[0], canvas)


def test_methods_use_common_number_of_threads():
    with cpu_threads(1):
        assert DEFAULT.settings(Canvas(64), 1.0).threads == 1


def test_sparse_methods_skip_every_other_factor(tmp_path, pairs, encoder_file):
    other = Ours("other", {"optimization": {"iterations": 1}})
    store = Store(tmp_path, Canvas(64, str(encoder_file)))
    rows = collect(store, [SHORT, other], pairs[:1], [0.1, 1.0, 10.0], sparse=["other"])
    assert [r.factor for r in rows if r.method == "other"] == [1.0]
    assert len(rows) == 4
    rows = collect(store, [other], pairs[:1], [0.1, 0.3, 1.0, 3.0, 10.0], sparse=["other"])
    assert [r.factor for r in rows] == [0.1, 1.0, 10.0]


def test_factor_multiplies_own_style_weight():
    canvas = Canvas(64)
    for changes in ({}, {"strength": 0.75}, {"style_weight": 7.0, "content_weight": 2.0}, {"preset": "tutorial"}):
        content, style = Ours("x", changes).settings(canvas, 1.0).weights
        assert Ours("x", changes).settings(canvas, 3.0).weights == pytest.approx((content, 3 * style))
    assert DEFAULT.settings(canvas, 1.0).weights == (1.0, style_weight_of(DEFAULT_STRENGTH))


def test_at_content_interpolates_between_points():
    curve = curve_of(ROWS, "default", "a")
    point = at_content(curve, 0.7)
    assert point == pytest.approx((math.sqrt(0.1), 0.4, 0.8, 0.7, 0.8, 0.825, math.nan), nan_ok=True)
    assert at_content(curve, 0.81) is None
    assert at_content(curve, 0.29) is None
    assert at_content([], 0.5) is None
    assert nearest(curve, 0.5).factor == 1.0
    assert at_default(curve) == Point(1.0, 0.35, 0.7, 0.6, 0.825, 0.85)
    assert at_default(curve[:1]) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=6), st.floats(0, 1))
def test_interpolated_point_is_within_curve(scores, level):
    curve = [Point(10.0**i, s, s, c, s, c) for i, (s, c) in enumerate(scores)]
    point = at_content(curve, level)
    contents = [c for _, c in scores]
    assert (point is None) == (not min(contents) <= level <= max(contents))
    if point is not None:
        strokes = [s for s, _ in scores]
        assert min(strokes) - 1e-9 <= point.strokes <= max(strokes) + 1e-9
        assert point.factor * (1 + 1e-9) >= 1


def test_mean_curve_skips_factors_missing_on_a_pair():
    assert [p.factor for p in mean_curve(ROWS, "default")] == [0.1, 1.0, 10.0]
    assert mean_curve(ROWS, "default")[1] == pytest.approx((1.0, 0.35, 0.7, 0.55, 0.825, 0.8625, math.nan), nan_ok=True)
    assert [p.factor for p in mean_curve(ROWS[:5], "default")] == [0.1, 1.0]


def test_mean_curves_cover_the_same_pairs():
    failed = [r for r in ROWS if (r.method, r.pair) != ("peer", "b")]
    assert mean_curve(failed, "peer") == []
    np.testing.assert_equal(mean_curve(failed, "default"), mean_curve(ROWS, "default"))


def test_beaten_finds_pairs_where_peer_wins():
    found = beaten(ROWS, ["peer"])
    assert [(b.pair, b.where) for b in found] == [("a", "defaults"), ("a", "curves")]
    assert all(b.theirs.strokes == 0.65 for b in found)
    between = [*ROWS, row("peer", "b", 0.5, 0.60, 0.45)]  # at b's content of 0.5 its curve has 0.66
    assert [(b.pair, b.where) for b in beaten(between, ["peer"])][2:] == [("b", "curves")]
    expected = (0.5 * 0.2**0.2, 0.33, 0.66, 0.5, 0.835, 0.875, math.nan)
    assert beaten(between, ["peer"])[2].theirs == pytest.approx(expected, rel=1e-3, nan_ok=True)
    far = [row("default", "c", 1.0, 0.7, 0.5), row("peer", "c", 0.1, 0.9, 0.9), row("peer", "c", 1.0, 0.69, 0.4)]
    assert beaten(far, ["peer"]) == []  # lower strokes, but with less content
    assert beaten(ROWS, ["nobody"]) == []


def test_tables_format_scores():
    lines = tables.defaults_table(ROWS).splitlines()
    assert lines[2] == "| default | 0.350 | 0.700 | 0.550 | 0.825 | 0.863 | 1.00 | 1.00 |"
    assert lines[3] == "| peer | 0.340 | 0.680 | 0.550 | 0.830 | 0.863 | 4.00 | 2.00 |"
    lines = tables.levels_table(ROWS, [0.55, 0.99]).splitlines()
    assert lines[2] == "| default | 0.700 / 0.825 / 0.863 (0.350) | – |"
    cells = "0.700 / 0.600 / 0.825 / 0.850 | 0.650 / 0.700 / 0.838 / 0.825"
    assert f"| a | {cells} |" in tables.pairs_table(ROWS)
    assert f"| a | peer | defaults | {cells} |" in tables.beaten_table(ROWS, ["peer"])
    assert tables.beaten_table(ROWS, []) == "No peer was compared with the default."
    assert tables.beaten_table([r for r in ROWS if r.method == "peer"], ["peer"]) == tables.beaten_table(ROWS, [])
    fair = [r for r in ROWS if (r.method, r.pair) != ("peer", "a")]
    sentence = "No peer beats the default on any of the 1 pairs compared."
    assert tables.beaten_table(fair, ["peer"]) == sentence
    assert tables.number(math.nan) == tables.number(None) == "–"


def test_judge_column_needs_every_pair():
    judged = [row("default", pair, 1.0, 0.7, 0.5, judge=judge) for pair, judge in (("a", 0.2), ("b", 0.4))]
    lines = tables.defaults_table([*judged, row("peer", "a", 1.0, 0.7, 0.5, judge=0.2), ROWS[8]]).splitlines()
    assert lines[0].split(" | ")[4:8] == ["tone", "flow", "judge", "seconds ÷ default's"]
    assert [line.split(" | ")[6] for line in lines[2:]] == ["0.300", "–"]


def test_steps_are_multiples_of_their_mean():
    assert strength.steps_of([0.9, 0.7, 0.6]) == [pytest.approx((-0.2, 4 / 3)), pytest.approx((-0.1, 2 / 3))]


def test_pictures_writes_tables_plots_and_sheets(tmp_path, pairs, encoder_file):
    pytest.importorskip("matplotlib")
    where = Bench(pairs, Canvas(64, str(encoder_file)), tmp_path)
    report = pictures.run(where, [Ours("default", SHORT.changes), SHORT_PEER], [0.5, 1.0, 2.0], 0.5, 0)
    assert (tmp_path / "pictures.md").read_text() == report
    for name in ("default", "gatys-full", "photograph", "filter", "style"):
        assert f"\n| {name} | " in report
    key = json.loads((tmp_path / "blind-key.json").read_text())
    assert key.keys() == {"hill-waves", "lake-waves"}
    for letters in key.values():
        assert sorted(letters) == ["A", "B", "C"]
        assert sorted(letters.values()) == ["default", "filter", "gatys-full"]
    for pair in key:
        for folder, suffix in (("sheets", "jpg"), ("blind", "jpg"), ("curves", "svg")):
            assert (tmp_path / folder / f"{pair}.{suffix}").stat().st_size > 1000
    assert (tmp_path / "curves" / "mean.svg").exists()


def test_strength_paints_with_the_encoder_of_the_default(monkeypatch, capsys):
    monkeypatch.setattr(strength, "run", lambda where, measure: where.canvas.encoder)
    strength.main([])
    assert capsys.readouterr().out.strip() == make_settings().encoder


def test_strength_and_search_write_tables(tmp_path, pairs, encoder_file, monkeypatch):
    monkeypatch.setattr(strength, "DEFAULT", Ours("default", SHORT.changes))
    monkeypatch.setattr(search, "DEFAULT", Ours("default", SHORT.changes))
    where = Bench(pairs[:1], Canvas(64, str(encoder_file)), tmp_path)
    lines = strength.run(where, "content").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[-9:]]
    assert [float(row[1]) for row in cells] == pytest.approx([style_weight_of(i / 8) for i in range(9)], rel=0.01)
    contents, steps = [float(row[4]) for row in cells], [float(row[-2]) for row in cells[:-1]]
    assert steps == pytest.approx(np.diff(contents), abs=0.0011)
    assert np.mean([float(row[-1]) for row in cells[:-1]]) == pytest.approx(1, abs=0.001)
    assignments = ["optimization.iterations=3"]
    for _ in range(2):
        text = search.run(where, custom("longer", assignments), assignments, [0.25, 1.0, 4.0])
    assert "| longer | optimization.iterations=3 | 1 | 64 |" in text
    with (tmp_path / "search.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["name"] for r in rows] == ["longer", "longer"]
    assert rows[0] == rows[1]
    assert 0 < float(rows[0]["flow"]) < 10
    assert rows[0]["judge"] == "–"


def test_search_keeps_rows_of_older_tables(tmp_path, pairs, encoder_file, monkeypatch):
    monkeypatch.setattr(search, "DEFAULT", Ours("default", SHORT.changes))
    (tmp_path / "search.csv").write_text('name,settings,content\nolder,"a=1, b",0.5\n')
    assignments = ["optimization.iterations=1"]
    search.run(
        Bench(pairs[:1], Canvas(64, str(encoder_file)), tmp_path), custom("new", assignments), assignments, [1.0]
    )
    with (tmp_path / "search.csv").open(newline="") as file:
        older, new = csv.DictReader(file)
    assert {name: value for name, value in older.items() if value} == {
        "name": "older", "settings": "a=1, b", "content": "0.5",
    }  # fmt: skip
    assert new["name"] == "new"


def test_parse_method_accepts_names_and_settings():
    known = known_methods()
    assert {"default", "quick", "fine", "gatys-full", "crowson-short", "galerne-short", "filter"} <= known.keys()
    assert parse_method("fine") == Ours("fine", {"preset": "fine"})
    assert parse_method("mine: strength=0.7 losses.total_variation=0") == Ours(
        "mine", {"strength": 0.7, "losses": {"total_variation": 0}}
    )
    shared = ("mine: size=64", "mine: encoder=a", "mine: colours_from=a.png", "tutorial")
    for text in ("nothing", "default: strength=1", ": strength=1", "mine: strength=2", "mine: strength", *shared):
        with pytest.raises(SettingsError):
            parse_method(text)


def test_read_pairs_reads_and_checks_table(tmp_path, pairs):
    table = tmp_path / "pairs.csv"
    table.write_text("content,style\nhill.png,waves.png\n")
    assert read_pairs(table, pairs[0].content.parent) == [pairs[0]]
    twice = "content,style\nhill.png,waves.png\nhill.png,waves.png\n"
    for text in ("content,style\nnone.png,waves.png\n", "content,style\n", "a,b\nhill.png,waves.png\n", twice):
        table.write_text(text)
        with pytest.raises(PictureError):
            read_pairs(table, pairs[0].content.parent)
    with pytest.raises(PictureError):
        read_pairs(tmp_path / "missing.csv", tmp_path)
    assert Pair(table, pairs[0].style).name == "pairs-waves"


def test_built_in_pairs_need_no_files(tmp_path):
    found = builtin_pairs(tmp_path / "pictures")
    photographs, styles = ({getattr(pair, part) for pair in found} for part in ("content", "style"))
    assert len(photographs) == len(styles) == len(found) == 4
    assert all(path.is_file() for path in photographs | styles)


def test_covering_keeps_centre(pairs):
    assert covering(pairs[0].style, 40, 40).shape == (40, 40, 3)
    whole = read_picture(pairs[0].style).pixels
    np.testing.assert_allclose(covering(pairs[0].style, 72, 40), whole[:, 28:68], atol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [
        ["pictures", "--method", "nothing"],
        ["pictures", "--pictures", "."],
        ["pictures", "--pairs", "0"],
        ["time-to-loss", "--only", "nothing"],
        ["pictures", "--list", "missing.csv"],
        ["search", "--name", "x"],
        ["search", "--name", "default", "--set", "strength=1"],
        ["search", "--name", "x", "--set", "strength=7"],
        ["time-to-loss", "--iterations", "1"],
        ["strength", "--judge", "missing"],
    ],
)
def test_bad_input_prints_one_sentence(arguments, tmp_path, capsys):
    assert in_sentences(command.main, [*arguments, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    assert error.strip().endswith(".")
