"""Reading of weights from every supported kind of file."""

from __future__ import annotations

import json
import os
import sys

import pytest
import torch
from safetensors.torch import save_file

from impasto.encoders.architectures import (
    CAFFE,
    METADATA_KEY,
    TORCHVISION,
    architecture_from_json,
    architecture_to_json,
)
from impasto.encoders.loading import load_encoder
from impasto.encoders.network import Architecture, Encoder
from impasto.encoders.published.events import Note
from impasto.encoders.weight_files import read_encoder
from impasto.errors import EncoderError
from impasto.files import sha256_of
from tests.encoders.samples import WEIGHTS, keras_file, publish, same_features, torch_saved, torchvision_state
from tests.helpers import random_weights


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("options", [{}, {"text": str}, {"group": "model_weights"}, {"top": True}], ids=str)
def test_read_encoder_reads_keras_files(tmp_path, options):
    loaded = load_encoder(str(write(tmp_path, "any.bin", keras_file(WEIGHTS, **options))))
    assert loaded.encoder.architecture == CAFFE
    assert same_features(loaded.encoder, Encoder(WEIGHTS, CAFFE))


def test_caffe_preprocessing_is_bgr_up_to_255():
    image = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1)  # red, green, blue
    expected = torch.tensor([0 - 103.939, 127.5 - 116.779, 255 - 123.68])
    assert torch.allclose(CAFFE.preprocessing(image).flatten(), expected, atol=1e-4)
    assert (CAFFE.pooling, CAFFE.padding, CAFFE.padding_scope) == ("max", "zeros", "all")


@pytest.mark.parametrize("archive", [True, False])
def test_read_encoder_reads_torchvision_state_dicts(tmp_path, archive):
    path = write(tmp_path, "vgg.pth", torch_saved(torchvision_state(WEIGHTS), archive=archive))
    loaded = load_encoder(str(path))
    assert loaded.encoder.architecture == TORCHVISION
    assert loaded.sha256 == sha256_of(path)
    assert same_features(loaded.encoder, Encoder(WEIGHTS, TORCHVISION))


def test_torchvision_features_match_its_own_stack(tmp_path):
    """The reference is the stack of ``vgg19().features``, built from PyTorch's modules."""
    modules: list[torch.nn.Module] = []
    for block, count in enumerate((2, 2, 4, 4, 4), 1):
        for number in range(1, count + 1):
            shape = WEIGHTS[f"conv{block}_{number}.weight"].shape
            modules += [torch.nn.Conv2d(shape[1], shape[0], 3, padding=1), torch.nn.ReLU()]
        modules.append(torch.nn.MaxPool2d(2))
    network = torch.nn.Sequential()
    network.features = torch.nn.Sequential(*modules)
    network.load_state_dict(torchvision_state(WEIGHTS, classifier=()))
    encoder = load_encoder(str(write(tmp_path, "vgg.pth", torch_saved(network.state_dict())))).encoder
    image = torch.rand(1, 3, 40, 32, generator=torch.Generator().manual_seed(2))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = network.features[:30]((image - mean) / std)
    assert torch.allclose(encoder(image, ["block5_conv1"])["block5_conv1"], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("vgg_conv.pth", WEIGHTS),
        ("johnson.pth", torchvision_state(WEIGHTS, classifier=(1, 4, 6))),
        ("vgg19-d01eb7cb.pth", torchvision_state(WEIGHTS)),
        ("vgg19_imagenet_caffe.pth", torchvision_state(WEIGHTS)),
    ],
    ids=["layer names", "Johnson's classifier", "Johnson's file name", "caffe in file name"],
)
def test_caffe_weights_are_recognised_by_names(tmp_path, events, name, state):
    loaded = load_encoder(str(write(tmp_path, name, torch_saved(state))), events.append)
    assert loaded.encoder.architecture == CAFFE
    assert same_features(loaded.encoder, Encoder(WEIGHTS, CAFFE))
    assert events == []


def test_path_prefix_states_origin(tmp_path, events):
    path = write(tmp_path, "any.pth", torch_saved(torchvision_state(WEIGHTS)))
    loaded = load_encoder(f"caffe:{path}", events.append)
    assert (loaded.encoder.architecture, events) == (CAFFE, [])
    again = load_encoder(loaded.name)
    assert again.encoder.architecture == CAFFE
    assert again.sha256 == loaded.sha256
    path = path.rename(tmp_path / "caffe.pth")
    assert load_encoder(f"torchvision:{path}").encoder.architecture == TORCHVISION


def test_assumed_origin_is_noted_except_for_published_file(tmp_path, events, server, monkeypatch):
    path = write(tmp_path, "any.pth", torch_saved(torchvision_state(WEIGHTS)))
    load_encoder(str(path), events.append)
    assert events == [Note(f"{path} is read as torchvision's weights: for Caffe's, write caffe:{path}.")]
    events.clear()
    publish(server, monkeypatch, path.read_bytes(), algorithm="sha256", digest=sha256_of(path))
    load_encoder(str(path), events.append)
    assert events == []


def test_read_encoder_reads_safetensors(tmp_path):
    own = Architecture(pooling="max", padding="reflect")
    path = tmp_path / "own.safetensors"
    save_file(WEIGHTS, path, {METADATA_KEY: architecture_to_json(own)})
    assert load_encoder(str(path)).encoder.architecture == own
    assert load_encoder(f"caffe:{path}").encoder.architecture == CAFFE
    save_file(WEIGHTS, path)
    assert load_encoder(str(path)).encoder.architecture == Architecture()
    save_file(torchvision_state(WEIGHTS), path)
    loaded = load_encoder(str(path))
    assert loaded.encoder.architecture == TORCHVISION
    assert same_features(loaded.encoder, Encoder(WEIGHTS, TORCHVISION))


