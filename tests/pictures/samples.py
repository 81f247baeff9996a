"""Sample values and files, generated so that every expected value is known exactly."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image, ImageCms

from impasto.errors import PictureError


def noise(height: int, width: int, channels: int | None = None, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    """Return random values over the whole range of an integer type."""
    shape = (height, width) if channels is None else (height, width, channels)
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def vips_image(values: np.ndarray, interpretation: str) -> pyvips.Image:
    bands = 1 if values.ndim == 2 else values.shape[2]
    kinds = {"uint8": "uchar", "uint16": "ushort", "uint32": "uint", "int16": "short", "float32": "float"}
    image = pyvips.Image.new_from_memory(
        values.tobytes(), values.shape[1], values.shape[0], bands, kinds[values.dtype.name]
    )
    return image.copy(interpretation=interpretation)


def write_deep(
    path: Path, values: np.ndarray, *, icc: bytes | None = None, interpretation: str | None = None, **options: object
) -> Path:
    """Write 16-bit (or other) values as PNG or TIFF with libvips, independently of the package under test."""
    grey = values.ndim == 2 or values.shape[2] < 3
    image = vips_image(values, interpretation or ("grey16" if grey else "rgb16"))
    if icc is not None:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    save = image.pngsave if path.suffix == ".png" else image.tiffsave
    save(str(path), **options)
    return path


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def claimed_png(width: int, height: int) -> bytes:
    """Return a small PNG file whose header claims any size."""
    header = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(100))) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


PALETTE_COLOURS, GREY_COLOURS, RGB_COLOURS, GREY_ALPHA_COLOURS, RGBA_COLOURS = 3, 0, 2, 4, 6


def encoded_png(
    values: np.ndarray, *chunks: tuple[bytes, bytes], palette: np.ndarray | None = None, depth: int | None = None
) -> bytes:
    """Encode integers as a PNG file with some chunks before its pixels, independently of any library.

    Args:
        values: height × width, optionally × 1 to 4 channels; uint8 or uint16.
        chunks: type and data of further chunks.
        palette: colours, n × 3, whose indices are the values.
        depth: bits per channel; by default those of the type. Values of fewer bits must fill whole bytes.
    """
    depth = depth or values.dtype.itemsize * 8
    height, width = values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[2]
    kind = {1: GREY_COLOURS, 2: GREY_ALPHA_COLOURS, 3: RGB_COLOURS, 4: RGBA_COLOURS}[channels]
    if palette is not None:
        kind, chunks = PALETTE_COLOURS, (*chunks, (b"PLTE", palette.astype(np.uint8).tobytes()))
    bits = values.astype(">u2").view(np.uint8) if depth == 16 else values
    if depth < 8:
        bits = np.packbits(
            np.unpackbits(values[..., np.newaxis], axis=-1)[..., 8 - depth :].reshape(height, -1), axis=1
        )
    rows = np.pad(bits.reshape(height, -1), ((0, 0), (1, 0)))  # filter 0
    header = struct.pack(">LLBBBBB", width, height, depth, kind, 0, 0, 0)
    # The palette comes before transparency.
    ordered = sorted(chunks, key=lambda chunk: (chunk[0] == b"tRNS") + (chunk[0] in (b"PLTE", b"tRNS")))
    parts = [(b"IHDR", header), *ordered, (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


def gamma_chunk(gamma: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">L", round(gamma * 100_000))


def chromaticity_chunk(*numbers: float) -> tuple[bytes, bytes]:
    """Return a cHRM chunk for x and y of white, red, green and blue."""
    return b"cHRM", struct.pack(">8L", *(round(number * 100_000) for number in numbers))


def add_png_chunk(path: Path, kind: bytes, data: bytes, *, last: bool = False) -> None:
    """Insert a chunk after a PNG file's header, or after its pixels."""
    png = path.read_bytes()
    place = len(png) - 12 if last else 33
    path.write_bytes(png[:place] + png_chunk(kind, data) + png[place:])


def profile(space: str = "sRGB") -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()


ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))


def wide_gamut_profile(primaries: tuple[tuple[float, float, float], ...] = ADOBE_RGB) -> bytes:
    """Return a matrix profile with a green far outside sRGB and a gamma of 2.2.

    Args:
        primaries: XYZ of red, green and blue, adapted to D50.
    """

    def s15(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(s15(value) for value in values)

    description = b"desc\0\0\0\0" + struct.pack(">L", 5) + b"wide\0" + bytes(78)
    curve = b"curv\0\0\0\0" + struct.pack(">LH", 1, round(2.19921875 * 256)) + b"\0\0"
    tags = {
        b"desc": description,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(*primaries[0]),
        b"gXYZ": xyz(*primaries[1]),
        b"bXYZ": xyz(*primaries[2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    offset, table, body = 128 + 4 + 12 * len(tags), struct.pack(">L", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">LL", offset + len(body), len(data))
        body += data
    head = b"\0\0\0\0\0\0\0\0\x02\x40\0\0mntrRGB XYZ " + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp"
    head = head.ljust(68, b"\0") + s15(0.9642) + s15(1.0) + s15(0.8249)
    whole = head.ljust(128, b"\0") + table + body
    return struct.pack(">L", len(whole)) + whole[4:]


def to_srgb(values: np.ndarray, icc: bytes) -> np.ndarray:
    """Convert 8-bit RGB values with lcms; return floats."""
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(Image.fromarray(values), source, target, intent, flags=flags)
    return np.asarray(converted) / 255


def assert_one_sentence(error: PictureError, *parts: str) -> None:
    """Check that a message is one line, ends with a full stop, contains advice, and contains some parts."""
    text = str(error)
    assert "\n" not in text
    assert text.endswith(".")
    assert ";" in text, "problem; advice"
    for part in parts:
        assert part in text
