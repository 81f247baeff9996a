"""The trainer on synthetic shards: data, views, losses, schedules, resumption, evaluation and export."""

import csv
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Architecture, Encoder
from tests.helpers import smooth_picture
from training.augment import centre_view, random_view
from training.data import HEADS, PERMISSIVE_SOURCES, Originals, load_originals, load_pictures
from training.evaluate import evaluate
from training.export import export, fold_batch_norm
from training.model import MEAN, STD, Classifier, Stack, mask_other_heads, smoothed_cross_entropy
from training.train import (
    Recipe,
    add_exemplar_classes,
    batch_loss,
    load_recipe,
    one_cycle,
    perturb,
    side_at,
    train,
    train_step,
)

pytestmark = pytest.mark.xdist_group("training")  # which makes the fixtures once

SLIM = Stack((1, 2, 3, 3, 1), (4, 6, 8, 8, 8), "binomial")
RECIPE = Recipe(
    channels="4-6-8-8-8",
    epochs=2,
    batch=8,
    side_first=32,
    side_last=32,
    originals_batch=4,
    originals_first=32,
    originals_last=48,
)


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """Folder with five larger pictures in a shard, one of which is too small for the recipe."""
    root = tmp_path_factory.mktemp("larger")
    with tarfile.open(root / "large-0.tar", "w") as tar:
        for i, size in enumerate([(90, 60), (70, 100), (59, 120), (64, 64), (150, 80)]):
            add_picture(tar, f"large/{9 - i}.jpg", *size, seed=50 + i)
    (root / "index.csv").write_text("shard,member\n" + "".join(f"large-0.tar,large/{i}.jpg\n" for i in range(5, 10)))
    return root


def add_picture(tar, name, height, width, seed):
    """Add a JPEG file to a tar file."""
    buffer = io.BytesIO()
    Image.fromarray((smooth_picture(height, width, seed) * 255).astype(np.uint8)).save(buffer, "JPEG")
    info = tarfile.TarInfo(name)
    info.size = buffer.tell()
    buffer.seek(0)
    tar.addfile(info, buffer)


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
                name = f"{classes[i]}/{i:05d}.jpg"
                add_picture(tar, name, height, width, seed=i)
                source, label = classes[i].split("/")
                rows.append({"shard": f"shard-{shard}.tar", "member": name, "source": source, "label": label})
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


def test_load_originals_sorts_and_skips_small(larger):
    originals = load_originals(larger, 60)
    assert [tuple(picture.shape) for picture in originals.pixels] == [
        (3, 150, 80), (3, 64, 64), (3, 70, 100), (3, 90, 60)
    ]  # fmt: skip


