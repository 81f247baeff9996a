import csv
from dataclasses import replace

import pytest
import torch

from impasto.encoders.decoder import LEVELS, PHOTO_LEVEL, Decoder
from impasto.encoders.decoder_files import load_decoder
from impasto.encoders.loading import load_encoder
from impasto.engine.histograms import measure_curves, measure_histograms
from training import instant
from training.crops import PAINTINGS, PHOTOGRAPHS, Crops, random_crop
from training.data import Originals, Pictures
from training.instant import (
    Recipe,
    Shift,
    Trainer,
    export,
    matched,
    random_strengths,
    rate_at,
    tone_distance,
    train,
    with_fixed_moments,
)


def pictures(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, 256, (3, 80, 96), generator=generator, dtype=torch.uint8) for _ in range(count)]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def trainer(monkeypatch):
    monkeypatch.setattr(instant, "SHIFT_LIMIT", 8)  # leaves room in small crops
    classes = [f"{PHOTOGRAPHS[0]}/cat", f"{PAINTINGS[0]}/oil"]
    pixels = torch.zeros(4, 3, 192, 192, dtype=torch.uint8)
    for i, picture in enumerate(pictures(4, 1)):
        pixels[i, :, :80, :96] = picture
    labels = torch.tensor([0, 1, 0, 1])
    small = Pictures(pixels, torch.tensor([[80, 96]] * 4), labels, labels, classes, torch.tensor([0, 1]))
    recipe = Recipe(reconstruction_steps=2, steps=4, side=64, batch=2, bfloat16=False)
    crops = Crops(small, Originals(pictures(2, 2)), Originals(pictures(2, 3)), recipe.side, recipe.batch, recipe.seed)
    return lambda: Trainer(recipe, load_encoder("builtin-slim").encoder, crops)


def test_resumed_training_continues_its_steps(trainer, tmp_path):
    train(trainer(), tmp_path / "whole")
    train(trainer(), tmp_path / "parts", stop_after=3)
    train(trainer(), tmp_path / "parts")
    states = [torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("whole", "parts")]
    assert [state["step"] for state in states] == [6, 6]
    last = max(
        states[0]["optimizer"]["state"]
    )  # parameters are trained from the first step on, except the first block's
    assert [state["optimizer"]["state"][last]["step"] for state in states] == [6, 6]
    whole, parts = (
        list(csv.DictReader((tmp_path / name / "curve.csv").read_text().splitlines())) for name in ("whole", "parts")
    )
    # Adam's first steps depend on the signs of gradients that rounding may flip.
    assert float(whole[-1]["loss"]) == pytest.approx(
        (3 * float(parts[0]["loss"]) + 3 * float(parts[1]["loss"])) / 6, rel=1e-2
    )


def test_training_lowers_the_loss(trainer):
    trained = trainer()
    contents, styles = trained._crops.draw(0)
    strengths = torch.full((len(contents),), 0.5)
    before = trained._paint(contents, styles, strengths)[0]
    for _ in range(12):
        loss, _ = trained._paint(contents, styles, strengths)
        trained.optimizer.zero_grad()
        loss.backward()
        trained.optimizer.step()
    assert trained._paint(contents, styles, strengths)[0] < 0.7 * before


def test_exported_decoder_loads(trainer, tmp_path):
    trained = trainer()
    export(train(trained, tmp_path, stop_after=1), tmp_path / "out.safetensors")
    loaded = load_decoder(load_encoder("builtin-slim"), tmp_path / "out.safetensors")
    for name, weight in trained.decoder.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], weight.half().float())


def test_export_averages_with_initial_weights(trainer, tmp_path):
    checkpoint = train(trainer(), tmp_path, stop_after=1)
    initial = torch.load(checkpoint, weights_only=True)["model"]
    export(checkpoint, tmp_path / "start.safetensors")
    torch.save({"model": {name: 3 * weight for name, weight in initial.items()}}, tmp_path / "trained.pt")
    export(tmp_path / "trained.pt", tmp_path / "out.safetensors", start=tmp_path / "start.safetensors", share=0.7)
    loaded = load_decoder(load_encoder("builtin-slim"), tmp_path / "out.safetensors").state_dict()
    for name, weight in loaded.items():
        torch.testing.assert_close(weight, (0.3 + 0.7 * 3) * initial[name], atol=1e-4, rtol=2e-3)


