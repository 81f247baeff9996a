import io
import struct

import numpy as np
import pytest
from PIL import Image

from impasto.pictures.metadata import heif_boxes
from impasto.pictures.metadata.colour_signals import NO_SIGNALS, CodePoints, read_signals, signals_from_info
from tests.pictures.samples import chromaticity_chunk, encoded_png, gamma_chunk, noise, png_chunk

NUMBERS = (0.31270, 0.32900, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)


def png_signals(*chunks: tuple[bytes, bytes]):
    return read_signals(io.BytesIO(encoded_png(noise(2, 2, 3), *chunks)), "PNG")


def light_level(peak: float) -> tuple[bytes, bytes]:
    return b"cLLI", struct.pack(">LL", round(peak * 10_000), 0)


def mastering_display(peak: float) -> tuple[bytes, bytes]:
    return b"mDCV", bytes(16) + struct.pack(">LL", round(peak * 10_000), 1)


def test_png_without_signals_states_nothing():
    assert png_signals() == NO_SIGNALS


def test_png_chunks_are_read():
    signals = png_signals(
        (b"cICP", bytes([12, 13, 0, 1])), (b"sRGB", b"\0"), gamma_chunk(0.45455), chromaticity_chunk(*NUMBERS)
    )
    assert signals.cicp == CodePoints(12, 13, 0, full_range=True)
    assert signals.srgb
    assert signals.gamma == pytest.approx(0.45455)
    assert signals.chromaticities == pytest.approx(NUMBERS)
    assert png_signals((b"cICP", bytes([9, 16, 6, 0]))).cicp == CodePoints(9, 16, 6, full_range=False)


@pytest.mark.parametrize(
    ("chunks", "peak"),
    [
        ([light_level(700)], 700),
        ([mastering_display(4000)], 4000),
        ([mastering_display(4000), light_level(700)], 700),
        ([mastering_display(4000), light_level(0)], 4000),
        ([mastering_display(0)], None),
    ],
)
def test_peak_is_of_content_before_display(chunks, peak):
    assert png_signals(*chunks).peak == (peak and pytest.approx(peak))


def test_chunks_of_wrong_length_or_place_are_ignored():
    assert png_signals((b"cICP", bytes([12, 13, 0]))).cicp is None
    png = encoded_png(noise(2, 2, 3))
    late = png[:-12] + png_chunk(b"cICP", bytes([12, 13, 0, 1])) + png[-12:]
    assert read_signals(io.BytesIO(late), "PNG") == NO_SIGNALS
    assert png_signals((b"cICP", bytes([12, 13, 0, 1])), (b"cICP", bytes([9, 13, 0, 1]))).cicp == CodePoints(12, 13)


def test_cut_png_raises_nothing():
    png = encoded_png(noise(2, 2, 3), gamma_chunk(1.0))
    for end in range(len(png)):
        assert read_signals(io.BytesIO(png[:end]), "PNG").gamma in (None, 1.0)


def test_pillow_info_gives_same_signals():
    chunks = gamma_chunk(0.5), chromaticity_chunk(*NUMBERS), (b"sRGB", b"\0")
    image = Image.open(io.BytesIO(encoded_png(noise(2, 2, 3), *chunks)))
    signals = signals_from_info(image.info)
    assert signals.srgb
    assert signals.gamma == pytest.approx(0.5)
    assert signals.chromaticities == pytest.approx(NUMBERS)
    assert signals_from_info({}) == NO_SIGNALS
    nclx = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6, "full_range_flag": 0}
    assert signals_from_info({"nclx_profile": nclx}).nclx == CodePoints(12, 13), "the decoder has applied the rest"


def test_avif_container_is_read():
    buffer = io.BytesIO()
    try:
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(buffer, "AVIF")
    except (KeyError, OSError, ValueError):
        pytest.skip("Pillow has no AVIF encoder here")
    assert read_signals(buffer, "AVIF").nclx == CodePoints(1, 13)
    place = buffer.getvalue().index(b"nclx") + 4
    changed = bytearray(buffer.getvalue())
    changed[place : place + 4] = struct.pack(">HH", 9, 16)
    assert read_signals(io.BytesIO(bytes(changed)), "AVIF").nclx == CodePoints(9, 16)
    assert read_signals(io.BytesIO(bytes(changed)), "HEIF").nclx == CodePoints(9, 16)


def test_light_levels_of_heif_are_read(monkeypatch):
    content, mastering = (
        (b"clli", struct.pack(">HH", 600, 100)),
        (b"mdcv", bytes(16) + struct.pack(">LL", 20_000_000, 1)),
    )
    for properties, peak in (([content, mastering], 600), ([mastering], 2000), ([(b"clli", b"")], None)):
        monkeypatch.setattr(heif_boxes, "primary_properties", lambda _, found=properties: found)
        assert read_signals(io.BytesIO(), "HEIF").peak == peak


def test_formats_without_signals_state_nothing():
    assert read_signals(io.BytesIO(b"\xff\xd8\xff"), "JPEG") == NO_SIGNALS