def test_windows_lie_within_chosen_pictures():
    rows, columns = torch.meshgrid(torch.arange(70), torch.arange(90), indexing="ij")
    places = torch.stack([rows, columns, torch.zeros_like(rows)]).to(torch.uint8)
    originals = Originals([places, places[:, :40, :40] + 100])
    chosen = torch.tensor([0, 1, 0, 0, 0, 0])
    windows, again = (originals.windows(chosen, 40, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(windows, again)
    assert torch.equal(windows[1], originals.pixels[1])
    corners = windows[[0, 2, 3, 4, 5], :, 0, 0].int()
    assert len({tuple(corner) for corner in corners.tolist()}) > 1
    for window, (top, left, _) in zip(windows[[0, 2, 3, 4, 5]], corners.tolist(), strict=True):
        assert torch.equal(window, places[:, top : top + 40, left : left + 40])


def test_recipe_describes_stack():
    recipe = replace(RECIPE, pooling="binomial")
    assert recipe.stack == SLIM
    assert [len(block) // 3 for block in Classifier(2, SLIM).blocks] == [1, 2, 3, 3, 1]


def test_add_exemplar_classes_appends_own_head():
    class_heads = add_exemplar_classes(torch.tensor([0, 1]), 3)
    assert class_heads.tolist() == [0, 1, *[len(HEADS)] * 3]


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
    sides = [side_at(64, 112, p / 100) for p in range(101)]
    assert sides[0] == 64
    assert sides[-1] == 112
    assert sides == sorted(sides)


@pytest.mark.parametrize(("adversarial", "has_originals"), [(0.0, False), (0.02, False), (0.02, True)])
def test_resumed_run_ends_with_same_weights(dataset, larger, tmp_path, adversarial, has_originals):
    recipe = replace(RECIPE, adversarial=adversarial, adversarial_from=0.0)
    options = {"larger": larger if has_originals else None}
    whole = torch.load(train(dataset, tmp_path / "whole", recipe, stop_after=4, **options), weights_only=True)
    for stop in (1, 4):
        part = torch.load(train(dataset, tmp_path / "part", recipe, stop_after=stop, **options), weights_only=True)
    assert whole["step"] == part["step"] == 4
    for name, value in whole["model"].items():
        assert torch.equal(value, part["model"][name]), name
    rows = list(csv.DictReader((tmp_path / "part" / "curve.csv").read_text().splitlines()))
    assert rows[-1]["step"] == "4"
    assert 0 <= float(rows[-1]["all"]) <= 1


def test_perturb_moves_given_distance_along_gradient(dataset):
    torch.manual_seed(0)
    model, labels, heads = Classifier(2, SLIM), torch.tensor([0, 1, 1, 0]), torch.zeros(4, dtype=torch.int64)
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


def test_every_second_step_trains_on_originals(dataset, larger, tmp_path):
    torch.manual_seed(RECIPE.seed)
    start = Classifier(3 + 4, RECIPE.stack).head.weight[3:]  # of the larger pictures
    changes = []
    for steps in (1, 2):
        path = train(dataset, tmp_path / f"{steps}", RECIPE, larger=larger, stop_after=steps)
        weight = torch.load(path, weights_only=True)["model"]["head.weight"][3:]
        changes.append(((weight - start).norm() / start.norm()).item())
    assert changes[0] < 1e-6  # weight decay alone, at a small rate
    assert changes[1] > 1e-3


def test_start_provides_initial_weights(dataset, tmp_path):
    first = train(dataset, tmp_path / "first", RECIPE, stop_after=2)
    still = replace(RECIPE, peak_rate=0.0)
    second = train(dataset, tmp_path / "second", still, start=first, stop_after=1)
    weights = [torch.load(path, weights_only=True)["model"]["blocks.2.0.weight"] for path in (first, second)]
    assert torch.equal(*weights)


@pytest.mark.parametrize("pooling", ["average", "binomial"])
def test_exported_encoder_computes_classifiers_features(pooling):
    torch.manual_seed(0)
    stack = replace(SLIM, pooling=pooling)
    model, image = Classifier(2, stack), torch.rand(8, 3, 96, 96)
    model(image)  # gives batch norm statistics
    model.eval()
    x = (image - model.mean) / model.std
    for number, block in enumerate(model.blocks):
        x = block(x if number == 0 else POOLS[pooling](x))
    architecture = Architecture(pooling, "replicate", "first", convolutions=stack.convolutions)
    architecture = replace(architecture, preprocessing=replace(architecture.preprocessing, mean=MEAN, std=STD))
    encoder = Encoder(fold_batch_norm(model.state_dict(), stack.convolutions), architecture)
    torch.testing.assert_close(encoder(image, ["relu5_1"])["relu5_1"], x, rtol=1e-4, atol=1e-5)


def box_filtered(x):
    """Pool with the weights 1 3 3 1 in both directions, as three box filters."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(F.avg_pool2d(x, 2, 1), 2, 1), 2)


POOLS = {"average": lambda x: F.avg_pool2d(x, 2), "binomial": box_filtered}


def test_run_with_originals_is_evaluated_and_exported(dataset, larger, tmp_path):
    recipe = replace(RECIPE, pooling="binomial")
    train(dataset, tmp_path / "run", recipe, larger=larger, stop_after=2)
    assert load_recipe(tmp_path / "run") == recipe
    scores = evaluate(tmp_path / "run", dataset)
    rows = list(csv.DictReader((tmp_path / "run" / "curve.csv").read_text().splitlines()))
    assert scores["all"][0] == pytest.approx(float(rows[-1]["all"]), abs=1e-4)
    sha256 = export(tmp_path / "run", dataset, tmp_path / "slim.safetensors", samples=8)
    loaded = load_encoder(str(tmp_path / "slim.safetensors"))
    assert loaded.sha256 == sha256
    assert loaded.encoder.architecture.convolutions == SLIM.convolutions
    assert loaded.encoder.architecture.pooling == "binomial"
    pictures, _ = load_pictures(dataset)
    features = loaded.encoder(centre_view(pictures.pixels, pictures.sizes, 112), ["relu3_1", "relu5_1"])
    assert all(0.3 < f.mean() < 3 for f in features.values())
