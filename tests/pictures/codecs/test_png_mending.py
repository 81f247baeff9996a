import os
import re
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from impasto.errors import PictureError
from impasto.pictures import PictureWarning, read_picture
from tests.pictures.samples import assert_one_sentence, noise, png_chunk, to_srgb, wide_gamut_profile

depths = pytest.mark.parametrize("depth", [8, 16])
PIXELS = {8: noise(6, 9, 3), 16: noise(6, 9, 3, np.uint16)}
SIGNATURE, END = b"\x89PNG\r\n\x1a\n", png_chunk(b"IEND", b"")


def rows(depth: int) -> bytes:
    return b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in PIXELS[depth])


def stream(depth: int) -> bytes:
    return zlib.compress(rows(depth))


def header(depth: int) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">LLBBBBB", 9, 6, depth, 2, 0, 0, 0))


def png(depth: int, *, before: bytes = b"", pixels: bytes | None = None, after: bytes = b"", end: bytes = END) -> bytes:
    pixels = png_chunk(b"IDAT", stream(depth)) if pixels is None else pixels
    return SIGNATURE + header(depth) + before + pixels + after + end


def wrong(chunk: bytes) -> bytes:
    """Return a chunk with a wrong checksum."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


def read(tmp_path, data: bytes):
    """Return the picture, and the warnings' messages."""
    (tmp_path / "x.png").write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = read_picture(tmp_path / "x.png")
    assert all(warning.category is PictureWarning for warning in caught)
    return picture, [str(warning.message) for warning in caught]


def assert_whole(tmp_path, data: bytes, depth: int, *notes: str) -> None:
    picture, messages = read(tmp_path, data)
    np.testing.assert_array_equal(np.round(picture.pixels.astype(float) * (2**depth - 1)), PIXELS[depth])
    assert picture.depth == depth
    assert len(messages) == len(notes)
    for message, note in zip(messages, notes, strict=True):
        assert re.search(note, message)


def refused(tmp_path, data: bytes) -> str:
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(PictureError) as refusal:
        read_picture(tmp_path / "x.png")
    assert_one_sentence(refusal.value, "x.png", "damaged")
    return str(refusal.value)


@depths
def test_long_texts_are_skipped_silently(tmp_path, depth):
    texts = [
        png_chunk(b"tEXt", b"a\0" + b"x" * 2_000_000),
        png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2_000_000))),
        png_chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
        png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 80,
    ]
    for text in texts:
        assert_whole(tmp_path, png(depth, before=text), depth)
        assert_whole(tmp_path, png(depth, after=text), depth)


def test_author_beside_long_text_is_kept(tmp_path):
    texts = png_chunk(b"tEXt", b"Author\0Zoe") + png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2_000_000)))
    assert read(tmp_path, png(8, before=texts))[0].provenance.artist == "Zoe"


@depths
def test_large_profile_is_applied(tmp_path, depth):
    icc = wide_gamut_profile()
    large = icc + os.urandom(2_000_000)
    large = struct.pack(">L", len(large)) + large[4:]
    picture, _ = read(tmp_path, png(depth, before=png_chunk(b"iCCP", b"x\0\0" + zlib.compress(large))))
    small, _ = read(tmp_path, png(depth, before=png_chunk(b"iCCP", b"x\0\0" + zlib.compress(icc))))
    np.testing.assert_array_equal(picture.pixels, small.pixels)
    if depth == 8:
        np.testing.assert_allclose(picture.pixels, to_srgb(PIXELS[8], icc), atol=1.01 / 255)


@depths
@pytest.mark.parametrize(
    "chunk",
    [
        (b"pHYs", struct.pack(">LLB", 3000, 3000, 1)), (b"tEXt", b"Author\0Zoe"), (b"tIME", bytes(7)),
        (b"gAMA", struct.pack(">L", 100000)), (b"tRNS", bytes(6)), (b"iCCP", b"x\0\0" + zlib.compress(b"icc")),
        (b"eXIf", b"MM\0*"), (b"prVt", b"anything"),
    ],
)  # fmt: skip
def test_wrong_checksum_beside_pixels_is_forgiven(tmp_path, depth, chunk):
    for place in ("before", "after"):
        data = png(depth, **{place: wrong(png_chunk(*chunk))})
        assert_whole(tmp_path, data, depth, rf"x\.png has damaged parts beside its pixels \({chunk[0].decode()}\)")


@depths
def test_proven_pixels_are_read_despite_checksum(tmp_path, depth):
    data = png(depth, pixels=wrong(png_chunk(b"IDAT", stream(depth))))
    assert_whole(tmp_path, data, depth, "wrong checksum, but its pixels are whole")


@depths
def test_intact_pixels_are_read_despite_adler(tmp_path, depth):
    data = png(depth, pixels=png_chunk(b"IDAT", wrong(stream(depth))))
    assert_whole(tmp_path, data, depth, "wrong checksum, but its pixels are whole")


@depths
def test_damaged_pixels_are_refused(tmp_path, depth):
    stored = zlib.compress(rows(depth), 0)  # a change of stored bytes is seen only by the checksums
    for place in range(10, len(stored), 7):
        changed = stored[:place] + bytes([stored[place] ^ 4]) + stored[place + 1 :]
        chunk = png_chunk(b"IDAT", stored)
        assert "damaged" in refused(tmp_path, png(depth, pixels=chunk[:8] + changed + chunk[-4:]))


