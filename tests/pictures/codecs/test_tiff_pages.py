import io
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from impasto.errors import PictureError
from impasto.pictures import PictureWarning, read_picture
from impasto.pictures.metadata import tiff_tags
from tests.pictures import tiff_files as tiff
from tests.pictures.samples import assert_one_sentence, noise, wide_gamut_profile
from tests.pictures.tiff_files import Page, page

FULL, REDUCED, PAGE, MASK = 0, 1, 2, 4


def written(tmp_path, *pages: Page, order: str = "<"):
    path = tmp_path / "x.tif"
    path.write_bytes(tiff.tiff(*pages, order=order))
    return path


def page_of(value: int, kind: int, side: int = 8, dtype: type = np.uint8, **tags: object) -> Page:
    return page(np.full((side, side + 1, 3), value, dtype), 2, tags={tiff.SUBFILE_TYPE: kind})


def silently(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_picture(path)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", [np.uint8, np.dtype(np.uint16)])
def test_thumbnail_before_picture_is_skipped(tmp_path, order, dtype):
    dtype = np.dtype(dtype).newbyteorder(order)
    path = written(tmp_path, page_of(9, REDUCED, 4, dtype), page_of(200, FULL, 8, dtype), order=order)
    picture = silently(path)
    assert picture.size == (8, 9)
    np.testing.assert_allclose(picture.pixels, 200 / np.iinfo(dtype).max, atol=1e-6)


def test_old_subfile_type_is_known(tmp_path):
    thumbnail = page(noise(4, 5, 3), 2, tags={255: 2})
    assert silently(written(tmp_path, thumbnail, page(noise(8, 9, 3), 2, tags={255: 1}))).size == (8, 9)


def test_thumbnail_is_skipped_where_pillow_decodes(tmp_path):
    lab = np.full((8, 9, 3), (255, 0, 0), np.uint8)
    picture = silently(written(tmp_path, page_of(9, REDUCED, 4), page(lab, 8)))
    np.testing.assert_allclose(picture.pixels, 1, atol=0.01)
    assert picture.size == (8, 9)


def test_thumbnail_is_skipped_in_strips(tmp_path):
    large = np.full((4100, 4100, 3), 200, np.uint8)
    picture = read_picture(written(tmp_path, page_of(9, REDUCED, 4), page(large, 2, tags={tiff.ROWS: 3})), fit=64)
    assert picture.size == (64, 64)
    assert picture.original_size == (4100, 4100)
    np.testing.assert_allclose(picture.pixels, 200 / 255, atol=1e-5)


def test_mask_before_picture_is_skipped(tmp_path):
    mask = page(noise(8, 9), 4, tags={tiff.SUBFILE_TYPE: MASK})
    np.testing.assert_allclose(silently(written(tmp_path, mask, page_of(200, FULL))).pixels, 200 / 255, atol=1e-6)


def test_largest_of_reduced_pages_is_read(tmp_path):
    sizes = (4, 12, 8)
    path = written(tmp_path, *(page_of(side, REDUCED, side) for side in sizes))
    assert silently(path).size == (12, 13)


def test_picture_among_children_is_read(tmp_path):
    thumbnail = page_of(9, REDUCED, 4)
    thumbnail.children = [page_of(7, REDUCED, 6), page_of(200, FULL, 8)]
    assert silently(written(tmp_path, thumbnail)).size == (8, 9)


@pytest.mark.parametrize("kind", [FULL, PAGE])
def test_further_pages_cause_a_warning(tmp_path, kind):
    path = written(tmp_path, page_of(100, kind), page_of(200, kind), page_of(9, REDUCED, 4), page_of(250, kind))
    with pytest.warns(PictureWarning, match=r"x\.tif has 3 pages; only the first was read"):
        picture = read_picture(path)
    np.testing.assert_allclose(picture.pixels, 100 / 255, atol=1e-6)


@given(kinds=st.lists(st.sampled_from([FULL, PAGE, REDUCED, MASK, REDUCED | MASK]), min_size=1, max_size=6))
def test_any_order_of_pages_finds_the_picture(tmp_path_factory, kinds):
    pages = [page_of(20 * number, kind, 4 + number) for number, kind in enumerate(kinds, 1)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = read_picture(written(tmp_path_factory.mktemp("pages"), *pages))
    full = [number for number, kind in enumerate(kinds, 1) if not kind & (REDUCED | MASK)]
    expected = full[0] if full else len(kinds)
    np.testing.assert_allclose(picture.pixels, 20 * expected / 255, atol=1e-6)
    assert picture.size == (4 + expected, 5 + expected)
    assert [warning.category for warning in caught] == [PictureWarning] * (len(full) > 1)


def test_loop_of_pages_ends(tmp_path):
    data = bytearray(tiff.tiff(page_of(200, FULL)))
    struct.pack_into("<L", data, len(data) - 4, struct.unpack_from("<L", data, 4)[0])
    (tmp_path / "x.tif").write_bytes(data)
    assert silently(tmp_path / "x.tif").size == (8, 9)


def test_damaged_further_page_is_ignored(tmp_path):
    data = bytearray(tiff.tiff(page_of(200, FULL)))
    for pointer in (7, len(data) - 1, 2**32 - 1, 20):
        struct.pack_into("<L", data, len(data) - 4, pointer)
        (tmp_path / "x.tif").write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PictureWarning)
            np.testing.assert_allclose(read_picture(tmp_path / "x.tif").pixels, 200 / 255, atol=1e-6)


@pytest.mark.parametrize("compression", ["packbits", "zstd"])
def test_profile_cut_short_causes_a_warning(tmp_path, compression):
    path = tmp_path / "x.tif"
    Image.fromarray(noise(8, 9, 3)).save(path, compression=compression, icc_profile=wide_gamut_profile())
    data = path.read_bytes()
    entry = data.index(struct.pack("<HHL", 34675, 7, len(wide_gamut_profile())))
    path.write_bytes(data[: entry + 8] + struct.pack("<L", len(data) - 50) + data[entry + 12 :])
    with pytest.warns(PictureWarning, match=r"The colour profile of .*x\.tif is cut short and was ignored") as caught:
        np.testing.assert_allclose(read_picture(path).pixels, noise(8, 9, 3) / 255, atol=1e-6)
    assert len(caught) == 1


@pytest.mark.parametrize("big", [False, True])
def test_page_offsets_of_libvips_files(tmp_path, big):
    import pyvips

    image = pyvips.Image.new_from_memory(bytes(600), 10, 60, 1, "uchar").copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", 20)
    data = image.tiffsave_buffer(bigtiff=big)
    assert len(list(tiff_tags.page_offsets(io.BytesIO(data)))) == 3
    (tmp_path / "x.tif").write_bytes(data)
    with pytest.warns(PictureWarning, match="3 pages"):
        assert read_picture(tmp_path / "x.tif").size == (20, 10)


def test_files_of_pillow_with_pages_warn(tmp_path):
    frames = [Image.new("RGB", (9, 6), colour) for colour in ("red", "green")]
    frames[0].save(tmp_path / "x.tif", save_all=True, append_images=frames[1:])
    with pytest.warns(PictureWarning, match="2 pages"):
        read_picture(tmp_path / "x.tif")


@pytest.mark.parametrize(
    ("main", "child", "name"),
    [
        (page(noise(4, 5, 3), 2, tags={50706: b"\1\4\0\0"}), None, "DNG"),
        (page(noise(4, 5, 3), 2, tags={tiff.SUBFILE_TYPE: REDUCED}), page(noise(8, 9), 32803), "raw"),
        (page(noise(4, 5, 3), 2), page(noise(8, 9), 34892), "raw"),
        (page(noise(4, 5, 3), 2), page(noise(8, 9), 1, tags={tiff.COMPRESSION: 34713}), "NEF"),
    ],
)
def test_raw_files_are_refused_by_name(tmp_path, main, child, name):
    path = written(tmp_path, Page(main.tags, main.segments, [child] if child else []))
    with pytest.raises(PictureError) as refused:
        read_picture(path)
    assert_one_sentence(refused.value, "x.tif", name, "raw", "export it as TIFF or JPEG")


def test_cr2_files_are_refused_by_name(tmp_path):
    data = bytearray(tiff.tiff(Page(page_of(9, FULL).tags, [b"CR\2\0", *page_of(9, FULL).segments])))
    (tmp_path / "x.cr2").write_bytes(data)
    with pytest.raises(PictureError) as refused:
        read_picture(tmp_path / "x.cr2")
    assert_one_sentence(refused.value, "x.cr2", "CR2", "export it as TIFF or JPEG")
