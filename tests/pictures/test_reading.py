import hashlib
import io
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from impasto.errors import PictureError
from impasto.pictures import PictureWarning, Provenance, read_picture, read_record, write_picture
from tests.pictures.samples import assert_one_sentence, claimed_png, noise, vips_image

KINDS = ["jpg", "progressive.jpg", "png", "webp", "tif", "bmp", "gif", "16.png", "16.tif", "lzw.tif", "avif"]


def encoded_picture(kind: str) -> bytes:
    """Return a file with a picture of 40 × 50 noisy pixels."""
    values = noise(40, 50, 3)
    if kind.startswith("16"):
        image = vips_image(noise(40, 50, 3, np.uint16), "rgb16")
        return image.pngsave_buffer() if kind == "16.png" else image.tiffsave_buffer(compression="deflate")
    options = {"progressive.jpg": {"progressive": True}, "lzw.tif": {"compression": "tiff_lzw"}}.get(kind, {})
    names = {"jpg": "JPEG", "tif": "TIFF"}
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, names.get(kind.split(".")[-1], kind.upper()), **options)
    return buffer.getvalue()


def test_read_picture_accepts_str_and_path(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    path.write_bytes(encoded_picture("png"))
    monkeypatch.chdir(tmp_path)
    for source in (path, str(path), "x.png", Path("x.png")):
        picture = read_picture(source)
        assert picture.path == path
        assert picture.size == (picture.height, picture.width) == (40, 50)
        assert picture.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_read_picture_ignores_suffix(tmp_path, kind):
    for name in ("x", "x.txt", "x.png", "x.jpg"):
        (tmp_path / name).write_bytes(encoded_picture(kind))
        assert read_picture(tmp_path / name).size == (40, 50)


@pytest.mark.parametrize("name", ["a[1].tif", "a b.png", "é絵.tif", "%20.png", "-x.tif"])
def test_read_picture_accepts_unusual_names(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(encoded_picture("16.png" if name.endswith("png") else "16.tif"))
    assert read_picture(path).depth == 16


@pytest.mark.skipif(sys.platform != "linux", reason="names are not bytes elsewhere")
def test_read_picture_accepts_undecodable_names(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.tif")
    path.write_bytes(encoded_picture("16.tif"))
    assert read_picture(path).depth == 16
    path.write_bytes(b"rubbish")
    with pytest.raises(PictureError) as refused:
        read_picture(path)
    str(refused.value).encode("utf-8")


@pytest.mark.parametrize("content", [b"This is a text.\n", b"BM, said the text.", b"\0" * 100, b"\xff\xd8"])
def test_read_picture_rejects_other_files(tmp_path, content):
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(PictureError) as refused:
        read_picture(path)
    assert_one_sentence(refused.value, str(path), "JPEG", "PNG")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.02, 0.2, 0.5, 0.8])
def test_read_picture_rejects_truncated_files_silently(tmp_path, capfd, kind, part):
    data = encoded_picture(kind)
    path = tmp_path / "x"
    path.write_bytes(data[: max(30, int(len(data) * part))])
    with pytest.raises(PictureError) as refused:
        read_picture(path)
    assert_one_sentence(refused.value, str(path))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_never_crash_or_print(tmp_path, capfd, kind):
    data, chance = encoded_picture(kind), random.Random(kind)
    path = tmp_path / "x"
    for _ in range(25):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 3, 20))):
            end = len(damaged) if chance.random() < 0.5 else min(300, len(damaged))
            damaged[chance.randrange(8, end)] = chance.randrange(256)
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PictureWarning)
            for read in (read_picture, read_record):
                try:
                    read(path)
                except PictureError as error:
                    assert_one_sentence(error, str(path))
    assert capfd.readouterr() == ("", "")


def test_read_picture_rejects_decompression_bomb(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(claimed_png(30_000, 30_000))
    with pytest.raises(PictureError) as refused:
        read_picture(path)
    assert_one_sentence(refused.value, str(path), "30000 × 30000", "100,000,000", "max_pixels", "900000000")


def test_read_picture_ignores_limit_of_pillow(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for kind in ("png", "16.png", "tif", "jpg"):
        (tmp_path / "x").write_bytes(encoded_picture(kind))
        assert read_picture(tmp_path / "x").size == (40, 50)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("kind", KINDS)
def test_max_pixels_is_exact(tmp_path, kind):
    path = tmp_path / "x"
    path.write_bytes(encoded_picture(kind))
    assert read_picture(path, max_pixels=2000).size == (40, 50)
    with pytest.raises(PictureError) as refused:
        read_picture(path, max_pixels=1999)
    assert_one_sentence(refused.value, str(path), "50 × 40", "1,999", "2000")


@pytest.mark.parametrize("source", [None, 7, b"bytes", [[1, 2]], io.BytesIO()])
def test_read_picture_rejects_other_sources(source):
    with pytest.raises(PictureError) as refused:
        read_picture(source)
    assert_one_sentence(refused.value, type(source).__name__)


def test_read_record_survives_truncated_pixels(tmp_path):
    write_picture(tmp_path / "x.png", np.zeros((40, 50, 3)), record="{}", provenance=Provenance("c"))
    whole = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(whole[:-20])
    assert read_record(tmp_path / "x.png") == "{}"


def test_import_loads_no_heavy_library():
    code = "import sys, impasto.pictures; print(sorted({'torch', 'pyvips', 'pillow_heif', 'matplotlib'} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout == "[]\n"
