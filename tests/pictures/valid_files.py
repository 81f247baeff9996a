"""Small valid files of every format that is read, for damaging them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pyvips
from PIL import ExifTags, Image, features

from tests.pictures import tiff_files as tiff
from tests.pictures.codecs.test_psd_structure import document
from tests.pictures.samples import noise, png_chunk, vips_image, wide_gamut_profile

RGB = noise(40, 50, 3)


def valid_files() -> dict[str, bytes]:
    """Return a file for each kind, by a name that begins with its format."""
    return _pillow_files() | _png_files() | _tiff_files() | _netpbm_files() | _photoshop_files()


def _metadata() -> dict[str, object]:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "Zoe"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:01:02 03:04:05"
    return {"exif": exif, "icc_profile": wide_gamut_profile()}


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _frames() -> dict[str, object]:
    return {"save_all": True, "append_images": [Image.fromarray(noise(40, 50, 3, seed=seed)) for seed in (1, 2)]}


def _pillow_files() -> dict[str, bytes]:
    rgb, smooth = Image.fromarray(RGB), Image.fromarray(RGB).resize((50, 40)).convert("RGB")
    files = {
        "jpeg": _saved(rgb, "JPEG"),
        "jpeg progressive": _saved(rgb, "JPEG", progressive=True, **_metadata()),
        "jpeg CMYK": _saved(rgb.convert("CMYK"), "JPEG"),
        "webp": _saved(rgb, "WEBP", **_metadata()),
        "webp lossless": _saved(rgb.convert("RGBA"), "WEBP", lossless=True),
        "webp animated": _saved(rgb, "WEBP", **_frames()),
        "gif": _saved(rgb.quantize(16), "GIF", transparency=3),
        "gif animated": _saved(rgb, "GIF", **_frames()),
        "bmp": _saved(rgb, "BMP"),
        "bmp palette": _saved(rgb.quantize(16), "BMP"),
        "tga": _saved(rgb.convert("RGBA"), "TGA"),
        "tga compressed": _saved(rgb.quantize(16), "TGA", compression="tga_rle"),
    }
    if features.check("avif"):
        files["avif"] = _saved(smooth, "AVIF", **_metadata())
        files["avif animated"] = _saved(rgb, "AVIF", **_frames())
    if features.check("jpg_2000"):
        files["jpeg 2000"] = _saved(rgb, "JPEG2000")
        files["jpeg 2000 stream"] = _saved(rgb.convert("L"), "JPEG2000", no_jp2=True)
    return files


def _png_files() -> dict[str, bytes]:
    rgb = Image.fromarray(RGB)
    texts = png_chunk(b"tEXt", b"Author\0Zoe") + png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(99)))
    plain = _saved(rgb, "PNG", dpi=(300, 300), **_metadata())
    deep = vips_image(noise(40, 50, 4, np.uint16), "rgb16")
    return {
        "png": plain[:33] + texts + plain[33:],
        "png palette": _saved(rgb.quantize(16), "PNG", transparency=bytes(range(16))),
        "png animated": _saved(rgb, "PNG", **_frames()),
        "png animated apart": _saved(rgb, "PNG", default_image=True, **_frames()),
        "png deep": deep.pngsave_buffer(),
        "png interlaced": deep.pngsave_buffer(interlace=True),
    }


def _tiff_files() -> dict[str, bytes]:
    rgb = Image.fromarray(RGB)
    deep = vips_image(noise(40, 50, 3, np.uint16), "rgb16")
    deep.set_type(pyvips.GValue.blob_type, "icc-profile-data", wide_gamut_profile())
    palette = {tiff.COLOUR_MAP: noise(1, 768, dtype=np.uint16).ravel().tolist()}
    sampled = {tiff.SUBSAMPLING: (1, 1), tiff.REFERENCE: (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)}
    thumbnail = tiff.page(noise(4, 5, 3), 2, tags={tiff.SUBFILE_TYPE: 1})
    picture = tiff.page(RGB, 2, tags={tiff.ORIENTATION: 5})
    thumbnail.children = [picture]
    floats = np.random.default_rng(0).random((40, 50, 3)).astype(">f4")
    files = {
        "plain": tiff.tiff(picture),
        "tiles": tiff.tiff(tiff.page(RGB, 2, tiled=True)),
        "planes": tiff.tiff(tiff.page(RGB, 2, tags={tiff.PLANAR: 2})),
        "pages": tiff.tiff(tiff.page(noise(4, 5, 3), 2, tags={tiff.SUBFILE_TYPE: 1}), picture, picture),
        "children": tiff.tiff(thumbnail),
        "palette": tiff.tiff(tiff.page(noise(40, 50), 3, tags=palette)),
        "CMYK": tiff.tiff(tiff.page(noise(40, 50, 5), 5, tags={tiff.EXTRA: 2})),
        "CIE Lab": tiff.tiff(tiff.page(RGB, 8)),
        "ICC Lab": tiff.tiff(tiff.page(RGB, 9)),
        "YCbCr": tiff.tiff(tiff.page(RGB, 6, tags=sampled)),
        "floats": tiff.tiff(tiff.page(floats, 2), order=">"),
        "bits": _saved(rgb.convert("1"), "TIFF", compression="group4"),
        "deep": deep.tiffsave_buffer(compression="lzw", predictor="horizontal"),
        "pyramid": deep.tiffsave_buffer(tile=True, pyramid=True, bigtiff=True, compression="deflate"),
        "JPEG": vips_image(RGB, "srgb").tiffsave_buffer(compression="jpeg"),
    }
    files |= {name: _saved(rgb, "TIFF", compression=name, **_metadata()) for name in ("packbits", "zstd", "tiff_lzma")}
    return {f"tiff {name}": data for name, data in files.items()}


def _netpbm_files() -> dict[str, bytes]:
    values = noise(40, 50, 3)
    digits = " ".join(map(str, values.ravel())).encode()
    floats = np.random.default_rng(0).random((40, 50)).astype("<f4").tobytes()
    return {
        "pbm": b"P4 50 40\n" + np.packbits(values[..., 0] & 1, axis=1).tobytes(),
        "pgm": b"P5 # comment\n50 40 1023\n" + (noise(40, 50, dtype=np.uint16) & 1023).astype(">u2").tobytes(),
        "ppm": b"P6 50 40 255\n" + values.tobytes(),
        "ppm plain": b"P3 50 40 255\n" + digits,
        "pfm": b"Pf 50 40 -1.0\n" + floats,
    }


def _photoshop_files() -> dict[str, bytes]:
    return {
        "psd": document(noise(40, 50, 4), 3, layers=-2, flat=True),
        "psd CMYK": document(noise(40, 50, 4), 4),
    }


def chunk_bounds(data: bytes) -> list[int]:
    """Return where a file's chunks begin, as far as its format has chunks; otherwise every sixteenth byte."""
    bounds, at = [], 8
    if data.startswith(b"\x89PNG"):
        while at + 12 <= len(data):
            bounds.append(at)
            at += 12 + struct.unpack_from(">L", data, at)[0]
    elif data.startswith(b"\xff\xd8"):
        bounds = [place for place in range(2, len(data) - 1) if data[place] == 0xFF and data[place + 1] >= 0xC0]
    elif data[:4] == b"RIFF":
        at = 12
        while at + 8 <= len(data):
            bounds.append(at)
            length = struct.unpack_from("<L", data, at + 4)[0]
            at += 8 + length + length % 2
    elif data[4:8] in (b"ftyp", b"jP  "):
        at = 0
        while at + 8 <= len(data):
            bounds.append(at)
            at += max(8, struct.unpack_from(">L", data, at)[0])
    return bounds if len(bounds) > 1 else list(range(0, len(data), 16))
