import struct

import numpy as np
import pytest

from impasto.errors import PictureError
from impasto.pictures import read_picture
from tests.pictures.samples import assert_one_sentence, noise

BITMAP, GREY, INDEXED, RGB, CMYK, MULTICHANNEL, DUOTONE, LAB = 0, 1, 2, 3, 4, 7, 8, 9


def document(values: np.ndarray, mode: int, *, layers: int = 0, flat: bool | None = None, depth: int = 8) -> bytes:
    """Return a document with a flat picture of height × width × channels, and some empty layers.

    Args:
        values: the flat picture as it is stored.
        mode: colour mode.
        layers: number of layers as stored, negative if the first extra channel is transparency.
        flat: what the version information says of the flat picture; None for no such information.
        depth: bits per channel that the header claims.
    """
    height, width, channels = values.shape
    head = struct.pack(">4sH6xHLLHH", b"8BPS", 1, channels, height, width, depth, mode)
    resources = b""
    if flat is not None:
        resources = b"8BIM" + struct.pack(">HHL", 0x0421, 0, 5) + struct.pack(">LB", 1, flat) + b"\0"
    layer = struct.pack(">LLLLH", 0, 0, 0, 0, 0) + b"8BIMnorm" + bytes(4) + struct.pack(">L", 12) + bytes(12)
    info = struct.pack(">h", layers) + layer * abs(layers)
    info += bytes(len(info) % 2)
    masks = struct.pack(">L", len(info)) + info + bytes(4) if layers else b""
    planes = values.transpose(2, 0, 1).tobytes()
    sections = [b"", resources, masks]
    return head + b"".join(struct.pack(">L", len(each)) + each for each in sections) + b"\0\0" + planes


def read(tmp_path, data: bytes):
    (tmp_path / "x.psd").write_bytes(data)
    return read_picture(tmp_path / "x.psd")


def assert_pixels(picture, expected: np.ndarray, atol: float = 1e-6) -> None:
    np.testing.assert_allclose(picture.pixels, np.broadcast_to(expected, picture.pixels.shape), atol=atol)


@pytest.mark.parametrize("flat", [None, True])
def test_flat_picture_is_read(tmp_path, flat):
    values = noise(5, 7, 3)
    assert_pixels(read(tmp_path, document(values, RGB, flat=flat)), values / 255)
    grey = noise(5, 7, 1)
    assert_pixels(read(tmp_path, document(grey, GREY, flat=flat)), grey / 255)


def test_cmyk_is_stored_inverted(tmp_path):
    values = noise(5, 7, 4)
    shares = values / 255
    assert_pixels(read(tmp_path, document(values, CMYK)), shares[..., :3] * shares[..., 3:], 0.51 / 255)


def test_lab_grey_is_grey(tmp_path):
    values = np.full((5, 7, 3), (137, 128, 128), np.uint8)
    assert_pixels(read(tmp_path, document(values, LAB)), 128 / 255, 1.1 / 255)


def test_fourth_channel_is_selection_without_layers(tmp_path):
    values = noise(5, 7, 4)
    for layers in (0, 2):
        picture = read(tmp_path, document(values, RGB, layers=layers))
        assert picture.alpha is None
        assert_pixels(picture, values[..., :3] / 255)


def test_transparency_is_not_put_on_white_twice(tmp_path):
    colours, alpha = noise(5, 7, 3) / 255, noise(5, 7, 1, seed=1) / 255
    stored = np.dstack([colours * alpha + 1 - alpha, alpha])
    picture = read(tmp_path, document(np.round(stored * 255).astype(np.uint8), RGB, layers=-1))
    np.testing.assert_allclose(picture.alpha, alpha[..., 0], atol=1e-6)
    assert_pixels(picture, stored[..., :3], 1.1 / 255)


@pytest.mark.parametrize(
    ("mode", "channels", "depth", "flat", "name"),
    [
        (RGB, 3, 16, None, "16 bits"), (GREY, 1, 32, None, "32 bits"), (DUOTONE, 1, 8, None, "duotone"),
        (MULTICHANNEL, 3, 8, None, "multichannel"), (RGB, 3, 8, False, "without a flat picture"),
    ],
)  # fmt: skip
def test_other_documents_are_refused_by_name(tmp_path, mode, channels, depth, flat, name):
    with pytest.raises(PictureError) as refusal:
        read(tmp_path, document(noise(5, 7, channels), mode, depth=depth, flat=flat))
    assert_one_sentence(refusal.value, "x.psd", name, "save it")


@pytest.mark.parametrize("length", [20, 27, 40, 80])
def test_cut_documents_are_refused(tmp_path, length):
    with pytest.raises(PictureError) as refusal:
        read(tmp_path, document(noise(5, 7, 3), RGB, flat=True)[:length])
    assert_one_sentence(refusal.value, "x.psd")
