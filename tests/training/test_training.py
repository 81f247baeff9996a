"""The trainer on synthetic shards: data, views, losses, schedules and resumption."""

import csv
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers import smooth_picture
from training.augment import centre_view, random_view
from training.data import HEADS, PERMISSIVE_SOURCES, load_pictures
from training.model import Classifier, mask_other_heads, smoothed_cross_entropy
from training.train import Recipe, batch_loss, one_cycle, perturb, side_at, train, train_step

RECIPE = Recipe(width=1 / 16, epochs=2, batch=8, side_first=32, side_last=32)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Folder with forty pictures in two shards: two heads, one class that is too small, sizes as in the real shards."""
    root = tmp_path_factory.mktemp("shards")
    classes = ["pacs/photo_dog"] * 14 + ["pacs/sketch_dog"] * 12 + ["grocery/apple"] * 12 + ["monet/monet"] * 2
    rows = []
    for shard in range(2):
        with tarfile.open(root / f"shard-{shard}.tar", "w") as tar:
            for i in range(shard, len(classes), 2):
                height, width = ((144, 192), (144, 144), (180, 144))[i % 3]
                pixels = (smooth_picture(height, width, seed=i) * 255).astype(np.uint8)
                buffer = io.BytesIO()
                Image.fromarray(pixels).save(buffer, "JPEG")
                info = tarfile.TarInfo(f"{classes[i]}/{i:05d}.jpg")
                info.size = buffer.tell()
                buffer.seek(0)
                tar.addfile(info, buffer)
                source, label = classes[i].split("/")
                rows.append({"shard": f"shard-{shard}.tar", "member": info.name, "source": source, "label": label})
    with (root / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["shard", "member", "source", "label"])
        writer.writeheader()
        writer.writerows(rows)
    return root


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_load_pictures_assigns_classes_and_heads(dataset):
    pictures, test = load_pictures(dataset)
    assert pictures.classes == ["grocery/apple", "pacs/photo_dog", "pacs/sketch_dog"]
    assert len(pictures) + len(test) == 38
    assert len(test) > 0
    assert [list(HEADS)[i] for i in pictures.class_heads] == ["objects", "domains", "domains"]
    height, width = pictures.sizes[0].tolist()
    assert pictures.pixels[0, :, height:].sum() == 0
    assert pictures.pixels[0, :, :height, :width].float().std() > 10
    assert torch.equal(pictures.heads, pictures.class_heads[pictures.labels])


def test_load_pictures_permissive_skips_other_sources(dataset):
    pictures, _ = load_pictures(dataset, permissive=True)
    assert pictures.classes == ["grocery/apple"]
    assert "pacs" not in PERMISSIVE_SOURCES


def test_centre_view_is_central_square(dataset):
    pictures, _ = load_pictures(dataset)
    i = int((pictures.sizes[:, 1] == 192).nonzero()[0])
    view = centre_view(pictures.pixels[i : i + 1], pictures.sizes[i : i + 1], 144)
    torch.testing.assert_close(view[0], pictures.pixels[i, :, :144, 24:168] / 255, atol=1e-4, rtol=0)


def test_random_view_depends_on_generator_alone(dataset):
    pictures, _ = load_pictures(dataset)
    views = [
        random_view(pictures.pixels[:6], pictures.sizes[:6], 40, torch.Generator().manual_seed(seed), 0.05)
        for seed in (1, 1, 2)
    ]
    assert views[0].shape == (6, 3, 40, 40)
    assert torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])


def test_masked_loss_ignores_other_heads():
    logits = torch.randn(4, 5, requires_grad=True)
    class_heads = torch.tensor([0, 0, 1, 1, 1])
    masked = mask_other_heads(logits, torch.tensor([0, 1, 0, 1]), class_heads)
    loss = smoothed_cross_entropy(masked, torch.tensor([1, 3, 0, 4]))
    loss.backward()
    assert loss.isfinite()
    assert (logits.grad[0, 2:] == 0).all()
    assert (logits.grad[1, :2] == 0).all()
    plain = torch.nn.functional.cross_entropy(logits[:1, :2], torch.tensor([1]), label_smoothing=0.1)
    assert smoothed_cross_entropy(masked[:1], torch.tensor([1])).item() == pytest.approx(plain.item(), rel=1e-5)


def test_learning_rate_and_crop_side_schedules():
    assert one_cycle(0.15) == pytest.approx(1)
    assert one_cycle(0) < 0.01 > one_cycle(0.9999)
    sides = [side_at(Recipe(), p / 100) for p in range(101)]
    assert sides[0] == 64
    assert sides[-1] == 112
    assert sides == sorted(sides)


@pytest.mark.parametrize("adversarial", [0.0, 0.02])
def test_resumed_run_ends_with_same_weights(dataset, tmp_path, adversarial):
    recipe = replace(RECIPE, adversarial=adversarial, adversarial_from=0.0)
    whole = torch.load(train(dataset, tmp_path / "whole", recipe, stop_after=4), weights_only=True)
    for stop in (2, 4):
        part = torch.load(train(dataset, tmp_path / "part", recipe, stop_after=stop), weights_only=True)
    assert whole["step"] == part["step"] == 4
    for name, value in whole["model"].items():
        assert torch.equal(value, part["model"][name]), name
    rows = list(csv.DictReader((tmp_path / "part" / "curve.csv").read_text().splitlines()))
    assert rows[-1]["step"] == "4"
    assert 0 <= float(rows[-1]["all"]) <= 1


def test_perturb_moves_given_distance_along_gradient(dataset):
    torch.manual_seed(0)
    model, labels, heads = Classifier(2, 1 / 16), torch.tensor([0, 1, 1, 0]), torch.zeros(4, dtype=torch.int64)
    x = torch.rand(4, 3, 32, 32)
    rest = (labels, heads, torch.tensor([0, 0]))
    loss, g = train_step(model, torch.optim.SGD(model.parameters(), 0.0), x, *rest)
    uphill, downhill = (perturb(x, g, size) for size in (0.01, -0.01))
    torch.testing.assert_close((uphill - x).square().mean((1, 2, 3)).sqrt(), torch.full((4,), 0.01), rtol=1e-3, atol=0)
    assert batch_loss(model, uphill, *rest).item() > loss > batch_loss(model, downhill, *rest).item()


def test_adversarial_steps_begin_at_recipe_fraction(dataset, tmp_path):
    clean, late, early = (
        torch.load(train(dataset, tmp_path / name, replace(RECIPE, **changes), stop_after=1), weights_only=True)[
            "model"
        ]
        for name, changes in (
            ("clean", {"adversarial": 0.0}),
            ("late", {}),
            ("early", {"adversarial_from": 0.0}),
        )
    )
    name = "blocks.4.0.weight"
    assert torch.equal(clean[name], late[name])
    assert not torch.equal(clean[name], early[name])