def test_start_provides_initial_weights(trainer, tmp_path):
    first = train(trainer(), tmp_path / "first")
    start = torch.load(first, weights_only=True)["model"]
    second = trainer()
    second.recipe = replace(second.recipe, rate=0.0)
    train(second, tmp_path / "second", start=start, stop_after=1)
    for name, weight in second.decoder.state_dict().items():
        torch.testing.assert_close(weight, start[name], rtol=0, atol=0)


def test_decoder_enlarges_eightfold():
    decoder = Decoder([6, 5, 4, 3])
    names = []
    features = {LEVELS[0]: torch.rand(2, 6, 4, 5), PHOTO_LEVEL: torch.rand(2, 5, 8, 10)}
    image = decoder(features, torch.tensor([0.0, 1.0]), lambda name, x: (names.append(name), x)[1])
    assert image.shape == (2, 3, 32, 40)
    assert tuple(names) == LEVELS


def test_decoder_corrects_the_photo_from_strength_zero_on():
    torch.manual_seed(0)
    decoder, seen = Decoder([6, 5, 4, 3]), {}
    photo = {LEVELS[0]: torch.rand(3, 6, 4, 5), PHOTO_LEVEL: torch.rand(3, 5, 8, 10)}
    decoder(photo, torch.tensor([0.0, 0.25, 0.5]), lambda name, x: seen.setdefault(name, x))
    change = (seen[PHOTO_LEVEL] - photo[PHOTO_LEVEL]).abs().mean((1, 2, 3))
    assert change[0] == 0
    assert 0 < change[1] < change[2]


def test_shifted_windows_agree_where_they_overlap():
    shift, picture = Shift(3, 7), torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    windows = shift.windows(picture)
    assert windows.shape == (4, 3, 80, 80)
    assert shift.distance(windows) == 0
    assert shift.distance(torch.cat([windows[:2], windows[2:].roll(1, 3)])) > 0.01


def test_training_matches_histograms_as_the_engine_does():
    painted, styles = torch.rand(2, 2, 3, 64, 48, generator=torch.Generator().manual_seed(0)).unbind()
    found = matched(0.5 * painted, styles, torch.tensor([0.2, 0.5]))
    for i, blend in enumerate((0.4, 1.0)):
        target = [(measure_histograms(styles[i : i + 1]), 1.0)]
        expected = measure_curves(0.5 * painted[i : i + 1], [target], [None], blend)[1]
        torch.testing.assert_close(found[i : i + 1], expected)


def test_gradients_change_neither_mean_nor_variance():
    generator = torch.Generator().manual_seed(0)
    x, weights = (torch.randn(1, 3, 16, 16, generator=generator, dtype=torch.float64) for _ in range(2))
    x.requires_grad_()
    fixed = with_fixed_moments(x)
    torch.testing.assert_close(fixed, x)
    (gradient,) = torch.autograd.grad((weights * fixed).sum(), x)
    assert gradient.abs().mean() > 0.5
    assert gradient.sum((2, 3)).abs().max() < 1e-9
    assert (gradient * (x - x.mean((2, 3), keepdim=True))).sum((2, 3)).abs().max() < 1e-3


def test_crop_is_reduced_by_at_most_its_limit():
    generator = torch.Generator().manual_seed(0)
    stripes = torch.zeros(3, 200, 200, dtype=torch.uint8)
    stripes[:, :, ::2] = 255
    assert {random_crop(stripes, 100, generator, least=1.0).std().item() > 0.49 for _ in range(5)} == {True}
    assert random_crop(stripes, 100, generator, least=0.5).shape == (3, 100, 100)


def test_half_of_the_strengths_are_the_default():
    strengths = random_strengths(1000, torch.Generator().manual_seed(0))
    assert 0.45 < (strengths == 0.5).float().mean() < 0.55
    assert strengths.min() < 0.05
    assert strengths.max() > 0.95


def test_step_size_rises_then_falls():
    rates = [rate_at(step, 1000) for step in range(1000)]
    assert rates.index(max(rates)) == 99
    assert rates[-1] < 0.01 < rates[0] < 0.02


def test_tone_distance_ignores_a_change_of_contrast():
    generator = torch.Generator().manual_seed(0)
    photo = torch.rand(1, 3, 64, 64, generator=generator)
    assert tone_distance(0.5 * photo, photo, 0.5 * photo) < 1e-6
    assert tone_distance(1 - photo, photo, photo) > 0.5
