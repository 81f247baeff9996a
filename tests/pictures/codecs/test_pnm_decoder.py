import numpy as np
import pytest
from hypothesis import given, strategies as st

from impasto.errors import PictureError
from impasto.pictures import PictureWarning, read_picture
from tests.pictures.samples import assert_one_sentence, noise


def read(tmp_path, data: bytes):
    (tmp_path / "x").write_bytes(data)
    return read_picture(tmp_path / "x")


def refused(tmp_path, data: bytes) -> None:
    with pytest.raises(PictureError) as refusal:
        read(tmp_path, data)
    assert_one_sentence(refusal.value, str(tmp_path / "x"))


def assert_pixels(picture, expected: np.ndarray, atol: float = 1e-6) -> None:
    expected = expected if expected.ndim == 3 else expected[..., None]
    np.testing.assert_allclose(picture.pixels, np.broadcast_to(expected, picture.pixels.shape), atol=atol)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("maximum", [1, 15, 255, 256, 1023, 65535])
def test_pgm_and_ppm_are_read_at_full_depth(tmp_path, plain, channels, maximum):
    values = np.random.default_rng(0).integers(0, maximum + 1, (5, 7, channels))
    values[0, 0] = maximum
    raw = values.astype("u1" if maximum < 256 else ">u2").tobytes()
    body = " ".join(map(str, values.ravel())).encode() if plain else raw
    kind = {(True, 1): 2, (True, 3): 3, (False, 1): 5, (False, 3): 6}[plain, channels]
    picture = read(tmp_path, b"P%d\n# comment 9 9\n7 5\n%d\n" % (kind, maximum) + body)
    assert_pixels(picture, values / maximum, 0.51 / (255 if maximum < 256 else 65535))
    assert picture.depth == (8 if maximum < 256 else 16)


def test_pbm_is_black_for_one(tmp_path):
    bits = noise(5, 11) & 1
    assert_pixels(read(tmp_path, b"P4 11 5\n" + np.packbits(bits, axis=1).tobytes()), 1.0 - bits)
    digits = "\n".join("".join(map(str, row)) for row in bits).encode()
    assert_pixels(read(tmp_path, b"P1\n11 5\n# 1 0\n" + digits), 1.0 - bits)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("channels", [1, 3])
def test_pfm_is_read_from_bottom_to_top(tmp_path, order, channels):
    values = np.random.default_rng(0).random((4, 6, channels))
    head = b"P%s\n6 4\n%s\n" % (b"F" if channels == 3 else b"f", b"-1.0" if order == "<" else b"1.0")
    picture = read(tmp_path, head + values[::-1].astype(order + "f4").tobytes())
    assert_pixels(picture, values, 0.51 / 65535)
    assert picture.depth == 16


def test_pfm_beyond_one_is_clipped_with_warning(tmp_path):
    with pytest.warns(PictureWarning, match="from 0 to 4"):
        picture = read(tmp_path, b"Pf 1 1 -1\n" + np.array([4], "<f4").tobytes())
    assert picture.pixels.max() == 1


def test_text_after_plain_numbers_is_ignored(tmp_path):
    assert_pixels(read(tmp_path, b"P2 2 1 255\n0 255\nend"), np.array([[0.0, 1.0]]))


def test_further_pictures_cause_a_warning(tmp_path):
    with pytest.warns(PictureWarning, match="several pictures; only the first"):
        picture = read(tmp_path, b"P5 1 1 255\n\x80" + b"P5 1 1 255\n\x10")
    assert_pixels(picture, np.full((1, 1), 128 / 255))


@pytest.mark.parametrize(
    "data",
    [
        b"P5 3 3 255\n12345678", b"P5 3 3", b"P5 3 3 0\n123456789", b"P5 3 3 70000\n" + bytes(18), b"P5 0 3 255\n",
        b"P2 2 2 255\n1 2 3", b"P2 2 1 255\n1 x", b"P2 2 1 15\n1 16", b"P5 1 1 15\n\x10", b"P1 2 2\n0 1 1", b"P1 2 1\n0 7",
        b"Pf 1 1\n", b"Pf 1 1 x\n1234", b"P6 99999 99999 255\n", b"P5 # no end", b"Pf 1 1 1\n\x7f\xc0\0\0",
    ],
)  # fmt: skip
def test_damaged_files_are_refused(tmp_path, data):
    refused(tmp_path, data)


@given(gaps=st.lists(st.sampled_from([b" ", b"\n", b"\t \r\n", b" # a 7\n", b"#\n\n"]), min_size=3, max_size=3))
def test_any_gaps_in_header_are_read(tmp_path_factory, gaps):
    head = b"P5" + gaps[0] + b"2" + gaps[1] + b"3" + gaps[2] + b"255\n"
    picture = read(tmp_path_factory.mktemp("gaps"), head + bytes(range(6)))
    assert_pixels(picture, np.arange(6).reshape(3, 2) / 255)
