"""The shipped encoder: its file, its features, and its model card.

``python -m tests.encoders.test_builtin`` prints the figures for a new encoder.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from impasto.encoders.loading import load_encoder
from impasto.files import sha256_of
from impasto.pictures import resize
from tests.helpers import smooth_picture

CARD = Path(__file__).parents[2] / "docs" / "encoder.md"
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1", "relu5_2")
SHA256 = "585e1c3aab8e8148775e0ef21b875c0d1891a0c00b1ba0c3af2b95d5c4f8c9a7"
SPREADS = (2.57564, 0.9413, 1.18364, 1.71204, 1.70369, 2.30482)


def photograph(name: str) -> torch.Tensor:
    """Return one of scikit-image's photographs as 1×3×H×256."""
    pixels = getattr(data, name)().astype(np.float32) / 255
    pixels = resize(pixels, round(256 * pixels.shape[0] / pixels.shape[1]), 256)
    return torch.from_numpy(pixels.transpose(2, 0, 1))[None]


def spreads() -> list[float]:
    """Return the standard deviation of each layer's features of a synthetic picture."""
    picture = torch.from_numpy(smooth_picture(64, 80).transpose(2, 0, 1))[None]
    features = load_encoder().encoder(picture, LAYERS)
    return [features[name].std().item() for name in LAYERS]


def test_builtin_file_matches_model_card():
    path = files("impasto") / "encoders" / "builtin.safetensors"
    assert sha256_of(Path(str(path))) == SHA256 == load_encoder().sha256
    assert SHA256 in CARD.read_text()
    assert Path(str(path)).stat().st_size < 16e6


def test_builtin_features_match_stored_spreads():
    torch.testing.assert_close(torch.tensor(spreads()), torch.tensor(SPREADS), rtol=1e-4, atol=0)


def test_slim_encoder_matches_model_card():
    slim = load_encoder("builtin-slim")
    assert slim.name == "builtin-slim"
    assert slim.sha256 in CARD.read_text()
    assert slim.encoder.architecture.convolutions == (1, 2, 3, 3, 1)
    assert [slim.encoder.channels(name) for name in LAYERS[:-1]] == [16, 32, 96, 192, 256]


def test_builtin_reaches_tutorial_layers_with_average_pooling():
    encoder = load_encoder().encoder
    assert str(encoder.deepest) == "relu5_2"
    assert encoder.architecture.pooling == "average"


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_layers_have_similar_mean_activation(name):
    features = load_encoder().encoder(photograph(name), LAYERS)
    for layer, f in features.items():
        assert 0.4 < f.mean() < 2.5, layer


def test_deep_features_distinguish_pictures():
    encoder = load_encoder().encoder
    means = torch.stack(
        [encoder(photograph(n), ["relu5_1"])["relu5_1"].mean((0, 2, 3)) for n in ("astronaut", "chelsea", "coffee")]
    )
    assert (torch.corrcoef(means).triu(1).max() < 0.95).item()


if __name__ == "__main__":
    print(load_encoder().sha256, [round(s, 5) for s in spreads()])