@depths
def test_file_cut_after_pixels_is_read(tmp_path, depth):
    data = png(depth)
    for missing in range(1, 12 + 4 + 4 + 1):  # the end chunk, and the checksums of the pixels
        notes = ["cut short, but its pixels are whole"] if missing > 4 else []
        assert_whole(tmp_path, data[:-missing], depth, *notes)


@depths
def test_file_cut_within_pixels_is_refused(tmp_path, depth):
    stored = zlib.compress(rows(depth), 0)
    data = png(depth, pixels=png_chunk(b"IDAT", stored[:99]) + png_chunk(b"IDAT", stored[99:]))
    for missing in range(21, len(data) - 20, 13):
        refused(tmp_path, data[:-missing])


def test_damaged_header_is_refused(tmp_path):
    data = bytearray(png(8))
    data[20] ^= 1
    assert "header" in refused(tmp_path, data)
    assert "ABCD" in refused(tmp_path, png(8, before=png_chunk(b"ABCD", b"")))


def test_damaged_palette_is_refused(tmp_path):
    Image.fromarray(PIXELS[8]).quantize(16).save(tmp_path / "x.png")
    data = bytearray((tmp_path / "x.png").read_bytes())
    data[data.index(b"PLTE") + 5] ^= 1
    assert "PLTE" in refused(tmp_path, data)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_interlaced_and_small_pixels_are_mended(tmp_path, mode):
    import pyvips

    image = Image.fromarray(noise(13, 11, 3)).convert(mode)
    image.save(tmp_path / "plain.png")
    pyvips.Image.new_from_file(str(tmp_path / "plain.png")).pngsave(str(tmp_path / "interlaced.png"), interlace=True)
    for name in ("plain.png", "interlaced.png"):
        data = (tmp_path / name).read_bytes()
        expected = read_picture(tmp_path / name)
        picture, messages = read(tmp_path, data[:-20])
        np.testing.assert_array_equal(picture.pixels, expected.pixels)
        assert len(messages) == 1


def test_bomb_with_wrong_checksum_is_refused(tmp_path):
    bomb = png_chunk(b"IHDR", struct.pack(">LLBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    (tmp_path / "x.png").write_bytes(SIGNATURE + bomb + wrong(png_chunk(b"IDAT", zlib.compress(bytes(10**6)))) + END)
    with pytest.raises(PictureError) as refusal:
        read_picture(tmp_path / "x.png")
    assert_one_sentence(refusal.value, "30000 × 30000")


def test_broken_animation_gives_picture(tmp_path):
    frame = struct.pack(">LLLLLHHBB", 9, 9, 6, 0, 0, 1, 10, 0, 0)  # its number should be 0
    chunks = png_chunk(b"acTL", struct.pack(">LL", 2, 0)) + png_chunk(b"fcTL", frame)
    assert_whole(tmp_path, png(8, before=chunks), 8, "only its first frame was read")
    assert_whole(tmp_path, png(8, before=png_chunk(b"acTL", b"abc")), 8, "acTL")


def test_animation_cut_behind_first_frame_is_read(tmp_path):
    frames = [Image.fromarray(noise(20, 30, 3, seed=seed)) for seed in range(3)]
    options = {"save_all": True, "default_image": True, "append_images": frames[1:]}
    frames[0].save(tmp_path / "x.png", **options)
    data = (tmp_path / "x.png").read_bytes()
    picture, messages = read(tmp_path, data[:-40])
    np.testing.assert_allclose(picture.pixels, np.asarray(frames[1]) / 255, atol=1e-6)
    assert len(messages) == 3  # a damaged chunk, the end, and the frames
    picture, _ = read(tmp_path, data[: data.rindex(b"fcTL") - 20])  # within the first frame
    np.testing.assert_allclose(picture.pixels, np.asarray(frames[0]) / 255, atol=1e-6)


KINDS = [b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"eXIf", b"tIME",
         b"tEXt", b"zTXt", b"iTXt", b"acTL", b"fcTL", b"fdAT", b"prVt", b"cICP", b"mDCV", b"cLLI", b"iDOT", b"caBX"]  # fmt: skip


@given(
    depth=st.sampled_from([8, 16]),
    kinds=st.lists(st.sampled_from(KINDS), max_size=4),
    data=st.data(),
    ancillary_after=st.booleans(),
)
@settings(max_examples=150)
def test_any_chunk_beside_pixels_keeps_the_picture(tmp_path_factory, depth, kinds, data, ancillary_after):
    contents = [
        data.draw(st.binary(max_size=40) | st.sampled_from([bytes(n) for n in (1, 4, 6, 9, 26)])) for _ in kinds
    ]
    chunks = b"".join(png_chunk(kind, content) for kind, content in zip(kinds, contents, strict=True))
    place = "after" if ancillary_after else "before"
    picture, _ = read(tmp_path_factory.mktemp("chunks"), png(depth, **{place: chunks}))
    assert picture.size in ((6, 9), (9, 6))  # an EXIF block may turn it
    if not {b"gAMA", b"cHRM", b"tRNS", b"iCCP", b"cICP", b"eXIf"} & set(kinds):
        np.testing.assert_array_equal(np.round(picture.pixels.astype(float) * (2**depth - 1)), PIXELS[depth])
