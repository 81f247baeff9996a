"""Encoder names: parsing, the files they refer to, and imports without PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import impasto.encoders
from impasto.encoders.names import EncoderFile, builtin_file, find_encoder_file, parse_encoder_name
from impasto.encoders.published.catalogue import KNOWN
from impasto.errors import EncoderError, SettingsError


@pytest.mark.parametrize(
    ("name", "path", "origin"),
    [
        ("a.h5", "a.h5", None),
        ("caffe:a.pth", "a.pth", "caffe"),
        ("torchvision:/b/a.pth", "/b/a.pth", "torchvision"),
        ("keras:a.h5", "keras:a.h5", None),
        ("caffe:vgg19", "vgg19", "caffe"),
        ("./vgg19", "vgg19", None),
    ],
)
def test_parse_encoder_name_splits_origin_and_path(name, path, origin):
    assert parse_encoder_name(name) == EncoderFile(Path(path), origin)


@pytest.mark.parametrize("name", ["builtin", *KNOWN])
def test_parse_encoder_name_returns_none_without_file(name):
    assert parse_encoder_name(name) is None
    assert find_encoder_file(name) is None


def test_parse_encoder_name_expands_home():
    assert parse_encoder_name("caffe:~/a.h5") == EncoderFile(Path.home() / "a.h5", "caffe")
    with pytest.raises(SettingsError, match=r"There is no home for '~nobody-of-that-name/a.h5'"):
        parse_encoder_name("~nobody-of-that-name/a.h5")


@pytest.mark.parametrize("name", ["a.h5", "caffe:a.h5"])
def test_encoder_file_name_parses_back(name):
    assert parse_encoder_name(name).name == name


def test_find_encoder_file_rejects_missing_file(tmp_path):
    (tmp_path / "a.h5").touch()
    assert find_encoder_file(f"caffe:{tmp_path}/a.h5") == EncoderFile(tmp_path / "a.h5", "caffe")
    with pytest.raises(
        EncoderError, match="no encoder 'vgg91': give builtin, builtin-slim, vgg19, vgg19-torchvision, or the path"
    ):
        find_encoder_file("vgg91")
    with pytest.raises(EncoderError, match=r"no encoder 'x{300}"):
        find_encoder_file("x" * 5000)


def test_builtin_file_is_in_package():
    with builtin_file() as path:
        assert path.parent == Path(impasto.encoders.__file__).parent


def test_catalogue_and_cache_import_without_torch():
    modules = ("layers", "names", "published.catalogue", "published.cache", "published.events")
    lines = [f"import impasto.encoders.{module}" for module in modules]
    source = str(Path(impasto.encoders.__file__).parents[2])
    program = "\n".join(["import sys", f"sys.path.insert(0, {source!r})", *lines, "print('torch' in sys.modules)"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_public_names_resolve():
    for name in impasto.encoders.__all__:
        assert getattr(impasto.encoders, name) is not None
