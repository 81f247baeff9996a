"""The comparison of encoders: stored results, missing measurements, tables and sheets."""

import json
import math
from dataclasses import replace

import pytest

from benchmarks import measures
from benchmarks.encoder.__main__ import main
from benchmarks.encoder.measuring import random_weights, run
from benchmarks.encoder.results import STYLE_WEIGHTS, Result, at_content, curves_table, table
from benchmarks.measures import Score
from benchmarks.pairs import Pair
from impasto.encoders.loading import load_encoder
from impasto.errors import SettingsError
from impasto.pictures import write_picture
from tests.helpers import smooth_picture
from training.export import write_encoder

WEIGHTS = [f"{weight:g}" for weight in STYLE_WEIGHTS]
PAIRS = [("photo.png", "dots.png"), ("photo.png", "lines.png")]


def in_folder(folder, pairs):
    return [Pair(folder / photo, folder / style) for photo, style in pairs]


@pytest.fixture
def pictures(tmp_path):
    for seed, name in enumerate(("photo", "dots", "lines")):
        write_picture(tmp_path / f"{name}.png", smooth_picture(80, 100, seed))
    return tmp_path


@pytest.fixture
def compare(pictures, tiny_encoder, monkeypatch):
    monkeypatch.setattr(measures, "SAMPLES", 512)
    monkeypatch.setattr(measures, "PROJECTIONS", 16)

    def go(pairs, size=96):
        return run("tiny", str(tiny_encoder), in_folder(pictures, pairs), size, 1, pictures / "out")

    return go


def test_run_makes_only_missing_measurements(compare, pictures):
    whole = compare(PAIRS)
    out = pictures / "out"
    made = sorted((out / "tiny").rglob("*.png"))
    assert len(made) == 2 + 1 + len(PAIRS) * len(STYLE_WEIGHTS)
    # Simulate a run that ended before the second texture and one painting.
    stored = json.loads((out / "tiny.json").read_text())
    del stored["texture"]["lines.png"], stored["pairs"]["135"]["photo-lines"]
    (out / "tiny.json").write_text(json.dumps(stored))
    for path in made:
        path.unlink()
    again = compare(PAIRS)
    assert replace(again, seconds=0.0) == replace(whole, seconds=0.0)
    assert [path.relative_to(out / "tiny").as_posix() for path in sorted((out / "tiny").rglob("*.png"))] == [
        "135/photo-lines.png",
        "texture/lines.png",
    ]


def test_run_adds_and_restricts_pairs(compare, pictures):
    first = compare(PAIRS[:1])
    both = compare(PAIRS)
    assert set(both.texture) == {"dots.png", "lines.png"}
    assert list(both.pairs) == WEIGHTS
    assert all(list(scores) == ["photo-dots", "photo-lines"] for scores in both.pairs.values())
    assert replace(compare(PAIRS[:1]), seconds=0.0) == replace(first, seconds=0.0)
    assert "lines.png" in json.loads((pictures / "out" / "tiny.json").read_text())["texture"]


def test_run_rejects_results_of_other_settings(compare):
    compare(PAIRS[:1])
    with pytest.raises(SettingsError, match=r"tiny\.json was made with .*'size': 96.* give another --out"):
        compare(PAIRS[:1], size=72)


def test_result_reads_older_files(tmp_path):
    (tmp_path / "old.json").write_text(json.dumps({"name": "old", "curve": {"4": [1, 1, 1]}, "seconds": 3.5}))
    assert Result.stored(tmp_path / "old.json", "old", {"size": 64}) == Result("old", seconds=3.5)


def test_result_drops_scores_with_fewer_measures(tmp_path, capsys):
    scores = {"4": {"a": [0.1, 0.2, 0.3], "b": [0.1, 0.2, 0.3, 0.4, 0.5]}}
    (tmp_path / "old.json").write_text(json.dumps({"name": "old", "pairs": scores, "seconds": 3.5}))
    result = Result.stored(tmp_path / "old.json", "old", {})
    assert result.pairs == {"4": {"b": Score(0.1, 0.2, 0.3, 0.4, 0.5)}}
    assert "old.json: 1 paintings have no flow" in capsys.readouterr().err
    result.store(tmp_path / "old.json")
    assert Result.stored(tmp_path / "old.json", "old", {}) == result
    assert capsys.readouterr().err == ""


def test_seconds_are_mean_over_paintings():
    result = Result("some")
    for number, seconds in enumerate((1.0, 2.0, 6.0)):
        result.add(4.0, f"pair-{number}", Score(0.5, 0.5, 0.5, 0.5, 0.5), seconds)
    assert result.seconds == pytest.approx(3)


def result_of(name, contents):
    scores = {
        w: {"pair": Score(0.1 * i, 0.2 * i, content, 0.3 * i, 0.25 * i)}
        for i, (w, content) in enumerate(zip(WEIGHTS, contents, strict=True))
    }
    return Result(name, {}, {"style": 0.25}, scores, {"photo": 0.125}, 2.0)


def test_table_compares_at_content_of_first_encoder():
    reference, other = result_of("first", (0.9, 0.5, 0.3, 0.1)), result_of("other", (0.8, 0.6, 0.4, 0.2))
    rows = table([reference, other]).splitlines()
    assert "strokes at content 0.300" in rows[0]
    assert rows[2] == "| first | 0.250 | 0.400 | 0.200 | 0.600 | 0.500 | 0.125 | 2.0 |"
    assert rows[3] == "| other | 0.250 | 0.500 | 0.250 | 0.750 | 0.625 | 0.125 | 2.0 |"
    assert all(map(math.isnan, at_content(other.curve, 0.1)))  # the curve does not reach this content


def test_curves_table_has_every_style_weight():
    (row,) = curves_table([result_of("first", (0.9, 0.5, 0.3, 0.1))]).splitlines()[2:]
    assert row.startswith("| first | 0.000 / 0.900 / 0.000 / 0.000 | 0.200 / 0.500 / 0.300 / 0.250 | ")


def test_command_writes_tables_and_sheets(pictures, tiny_encoder, compare, capsys):
    (pictures / "pairs.csv").write_text("content,style\n" + "\n".join(map(",".join, PAIRS)))
    out = pictures / "out"
    options = ["--list", str(pictures / "pairs.csv"), "--out", str(out), "--size", "96", "--iterations", "1"]
    main([*options, "--encoder", f"tiny={tiny_encoder}", "--encoder", f"again={tiny_encoder}"])
    assert (out / "encoders.md").read_text() == capsys.readouterr().out[:-1]
    rows = {line.split(" | ")[0]: line.split(" | ")[1:5] for line in (out / "encoders.md").read_text().splitlines()}
    assert rows["| tiny"] == rows["| again"]
    sheets = sorted(path.name for path in (out / "sheets").iterdir())
    assert sheets == ["photo-dots.jpg", "photo-lines.jpg", "texture-dots.jpg", "texture-lines.jpg"]


def test_random_encoder_is_loadable(tmp_path):
    write_encoder(random_weights((4, 8, 16, 32, 32)), tmp_path / "random.safetensors")
    encoder = load_encoder(str(tmp_path / "random.safetensors")).encoder
    assert encoder.channels("relu5_2") == 32