@pytest.mark.parametrize("stack", [(1, 2, 3, 3, 1), (2, 2, 2, 2, 1), (1, 2), (4, 4, 4, 4, 4)])
def test_read_encoder_reads_described_stack(tmp_path, stack):
    weights, architecture = random_weights(stack=stack), Architecture("binomial", convolutions=stack)
    save_file(weights, tmp_path / "slim.safetensors", {METADATA_KEY: architecture_to_json(architecture)})
    encoder = load_encoder(str(tmp_path / "slim.safetensors")).encoder
    assert encoder.architecture == architecture
    assert {f"{layer}.weight" for layer in encoder.convolutions} == {name for name in weights if "weight" in name}


def test_description_without_stack_is_vgg19():
    values = json.loads(architecture_to_json(Architecture()))
    assert values.pop("convolutions") == [2, 2, 4, 4, 4]
    assert architecture_from_json(json.dumps(values)) == Architecture()


def test_read_encoder_accepts_shorter_stack(tmp_path):
    path = write(tmp_path, "short.pth", torch_saved(random_weights("conv4_1")))
    assert str(load_encoder(str(path)).encoder.deepest) == "relu4_1"


class Malicious:
    """Object that runs a command when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"{sys.executable} -c \"open({str(self.mark)!r}, 'w')\"",)


@pytest.mark.parametrize("archive", [True, False])
def test_malicious_pickle_is_refused_and_runs_nothing(tmp_path, archive):
    mark = tmp_path / "it_ran"
    path = write(tmp_path, "bad.pth", torch_saved({**WEIGHTS, "x": Malicious(mark)}, archive=archive))
    with pytest.raises(EncoderError, match=r"bad\.pth cannot be used.*could run a program"):
        load_encoder(str(path))
    assert not mark.exists()


def vgg16_state():
    state = torchvision_state(WEIGHTS)
    return {key.replace("features.16.", "features.17."): value for key, value in state.items()}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"nothing of the kind", "neither safetensors nor Keras's HDF5"),
        (b"", "neither safetensors nor Keras's HDF5"),
        (b"\x10\0\0\0\0\0\0\0{nonsense", "not a complete safetensors file"),
        (keras_file(WEIGHTS)[:3000], "not a complete HDF5 file"),
        (torch_saved(WEIGHTS)[:3000], "not a plain state dict"),
        (b"\x80\x02nonsense", "not a plain state dict"),
        (torch_saved([1, 2, 3]), "instead of a state dict"),
        (torch_saved({"layer": torch.zeros(3)}), "neither conv1_1.weight nor features.0.weight"),
        (torch_saved(vgg16_state()), "not numbered like"),
        (torch_saved({k: v for k, v in WEIGHTS.items() if "conv3_2" not in k}), "conv3_2 is missing"),
        (torch_saved({k: v for k, v in WEIGHTS.items() if k != "conv3_2.bias"}), r"conv3_2\.weight has the shape"),
        (keras_file({k: v.flip(0)[..., :2] for k, v in WEIGHTS.items()}), "has the shape"),
        (torch_saved({**WEIGHTS, "conv1_2.bias": torch.full((4,), torch.nan)}), "not finite"),
    ],
)
def test_read_encoder_rejects_other_files_in_one_sentence(tmp_path, data, words):
    path = write(tmp_path, "odd.bin", data)
    with pytest.raises(EncoderError, match=words) as caught:
        load_encoder(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_read_encoder_rejects_other_hdf5_files(tmp_path):
    import h5py

    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["numbers"] = [1, 2, 3]
    with pytest.raises(EncoderError, match="not a complete HDF5 file of Keras weights"):
        read_encoder(tmp_path / "other.h5")


def test_missing_h5py_error_names_package(tmp_path, monkeypatch, data, known):
    monkeypatch.setitem(sys.modules, "h5py", None)
    for name in (str(write(tmp_path, "a.h5", data)), "tiny"):
        with pytest.raises(EncoderError, match=r'pip install h5py, or paint with encoder="builtin"'):
            load_encoder(name)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"padding_scope": "some"}, "an unknown pooling, padding or channel order"),
        ({"channels": "grb"}, "an unknown pooling, padding or channel order"),
        ({"mean": [0, 0]}, "three means"),
        ({"std": [0, 0, 0]}, "deviations other than 0"),
        ({"mean": [0, 0, float("inf")]}, "three means"),
        ({"scale": "large"}, "description is damaged"),
        ({"scale": None}, "description is damaged"),
        ({"scale": 0}, "a scale"),
        ({"convolutions": []}, "1 to 5 blocks"),
        ({"convolutions": [1, 1, 1, 1, 1, 1]}, "1 to 5 blocks"),
        ({"convolutions": [1, 0, 2]}, "of 1 to 4 convolutions"),
        ({"convolutions": [1, 5]}, "of 1 to 4 convolutions"),
        ({"convolutions": [1, 2.0]}, "of 1 to 4 convolutions"),
        ({"convolutions": 3}, "description is damaged"),
    ],
)
def test_architecture_from_json_rejects_invalid_descriptions(changes, words):
    values = json.loads(architecture_to_json(Architecture()))
    assert architecture_from_json(json.dumps(values)) == Architecture()
    place = values if changes.keys() <= values.keys() else values["preprocessing"]
    place |= changes
    with pytest.raises(EncoderError, match=words):
        architecture_from_json(json.dumps(values))
