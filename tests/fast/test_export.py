import hashlib
import json

import numpy as np
import pytest
import torch

from impasto.encoders.decoder import LEVELS
from impasto.encoders.decoder_files import load_decoder
from impasto.encoders.loading import load_encoder
from impasto.engine.feed_forward import FeedForward
from impasto.errors import SettingsError
from impasto.fast import export
from impasto.fast.network import Network
from impasto.painting.colour.transfer import TRANSPORT_RIDGE
from tests.helpers import smooth_picture

onnx = pytest.importorskip("onnx", reason="needs impasto[onnx]")
pytest.importorskip("onnxruntime", reason="needs impasto[onnx]")
pytest.importorskip("threadpoolctl", reason="needs impasto[onnx]")

pytestmark = pytest.mark.xdist_group("onnx models")  # which makes the fixtures once


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "new"
    paths = export.export_models(folder)
    return {path.name: path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def pytorch():
    encoder = load_encoder("builtin-slim")
    return FeedForward(encoder.encoder, load_decoder(encoder))


def as_batch(pixels):
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]


def test_models_are_valid_and_described(models):
    description = json.loads(models["instant.json"])
    assert list(description["files"]) == ["encoder.onnx", *(f"decoder_{level}.onnx" for level in LEVELS)]
    for name, file in description["files"].items():
        assert hashlib.sha256(models[name]).hexdigest() == file["sha256"]
        onnx.checker.check_model(models[name], full_check=True)
    assert sum(map(len, models.values())) < 5_000_000
    assert description["histograms"]["bands"] == 4
    assert description["histograms"]["differences"]["distances"] == [1, 2]
    assert f"{TRANSPORT_RIDGE:.5f}" in description["colours"]
    assert description["strength"] == "min(full_strength, 0.84 × the setting's strength)"


@pytest.mark.parametrize(("size", "strength"), [((64, 96), 0.0), ((64, 96), 0.3), ((72, 56), 1.0)])
def test_pictures_equal_those_of_pytorch(models, pytorch, size, strength):
    network = Network(models, threads=1)
    photo, styles = smooth_picture(*size), [smooth_picture(61, 83, 1), smooth_picture(90, 48, 2)]
    found = network.paint(photo, [network.measure_style(style) for style in styles], [1.0, 2.0], strength)
    target = [(pytorch.measure_style(as_batch(style)), weight) for style, weight in zip(styles, (1, 2), strict=True)]
    _, expected = pytorch.measure(as_batch(photo), [target], [None], strength)
    assert np.abs(found - expected[0].permute(1, 2, 0).numpy()).max() <= 1e-3


def test_export_keeps_existing_files(tmp_path):
    (tmp_path / "encoder.onnx").write_bytes(b"mine")
    with pytest.raises(SettingsError, match="exists: choose another folder, or force=True"):
        export.export_models(tmp_path)
    assert (tmp_path / "encoder.onnx").read_bytes() == b"mine"
    assert len(export.export_models(tmp_path, force=True)) == 6


def test_damaged_cache_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    sources = export.Sources.packaged()
    first = export.cached_models(sources)
    (encoder,) = tmp_path.glob("onnx/*/encoder.onnx")
    encoder.write_bytes(b"damaged")
    assert export.cached_models(sources) == first
    assert encoder.read_bytes() == first["encoder.onnx"]


def test_cache_needs_no_onnx_package(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    sources = export.Sources.packaged()
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    assert export.cached_models(sources) is None
    monkeypatch.undo()
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    first = export.cached_models(sources)
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    assert export.cached_models(sources) == first
